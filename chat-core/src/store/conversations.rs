//! Conversations as records; what is said in them is the [`Log`](super::Log)'s.

use async_trait::async_trait;

use super::StoreError;
use crate::conversation::{Conversation, Kind, Settings};
use crate::id::{ConversationId, Pair, UserId};
use crate::time::Timestamp;

/// A conversation about to exist: head 0, no members but the two of a direct one, in nobody's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shell {
    /// Its derived id.
    pub id: ConversationId,
    /// What it is.
    pub kind: Kind,
    /// The two of a direct one: both get a member's row that sees from position 1, so its `member_count` is 2.
    pub pair: Option<Pair>,
    /// Who makes it.
    pub creator: Option<UserId>,
    /// Who may join, read and write.
    pub settings: Settings,
    /// When.
    pub at: Timestamp,
}

/// Conversations as records.
///
/// # Contract
/// - [`ensure`](Self::ensure) is idempotent: of many at once exactly one makes the shell, all see it.
/// - Nothing here writes an entry.
#[async_trait]
pub trait Conversations: Send + Sync {
    /// Makes the shell unless it is there, and answers the conversation as it is.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn ensure(&self, shell: &Shell) -> Result<Conversation, StoreError>;

    /// These conversations, absent where there is none. Closed ones are answered as closed.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn load(&self, ids: &[ConversationId]) -> Result<Vec<Option<Conversation>>, StoreError>;

    /// Raises `acl` by one, alone and invisibly, so that every append decided before fails. Nothing when there is
    /// no such conversation.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn fence(&self, id: ConversationId) -> Result<(), StoreError>;

    /// All conversations by id, after `after`, at most `limit` and fewer at the end only: for checks and copies.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn walk(
        &self,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<Conversation>, StoreError>;
}
