//! When everybody had read up to where: an optional part, for doors that show it.

use async_trait::async_trait;

use super::StoreError;
use crate::id::{ConversationId, Seq, UserId};
use crate::time::Timestamp;

/// Somebody had read up to here by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadMark {
    /// Where.
    pub conversation: ConversationId,
    /// Who.
    pub user: UserId,
    /// Up to which position.
    pub up_to: Seq,
    /// When that was told.
    pub at: Timestamp,
}

/// Whose reading is asked for, and from where on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadsFrom {
    /// Where.
    pub conversation: ConversationId,
    /// Whose.
    pub user: UserId,
    /// The first position of interest.
    pub from: Seq,
}

/// When everybody had read up to where.
///
/// # Contract
/// - A mark is known by (conversation, user, position). The first time that is told of it stays, whoever tells another
///   one, and how often: so what may not have been stored is told again.
/// - Marks are independent of receipts, members and entries: nothing about those is looked at.
#[async_trait]
pub trait ReceiptLog: Send + Sync {
    /// Keeps these marks; those that are there stay as they are.
    ///
    /// # Errors
    /// Any [`StoreError`]; some may have been kept then.
    async fn note(&self, marks: &[ReadMark]) -> Result<(), StoreError>;

    /// For each of these, in order, the marks at or above its position, ascending, at most `limit` of each.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn reads(&self, wanted: &[ReadsFrom], limit: usize) -> Result<Vec<Vec<ReadMark>>, StoreError>;

    /// All marks of a conversation by (user, position), after `after`, at most `limit`: to be copied.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn walk(
        &self,
        of: ConversationId,
        after: Option<(UserId, Seq)>,
        limit: usize,
    ) -> Result<Vec<ReadMark>, StoreError>;
}
