//! Pairs of people.
//!
//! Each side's feed needs no table: a row of `chat_friends` holds the version of its latest change, and a feed answers
//! the latest change of each pair. Rows stay, so no feed is ever too old. While a feed grows it is locked, so that its
//! steps become visible in order; of a pair both are locked together, and the pair after them.

use async_trait::async_trait;
use chat_core::friendship::View;
use chat_core::id::{Pair, Side, UserId};
use chat_core::page::Limit;
use chat_core::store::{
    Change, FriendChange, FriendChanges, FriendFilter, FriendRow, Friendships, PairRecord, PutPair,
    StoreError,
};

use super::Server;
use super::columns::{Columns, Row, unreadable};
use super::error::Done;
use super::found::Found;
use super::line::Line;
use super::locks::{Lock, lock};
use super::value::{Rows, Value, values};
use crate::codec::{Code, friendship, int};
use crate::statements::{batched::friendships as batched, friendships as sql};

/// Most items of one answer of a feed.
const FEED_ITEMS_MAX: usize = 256;

#[async_trait]
impl Friendships for Server {
    async fn of(&self, pairs: &[Pair]) -> Result<Vec<Option<PairRecord>>, StoreError> {
        if pairs.is_empty() {
            return Ok(Vec::new());
        }
        let mut line = self.reading().await?;
        let done = records(&mut line, pairs).await;
        line.end(done).await
    }

    async fn put(&self, change: &PutPair) -> Result<PairRecord, StoreError> {
        let change = *change;
        self.write(move |line| Box::pin(put(line, change))).await
    }

    async fn fenced(&self, pair: Pair, version: u64) -> Result<(), StoreError> {
        let version = int(version);
        self.write(move |line| {
            Box::pin(async move {
                let (low, high) = (pair.low(), pair.high());
                let row = values![version, line.tenant, low.as_bytes(), high.as_bytes(), version];
                line.execute(sql::FENCED, row).await.map(drop)
            })
        })
        .await
    }

    async fn unfenced(&self, limit: Limit) -> Result<Vec<PairRecord>, StoreError> {
        let mut line = self.reading().await?;
        let rows = line.query(sql::UNFENCED, values![line.tenant, int(limit.get() as u64)]).await;
        line.end(rows.and_then(|rows| rows.iter().map(|row| read_record(&mut Columns::of(row))).collect()))
            .await
    }

    async fn list(
        &self,
        user: UserId,
        filter: FriendFilter,
        after: Option<UserId>,
        limit: Limit,
    ) -> Result<Vec<FriendRow>, StoreError> {
        // Nil is before everybody.
        let after = after.unwrap_or(UserId::SYSTEM);
        let mut line = self.reading().await?;
        let rows = line.query(sql::LIST, values![line.tenant, user.as_bytes(), after.as_bytes()]).await;
        let listed = rows.and_then(|rows| {
            let rows = rows.iter().map(|row| read_row(&mut Columns::of(row)));
            let admitted = rows.filter(|row| row.as_ref().map_or(true, |row| filter.admits(row.view)));
            admitted.take(limit.get() + 1).collect()
        });
        line.end(listed).await
    }

    async fn blocks(&self, user: UserId) -> Result<Vec<UserId>, StoreError> {
        let mut line = self.reading().await?;
        let rows = line.query(sql::BLOCKS, values![line.tenant, user.as_bytes()]).await;
        let read = |row: &Row| Columns::of(row).id(UserId::from_bytes);
        line.end(rows.and_then(|rows| rows.iter().map(read).collect())).await
    }

    async fn since(&self, user: UserId, cursor: Option<u64>) -> Result<FriendChanges, StoreError> {
        let mut line = self.snapshot().await?;
        let done = since(&mut line, user, cursor).await;
        line.end(done).await
    }
}

async fn records(line: &mut Line, pairs: &[Pair]) -> Done<Vec<Option<PairRecord>>> {
    let key = |pair: &Pair| [Value::from(pair.low().as_bytes()), Value::from(pair.high().as_bytes())];
    let wanted: Rows<'_> = pairs.iter().map(key).collect();
    let rows = line.query(batched::PAIRS, values![&wanted, line.tenant]).await?;
    Found::read(&rows, read_pair, |columns| read_record(columns.again()))?.all(pairs)
}

fn read_pair(columns: &mut Columns<'_>) -> Done<Pair> {
    let (low, high) = (columns.id(UserId::from_bytes)?, columns.id(UserId::from_bytes)?);
    Pair::new(low, high).map_err(|_| unreadable())
}

pub(super) fn read_record(columns: &mut Columns<'_>) -> Done<PairRecord> {
    let pair = read_pair(columns)?;
    let between = friendship(columns.code()?, columns.code()?, columns.code()?);
    let record = PairRecord::stored(pair, between, columns.count()?, columns.time()?);
    Ok(record.fences(columns.count()?, columns.count()?))
}

async fn put(line: &mut Line, change: PutPair) -> Done<PairRecord> {
    let pair = change.pair;
    lock(line, Lock::Feed, &pair.both()).await?;
    let key = values![line.tenant, pair.low().as_bytes(), pair.high().as_bytes()];
    let row = line.first(batched::LOCK, key).await?;
    let now = row
        .map(|row| read_record(&mut Columns::of(&row)))
        .transpose()?
        .unwrap_or_else(|| PairRecord::nothing(pair));
    if now.version != change.expected {
        return Err(StoreError::Conflict.into());
    }
    let version = now.version + 1;
    let fence_due = if change.fence { version } else { now.fence_due };
    let next = PairRecord::stored(pair, change.friendship, version, change.at).fences(fence_due, now.fenced);
    write(line, if now.version == 0 { sql::INSERT } else { sql::UPDATE }, &next).await?;
    for side in Side::BOTH {
        put_side(line, &change, side).await?;
    }
    line.tell(pair.both().map(Change::Friendships));
    Ok(next)
}

/// Writes a record, by a statement that makes or changes one.
pub(super) async fn write(line: &mut Line, text: &'static str, record: &PairRecord) -> Done<()> {
    let row = values![
        record.friendship.state.code(),
        record.friendship.blocked[0],
        record.friendship.blocked[1],
        int(record.version),
        record.at.millis(),
        int(record.fence_due),
        int(record.fenced),
        line.tenant,
        record.pair.low().as_bytes(),
        record.pair.high().as_bytes(),
    ];
    line.execute(text, row).await.map(drop)
}

async fn put_side(line: &mut Line, change: &PutPair, side: Side) -> Done<()> {
    let (user, other) = (change.pair.user(side), change.pair.user(side.other()));
    let any_block = change.friendship.is_blocked();
    if let Some(View { relation, blocked }) = change.shown[side.index()] {
        let version = feed_end(line, user).await? + 1;
        let row = values![
            line.tenant,
            user.as_bytes(),
            other.as_bytes(),
            relation.code(),
            blocked,
            any_block,
            change.at.millis(),
            int(version),
        ];
        line.execute(sql::SHOW, row).await?;
    } else {
        let row = values![line.tenant, user.as_bytes(), other.as_bytes(), any_block];
        line.execute(sql::NOTE, row).await?;
    }
    Ok(())
}

/// Where a user's feed stands.
async fn feed_end(line: &mut Line, user: UserId) -> Done<u64> {
    let row = line.first(sql::FEED_END, values![line.tenant, user.as_bytes()]).await?;
    let end = row.map(|row| Columns::of(&row).optional_seq()).transpose()?.flatten();
    Ok(end.map_or(0, chat_core::Seq::get))
}

async fn since(line: &mut Line, user: UserId, cursor: Option<u64>) -> Done<FriendChanges> {
    let last = feed_end(line, user).await?;
    let cursor = cursor.unwrap_or(last);
    if cursor >= last {
        return Ok(FriendChanges { items: Vec::new(), cursor: last, reset: cursor > last });
    }
    let range = values![line.tenant, user.as_bytes(), int(cursor), int(FEED_ITEMS_MAX as u64)];
    let rows = line.query(sql::SINCE, range).await?;
    let read = |row: &Row| {
        let mut columns = Columns::of(row);
        Ok(FriendChange { row: read_row(&mut columns)?, version: columns.count()? })
    };
    let items = rows.iter().map(read).collect::<Done<Vec<_>>>()?;
    let cursor = items.last().map_or(last, |item| item.version);
    Ok(FriendChanges { items, cursor, reset: false })
}

pub(super) fn read_row(columns: &mut Columns<'_>) -> Done<FriendRow> {
    Ok(FriendRow {
        other: columns.id(UserId::from_bytes)?,
        view: View { relation: columns.code()?, blocked: columns.code()? },
        at: columns.time()?,
    })
}
