//! Parts of a conversation's messages.
//!
//! Every entry knows how many messages there are up to it, so a window needs no count and no index of messages: the
//! number of the message before it and the numbers at both ends say what there is and what is left. Rows are read
//! along the log; a long stretch of entries that are no messages is leapt over by halving.

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

/// The messages of a window.
pub(super) async fn messages(
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
