//! Delivery: who is connected to this node, and how everything reaches them in order and without holes.
//!
//! The store is the truth and everything here is a hint or a cache. A notice raises a target; one task per
//! conversation reads up to it and passes entries on; a session that cannot keep up goes on from the store.

mod anti_entropy;
mod catch_up;
mod elsewhere;
mod hub;
mod introduction;
mod nodes;
mod notify;
mod outbox;
mod person;
mod presence;
mod pulse;
mod pump;
mod readers;
mod refresh;
#[cfg(test)]
mod run_tests;
mod session;
mod sync;
mod topic;

use async_trait::async_trait;

pub(crate) use anti_entropy::{everything_now as anti_entropy_now, start};
pub(crate) use hub::Hub;
pub use nodes::{NodeId, Sign};
pub(crate) use nodes::{Nodes, say};
pub use notify::{Connected, Heard, Inbound, Incoming, Interest, Notice, Notifier, Silent, Topic};
pub use outbox::Ended;
pub(crate) use pulse::Pulse;
pub use session::{News, Open, Resume, Session};

use crate::error::ChatError;
use crate::id::SessionId;

/// Knows whether logins have ended: asked once a second about those with connected sessions.
#[async_trait]
pub trait Liveness: Send + Sync + 'static {
    /// Whether each of these still lives.
    ///
    /// # Errors
    /// Any failure; nobody is disconnected then.
    async fn alive(&self, logins: &[SessionId]) -> Result<Vec<bool>, ChatError>;
}

/// Logins that end only by [`Chat::end_session`](crate::Chat::end_session).
#[derive(Clone, Copy, Debug, Default)]
pub struct Everlasting;

#[async_trait]
impl Liveness for Everlasting {
    async fn alive(&self, logins: &[SessionId]) -> Result<Vec<bool>, ChatError> {
        Ok(vec![true; logins.len()])
    }
}
