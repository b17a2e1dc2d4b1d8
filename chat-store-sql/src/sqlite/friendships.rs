//! Pairs of people.
//!
//! Each side's feed needs no table: a row of `chat_friends` holds the version of its latest change, and a feed answers
//! the latest change of each pair. Rows stay, so no feed is ever too old.

use async_trait::async_trait;
use chat_core::friendship::View;
use chat_core::id::{Pair, Side, UserId};
use chat_core::page::Limit;
use chat_core::store::{
    Change, FriendChange, FriendChanges, FriendFilter, FriendRow, Friendships, PairRecord, PutPair,
    StoreError,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::SqliteStore;
use super::columns::Columns;
use super::error::Done;
use crate::codec::{Code, friendship, int};
use crate::statements::friendships as sql;

/// Most items of one answer of a feed.
const FEED_ITEMS_MAX: usize = 256;

#[async_trait]
impl Friendships for SqliteStore {
    async fn of(&self, pairs: &[Pair]) -> Result<Vec<Option<PairRecord>>, StoreError> {
        let (tenant, pairs) = (self.tenant_column(), pairs.to_vec());
        self.read(move |connection| pairs.iter().map(|&pair| record(connection, tenant, pair)).collect())
            .await
    }

    async fn put(&self, change: &PutPair) -> Result<PairRecord, StoreError> {
        let (tenant, change) = (self.tenant_column(), *change);
        self.write(move |connection, told| {
            let record = put(connection, tenant, &change)?;
            told.extend(change.pair.both().map(Change::Friendships));
            Ok(record)
        })
        .await
    }

    async fn fenced(&self, pair: Pair, version: u64) -> Result<(), StoreError> {
        let tenant = self.tenant_column();
        self.write(move |connection, _| {
            let [low, high] = pair.both();
            connection.prepare_cached(sql::FENCED)?.execute(params![
                int(version),
                tenant,
                low.as_bytes(),
                high.as_bytes(),
                int(version)
            ])?;
            Ok(())
        })
        .await
    }

    async fn unfenced(&self, limit: Limit) -> Result<Vec<PairRecord>, StoreError> {
        let tenant = self.tenant_column();
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(sql::UNFENCED)?;
            let rows = statement.query_map(params![tenant, int(limit.get() as u64)], read_record)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn list(
        &self,
        user: UserId,
        filter: FriendFilter,
        after: Option<UserId>,
        limit: Limit,
    ) -> Result<Vec<FriendRow>, StoreError> {
        let tenant = self.tenant_column();
        self.read(move |connection| {
            // Nil is before everybody.
            let after = after.unwrap_or(UserId::SYSTEM);
            let mut statement = connection.prepare_cached(sql::LIST)?;
            let rows = statement.query_map(params![tenant, user.as_bytes(), after.as_bytes()], read_row)?;
            let listed = rows.filter(|row| row.as_ref().map_or(true, |row| filter.admits(row.view)));
            Ok(listed.take(limit.get() + 1).collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn blocks(&self, user: UserId) -> Result<Vec<UserId>, StoreError> {
        let tenant = self.tenant_column();
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(sql::BLOCKS)?;
            let rows = statement
                .query_map(params![tenant, user.as_bytes()], |row| Columns::of(row).id(UserId::from_bytes))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn since(&self, user: UserId, cursor: Option<u64>) -> Result<FriendChanges, StoreError> {
        let tenant = self.tenant_column();
        self.read(move |connection| since(connection, tenant, user, cursor)).await
    }
}

fn record(connection: &Connection, tenant: i64, pair: Pair) -> Done<Option<PairRecord>> {
    let mut statement = connection.prepare_cached(sql::PAIR)?;
    let [low, high] = pair.both();
    Ok(statement.query_row(params![tenant, low.as_bytes(), high.as_bytes()], read_record).optional()?)
}

pub(super) fn read_record(row: &Row<'_>) -> rusqlite::Result<PairRecord> {
    let mut columns = Columns::of(row);
    let (low, high) = (columns.id(UserId::from_bytes)?, columns.id(UserId::from_bytes)?);
    let pair = Pair::new(low, high).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, Box::new(error))
    })?;
    let between = friendship(columns.code()?, columns.code()?, columns.code()?);
    let record = PairRecord::stored(pair, between, columns.count()?, columns.time()?);
    Ok(record.fences(columns.count()?, columns.count()?))
}

fn put(connection: &Connection, tenant: i64, change: &PutPair) -> Done<PairRecord> {
    let pair = change.pair;
    let now = record(connection, tenant, pair)?.unwrap_or_else(|| PairRecord::nothing(pair));
    if now.version != change.expected {
        return Err(StoreError::Conflict.into());
    }
    let version = now.version + 1;
    let fence_due = if change.fence { version } else { now.fence_due };
    let next = PairRecord::stored(pair, change.friendship, version, change.at).fences(fence_due, now.fenced);
    write(connection, if now.version == 0 { sql::INSERT } else { sql::UPDATE }, tenant, &next)?;
    for side in Side::BOTH {
        put_side(connection, tenant, change, side)?;
    }
    Ok(next)
}

/// Writes a record, by a statement that makes or changes one.
pub(super) fn write(connection: &Connection, text: &str, tenant: i64, record: &PairRecord) -> Done<()> {
    let [low, high] = record.pair.both();
    connection.prepare_cached(text)?.execute(params![
        record.friendship.state.code(),
        record.friendship.blocked[0],
        record.friendship.blocked[1],
        int(record.version),
        record.at.millis(),
        int(record.fence_due),
        int(record.fenced),
        tenant,
        low.as_bytes(),
        high.as_bytes(),
    ])?;
    Ok(())
}

fn put_side(connection: &Connection, tenant: i64, change: &PutPair, side: Side) -> Done<()> {
    let (user, other) = (change.pair.user(side), change.pair.user(side.other()));
    let any_block = change.friendship.is_blocked();
    if let Some(View { relation, blocked }) = change.shown[side.index()] {
        let version = feed_end(connection, tenant, user)? + 1;
        connection.prepare_cached(sql::SHOW)?.execute(params![
            tenant,
            user.as_bytes(),
            other.as_bytes(),
            relation.code(),
            blocked,
            any_block,
            change.at.millis(),
            int(version),
        ])?;
    } else {
        let row = params![tenant, user.as_bytes(), other.as_bytes(), any_block];
        connection.prepare_cached(sql::NOTE)?.execute(row)?;
    }
    Ok(())
}

/// Where a user's feed stands.
fn feed_end(connection: &Connection, tenant: i64, user: UserId) -> Done<u64> {
    let mut statement = connection.prepare_cached(sql::FEED_END)?;
    let end = statement.query_row(params![tenant, user.as_bytes()], |row| Columns::of(row).optional_seq())?;
    Ok(end.map_or(0, chat_core::Seq::get))
}

fn since(connection: &Connection, tenant: i64, user: UserId, cursor: Option<u64>) -> Done<FriendChanges> {
    let last = feed_end(connection, tenant, user)?;
    let cursor = cursor.unwrap_or(last);
    if cursor >= last {
        return Ok(FriendChanges { items: Vec::new(), cursor: last, reset: cursor > last });
    }
    let mut statement = connection.prepare_cached(sql::SINCE)?;
    let most = int(FEED_ITEMS_MAX as u64);
    let rows = statement.query_map(params![tenant, user.as_bytes(), int(cursor), most], |row| {
        Ok(FriendChange { row: read_row(row)?, version: row.get::<_, i64>(4)?.unsigned_abs() })
    })?;
    let items = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    let cursor = items.last().map_or(last, |item| item.version);
    Ok(FriendChanges { items, cursor, reset: false })
}

pub(super) fn read_row(row: &Row<'_>) -> rusqlite::Result<FriendRow> {
    let mut columns = Columns::of(row);
    Ok(FriendRow {
        other: columns.id(UserId::from_bytes)?,
        view: View { relation: columns.code()?, blocked: columns.code()? },
        at: columns.time()?,
    })
}
