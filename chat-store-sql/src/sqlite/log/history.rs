//! Parts of a conversation's messages.
//!
//! Every entry knows how many messages there are up to it, so a window needs no count and no index of messages: the
//! number of the message before it and the numbers at both ends say what there is and what is left. Rows are read
//! along the log; a long stretch of entries that are no messages is leapt over by halving.

use chat_core::id::{ConversationId, Seq};
use chat_core::page::Limit;
use chat_core::store::{MessageRow, Messages, Window};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, params};

use super::rows::read_message;
use super::{Counters, counters, n_at};
use crate::codec::int;
use crate::sqlite::error::Done;
use crate::statements::log as sql;

/// Entries without a message that are read in a row before the next message is searched.
const STRAY_ENTRIES_MAX: u32 = 64;

/// The messages of a window.
pub(super) fn messages(
    connection: &Connection,
    tenant: i64,
    of: ConversationId,
    visible_from: Seq,
    window: Window,
    limit: Limit,
) -> Done<Messages> {
    let Some(now) = counters(connection, tenant, of)? else {
        return Ok(Messages { items: Vec::new(), has_before: false, has_after: false });
    };
    let log = Walk { connection, tenant, of, now };
    let limit = limit.get() as u64;
    // The position between the two directions, and how much is wanted to each side of it.
    let (split, before, after) = match window {
        Window::Before(seq) => (seq.previous(), limit, 0),
        Window::After(seq) => (seq, 0, limit),
        Window::Around(seq) => (seq.previous(), limit / 2, limit - limit / 2),
    };
    let hidden = visible_from.max(now.start).previous();
    let split = split.max(hidden);
    let (first, middle, end) = (log.n_at(hidden)?, log.n_at(split)?, now.n);
    let (older, newer) = (middle.saturating_sub(first), end.saturating_sub(middle));
    let (before, after) = (before.min(older), after.min(newer));
    let mut items = log.backward(split, hidden, before)?;
    items.reverse();
    items.extend(log.forward(split.next(), after)?);
    Ok(Messages { items, has_before: older > before, has_after: newer > after })
}

/// A conversation that is read along its log.
struct Walk<'c> {
    connection: &'c Connection,
    tenant: i64,
    of: ConversationId,
    now: Counters,
}

impl Walk<'_> {
    fn n_at(&self, seq: Seq) -> Done<u64> {
        n_at(self.connection, self.tenant, self.of, &self.now, seq)
    }

    /// Up to `count` messages downwards from `from`, none at or below `hidden`.
    fn backward(&self, mut from: Seq, hidden: Seq, count: u64) -> Done<Vec<MessageRow>> {
        let mut items = Vec::new();
        while let Some(n) = self.stretch(sql::BACKWARD, [hidden.next(), from], count, &mut items)? {
            from = self.position(n)?;
        }
        Ok(items)
    }

    /// Up to `count` messages upwards from `from`.
    fn forward(&self, mut from: Seq, count: u64) -> Done<Vec<MessageRow>> {
        let mut items = Vec::new();
        while let Some(n) = self.stretch(sql::FORWARD, [from, self.now.head], count, &mut items)? {
            from = self.position(n + 1)?;
        }
        Ok(items)
    }

    /// Reads messages until there are `count`, or no more. After too many entries in a row that are none it answers
    /// how many messages there are up to those. A message that cannot be read is left out: it stands in the log as
    /// unreadable.
    fn stretch(
        &self,
        text: &str,
        [low, high]: [Seq; 2],
        count: u64,
        items: &mut Vec<MessageRow>,
    ) -> Done<Option<u64>> {
        let mut statement = self.connection.prepare_cached(text)?;
        let mut rows =
            statement.query(params![self.tenant, self.of.as_bytes(), int(low.get()), int(high.get())])?;
        let mut strays = 0;
        while (items.len() as u64) < count
            && let Some(row) = rows.next()?
        {
            if row.get_ref(2)? == ValueRef::Null {
                strays += 1;
                if strays > STRAY_ENTRIES_MAX {
                    return Ok(Some(row.get::<_, i64>(1)?.unsigned_abs()));
                }
                continue;
            }
            strays = 0;
            match read_message(row) {
                Ok(message) => items.push(message),
                Err(error) => tracing::error!(%error, "a message cannot be read"),
            }
        }
        Ok(None)
    }

    /// Where the `n`th message stands: the first position up to which there are so many.
    fn position(&self, n: u64) -> Done<Seq> {
        let (mut low, mut high) = (self.now.start.get(), self.now.head.get());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.n_at(Seq::new(middle))? < n {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(Seq::new(low))
    }
}
