//! The WebSocket over real connections: every way in, every close, every limit, and the promises about order.

#[path = "../support/mod.rs"]
mod support;

mod closes;
mod entrance;
mod hostile;
mod limits;
mod order;
mod shutdown;
