//! The WebSocket over real connections: every way in, every close, every limit, and the promises about order.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../support/mod.rs"]
mod support;

mod closes;
mod entrance;
mod hostile;
mod limits;
mod order;
mod raw;
mod shutdown;
