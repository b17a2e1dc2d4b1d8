//! Pairs, what each side sees, and a feed per user that is kept whole.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use async_trait::async_trait;

use super::MemoryStore;
use crate::id::{Pair, Side, UserId};
use crate::page::Limit;
use crate::store::{
    Change, FriendChange, FriendChanges, FriendFilter, FriendRow, Friendships, PairCopy, PairRecord, PutPair,
    SideCopy, StoreError,
};

/// Most items of one answer of a feed.
const FEED_ITEMS_MAX: usize = 256;

/// All pairs of a tenant, and each user's own view of his.
#[derive(Default)]
pub(super) struct FriendshipTable {
    records: BTreeMap<Pair, PairRecord>,
    users: BTreeMap<UserId, Own>,
}

/// What one user sees.
#[derive(Default)]
struct Own {
    /// Everybody there is a record with.
    others: BTreeSet<UserId>,
    rows: BTreeMap<UserId, FriendRow>,
    /// The other side of each change, by version. What was put by a transfer begins with the latest of each.
    feed: BTreeMap<u64, UserId>,
}

impl FriendshipTable {
    fn put(&mut self, change: &PutPair) -> Result<PairRecord, StoreError> {
        let pair = change.pair;
        let now = self.records.get(&pair).copied().unwrap_or_else(|| PairRecord::nothing(pair));
        if now.version != change.expected {
            return Err(StoreError::Conflict);
        }
        let version = now.version + 1;
        let fence_due = if change.fence { version } else { now.fence_due };
        let next =
            PairRecord::stored(pair, change.friendship, version, change.at).fences(fence_due, now.fenced);
        self.records.insert(pair, next);
        for side in Side::BOTH {
            let own = self.users.entry(pair.user(side)).or_default();
            let other = pair.user(side.other());
            own.others.insert(other);
            if let Some(view) = change.shown[side.index()] {
                own.rows.insert(other, FriendRow { other, view, at: change.at });
                own.feed.insert(own.last() + 1, other);
            }
        }
        Ok(next)
    }

    /// The pairs after `after`, in order.
    pub(super) fn copies(&self, after: Option<Pair>) -> impl Iterator<Item = PairCopy> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.records.range((from, Bound::Unbounded)).map(|(&pair, &record)| {
            let side = |side| self.users.get(&pair.user(side))?.side(pair.user(side.other()));
            PairCopy { record, sides: Side::BOTH.map(side) }
        })
    }

    /// Puts a pair and what stands of it in both feeds.
    pub(super) fn put_copy(&mut self, copy: &PairCopy) {
        let pair = copy.record.pair;
        self.records.insert(pair, copy.record);
        for side in Side::BOTH {
            let own = self.users.entry(pair.user(side)).or_default();
            own.put_side(pair.user(side.other()), copy.sides[side.index()]);
        }
    }

    fn blocks(&self, user: UserId) -> Vec<UserId> {
        let others = self.users.get(&user).into_iter().flat_map(|own| &own.others);
        others
            .copied()
            .filter(|&other| {
                let pair = Pair::new(user, other).expect("a record is of two people");
                self.records.get(&pair).is_some_and(|record| record.friendship.is_blocked())
            })
            .collect()
    }
}

impl Own {
    fn side(&self, other: UserId) -> Option<SideCopy> {
        let row = *self.rows.get(&other)?;
        let (&version, _) = self.feed.iter().rev().find(|&(_, &of)| of == other)?;
        Some(SideCopy { row, version })
    }

    fn put_side(&mut self, other: UserId, side: Option<SideCopy>) {
        self.others.insert(other);
        self.feed.retain(|_, &mut of| of != other);
        self.rows.remove(&other);
        if let Some(SideCopy { row, version }) = side {
            self.rows.insert(other, row);
            self.feed.insert(version, other);
        }
    }

    /// Where the feed ends.
    fn last(&self) -> u64 {
        self.feed.last_key_value().map_or(0, |(&version, _)| version)
    }

    fn since(&self, cursor: Option<u64>) -> FriendChanges {
        let last = self.last();
        let cursor = cursor.unwrap_or(last);
        let stands = FriendChanges { items: Vec::new(), cursor: last, reset: cursor > last };
        if cursor >= last {
            return stands;
        }
        let mut items = self.latest_after(cursor);
        if items.len() <= FEED_ITEMS_MAX {
            return FriendChanges { items, ..stands };
        }
        items.truncate(FEED_ITEMS_MAX);
        let cursor = items.last().map_or(last, |item| item.version);
        FriendChanges { items, cursor, reset: false }
    }

    /// The latest change of each pair after `cursor`, ascending by version.
    fn latest_after(&self, cursor: u64) -> Vec<FriendChange> {
        let after = (Bound::Excluded(cursor), Bound::Unbounded);
        let latest: BTreeMap<UserId, u64> =
            self.feed.range(after).map(|(&version, &other)| (other, version)).collect();
        let mut items: Vec<FriendChange> = latest
            .into_iter()
            .map(|(other, version)| FriendChange { version, row: self.rows[&other] })
            .collect();
        items.sort_unstable_by_key(|item| item.version);
        items
    }
}

#[async_trait]
impl Friendships for MemoryStore {
    async fn of(&self, pairs: &[Pair]) -> Result<Vec<Option<PairRecord>>, StoreError> {
        let tables = self.tables();
        Ok(pairs.iter().map(|pair| tables.friendships.records.get(pair).copied()).collect())
    }

    async fn put(&self, change: &PutPair) -> Result<PairRecord, StoreError> {
        let mut tables = self.tables();
        let record = tables.friendships.put(change)?;
        self.own.people_changes.push(change.pair.both().map(Change::Friendships));
        Ok(record)
    }

    async fn fenced(&self, pair: Pair, version: u64) -> Result<(), StoreError> {
        if let Some(record) = self.tables().friendships.records.get_mut(&pair) {
            record.fenced = record.fenced.max(version);
        }
        Ok(())
    }

    async fn unfenced(&self, limit: Limit) -> Result<Vec<PairRecord>, StoreError> {
        let tables = self.tables();
        let due = tables.friendships.records.values().filter(|record| record.is_fence_due());
        Ok(due.take(limit.get()).copied().collect())
    }

    async fn list(
        &self,
        user: UserId,
        filter: FriendFilter,
        after: Option<UserId>,
        limit: Limit,
    ) -> Result<Vec<FriendRow>, StoreError> {
        let tables = self.tables();
        let Some(own) = tables.friendships.users.get(&user) else { return Ok(Vec::new()) };
        let rows = own.rows.range((after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded));
        let listed = rows.map(|(_, row)| *row).filter(|row| filter.admits(row.view));
        Ok(listed.take(limit.get() + 1).collect())
    }

    async fn blocks(&self, user: UserId) -> Result<Vec<UserId>, StoreError> {
        Ok(self.tables().friendships.blocks(user))
    }

    async fn since(&self, user: UserId, cursor: Option<u64>) -> Result<FriendChanges, StoreError> {
        let tables = self.tables();
        let nothing = Own::default();
        Ok(tables.friendships.users.get(&user).unwrap_or(&nothing).since(cursor))
    }
}
