//! Pairs of people: the record, what each side sees of it, and a feed of changes per user.

use async_trait::async_trait;

use super::StoreError;
use crate::friendship::{Friendship, Relation, View};
use crate::id::{Pair, UserId};
use crate::page::Limit;
use crate::time::Timestamp;

/// The record of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PairRecord {
    /// Whose.
    pub pair: Pair,
    /// What is between them.
    pub friendship: Friendship,
    /// Counts the changes of this record: 0 before the first.
    pub version: u64,
    /// The version that last took a right away.
    pub fence_due: u64,
    /// The version up to which the fences are done.
    pub fenced: u64,
    /// When it last changed.
    pub at: Timestamp,
}

impl PairRecord {
    /// The record of a pair between which there was never anything.
    pub fn nothing(pair: Pair) -> Self {
        let friendship = Friendship::default();
        Self { pair, friendship, version: 0, fence_due: 0, fenced: 0, at: Timestamp::default() }
    }

    /// A record a store has read.
    pub const fn stored(pair: Pair, friendship: Friendship, version: u64, at: Timestamp) -> Self {
        Self { pair, friendship, version, fence_due: 0, fenced: 0, at }
    }

    /// The same with its fences.
    #[must_use]
    pub const fn fences(mut self, due: u64, fenced: u64) -> Self {
        self.fence_due = due;
        self.fenced = fenced;
        self
    }

    /// Whether a fence that was begun is not finished.
    pub const fn is_fence_due(&self) -> bool {
        self.fenced < self.fence_due
    }
}

/// A new state of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PutPair {
    /// Whose.
    pub pair: Pair,
    /// The version the record must have; 0 when there must be none.
    pub expected: u64,
    /// The new state.
    pub friendship: Friendship,
    /// Whether it takes a right away: then `fence_due` becomes the new version.
    pub fence: bool,
    /// What each side (low, high) sees from now on, where that changed: it goes into that user's feed.
    pub shown: [Option<View>; 2],
    /// When.
    pub at: Timestamp,
}

/// What one side sees of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FriendRow {
    /// The other side.
    pub other: UserId,
    /// What this side sees.
    pub view: View,
    /// When that last changed for this side.
    pub at: Timestamp,
}

/// Which rows a list holds. Rows of strangers without a block are in none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FriendFilter {
    /// Everything that is something.
    All,
    /// Of this relation; [`Relation::None`] means blocked strangers.
    Relation(Relation),
    /// Whom this side has blocked.
    Blocked,
}

impl FriendFilter {
    /// Whether a view is in this list.
    pub fn admits(self, view: View) -> bool {
        match self {
            Self::All => view.relation != Relation::None || view.blocked,
            Self::Relation(relation) => {
                view.relation == relation && (relation != Relation::None || view.blocked)
            }
            Self::Blocked => view.blocked,
        }
    }
}

/// One step of a user's feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FriendChange {
    /// The position in this user's feed: 1, 2, 3, … without holes over all changes.
    pub version: u64,
    /// The pair as this user sees it **now**.
    pub row: FriendRow,
}

/// What a user's feed says after a position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FriendChanges {
    /// The latest change of each pair after the position, ascending by version.
    pub items: Vec<FriendChange>,
    /// The position after these items; equal to the feed's last when `items` ended there.
    pub cursor: u64,
    /// The position was not one of this feed, or too old: forget everything, load the list, go on from `cursor`,
    /// the feed's last. `items` is empty then.
    pub reset: bool,
}

/// Pairs of people.
///
/// # Contract
/// - [`put`](Self::put) is one atomic compare and swap: the record, both sides' rows and both feeds, or nothing.
/// - A feed's versions are dense and become visible in order: who has read up to 7 never finds a new 6 later.
/// - Feeds keep at least the last 256 changes of a user.
#[async_trait]
pub trait Friendships: Send + Sync {
    /// The records of these pairs; absent where there was never anything.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn of(&self, pairs: &[Pair]) -> Result<Vec<Option<PairRecord>>, StoreError>;

    /// Stores a new state, if the record's version is the expected one, and answers the record as it now is: its
    /// version one higher, its `at` the change's.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] at another version.
    async fn put(&self, change: &PutPair) -> Result<PairRecord, StoreError>;

    /// Notes that the fence of `version` is done: raises `fenced`, never lowers it. Nothing when there is no record.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn fenced(&self, pair: Pair, version: u64) -> Result<(), StoreError>;

    /// Some pairs whose fence is due but not done, at most `limit`.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn unfenced(&self, limit: Limit) -> Result<Vec<PairRecord>, StoreError>;

    /// A user's rows of one list, by the other's id, after `after`, at most `limit + 1` (one more tells there is
    /// more).
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn list(
        &self,
        user: UserId,
        filter: FriendFilter,
        after: Option<UserId>,
        limit: Limit,
    ) -> Result<Vec<FriendRow>, StoreError>;

    /// Everybody between whom and `user` there is a block, from either side, by id.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn blocks(&self, user: UserId) -> Result<Vec<UserId>, StoreError>;

    /// What a user's feed says after `cursor`; with no cursor only where it stands (0 when nothing ever changed),
    /// which is no reset. At most 256 items.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn since(&self, user: UserId, cursor: Option<u64>) -> Result<FriendChanges, StoreError>;
}
