//! Pages of entries: positions are dense, so every row of a page is found by its key, those of many conversations in
//! one command.

use std::collections::HashMap;

use chat_core::id::{ConversationId, Seq};
use chat_core::page::Limit;
use chat_core::store::{After, Entries, EntryRow, MessageRow};
use mongodb::bson::{Binary, doc};

use crate::database::{Query, Table};
use crate::document::{FromRow as _, Room};
use crate::error::Done;
use crate::store::{ByKey, MongoStore};

/// How often is looked again where others write.
pub(crate) const LOOKS_MAX: u32 = 64;

/// Whether no message is younger than the head.
fn is_of_one_state(page: &Entries) -> bool {
    let revs = page.items.iter().filter_map(|entry| Some(entry.message.as_ref()?.rev));
    revs.max().is_none_or(|rev| rev <= page.head)
}

/// What is wanted of one conversation.
struct Page<'r> {
    room: &'r Room,
    first: Seq,
    last: Seq,
}

impl<'r> Page<'r> {
    fn new(room: &'r Room, after: Seq, limit: Limit) -> Self {
        let now = room.now();
        let first = after.next().max(now.start);
        let last = Seq::new(first.get().saturating_add(limit.get() as u64 - 1)).min(now.head);
        Self { room, first, last }
    }

    fn id(&self) -> ConversationId {
        self.room.now().id
    }

    fn seqs(&self) -> impl Iterator<Item = Seq> {
        (self.first.get()..=self.last.get()).map(Seq::new)
    }

    /// The positions whose entries are rows.
    fn rows(&self) -> impl Iterator<Item = Seq> {
        let waiting = self.room.flushed;
        self.seqs().take_while(move |seq| *seq <= waiting)
    }
}

impl MongoStore {
    /// Pages in which no message is younger than the head beside it: where one was changed in between, all is read
    /// again.
    pub(super) async fn pages(&self, wanted: &[After], limit: Limit) -> Done<Vec<Entries>> {
        let mut pages = self.read_pages(wanted, limit).await?;
        for _ in 0..LOOKS_MAX {
            if pages.iter().all(is_of_one_state) {
                break;
            }
            pages = self.read_pages(wanted, limit).await?;
        }
        Ok(pages)
    }

    async fn read_pages(&self, wanted: &[After], limit: Limit) -> Done<Vec<Entries>> {
        let ids: Vec<ConversationId> = wanted.iter().map(|one| one.conversation).collect();
        let rooms = self.all_settled(&ids).await?;
        let pages: Vec<Page<'_>> = wanted
            .iter()
            .filter_map(|one| Some(Page::new(rooms.get(&one.conversation)?, one.after, limit)))
            .collect();
        let keys = pages.iter().flat_map(|page| page.rows().map(|seq| self.keys().entry(page.id(), seq)));
        let rows = self.rows(keys.collect()).await?;
        let mut read: Vec<Vec<EntryRow>> = pages.iter().map(|page| self.read(page, &rows)).collect();
        self.add_targets(&pages, &mut read).await?;
        let answer = |(page, items): (&Page<'_>, _)| {
            let now = page.room.now();
            Entries { conversation: now.id, items, head: now.head, start: now.start }
        };
        Ok(pages.iter().zip(read).map(answer).collect())
    }

    async fn rows(&self, keys: Vec<Binary>) -> Done<ByKey> {
        self.by_key(Table::Entries, keys, |keys| Query::keys(keys).fields(doc! { "marks": 0 })).await
    }

    /// The entries of a page without a hole: what cannot be read, or is not there, has its place all the same.
    fn read(&self, page: &Page<'_>, rows: &ByKey) -> Vec<EntryRow> {
        let waiting: HashMap<Seq, _> = page.room.tail.iter().map(|entry| (entry.seq, &entry.row)).collect();
        let entry = |seq: Seq| {
            let row = waiting.get(&seq).copied();
            let row = row.or_else(|| rows.get(&self.keys().entry(page.id(), seq).bytes));
            match row.map(|row| EntryRow::read(row)) {
                Some(Ok(entry)) if entry.seq == seq => entry,
                other => {
                    tracing::error!(seq = seq.get(), ?other, "an entry cannot be read");
                    EntryRow::unreadable(seq)
                }
            }
        };
        page.seqs().map(entry).collect()
    }

    /// Gives each entry that is no message the one it is about.
    async fn add_targets(&self, pages: &[Page<'_>], read: &mut [Vec<EntryRow>]) -> Done<()> {
        let mut known: HashMap<(ConversationId, Seq), Option<MessageRow>> = HashMap::new();
        let mut missing = Vec::new();
        for (page, entries) in pages.iter().zip(read.iter()) {
            known.extend(entries.iter().map(|entry| ((page.id(), entry.seq), entry.message.clone())));
        }
        for (page, entries) in pages.iter().zip(read.iter()) {
            let targets =
                entries.iter().filter(|entry| entry.message.is_none()).filter_map(|entry| entry.target);
            let unknown = targets.filter(|target| !known.contains_key(&(page.id(), *target)));
            missing.extend(unknown.map(|target| (page.room, target)));
        }
        let found = self.messages_at(&missing).await?;
        known.extend(missing.iter().map(|(room, seq)| (room.now().id, *seq)).zip(found));
        for (page, entries) in pages.iter().zip(read) {
            for entry in entries.iter_mut().filter(|entry| entry.message.is_none()) {
                entry.message =
                    entry.target.and_then(|target| known.get(&(page.id(), target)).cloned().flatten());
            }
        }
        Ok(())
    }

    /// These conversations, settled: one command, unless rows have to follow first.
    pub(crate) async fn all_settled(&self, ids: &[ConversationId]) -> Done<HashMap<ConversationId, Room>> {
        let keys = ids.iter().map(|&id| self.keys().conversation(id)).collect();
        let mut rooms = HashMap::with_capacity(ids.len());
        for document in self.by_key(Table::Conversations, keys, Query::keys).await?.values() {
            let room = self.settle(Room::read(document)?).await?;
            rooms.insert(room.now().id, room);
        }
        Ok(rooms)
    }
}
