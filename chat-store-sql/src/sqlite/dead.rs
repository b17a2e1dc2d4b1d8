//! Which messages are deleted, so that counting the unread ones costs the same however many there are.
//!
//! Messages are numbered, and each 1024 numbers have a row as soon as one of them is deleted: how many are, and a
//! map with a bit for each. What is dead after a number is the sum of the later rows and the bits of its own.

use std::collections::BTreeMap;

use chat_core::id::ConversationId;
use rusqlite::{Connection, OptionalExtension, params};

use super::columns::Columns;
use super::error::Done;
use crate::codec::int;
use crate::statements::members as sql;

/// Messages of one row.
const BUCKET: u64 = 1024;

/// Bytes of a map.
const MAP_BYTES: usize = 128;

/// Every row of one conversation: its number, its count and its map.
pub(super) type Rows = BTreeMap<u64, (u64, [u8; MAP_BYTES])>;

/// The row of a message's number, and its bit there. Numbers begin at 1.
fn place(n: u64) -> (u64, usize) {
    let index = n - 1;
    (index / BUCKET, usize::try_from(index % BUCKET).expect("below 1024"))
}

/// Notes that the `n`th message is deleted. It was not before: a deletion is terminal.
pub(super) fn bury(connection: &Connection, tenant: i64, conversation: ConversationId, n: u64) -> Done<()> {
    let (bucket, bit) = place(n);
    let (dead, mut map) = row(connection, tenant, conversation, bucket)?;
    map[bit / 8] |= 1 << (bit % 8);
    put_row(connection, tenant, conversation, bucket, dead + 1, &map)
}

/// Notes that the `n`th message, which was deleted, makes place for another one.
pub(super) fn exhume(connection: &Connection, tenant: i64, conversation: ConversationId, n: u64) -> Done<()> {
    let (bucket, bit) = place(n);
    let (dead, mut map) = row(connection, tenant, conversation, bucket)?;
    map[bit / 8] &= !(1 << (bit % 8));
    if dead > 1 {
        return put_row(connection, tenant, conversation, bucket, dead - 1, &map);
    }
    let key = params![tenant, conversation.as_bytes(), int(bucket)];
    connection.prepare_cached(sql::EXHUME)?.execute(key)?;
    Ok(())
}

fn row(
    connection: &Connection,
    tenant: i64,
    conversation: ConversationId,
    bucket: u64,
) -> Done<(i64, [u8; MAP_BYTES])> {
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
    map: &[u8; MAP_BYTES],
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
            let map: [u8; MAP_BYTES] = row.get(2)?;
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

/// Adds the `n`th message to the rows there should be.
pub(super) fn count(rows: &mut Rows, n: u64) {
    let (bucket, bit) = place(n);
    let (dead, map) = rows.entry(bucket).or_insert((0, [0; MAP_BYTES]));
    *dead += 1;
    map[bit / 8] |= 1 << (bit % 8);
}

/// How many bits are set from this one on.
fn bits_from(map: &[u8; MAP_BYTES], bit: usize) -> u64 {
    let first = u64::from((map[bit / 8] >> (bit % 8)).count_ones());
    first + map[bit / 8 + 1..].iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_places() {
        assert_eq!(place(1), (0, 0));
        assert_eq!(place(1024), (0, 1023));
        assert_eq!(place(1025), (1, 0));
    }

    #[test]
    fn bits_are_counted_from_any_one_on() {
        let mut map = [0; MAP_BYTES];
        for bit in [0, 7, 8, 500, 1023] {
            map[bit / 8] |= 1 << (bit % 8);
        }
        let expected = |from| [0, 7, 8, 500, 1023].iter().filter(|&&bit| bit >= from).count() as u64;
        for from in 0..1024 {
            assert_eq!(bits_from(&map, from), expected(from), "{from}");
        }
    }
}
