//! Parts of a conversation's messages.
//!
//! Every entry knows how many messages there are up to it, so a window needs no count and no index of messages: the
//! number of the message before it and the numbers at both ends say what there is and what is left. Rows are read
//! along the log; a long stretch of entries that are no messages is leapt over by halving.
//!
//! Nearly every page is found with its conversation in one statement: the rows say their numbers, and one more than
//! was asked for says that there is more.

use chat_core::id::{ConversationId, Seq};
use chat_core::page::Limit;
use chat_core::store::{MessageRow, Messages, Window};

use super::rows::read_message;
use super::{Counters, counters, n_at};
use crate::codec::int;
use crate::server::columns::Columns;
use crate::server::error::Done;
use crate::server::line::Line;
use crate::server::value::values;
use crate::statements::batched::log as sql;

/// Positions that are looked at in one statement beyond those that are wanted: when none of them is a message, the
/// next one is searched.
const STRETCH: u64 = 1024;

/// How many columns stand before those of a message in a row of a page.
const COUNTERS: usize = 3;

/// The messages of a window.
pub(super) async fn messages(
    line: &mut Line,
    of: ConversationId,
    visible_from: Seq,
    window: Window,
    limit: Limit,
) -> Done<Messages> {
    match at_once(line, of, visible_from, window, limit).await? {
        Some(page) => Ok(page),
        None => step_by_step(line, of, visible_from, window, limit).await,
    }
}

/// A window to one side, found with its conversation in one statement; nothing where that does not say everything.
async fn at_once(
    line: &mut Line,
    of: ConversationId,
    visible_from: Seq,
    window: Window,
    limit: Limit,
) -> Done<Option<Messages>> {
    let (tenant, key, count) = (line.tenant, of.as_bytes(), limit.get() as u64);
    let (stretch, wanted) = (count + STRETCH, count + 1);
    let rows = match window {
        Window::Before(seq) => {
            let (low, upto) = (int(visible_from.get()), int(seq.previous().get()));
            let range = values![tenant, key, low, upto, int(stretch), upto, int(wanted)];
            line.query(sql::PAGE_BEFORE, range).await?
        }
        // What lies before it begins with the first message, so its number says whether there is any.
        Window::After(seq) if visible_from <= Seq::FIRST => {
            let first = seq.next();
            let range = values![tenant, key, int(first.get()), int(first.get() + stretch), int(wanted)];
            line.query(sql::PAGE_AFTER, range).await?
        }
        Window::After(_) | Window::Around(_) => return Ok(None),
    };
    let Some(found) = rows.first() else { return Ok(None) };
    let mut columns = Columns::of(found);
    let now = Counters { head: columns.seq()?, start: columns.seq()?, n: columns.count()? };
    let read = |row| {
        let mut columns = Columns::of(row);
        columns.skip(COUNTERS);
        read_message(&mut columns)
    };
    // One that cannot be read says nothing of the others.
    let items = rows.iter().map(read).collect::<Done<Vec<MessageRow>>>();
    let Ok(mut items) = items else { return Ok(None) };
    let is_more = items.len() as u64 > count;
    items.truncate(limit.get());
    let first = visible_from.max(now.start);
    Ok(match window {
        Window::Before(seq) => {
            let upto = seq.previous().min(now.head);
            let is_all = is_more || upto.get().saturating_sub(stretch) <= first.get();
            let newest = items.first().map(|newest| newest.n).filter(|_| is_all);
            items.reverse();
            newest.map(|n| Messages { items, has_before: is_more, has_after: now.n > n })
        }
        Window::After(seq) if first == Seq::FIRST => {
            let is_all = is_more || seq.next().get() + stretch >= now.head.get();
            let before = items.first().map_or(now.n, |oldest| oldest.n.saturating_sub(1));
            is_all.then_some(Messages { items, has_before: before > 0, has_after: is_more })
        }
        _ => None,
    })
}

/// A window part by part.
async fn step_by_step(
    line: &mut Line,
    of: ConversationId,
    visible_from: Seq,
    window: Window,
    limit: Limit,
) -> Done<Messages> {
    let Some(now) = counters(line, &[of]).await?.remove(&of) else {
        return Ok(Messages { items: Vec::new(), has_before: false, has_after: false });
    };
    let mut log = Walk { line, of, now };
    let limit = limit.get() as u64;
    // The position between the two directions, and how much is wanted to each side of it.
    let (split, before, after) = match window {
        Window::Before(seq) => (seq.previous(), limit, 0),
        Window::After(seq) => (seq, 0, limit),
        Window::Around(seq) => (seq.previous(), limit / 2, limit - limit / 2),
    };
    let hidden = visible_from.max(now.start).previous();
    let split = split.max(hidden);
    let [first, middle] = log.n_at([hidden, split]).await?;
    let (older, newer) = (middle.saturating_sub(first), now.n.saturating_sub(middle));
    let (before, after) = (before.min(older), after.min(newer));
    let mut items = log.backward(split.min(now.head), hidden, before).await?;
    items.reverse();
    items.extend(log.forward(split.next(), after).await?);
    Ok(Messages { items, has_before: older > before, has_after: newer > after })
}

/// A conversation that is read along its log.
struct Walk<'l> {
    line: &'l mut Line,
    of: ConversationId,
    now: Counters,
}

impl Walk<'_> {
    async fn n_at<const N: usize>(&mut self, seqs: [Seq; N]) -> Done<[u64; N]> {
        let wanted = seqs.map(|seq| (self.of, self.now, seq));
        let numbers = n_at(self.line, &wanted).await?;
        Ok(numbers.try_into().expect("as many numbers as positions"))
    }

    /// Up to `count` messages downwards from `from`, none at or below `hidden`.
    async fn backward(&mut self, mut from: Seq, hidden: Seq, count: u64) -> Done<Vec<MessageRow>> {
        let (mut items, mut passed) = (Vec::new(), 0);
        while passed < count && from > hidden {
            let wanted = count - passed;
            let low = from.get().saturating_sub(wanted + STRETCH).max(hidden.next().get());
            let found = self.stretch(sql::BACKWARD, [Seq::new(low), from], wanted, &mut items).await?;
            passed += found;
            if found < wanted {
                // All messages of the stretch were read: the next one is the last before it.
                let [n] = self.n_at([Seq::new(low).previous()]).await?;
                from = self.position(n).await?.min(Seq::new(low).previous());
            }
        }
        Ok(items)
    }

    /// Up to `count` messages upwards from `from`.
    async fn forward(&mut self, mut from: Seq, count: u64) -> Done<Vec<MessageRow>> {
        let (mut items, mut passed) = (Vec::new(), 0);
        while passed < count && from <= self.now.head {
            let wanted = count - passed;
            let high = Seq::new(from.get() + wanted + STRETCH).min(self.now.head);
            let found = self.stretch(sql::FORWARD, [from, high], wanted, &mut items).await?;
            passed += found;
            if found < wanted {
                let [n] = self.n_at([high]).await?;
                from = self.position(n + 1).await?.max(high.next());
            }
        }
        Ok(items)
    }

    /// Reads at most `count` messages between two positions; answers how many there were. One that cannot be read is
    /// left out: it stands in the log as unreadable.
    async fn stretch(
        &mut self,
        text: &'static str,
        [low, high]: [Seq; 2],
        count: u64,
        items: &mut Vec<MessageRow>,
    ) -> Done<u64> {
        let range =
            values![self.line.tenant, self.of.as_bytes(), int(low.get()), int(high.get()), int(count)];
        let rows = self.line.query(text, range).await?;
        for row in &rows {
            match read_message(&mut Columns::of(row)) {
                Ok(message) => items.push(message),
                Err(failure) => tracing::error!(?failure, "a message cannot be read"),
            }
        }
        Ok(rows.len() as u64)
    }

    /// Where the `n`th message stands: the first position up to which there are so many.
    async fn position(&mut self, n: u64) -> Done<Seq> {
        let (mut low, mut high) = (self.now.start.get(), self.now.head.get());
        while low < high {
            let middle = low + (high - low) / 2;
            let [there] = self.n_at([Seq::new(middle)]).await?;
            if there < n {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(Seq::new(low))
    }
}
