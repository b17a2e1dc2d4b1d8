//! Where a client connects, with what, and how patiently.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::position::Position;

/// How the token was taken that was shown last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Last {
    /// It was accepted, or none was shown yet.
    Accepted,
    /// It was refused: it may have expired, and a newer one may do.
    Refused,
}

/// Why there is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoToken {
    /// There will be none: the login has ended.
    #[error("the login has ended")]
    Over,
    /// It cannot be had now.
    #[error("the token cannot be had now")]
    NotNow,
}

/// Where tokens come from. Asked before every connection, so that a refresh can be done in it.
#[async_trait]
pub trait Tokens: Send + Sync + 'static {
    /// The token to show.
    ///
    /// # Errors
    /// [`NoToken`]; only `NotNow` is tried again.
    async fn token(&self, last: Last) -> Result<String, NoToken>;
}

/// A token that is never refreshed.
#[async_trait]
impl Tokens for String {
    async fn token(&self, last: Last) -> Result<String, NoToken> {
        match last {
            Last::Accepted => Ok(self.clone()),
            Last::Refused => Err(NoToken::Over),
        }
    }
}

/// How a client is set up.
#[derive(Clone)]
#[non_exhaustive]
pub struct Options {
    pub(super) url: String,
    pub(super) tokens: Arc<dyn Tokens>,
    pub(super) position: Position,
    pub(super) first_wait: Duration,
    pub(super) longest_wait: Duration,
}

impl Options {
    /// A client of the socket at `url` (`ws://host:port/v1/ws`). It knows nothing yet: everything it has comes as new.
    pub fn new(url: impl Into<String>, tokens: impl Tokens) -> Self {
        Self {
            url: url.into(),
            tokens: Arc::new(tokens),
            position: Position::default(),
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(30),
        }
    }

    /// The same, going on where an earlier one was.
    #[must_use]
    pub fn position(mut self, position: Position) -> Self {
        self.position = position;
        self
    }

    /// The same with other waits between tries: the bound of the first, doubled each time up to the longest. The
    /// waits themselves are by chance shorter.
    #[must_use]
    pub const fn waits(mut self, first: Duration, longest: Duration) -> Self {
        self.first_wait = first;
        self.longest_wait = longest;
        self
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("url", &self.url).finish_non_exhaustive()
    }
}
