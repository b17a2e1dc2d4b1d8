//! What changed, read off the documents themselves: each bears the server's time of its last change, under an index.
//!
//! No change costs a write of its own, and however often something changed it is found once. Times are no order of
//! commits: a write may be seen later than its time, and the clock of another primary may be behind. So whatever is
//! younger than [`WINDOW`] is told again until it is older. A cursor is where everything before was told for good
//! (`settled`), and how far beyond that this round has come.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use chat_core::id::{ConversationId, SessionId, UserId};
use chat_core::store::{Change, ChangeCursor, Changed, Changes, StoreError};
use mongodb::bson::{DateTime, RawBsonRef, RawDocument, doc};

use crate::database::{Clock, Database, Query, Table};
use crate::document::{Fields, Read};
use crate::error::{Done, Unreadable};
use crate::key::{Keys, id_in};

/// How much later than its time a change may be seen, in milliseconds: longer than a write may take, and than the
/// clocks of two servers may differ.
const WINDOW: i64 = 30_000;
/// How long ended logins are known, in milliseconds; the sweep takes away what is older.
pub(crate) const ENDED_KEPT: i64 = 24 * 60 * 60 * 1_000;
/// How far in the future a cursor may lie: beyond it, it is none of ours.
const FUTURE_MAX: i64 = 24 * 60 * 60 * 1_000;
/// Tells our cursors from others.
const TAG: u16 = 0xc4a7;

/// Whose changes a feed tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    People,
    Access,
    Talk,
}

/// The changes of one group of one tenant.
#[derive(Debug)]
pub(crate) struct Feed {
    database: Arc<Database>,
    keys: Keys,
    group: Group,
}

/// Where a reader stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cursor {
    /// Everything at or before this time was told for good.
    settled: i64,
    /// How far this round has come: so long after `settled`, and among the changes of that moment up to this one.
    beyond: u32,
    tie: u32,
}

impl Cursor {
    const fn at(settled: i64) -> Self {
        Self { settled, beyond: 0, tie: u32::MAX }
    }

    fn position(self) -> (i64, u32) {
        (self.settled + i64::from(self.beyond), self.tie)
    }

    fn encode(self) -> ChangeCursor {
        let mut bytes = [0; 16];
        bytes[..2].copy_from_slice(&TAG.to_be_bytes());
        bytes[2..8].copy_from_slice(&self.settled.to_be_bytes()[2..]);
        bytes[8..12].copy_from_slice(&self.beyond.to_be_bytes());
        bytes[12..].copy_from_slice(&self.tie.to_be_bytes());
        ChangeCursor(bytes)
    }

    fn decode(cursor: ChangeCursor) -> Option<Self> {
        let bytes = cursor.0;
        let number =
            |range: Range<usize>| bytes[range].iter().fold(0_i64, |sum, byte| sum << 8 | i64::from(*byte));
        let half = |range: Range<usize>| u32::try_from(number(range)).ok();
        if number(0..2) != i64::from(TAG) {
            return None;
        }
        Some(Self { settled: number(2..8), beyond: half(8..12)?, tie: half(12..16)? })
    }

    /// Where to stand after a page that ends at this position; nothing more was there when it is the last. What was
    /// written up to `seen` can be read, unless its transaction took as long as the window.
    fn after(self, end: Option<(i64, u32)>, seen: i64) -> Self {
        let sure = seen - WINDOW;
        let is_beyond = self.beyond > 0;
        match end {
            // The round is over: it begins again where things are not sure.
            None if is_beyond => Self::at(self.settled),
            None => Self::at(self.settled.max(sure)),
            Some((time, tie)) => {
                let settled = if is_beyond { self.settled } else { self.settled.max(time.min(sure)) };
                let beyond = u32::try_from(time - settled).unwrap_or(u32::MAX);
                Self { settled, beyond, tie }
            }
        }
    }
}

/// One change with its place in the feed.
type Placed = (i64, u32, Change);

#[async_trait]
impl Changes for Feed {
    async fn since(&self, cursor: Option<ChangeCursor>, limit: usize) -> Result<Changed, StoreError> {
        Ok(self.changed(cursor, limit).await?)
    }
}

impl Feed {
    pub(crate) fn new(database: Arc<Database>, keys: Keys, group: Group) -> Self {
        Self { database, keys, group }
    }

    async fn changed(&self, cursor: Option<ChangeCursor>, limit: usize) -> Done<Changed> {
        let Clock { now, seen } = self.database.clock().await?;
        let known = cursor.and_then(Cursor::decode).filter(|cursor| self.is_known(*cursor, now));
        let Some(cursor) = known else {
            let cursor = Cursor::at(seen - WINDOW).encode();
            return Ok(Changed { items: Vec::new(), cursor, lagged: true });
        };
        let mut fetched = limit.saturating_mul(2).saturating_add(1);
        loop {
            let (mut placed, is_all) = self.placed(cursor.position(), fetched).await?;
            // Several of them were the same change, or of one moment: a short page would look like the last one.
            if placed.len() < limit && !is_all {
                fetched = fetched.saturating_mul(2);
                continue;
            }
            let is_last = placed.len() < limit;
            placed.truncate(limit);
            let end = placed.last().filter(|_| !is_last).map(|(time, tie, _)| (*time, *tie));
            let items = placed.into_iter().map(|(_, _, change)| change).collect();
            return Ok(Changed { items, cursor: cursor.after(end, seen).encode(), lagged: false });
        }
    }

    fn is_known(&self, cursor: Cursor, now: i64) -> bool {
        let is_kept = self.group != Group::Access || cursor.settled > now - ENDED_KEPT;
        is_kept && cursor.settled <= now + FUTURE_MAX
    }

    /// The changes after a position, in order, and whether these are all.
    async fn placed(&self, after: (i64, u32), limit: usize) -> Done<(Vec<Placed>, bool)> {
        let mut placed = BTreeSet::new();
        let mut until = i64::MAX;
        for &table in self.tables() {
            let rows = self.changed_in(table, after.0, limit).await?;
            if rows.len() == limit {
                // Of the moment of the last one, and of those after it, there may be more.
                until = until.min(rows.last().map_or(i64::MAX, |(time, _)| *time));
            }
            for (time, changes) in rows {
                placed.extend(changes.into_iter().map(|change| (time, tie(&change), change)));
            }
        }
        let known = placed.into_iter().filter(|(time, tie, _)| *time < until && (*time, *tie) > after);
        Ok((known.collect(), until == i64::MAX))
    }

    fn tables(&self) -> &'static [Table] {
        match self.group {
            Group::People => &[Table::Pairs],
            Group::Access => &[Table::Sessions],
            Group::Talk => &[Table::Conversations, Table::Members],
        }
    }

    async fn changed_in(&self, table: Table, from: i64, limit: usize) -> Done<Vec<(i64, Vec<Change>)>> {
        let range = doc! { "$gte": DateTime::from_millis(from) };
        let query = Query::new(doc! { "tenant": self.keys.tenant(), "changed": range })
            .fields(doc! { "_id": 1, "changed": 1, "moves.user": 1 })
            .sort(doc! { "changed": 1 })
            .limit(limit);
        let found = self.database.find(table, query).await?;
        Ok(found.iter().map(|document| read_changes(table, document)).collect::<Read<_>>()?)
    }
}

/// The order among changes of one moment: any, but the same in every process.
fn tie(change: &Change) -> u32 {
    let (kind, id) = match change {
        Change::Head(id) => (0, id.as_bytes()),
        Change::Memberships(user) => (1, user.as_bytes()),
        Change::Friendships(user) => (2, user.as_bytes()),
        Change::Session(id) => (3, id.as_bytes()),
        _ => (0, &[0; 16]),
    };
    let bits = id[12..].iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
    (bits & (u32::MAX >> 3)) << 2 | kind
}

fn read_changes(table: Table, document: &RawDocument) -> Read<(i64, Vec<Change>)> {
    let fields = Fields(document);
    let time = fields.required("changed", RawBsonRef::as_datetime)?.timestamp_millis();
    let key = fields.bytes("_id")?;
    let part = |nth| id_in(key, nth).ok_or(Unreadable("_id"));
    let user = |nth| Ok(UserId::from_bytes(part(nth)?));
    let changes = match table {
        Table::Conversations => {
            let mut changes = vec![Change::Head(ConversationId::from_bytes(part(0)?))];
            for moving in fields.documents("moves")? {
                changes.push(Change::Memberships(Fields(moving).id("user", UserId::from_bytes)?));
            }
            changes
        }
        Table::Members => vec![Change::Memberships(user(1)?)],
        Table::Pairs => vec![Change::Friendships(user(0)?), Change::Friendships(user(1)?)],
        Table::Sessions => vec![Change::Session(SessionId::from_bytes(part(0)?))],
        Table::Meta
        | Table::Entries
        | Table::Reads
        | Table::Dead
        | Table::Feeds
        | Table::Accounts
        | Table::Claims
        | Table::Logins
        | Table::Attachments => Vec::new(),
    };
    Ok((time, changes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_lead_back() {
        let cursor = Cursor { settled: 1_795_664_284_123, beyond: 77, tie: 0x7fff_0001 };
        assert_eq!(Cursor::decode(cursor.encode()), Some(cursor));
        assert_eq!(Cursor::decode(ChangeCursor([0xa5; 16])), None);
    }

    #[test]
    fn what_is_young_is_told_again() {
        let now = 1_000_000;
        let start = Cursor::at(now - WINDOW);
        let young = start.after(Some((now - 5, 3)), now);
        assert_eq!((young.settled, young.position()), (now - WINDOW, (now - 5, 3)));
        assert_eq!(young.after(None, now + 9), Cursor::at(now - WINDOW));
        let old = start.after(Some((now - WINDOW + 7, 3)), now + 10 * WINDOW);
        assert_eq!((old.settled, old.beyond, old.tie), (now - WINDOW + 7, 0, 3));
        assert_eq!(old.after(None, now + 10 * WINDOW), Cursor::at(now + 9 * WINDOW));
    }
}
