//! Leaving a store and entering one: everything a group holds, read and put as it is.
//!
//! This is what copies, restores and live migrations are made of. Positions, ids, versions, the epoch and the digest
//! key stay what they were, so that clients' cursors and repeated `client_id`s mean the same afterwards. It is part
//! of the contract because a store that cannot be left is a trap.
//!
//! Reading is safe while the store is in use. Putting is for a store that nobody else writes to: it judges nothing,
//! raises nothing and tells no [`Changes`](super::Changes).

use async_trait::async_trait;

use super::{Account, Claim, EntryRow, FriendRow, Mark, Meta, PairRecord, SessionRow, StoreError};
use crate::conversation::{Conversation, Membership};
use crate::id::{ConversationId, Pair, Seq, SessionId, UserId};

/// A pair with what stands in both sides' feeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairCopy {
    /// The record.
    pub record: PairRecord,
    /// What each side (low, high) sees and the version of that in its feed; absent where a side was never shown
    /// anything.
    pub sides: [Option<SideCopy>; 2],
}

/// One side of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SideCopy {
    /// What it sees.
    pub row: FriendRow,
    /// The position of the latest change of this pair in this user's feed.
    pub version: u64,
}

/// An account with what it claims and is found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountCopy {
    /// The account.
    pub account: Account,
    /// What it claims, ordered.
    pub claims: Vec<Claim>,
    /// The words it is found by, ordered.
    pub words: Vec<String>,
}

/// An entry with everything that hangs on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryCopy {
    /// The entry; its `message` is its own, as it is now, and never that of its target.
    pub entry: EntryRow,
    /// The digest of the command behind it; absent once its message was deleted.
    pub digest: Option<[u8; 16]>,
    /// The marks on its message, ordered.
    pub marks: Vec<Mark>,
}

/// Friendships and accounts.
///
/// # Contract
/// - Walks go by key, see everything that was there before they began, and end. A page has fewer than `limit` rows
///   only at the end.
/// - What is put replaces what is there, and is durable when answered. Putting the same twice is putting it once.
#[async_trait]
pub trait TransferPeople: Send + Sync {
    /// Pairs by (low, high), after `after`, at most `limit`.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn pairs(&self, after: Option<Pair>, limit: usize) -> Result<Vec<PairCopy>, StoreError>;

    /// Puts pairs. Afterwards each side's feed ends at the highest version put for that user, and knows the changes
    /// that were put.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn put_pairs(&self, pairs: &[PairCopy]) -> Result<(), StoreError>;

    /// Accounts by user id, after `after`, at most `limit`, tombstones included.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn accounts_after(
        &self,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<AccountCopy>, StoreError>;

    /// Puts accounts; claims and words become exactly those given. All their earlier claims are given back first, so
    /// that a claim may move from one account of the call to another.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] with the name of the [`ClaimKind`](super::ClaimKind) when an account that is not
    /// of the call has a claim; nothing of the call is put then.
    async fn put_accounts(&self, accounts: &[AccountCopy]) -> Result<(), StoreError>;
}

/// Logins.
///
/// # Contract
/// As of [`TransferPeople`].
#[async_trait]
pub trait TransferAccess: Send + Sync {
    /// Logins by id, after `after`, at most `limit`.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn sessions_after(
        &self,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<SessionRow>, StoreError>;

    /// Makes the logins with ids after `after` up to and including `through` (to the end, without one) exactly these.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn put_sessions(
        &self,
        after: Option<SessionId>,
        through: Option<SessionId>,
        rows: &[SessionRow],
    ) -> Result<(), StoreError>;
}

/// Conversations, their logs and members. Conversations are walked by [`Conversations::walk`](super::Conversations).
///
/// # Contract
/// As of [`TransferPeople`]; and a log that is put has no hole at any moment.
#[async_trait]
pub trait TransferTalk: Send + Sync {
    /// Replaces the epoch and the digest key. Only for a store without conversations: both say what its rows mean.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when there is a conversation of any tenant and something would change.
    async fn put_meta(&self, meta: &Meta) -> Result<(), StoreError>;

    /// The entries after `after`, ascending, at most `limit`; nothing for a conversation that is not there.
    ///
    /// # Errors
    /// Any [`StoreError`]; [`StoreError::Corrupt`] for a row that cannot be read: a copy must not lose it quietly.
    async fn entries_after(
        &self,
        of: ConversationId,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<EntryCopy>, StoreError>;

    /// Puts a conversation's record and a piece of its log in one write: `record.head` is the last of the rows put so
    /// far, and all counters are as given. Rows are strictly ascending; each replaces the one at its position with its
    /// message, digest and marks, or is the next one. What derives from messages (how many are deleted, which is the
    /// last) follows. Members stay; a conversation that is new has none.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the rows would leave a hole or do not ascend, when they do not end at or before
    /// `record.head`, when the head would fall, and when the log would not reach `record.head`.
    async fn put_log(&self, record: &Conversation, rows: &[EntryCopy]) -> Result<(), StoreError>;

    /// All membership rows by user id, banned ones included, after `after`, at most `limit`.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn members_after(
        &self,
        of: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Membership>, StoreError>;

    /// Makes the rows of the users after `after` up to and including `through` (to the end, without one) exactly
    /// these, as given; `member_count` is the record's and does not follow. All rows are of this conversation.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] for a conversation that is not there.
    async fn put_members(
        &self,
        of: ConversationId,
        after: Option<UserId>,
        through: Option<UserId>,
        rows: &[Membership],
    ) -> Result<(), StoreError>;
}
