//! Logins: who a token belongs to, the list of devices, and their end.

use async_trait::async_trait;

use super::Accounts;
use super::tickets::{self, Ticket};
use crate::delivery::Liveness;
use crate::error::{ChatError, Refusal};
use crate::id::{SessionId, UserId};
use crate::store::SessionRow;
use crate::time::Timestamp;

/// Who a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub user: UserId,
    /// The login.
    pub session: SessionId,
    /// When the access token it was shown by ends; a socket may live on, as long as its login does.
    pub expires_at: Timestamp,
}

/// A login as its user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionSummary {
    /// Which.
    pub id: SessionId,
    /// What the device calls itself.
    pub device: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, coarsely.
    pub last_seen_at: Timestamp,
}

impl From<SessionRow> for SessionSummary {
    fn from(row: SessionRow) -> Self {
        Self { id: row.id, device: row.device, created_at: row.created_at, last_seen_at: row.last_seen_at }
    }
}

#[async_trait]
impl Liveness for Accounts {
    async fn alive(&self, logins: &[SessionId]) -> Result<Vec<bool>, ChatError> {
        Self::alive(self, logins).await
    }
}

impl Accounts {
    /// Who this access token belongs to. That its login is alive is known from the store, at most a second ago; of
    /// logins ended on this node, at once.
    ///
    /// # Errors
    /// [`Refusal::TokenExpired`] when its time is over and nothing else is wrong with it;
    /// [`Refusal::Unauthenticated`] for everything else that is not a token of ours for a login that is alive.
    pub async fn authenticate(&self, access_token: &str) -> Result<Identity, ChatError> {
        let verified = self.0.access_tokens.verify(&self.0.keys, access_token);
        let identity = verified.ok_or(Refusal::Unauthenticated)?;
        self.ensure_alive(identity.session).await?;
        let now = self.now();
        if now >= identity.expires_at {
            return Err(Refusal::TokenExpired.into());
        }
        self.0.liveness.note_use(identity.session, now);
        Ok(identity)
    }

    /// A ticket with which this identity can open one socket, within half a minute, at this node.
    ///
    /// # Errors
    /// [`ChatError::RateLimited`] when the user holds as many unused ones as he may have sockets;
    /// [`ChatError::Overloaded`] when all users together do.
    pub fn ticket(&self, identity: Identity) -> Result<Ticket, ChatError> {
        let ticket = self.0.tickets.give(identity, &*self.0.ids, self.monotonic())?;
        Ok(Ticket { ticket, expires_in: tickets::LIFETIME.as_secs() })
    }

    /// Who this ticket was given to, once.
    ///
    /// # Errors
    /// [`Refusal::Unauthenticated`] when it is no ticket, was shown before or too late, or its login has ended.
    pub async fn redeem(&self, ticket: &str) -> Result<Identity, ChatError> {
        let identity = self.0.tickets.take(ticket, self.monotonic()).ok_or(Refusal::Unauthenticated)?;
        self.ensure_alive(identity.session).await?;
        Ok(identity)
    }

    /// Whether each of these logins is alive, asked of the store in one question.
    ///
    /// # Errors
    /// The store's.
    pub async fn alive(&self, sessions: &[SessionId]) -> Result<Vec<bool>, ChatError> {
        let asked_at = self.monotonic();
        let answers = self.logins().alive(sessions, self.now()).await?;
        let pairs = sessions.iter().copied().zip(answers.iter().copied());
        self.0.liveness.learn(pairs, asked_at, self.monotonic());
        Ok(answers)
    }

    async fn ensure_alive(&self, session: SessionId) -> Result<(), ChatError> {
        let is_alive = match self.0.liveness.recall(session, self.monotonic()) {
            Some(is_alive) => is_alive,
            None => self.alive(&[session]).await? == [true],
        };
        if is_alive { Ok(()) } else { Err(Refusal::Unauthenticated.into()) }
    }

    /// The user's logins that are alive, oldest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn sessions(&self, user: UserId) -> Result<Vec<SessionSummary>, ChatError> {
        let now = self.now();
        let rows = self.logins().of_user(user).await?;
        Ok(rows.into_iter().filter(|row| !row.is_expired(now)).map(SessionSummary::from).collect())
    }

    /// Ends one of the user's logins.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when it is not one of his.
    pub async fn end_session(&self, user: UserId, session: SessionId) -> Result<(), ChatError> {
        if self.login_ids(user).await?.contains(&session) {
            self.end(&[session]).await
        } else {
            Err(Refusal::NotFound.into())
        }
    }

    /// Ends all of the user's logins.
    ///
    /// # Errors
    /// The store's.
    pub async fn end_all(&self, user: UserId) -> Result<(), ChatError> {
        let all = self.login_ids(user).await?;
        self.end(&all).await
    }

    /// Ends this login; one that has ended already is no error.
    ///
    /// # Errors
    /// The store's.
    pub async fn log_out(&self, session: SessionId) -> Result<(), ChatError> {
        self.end(&[session]).await
    }

    pub(super) async fn login_ids(&self, user: UserId) -> Result<Vec<SessionId>, ChatError> {
        Ok(self.logins().of_user(user).await?.into_iter().map(|row| row.id).collect())
    }

    /// Ends logins in the store, then on this node.
    pub(super) async fn end(&self, sessions: &[SessionId]) -> Result<(), ChatError> {
        if !sessions.is_empty() {
            self.logins().end(sessions).await?;
            self.tell_ended(sessions);
        }
        Ok(())
    }

    /// Ends on this node what has ended in the store: remembered as ended, sockets closed.
    pub(super) fn tell_ended(&self, sessions: &[SessionId]) {
        if sessions.is_empty() {
            return;
        }
        self.0.liveness.end(sessions, self.monotonic());
        if let Some(hooks) = self.hooks() {
            hooks.sessions_ended(sessions);
        }
    }
}
