//! How far everybody has come: raised, never lowered, many at once.

use std::sync::Arc;

use async_trait::async_trait;

use super::StoreError;
use crate::id::{ConversationId, UserId};
use crate::receipt::Receipt;

/// What a member reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raise {
    /// Where.
    pub conversation: ConversationId,
    /// Who.
    pub user: UserId,
    /// How far, at most the head.
    pub to: Receipt,
}

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raised {
    /// Before it.
    pub before: Receipt,
    /// After it: equal to `before` when nothing moved.
    pub after: Receipt,
    /// Messages after `read` that are not deleted.
    pub unread: u64,
}

/// How far everybody has come.
///
/// # Contract
/// - Merged by maximum inside the write: of several at once exactly one sees each step as its own.
/// - A report above the head is cut to it; `read_n` moves with `read`; `delivered` is at least `read`.
/// - Several of one member in a batch are raised in order.
#[async_trait]
pub trait Receipts: Send + Sync {
    /// Raises each, in one commit where the database can; answers in order, `None` for who is no member (banned
    /// ones are not).
    ///
    /// # Errors
    /// Any [`StoreError`]; nothing was raised then.
    async fn raise(&self, batch: Arc<[Raise]>) -> Result<Vec<Option<Raised>>, StoreError>;
}
