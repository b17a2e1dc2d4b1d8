//! The rows that say which messages are deleted.

use chat_core::id::{ConversationId, Seq};

use super::columns::{Columns, Row, unreadable};
use super::error::Done;
use super::line::Line;
use super::value::{Rows, Value, values};
use crate::codec::int;
use crate::dead::{self, MAP_BYTES, Map, bits_from, clear, place, set};
use crate::statements::{batched::members as batched, members as sql};

/// Notes that the `n`th message is deleted. It was not before: a deletion is terminal.
pub(super) async fn bury(line: &mut Line, conversation: ConversationId, n: u64) -> Done<()> {
    let (bucket, bit) = place(n);
    let (dead, mut map) = row(line, conversation, bucket).await?;
    set(&mut map, bit);
    put_row(line, conversation, bucket, dead + 1, &map).await
}

/// Notes that the `n`th message, which was deleted, makes place for another one.
pub(super) async fn exhume(line: &mut Line, conversation: ConversationId, n: u64) -> Done<()> {
    let (bucket, bit) = place(n);
    let (dead, mut map) = row(line, conversation, bucket).await?;
    clear(&mut map, bit);
    if dead > 1 {
        return put_row(line, conversation, bucket, dead - 1, &map).await;
    }
    let key = values![line.tenant, conversation.as_bytes(), int(bucket)];
    line.execute(sql::EXHUME, key).await.map(drop)
}

async fn row(line: &mut Line, conversation: ConversationId, bucket: u64) -> Done<(i64, Map)> {
    let key = values![line.tenant, conversation.as_bytes(), int(bucket)];
    let Some(row) = line.first(sql::DEAD, key).await? else { return Ok((0, [0; MAP_BYTES])) };
    let mut columns = Columns::of(&row);
    Ok((columns.int()?, columns.array()?))
}

async fn put_row(
    line: &mut Line,
    conversation: ConversationId,
    bucket: u64,
    dead: i64,
    map: &Map,
) -> Done<()> {
    let row = values![line.tenant, conversation.as_bytes(), int(bucket), dead, map.as_slice()];
    line.execute(sql::BURY, row).await.map(drop)
}

/// The rows there are.
pub(super) async fn stored(line: &mut Line, conversation: ConversationId) -> Done<dead::Rows> {
    let rows = line.query(sql::DEAD_FROM, values![line.tenant, conversation.as_bytes(), 0]).await?;
    let read = |row: &Row| {
        let mut columns = Columns::of(row);
        Ok((columns.count()?, (columns.count()?, columns.array()?)))
    };
    rows.iter().map(read).collect()
}

/// Some of a conversation's messages: those after the first number, up to the second.
pub(super) type Span = (ConversationId, u64, u64);

/// How many messages of each span are deleted. None is empty.
pub(super) async fn dead_in(line: &mut Line, spans: &[Span]) -> Done<Vec<u64>> {
    let mut dead = vec![0; spans.len()];
    let mut keys = Rows::default();
    for (nth, (id, after, last)) in spans.iter().enumerate() {
        let buckets = [place(after + 1).0, place(*last).0].map(|bucket| Value::from(int(bucket)));
        keys.push([Value::from(int(nth as u64)), Value::from(id.as_bytes()), buckets[0], buckets[1]]);
    }
    if keys.is_empty() {
        return Ok(dead);
    }
    for row in &line.query(batched::DEAD_IN, values![&keys, line.tenant]).await? {
        let mut columns = Columns::of(row);
        let (nth, bucket, count) = (columns.count()?, columns.count()?, columns.count()?);
        let map: Option<Map> = columns.optional_array()?;
        let nth = usize::try_from(nth).map_err(|_| unreadable())?;
        let (_, after, last) = spans.get(nth).ok_or_else(unreadable)?;
        dead[nth] += map.map_or(count, |map| within(&map, bucket, *after, *last));
    }
    Ok(dead)
}

/// How many messages of each conversation are not deleted after the one of the given number: of one state, whoever
/// appends meanwhile, because it is one statement.
pub(super) async fn alive_after(line: &mut Line, wanted: &[(ConversationId, u64)]) -> Done<Vec<u64>> {
    let mut alive = vec![0; wanted.len()];
    let key = |(nth, (id, after)): (usize, &(ConversationId, u64))| {
        let [nth, bucket] = [nth as u64, place(after + 1).0].map(|number| Value::from(int(number)));
        [nth, Value::from(id.as_bytes()), bucket]
    };
    let keys: Rows<'_> = wanted.iter().enumerate().map(key).collect();
    if keys.is_empty() {
        return Ok(alive);
    }
    let mut dead = vec![0; wanted.len()];
    for row in &line.query(batched::ALIVE_AFTER, values![&keys, line.tenant]).await? {
        let mut columns = Columns::of(row);
        let (nth, n) = (columns.count()?, columns.count()?);
        let (bucket, count) = (columns.optional_seq()?.map(Seq::get), columns.optional_seq()?.map(Seq::get));
        let map: Option<Map> = columns.optional_array()?;
        let nth = usize::try_from(nth).map_err(|_| unreadable())?;
        let (_, after) = wanted.get(nth).ok_or_else(unreadable)?;
        alive[nth] = n.saturating_sub(*after);
        let counted = map.zip(bucket).map(|(map, bucket)| within(&map, bucket, *after, n));
        dead[nth] += counted.or(count).unwrap_or(0);
    }
    Ok(alive.iter().zip(dead).map(|(alive, dead)| alive.saturating_sub(dead)).collect())
}

/// How many of a bucket's messages are deleted that are after the one and up to the other.
fn within(map: &Map, bucket: u64, after: u64, last: u64) -> u64 {
    let (first_bucket, first) = place(after + 1);
    let (beyond_bucket, beyond) = place(last + 1);
    let from = if first_bucket == bucket { bits_from(map, first) } else { bits_from(map, 0) };
    from - if beyond_bucket == bucket { bits_from(map, beyond) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_counted_to_the_bit() {
        let mut map = [0; MAP_BYTES];
        for bit in [0, 5, 6, 1023] {
            set(&mut map, bit);
        }
        // Numbers begin at 1: bit 5 is the sixth message.
        assert_eq!(within(&map, 0, 0, 1024), 4);
        assert_eq!(within(&map, 0, 1, 1024), 3);
        assert_eq!(within(&map, 0, 5, 6), 1);
        assert_eq!(within(&map, 0, 7, 1023), 0);
        assert_eq!(within(&map, 3, 10, 3 * 1024 + 6), 2);
        assert_eq!(within(&map, 3, 3 * 1024 + 6, 9000), 2);
    }
}
