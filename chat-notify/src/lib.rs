//! Telling the other nodes: a [`Notifier`](chat_core::Notifier) over what a team already runs.
//!
//! | feature | over | for whom |
//! |---|---|---|
//! | `postgres` | `LISTEN` and `NOTIFY` | who has PostgreSQL and nothing else |
//! | `redis` | Pub/Sub, plain or sharded | who has Redis or Valkey |
//! | `nats` | core subjects | who has NATS |
//!
//! The three mirror each other: a file each, with the same functions in the same order. What they share stands beside
//! them: `courier` (the half that the engine talks to), `frame` (what goes over the wire, signed when there is a key),
//! `notice` (the bytes of one notice) and `topic` (what it is called).
//!
//! # What may be relied on
//! Nothing. Notices are hints: they may be lost, doubled, reordered, delayed or forged, and everybody still ends up
//! right, because the engine reads the store. This crate makes that quick and cheap:
//!
//! - Telling never blocks and never fails. What does not fit into a bounded queue is dropped and counted.
//! - A node hears only what its own sessions need.
//! - A line that is silent is taken for dead and made anew: every node says every few seconds that it is alive, so that
//!   there is always something to hear. After a line was made anew the engine is told that something may be
//!   [lost](chat_core::delivery::Inbound::lost), and reads the store at once.
//! - With a [`ClusterKey`] every frame is signed, and what is not is refused. Without one, whoever can write to the
//!   broker can make people look present or typing where they are members; never more.
//!
//! # Metrics
//! `chat_notices_told`, `chat_notices_heard`, `chat_notices_dropped` (by `why`: the queue was full, the line was cut)
//! and `chat_notices_refused` (by `why`: version, garbage, signature, replay).
//!
//! The library installs no TLS provider; a program that uses `rediss://` or `tls://` installs one first.

mod courier;
mod frame;
mod notice;
mod topic;

#[cfg(feature = "nats")]
pub mod nats;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "redis")]
pub mod redis;

use std::path::PathBuf;

use chat_core::Tenant;

pub use frame::{ClusterKey, WeakKey};

/// What is the same over every line.
#[derive(Clone, Debug, Default)]
#[must_use]
#[non_exhaustive]
pub struct Settings {
    /// Whose notices: nodes of one tenant hear nothing of another's.
    pub tenant: Tenant,
    /// What frames are signed with.
    pub key: Option<ClusterKey>,
    /// A file of certificates (PEM) to trust beside the usual ones; for PostgreSQL it stands in the URL.
    pub ca_file: Option<PathBuf>,
}

impl Settings {
    /// The default tenant, unsigned.
    pub fn new() -> Self {
        Self::default()
    }

    /// Another tenant.
    pub const fn tenant(mut self, tenant: Tenant) -> Self {
        self.tenant = tenant;
        self
    }

    /// Signs what is told, and believes only what is signed.
    pub fn key(mut self, key: ClusterKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Trusts these certificates too.
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(path.into());
        self
    }
}

/// Why a line was not made. The URL is not repeated: it may hold a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL is none for this line.
    #[error("the url is none of this kind")]
    Url(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The certificates to trust cannot be read.
    #[error("the certificates cannot be read")]
    Certificates(#[source] std::io::Error),
    /// The other side is not there, or does not want us.
    #[error("the broker cannot be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
}
