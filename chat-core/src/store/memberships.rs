//! Who is where. Members of groups change through the [`Log`](super::Log); here they are read, and the members of
//! channels, which do not stand in the log, come and go.

use async_trait::async_trait;

use super::StoreError;
use crate::conversation::{Conversation, Kind, Membership, Role, Seat};
use crate::id::{ConversationId, Seq, UserId};
use crate::page::Limit;
use crate::time::Timestamp;

/// Somebody becomes a member of a channel by himself, or is added by the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enter {
    /// Where.
    pub conversation: ConversationId,
    /// Who.
    pub user: UserId,
    /// As what.
    pub role: Role,
    /// The `acl` from which it was decided.
    pub acl: u64,
    /// When.
    pub at: Timestamp,
}

/// Where a user stands in one conversation: what a connecting session needs of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Which conversation.
    pub conversation: ConversationId,
    /// What it is.
    pub kind: Kind,
    /// The last position.
    pub head: Seq,
    /// The first position this user sees.
    pub visible_from: Seq,
    /// How many members there are.
    pub member_count: u64,
}

/// A conversation and one user's row in it: what it is decided by whether he may do something there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The conversation, which may be closed.
    pub conversation: Conversation,
    /// The row, also of who is banned.
    pub membership: Option<Membership>,
}

/// Which seats are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeatQuery<'a> {
    /// In these conversations, in the order named; hidden, closed and banned ones are answered too, those without
    /// a row left out.
    These(&'a [ConversationId]),
    /// The listed ones (see [`Seat::is_listed`]) by conversation id, after this one, at most `limit + 1`.
    Listed {
        /// After this conversation.
        after: Option<ConversationId>,
        /// At most one more than this.
        limit: Limit,
    },
}

/// Who is where.
///
/// # Contract
/// - [`enter`](Self::enter) gives a new row `visible_from` 1 (or head + 1 with
///   [`History::FromJoin`](crate::conversation::History::FromJoin)), `read` and `delivered` = head, `read_n` = `n`;
///   rows, `member_count` and the comparison of `acl` are one write, and the comparison comes first.
/// - Leaving takes a right away: [`exit`](Self::exit) raises `acl` in the same write, so that nothing decided from the
///   row can be appended after it.
/// - Nothing here writes an entry or raises `roster`, and nothing else raises `acl`.
#[async_trait]
pub trait Memberships: Send + Sync {
    /// The rows of these users, banned ones included, absent where there is none.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn of(
        &self,
        conversation: ConversationId,
        users: &[UserId],
    ) -> Result<Vec<Option<Membership>>, StoreError>;

    /// A conversation with this user's row in it, absent where there is no conversation. The row is no older than the
    /// conversation beside it: what is decided by it and appended under that `acl` was decided by what was so.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn place(&self, conversation: ConversationId, user: UserId) -> Result<Option<Place>, StoreError>;

    /// The members (no banned rows) by user id, after `after`, at most `limit`.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn list(
        &self,
        conversation: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Membership>, StoreError>;

    /// Where a user stands in all conversations he is a member of, by id: hidden ones and shells included, closed
    /// ones not.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn positions(&self, user: UserId) -> Result<Vec<Position>, StoreError>;

    /// A user's rows with their conversations, exact unread counts and, of direct ones, how far the other has come:
    /// all that a resume or a list needs, in one call.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn seats(&self, user: UserId, query: SeatQuery<'_>) -> Result<Vec<Seat>, StoreError>;

    /// How many conversations each of these users is a listed member of, direct ones left out.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn counts(&self, users: &[UserId]) -> Result<Vec<u64>, StoreError>;

    /// Makes somebody a member of a channel; answers whether he was not one yet. A member stays what he is.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] at another `acl`, for a banned user, and for an absent or closed conversation.
    async fn enter(&self, enter: &Enter) -> Result<bool, StoreError>;

    /// Takes a member's row away (of a channel) and raises `acl`; answers whether there was one. A banned row stays.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn exit(&self, conversation: ConversationId, user: UserId) -> Result<bool, StoreError>;

    /// Hides a direct conversation from one of its two: `visible_from` = head + 1, everything read and delivered.
    /// Answers whether it was visible before; to who is no member nothing happens.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn hide(&self, conversation: ConversationId, user: UserId) -> Result<bool, StoreError>;
}
