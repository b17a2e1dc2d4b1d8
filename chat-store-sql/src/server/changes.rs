//! What changed, for whoever was not told: a table that every process writes to and reads in pages.
//!
//! Rows get their ids in one order and become visible in another: a transaction may commit a row with a low id after
//! one with a high id was read. So a reader goes over what is young again and again until it is *settled*: no
//! transaction that could still add a row at or before it is running.
//!
//! How that is known: now and then the highest id is noted, with what tells later that everything that was running at
//! that moment is over. PostgreSQL numbers its transactions, and says which is the oldest that is running. MySQL does
//! not, but shows rows that are not committed to who asks for them: when there are as many with those as without, none
//! is outstanding; a moment in between makes up for the one between getting an id and writing the row.
//!
//! A cursor is two ids: up to the first everything is settled and told, up to the second it was read. While both are
//! the same they move on together; behind what is settled the second runs ahead, and begins anew at the first when a
//! page is not full. What lies between is told again, which does no harm.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chat_core::id::{ConversationId, SessionId, Tenant, UserId};
use chat_core::store::{Change, ChangeCursor, Changed, Changes, StoreError};

use super::Shared;
use super::columns::Columns;
use super::dialect::Dialect;
use super::error::Done;
use super::line::Line;
use super::value::{Rows, Value, values};
use crate::codec::int;
use crate::statements::server as sql;

/// A newcomer begins before all that is younger than this.
const YOUNG_MILLIS: i64 = 60_000;
/// How long changes are kept.
const KEPT_MILLIS: i64 = 3_600_000;
/// How many are thrown away at a time.
const FORGOTTEN_MAX: i64 = 10_000;
/// How often old ones are looked for.
const PRUNE_EVERY: Duration = Duration::from_mins(1);
/// How many moments are remembered until they are settled.
const MOMENTS_MAX: usize = 64;
/// Longer than it takes to write a row once its id is given out.
#[cfg(feature = "mysql")]
const MOMENT: Duration = Duration::from_secs(2);

/// Who reads a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FeedKind {
    /// Readers of friendships.
    People,
    /// Readers of logins.
    Access,
    /// Readers of conversations and memberships.
    Talk,
}

impl FeedKind {
    /// All, in the order of their numbers.
    pub(super) const ALL: [Self; 3] = [Self::People, Self::Access, Self::Talk];
}

/// Writes what was noted into the transaction that changes it.
pub(super) async fn tell(line: &mut Line) -> Done<()> {
    let told = line.take_told();
    let rows: Rows<'_> = told.iter().filter_map(columns).collect();
    if !rows.is_empty() {
        line.execute(sql::TELL, values![line.tenant, &rows]).await?;
    }
    Ok(())
}

/// A change as columns: whose it is, what kind, what moved.
fn columns(change: &Change) -> Option<[Value<'static>; 3]> {
    let (feed, kind, subject) = match change {
        Change::Head(id) => (FeedKind::Talk, 1, id.as_bytes()),
        Change::Memberships(user) => (FeedKind::Talk, 2, user.as_bytes()),
        Change::Friendships(user) => (FeedKind::People, 3, user.as_bytes()),
        Change::Session(id) => (FeedKind::Access, 4, id.as_bytes()),
        // Nothing of this version makes another.
        _ => return None,
    };
    Some([Value::from(feed as i64), Value::from(kind), Value::from(subject)])
}

fn read(columns: &mut Columns<'_>) -> Done<Option<Change>> {
    let (kind, subject) = (columns.int()?, columns.array()?);
    Ok(match kind {
        1 => Some(Change::Head(ConversationId::from_bytes(subject))),
        2 => Some(Change::Memberships(UserId::from_bytes(subject))),
        3 => Some(Change::Friendships(UserId::from_bytes(subject))),
        4 => Some(Change::Session(SessionId::from_bytes(subject))),
        // Of a later version, which knows who must be told.
        _ => None,
    })
}

/// A moment at which the highest id was looked at.
#[derive(Clone, Copy, Debug)]
struct Moment {
    highest: i64,
    seen: Instant,
    /// The first transaction that had not begun.
    #[cfg(feature = "postgres")]
    until: i64,
}

/// What a process knows of how far its feed is settled.
#[derive(Debug, Default)]
struct Known {
    moments: VecDeque<Moment>,
    settled: Option<i64>,
    pruned: Option<Instant>,
}

impl Known {
    /// Keeps a moment, and answers the latest that is over.
    fn note(&mut self, moment: Moment, is_over: impl Fn(&Moment) -> bool) -> Option<Moment> {
        if self.moments.len() == MOMENTS_MAX {
            // The newest one gives way: the oldest is settled first.
            self.moments.pop_back();
        }
        self.moments.push_back(moment);
        self.moments.iter().take_while(|moment| is_over(moment)).last().copied()
    }
}

/// The changes of one tenant for one group of readers.
pub(super) struct Feed {
    shared: Arc<Shared>,
    tenant: Tenant,
    kind: FeedKind,
    known: Mutex<Known>,
}

/// Where a reader stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Position {
    settled: i64,
    read: i64,
}

impl Position {
    fn of(cursor: ChangeCursor) -> Self {
        let (settled, read) = cursor.0.split_at(8);
        let number = |bytes: &[u8]| i64::from_be_bytes(bytes.try_into().expect("half of 16 bytes"));
        Self { settled: number(settled), read: number(read) }
    }

    fn cursor(self) -> ChangeCursor {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.settled.to_be_bytes());
        bytes[8..].copy_from_slice(&self.read.to_be_bytes());
        ChangeCursor(bytes)
    }

    /// Where a reader stands after a page that ended with `last`, when the feed was settled up to `settled` before.
    fn after(self, page: Page, settled: i64) -> Self {
        let keeps_up = self.settled == self.read;
        match page {
            Page::Full { last } if keeps_up => {
                Self { settled: last.min(settled).max(self.settled), read: last }
            }
            Page::Full { last } => Self { read: last, ..self },
            Page::Last if keeps_up => Self::at(settled.max(self.settled)),
            Page::Last => Self::at(self.settled),
        }
    }

    const fn at(settled: i64) -> Self {
        Self { settled, read: settled }
    }
}

/// How a page ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Page {
    /// There may be more after this id.
    Full { last: i64 },
    /// There was no more.
    Last,
}

impl Feed {
    pub(super) fn new(shared: Arc<Shared>, tenant: Tenant, kind: FeedKind) -> Self {
        Self { shared, tenant, kind, known: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().expect("nothing panics under this lock")
    }

    fn feed(&self) -> i64 {
        self.kind as i64
    }

    async fn changed(&self, line: &mut Line, from: Option<ChangeCursor>, limit: usize) -> Done<Changed> {
        let (tenant, feed) = (line.tenant, self.feed());
        let ends = line.first(sql::CHANGES_END, values![tenant, feed, tenant, feed]).await?;
        let ends = ends.ok_or(StoreError::Corrupt("changes"))?;
        let mut ends = Columns::of(&ends);
        let (highest, floor) = (ends.optional_int()?, ends.optional_int()?.unwrap_or(0));
        let highest = highest.unwrap_or(floor);
        let settled = self.settle(line, highest).await?;
        let from = from.map(Position::of);
        let valid = |at: &Position| {
            (floor..=highest).contains(&at.settled) && (at.settled..=highest).contains(&at.read)
        };
        let Some(from) = from.filter(valid) else {
            let begin = match settled {
                Some(settled) => settled.max(floor),
                None => self.begin(line, floor).await?,
            };
            let cursor = Position::at(begin).cursor();
            return Ok(Changed { items: Vec::new(), cursor, lagged: true });
        };
        let rows = line.query(sql::CHANGES, values![tenant, feed, from.read, int(limit as u64)]).await?;
        let (mut items, mut last) = (Vec::with_capacity(rows.len()), from.read);
        for row in &rows {
            let mut columns = Columns::of(row);
            last = columns.int()?;
            items.extend(read(&mut columns)?);
        }
        let page = if rows.len() < limit { Page::Last } else { Page::Full { last } };
        let cursor = from.after(page, settled.unwrap_or(from.settled)).cursor();
        Ok(Changed { items, cursor, lagged: false })
    }

    /// Before what is young.
    async fn begin(&self, line: &mut Line, floor: i64) -> Done<i64> {
        let row = values![line.tenant, self.feed(), YOUNG_MILLIS];
        let before = line.first(sql::CHANGES_BEFORE, row).await?;
        before.map_or(Ok(floor), |row| Columns::of(&row).int())
    }

    /// Up to where the feed is settled, as far as this process knows; `highest` was looked at just before.
    async fn settle(&self, line: &mut Line, highest: i64) -> Done<Option<i64>> {
        let Some(over) = self.over(line, highest).await? else { return Ok(self.known().settled) };
        let mut known = self.known();
        known.moments.retain(|moment| moment.seen > over.seen);
        known.settled = known.settled.max(Some(over.highest));
        Ok(known.settled)
    }

    /// Notes this moment, and answers the latest one of which everything that was running is over.
    async fn over(&self, line: &mut Line, highest: i64) -> Done<Option<Moment>> {
        match line.dialect {
            #[cfg(feature = "postgres")]
            Dialect::Postgres => {
                let (oldest, next) = transactions(line).await?;
                let moment = Moment { highest, seen: Instant::now(), until: next };
                Ok(self.known().note(moment, |moment| moment.until <= oldest))
            }
            #[cfg(feature = "mysql")]
            Dialect::MySql => {
                let moment = Moment {
                    highest,
                    seen: Instant::now(),
                    #[cfg(feature = "postgres")]
                    until: 0,
                };
                let over = self.known().note(moment, |moment| moment.seen.elapsed() >= MOMENT);
                let Some(over) = over else { return Ok(None) };
                Ok(if self.is_outstanding(line, over.highest).await? { None } else { Some(over) })
            }
        }
    }

    /// Whether MySQL has rows up to `highest` that are not committed.
    #[cfg(feature = "mysql")]
    async fn is_outstanding(&self, line: &mut Line, highest: i64) -> Done<bool> {
        let from = self.known().settled.unwrap_or(0);
        let row = values![line.tenant, self.feed(), from, highest];
        line.begin_uncommitted().await?;
        let with = count(line.first(sql::CHANGES_BETWEEN, row).await?)?;
        line.commit().await?;
        let without = count(line.first(sql::CHANGES_BETWEEN, row).await?)?;
        Ok(with != without)
    }

    /// Throws away what is old, now and then.
    async fn prune(&self) -> Result<(), StoreError> {
        let due = |pruned: &mut Option<Instant>| {
            let due = pruned.is_none_or(|last| last.elapsed() > PRUNE_EVERY);
            if due {
                *pruned = Some(Instant::now());
            }
            due
        };
        if !due(&mut self.known().pruned) {
            return Ok(());
        }
        let (tenant, feed) = (i64::from(self.tenant.0), self.feed());
        self.shared.transact(tenant, move |line| Box::pin(prune(line, feed))).await
    }
}

#[cfg(feature = "postgres")]
async fn transactions(line: &mut Line) -> Done<(i64, i64)> {
    let row =
        line.first(sql::postgres::TRANSACTIONS, &[]).await?.ok_or(StoreError::Corrupt("transactions"))?;
    let mut columns = Columns::of(&row);
    Ok((columns.int()?, columns.int()?))
}

#[cfg(feature = "mysql")]
fn count(row: Option<super::columns::Row>) -> Done<i64> {
    row.map_or(Ok(0), |row| Columns::of(&row).int())
}

async fn prune(line: &mut Line, feed: i64) -> Done<()> {
    let old = line.first(sql::CHANGES_OLD, values![line.tenant, feed, FORGOTTEN_MAX, KEPT_MILLIS]).await?;
    let Some(up_to) = old.map(|row| Columns::of(&row).optional_int()).transpose()?.flatten() else {
        return Ok(());
    };
    line.execute(sql::RAISE_FLOOR, values![line.tenant, feed, up_to]).await?;
    line.execute(sql::FORGET_CHANGES, values![line.tenant, feed, up_to]).await?;
    Ok(())
}

#[async_trait]
impl Changes for Feed {
    async fn since(&self, cursor: Option<ChangeCursor>, limit: usize) -> Result<Changed, StoreError> {
        if let Err(error) = self.prune().await {
            tracing::warn!(%error, "old changes were not thrown away");
        }
        let mut line = self.shared.reading(i64::from(self.tenant.0)).await?;
        let done = self.changed(&mut line, cursor, limit).await;
        line.end(done).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_lead_back() {
        let position = Position { settled: 7, read: 1 << 40 };
        assert_eq!(Position::of(position.cursor()), position);
    }

    #[test]
    fn a_reader_moves_on_with_what_is_settled() {
        let at = Position::at;
        assert_eq!(at(5).after(Page::Full { last: 9 }, 20), at(9));
        assert_eq!(at(5).after(Page::Last, 20), at(20));
        assert_eq!(at(5).after(Page::Last, 3), at(5), "what another process knew to be settled is");
    }

    #[test]
    fn a_reader_of_what_is_young_begins_anew() {
        let ahead = Position::at(5).after(Page::Full { last: 9 }, 7);
        assert_eq!(ahead, Position { settled: 7, read: 9 });
        let further = ahead.after(Page::Full { last: 12 }, 12);
        assert_eq!(further, Position { settled: 7, read: 12 }, "what came in behind is read first");
        assert_eq!(further.after(Page::Last, 12), Position::at(7));
    }
}
