//! The chat engine over HTTP: a WebSocket for everything live and REST for everything else, as one axum [`Router`]
//! that nests under any prefix of a host's application.
//!
//! A transport only moves and translates. What somebody may do is decided in `chat-core`, and every door goes
//! through the same [`chat_core::Command`]; this crate owns the format on the wire (`wire`), the reading of what
//! clients send (`json`), the codes of failures (`problem`) and who a request is from ([`auth`]).
//!
//! [`Router`]: axum::Router

pub mod auth;
mod cursor;
mod json;
mod limit;
mod options;
mod origin;
mod peer;
mod problem;
mod serve;
mod socket;
mod wire;

pub use auth::{AuthError, Authenticator, Credentials, Identity};
pub use options::Options;
pub use serve::serve;
