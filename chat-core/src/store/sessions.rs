//! Logins: one row per device of a user, holding its refresh family.

use async_trait::async_trait;

use super::StoreError;
use crate::id::{SessionId, UserId};
use crate::time::Timestamp;

/// Where the refresh tokens of a login stand. Only hashes are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshState {
    /// Rises by one with every rotation; compared by [`Sessions::rotate`].
    pub generation: u64,
    /// SHA-256 of the token that is valid now.
    pub current: [u8; 32],
    /// SHA-256 of the one before it.
    pub previous: Option<[u8; 32]>,
    /// Salt from which the current one was made out of the previous one, so that a retry gets the same.
    pub salt: [u8; 16],
    /// The key that made it (`kid`).
    pub key_id: String,
    /// When the current one was made.
    pub rotated_at: Timestamp,
}

/// A login.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionRow {
    /// Which.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// What the device calls itself.
    pub device: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, coarsely.
    pub last_seen_at: Timestamp,
    /// When it ends unless it is refreshed.
    pub idle_until: Timestamp,
    /// When it ends in any case.
    pub absolute_until: Timestamp,
    /// The account's credential version at login: an older one than the account's is over.
    pub credential_version: u64,
    /// Its refresh tokens.
    pub refresh: RefreshState,
}

impl SessionRow {
    /// A row a store has read, or a new one.
    pub fn new(new: NewSession) -> Self {
        Self {
            id: new.id,
            user: new.user,
            device: new.device,
            created_at: new.created_at,
            last_seen_at: new.created_at,
            idle_until: new.idle_until,
            absolute_until: new.absolute_until,
            credential_version: new.credential_version,
            refresh: new.refresh,
        }
    }

    /// Whether it is over by the clock.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.idle_until || now >= self.absolute_until
    }
}

/// A login about to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    /// Which.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// What the device calls itself.
    pub device: String,
    /// When it begins.
    pub created_at: Timestamp,
    /// When it ends unless it is refreshed.
    pub idle_until: Timestamp,
    /// When it ends in any case.
    pub absolute_until: Timestamp,
    /// The account's credential version.
    pub credential_version: u64,
    /// Its first refresh token.
    pub refresh: RefreshState,
}

/// The next step of a refresh family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotate {
    /// Which login.
    pub id: SessionId,
    /// The new state; its `generation` is one more than the stored one's.
    pub refresh: RefreshState,
    /// When the login now ends unless it is refreshed again.
    pub idle_until: Timestamp,
    /// The account's credential version from now on: the login in which a password is changed goes on under the new
    /// one.
    pub credential_version: u64,
}

/// Logins.
///
/// # Contract
/// - [`rotate`](Self::rotate) is a compare and swap on `generation`: of two at once exactly one wins.
/// - An ended login has no row: it can never be told from one that never was.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Stores a login and ends the user's oldest other ones (by `created_at`, then id) so that at most `keep` are
    /// left, the new one included; answers which ended, oldest first.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] ("session") when there is one of this id.
    async fn create(&self, row: &SessionRow, keep: u64) -> Result<Vec<SessionId>, StoreError>;

    /// These logins, absent where there is none.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn load(&self, ids: &[SessionId]) -> Result<Vec<Option<SessionRow>>, StoreError>;

    /// Whether each of these is there and not over by `now`.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn alive(&self, ids: &[SessionId], now: Timestamp) -> Result<Vec<bool>, StoreError>;

    /// All logins of a user, oldest first (by `created_at`, then id).
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn of_user(&self, user: UserId) -> Result<Vec<SessionRow>, StoreError>;

    /// Replaces the refresh state, `idle_until` and `credential_version` of a login.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the stored generation is not one less, or the login has ended.
    async fn rotate(&self, rotate: &Rotate) -> Result<(), StoreError>;

    /// Notes when logins were last used: raised, never lowered; those that have ended are passed over.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn touch(&self, seen: &[(SessionId, Timestamp)]) -> Result<(), StoreError>;

    /// Ends these; answers which were there, in the order named.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn end(&self, ids: &[SessionId]) -> Result<Vec<SessionId>, StoreError>;

    /// Some logins that are over by `now`, at most `limit`: for the sweeper.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn expired(&self, now: Timestamp, limit: usize) -> Result<Vec<SessionId>, StoreError>;
}
