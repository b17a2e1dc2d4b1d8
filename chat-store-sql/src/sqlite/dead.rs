//! The rows that say which messages are deleted.

use chat_core::id::ConversationId;
use rusqlite::{Connection, OptionalExtension, params};

use super::columns::Columns;
use super::error::Done;
use crate::codec::int;
use crate::dead::{MAP_BYTES, Map, Rows, bits_from, clear, place, set};
use crate::statements::members as sql;

/// Notes that the `n`th message is deleted. It was not before: a deletion is terminal.
pub(super) fn bury(connection: &Connection, tenant: i64, conversation: ConversationId, n: u64) -> Done<()> {
    let (bucket, bit) = place(n);
    let (dead, mut map) = row(connection, tenant, conversation, bucket)?;
    set(&mut map, bit);
    put_row(connection, tenant, conversation, bucket, dead + 1, &map)
}

/// Notes that the `n`th message, which was deleted, makes place for another one.
pub(super) fn exhume(connection: &Connection, tenant: i64, conversation: ConversationId, n: u64) -> Done<()> {
    let (bucket, bit) = place(n);
    let (dead, mut map) = row(connection, tenant, conversation, bucket)?;
    clear(&mut map, bit);
    if dead > 1 {
        return put_row(connection, tenant, conversation, bucket, dead - 1, &map);
    }
    let key = params![tenant, conversation.as_bytes(), int(bucket)];
    connection.prepare_cached(sql::EXHUME)?.execute(key)?;
    Ok(())
}

fn row(connection: &Connection, tenant: i64, conversation: ConversationId, bucket: u64) -> Done<(i64, Map)> {
    let key = params![tenant, conversation.as_bytes(), int(bucket)];
    let mut statement = connection.prepare_cached(sql::DEAD)?;
    let row = statement.query_row(key, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    Ok(row.unwrap_or((0, [0; MAP_BYTES])))
}

fn put_row(
    connection: &Connection,
    tenant: i64,
    conversation: ConversationId,
    bucket: u64,
    dead: i64,
    map: &Map,
) -> Done<()> {
    let row = params![tenant, conversation.as_bytes(), int(bucket), dead, map];
    connection.prepare_cached(sql::BURY)?.execute(row)?;
    Ok(())
}

/// How many messages after the `n`th are deleted.
pub(super) fn dead_after(
    connection: &Connection,
    tenant: i64,
    conversation: ConversationId,
    n: u64,
) -> Done<u64> {
    let (first, bit) = place(n + 1);
    let mut statement = connection.prepare_cached(sql::DEAD_FROM)?;
    let mut rows = statement.query(params![tenant, conversation.as_bytes(), int(first)])?;
    let mut dead = 0;
    while let Some(row) = rows.next()? {
        dead += if row.get::<_, i64>(0)? == int(first) {
            let map: Map = row.get(2)?;
            bits_from(&map, bit)
        } else {
            row.get::<_, i64>(1)?.unsigned_abs()
        };
    }
    Ok(dead)
}

/// The rows there are.
pub(super) fn stored(connection: &Connection, tenant: i64, conversation: ConversationId) -> Done<Rows> {
    let mut statement = connection.prepare_cached(sql::DEAD_FROM)?;
    let rows = statement.query_map(params![tenant, conversation.as_bytes(), 0], |row| {
        let mut columns = Columns::of(row);
        Ok((columns.count()?, (columns.count()?, columns.value()?)))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
