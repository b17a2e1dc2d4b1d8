//! Files of messages: one row for each that was begun, by which it is found and swept. Their bytes are elsewhere.

use async_trait::async_trait;

use super::StoreError;
use crate::id::{AttachmentId, UserId};
use crate::message::Payload;
use crate::time::Timestamp;

/// What is known of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttachmentRow {
    /// Which.
    pub id: AttachmentId,
    /// Who brought it; never another.
    pub owner: UserId,
    /// 1 when it is made, one more with every change; compared by [`Attachments::put`].
    pub version: u64,
    /// When somebody must look after it; absent while nobody need.
    pub due: Option<Timestamp>,
    /// The rest, opaque to the store.
    pub payload: Payload,
}

impl AttachmentRow {
    /// A row that is new, and looked after by nobody.
    pub const fn new(id: AttachmentId, owner: UserId, payload: Payload) -> Self {
        Self { id, owner, version: 1, due: None, payload }
    }
}

/// Files of messages.
///
/// # Contract
/// - A row is changed only from the version before its new one: of two who change it at once one is told.
/// - Walks and replacements are as in [`TransferAccess`](super::TransferAccess): they are for copies.
#[async_trait]
pub trait Attachments: Send + Sync {
    /// The rows of these, absent where there is none.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn load(&self, ids: &[AttachmentId]) -> Result<Vec<Option<AttachmentRow>>, StoreError>;

    /// Puts a row: a new one at version 1, else in the place of the one that is one version older.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] for a new one that is there, [`StoreError::Conflict`] when what should be changed
    /// is at another version or not there.
    async fn put(&self, row: &AttachmentRow) -> Result<(), StoreError>;

    /// Takes the row away that is at this version; answers whether there was one.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it is at another version.
    async fn remove(&self, id: AttachmentId, version: u64) -> Result<bool, StoreError>;

    /// Rows that are due at `now`, the longest due first, at most `limit`.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<AttachmentRow>, StoreError>;

    /// How many rows of this owner will be due, some time.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn waiting(&self, owner: UserId) -> Result<u64, StoreError>;

    /// Rows by id, after `after`, at most `limit`.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn after(
        &self,
        after: Option<AttachmentId>,
        limit: usize,
    ) -> Result<Vec<AttachmentRow>, StoreError>;

    /// Makes the rows with ids after `after` up to and including `through` (to the end, without one) exactly these.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn replace(
        &self,
        after: Option<AttachmentId>,
        through: Option<AttachmentId>,
        rows: &[AttachmentRow],
    ) -> Result<(), StoreError>;
}
