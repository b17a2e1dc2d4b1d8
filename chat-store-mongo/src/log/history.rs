//! Windows of history, by the numbers of messages: a window is a bounded stretch of them, its flags are comparisons.

use chat_core::id::{ConversationId, Seq};
use chat_core::page::Limit;
use chat_core::store::{EntryRow, MessageRow, Messages, Window};
use mongodb::bson::doc;

use crate::database::{Query, Table};
use crate::document::{Fields, FromRow as _, Room};
use crate::error::Done;
use crate::store::MongoStore;

impl MongoStore {
    pub(super) async fn window(
        &self,
        of: ConversationId,
        visible_from: Seq,
        window: Window,
        limit: Limit,
    ) -> Done<Messages> {
        let Some(room) = self.settled(of).await? else {
            return Ok(Messages { items: Vec::new(), has_before: false, has_after: false });
        };
        let limit = limit.get() as u64;
        // The position between the two directions, and how much is wanted to each side of it.
        let (split, before, after) = match window {
            Window::Before(seq) => (seq.previous(), limit, 0),
            Window::After(seq) => (seq, 0, limit),
            Window::Around(seq) => (seq.previous(), limit / 2, limit - limit / 2),
        };
        let hidden = visible_from.max(room.now().start).previous();
        let numbers = self.numbers(&room, &[hidden, split.max(hidden)]).await?;
        let (first, middle, end) = (numbers[0], numbers[1], room.now().n);
        let (older, newer) = (middle.saturating_sub(first), end.saturating_sub(middle));
        let (before, after) = (before.min(older), after.min(newer));
        let items = self.stretch(&room, middle - before, middle + after).await?;
        Ok(Messages { items, has_before: older > before, has_after: newer > after })
    }

    /// How many messages there are up to each position, those before the first kept one included.
    pub(crate) async fn numbers(&self, room: &Room, at: &[Seq]) -> Done<Vec<u64>> {
        let id = room.now().id;
        let unknown = at.iter().filter(|seq| known_number(room, **seq).is_none());
        let keys: Vec<_> = unknown.map(|seq| self.keys().entry(id, (*seq).max(room.now().start))).collect();
        let fields = doc! { "n": 1, "rev": 1 };
        let rows = self.by_key(Table::Entries, keys, |keys| Query::keys(keys).fields(fields.clone())).await?;
        let number = |&seq: &Seq| {
            if let Some(known) = known_number(room, seq) {
                return Ok(known);
            }
            let Some(row) = rows.get(&self.keys().entry(id, seq.max(room.now().start)).bytes) else {
                return Ok(0);
            };
            let fields = Fields(row);
            // Before the first kept position there are those that the first kept entry does not add itself.
            let own = seq < room.now().start && fields.get("rev")?.is_some();
            Ok(fields.count("n")? - u64::from(own))
        };
        at.iter().map(number).collect()
    }

    /// The messages after the `after`th up to the `last`th. One that cannot be read is left out: it stands in the log
    /// as unreadable.
    async fn stretch(&self, room: &Room, after: u64, last: u64) -> Done<Vec<MessageRow>> {
        let id = room.now().id;
        let waiting: Vec<EntryRow> = room
            .tail
            .iter()
            .filter_map(|entry| entry.entry().ok())
            .filter(|entry| entry.message.is_some())
            .collect();
        let waiting_from = waiting.first().map_or(u64::MAX, |entry| entry.n);
        let mut items = Vec::new();
        if after < last && after + 1 < waiting_from {
            let key = |n| self.keys().message(id, n);
            let range = doc! { "$gte": key(after + 1), "$lte": key(last.min(waiting_from - 1)) };
            let query = Query::new(doc! { "message": range }).fields(doc! { "marks": 0 });
            for row in self.database().find(Table::Entries, query).await? {
                match MessageRow::read(&row) {
                    Ok(message) => items.push(message),
                    Err(error) => tracing::error!(%error, "a message cannot be read"),
                }
            }
        }
        let waiting = waiting.into_iter().filter(|entry| after < entry.n && entry.n <= last);
        items.extend(waiting.filter_map(|entry| entry.message));
        items.sort_unstable_by_key(|message| message.seq);
        Ok(items)
    }
}

/// How many messages there are up to a position, where the document alone tells.
fn known_number(room: &Room, seq: Seq) -> Option<u64> {
    let now = room.now();
    if seq >= now.head {
        return Some(now.n);
    }
    if seq < now.start && now.start == Seq::FIRST {
        return Some(0);
    }
    room.waiting(seq).and_then(|entry| Fields(&entry.row).count("n").ok())
}
