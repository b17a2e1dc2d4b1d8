//! Entries and messages.

mod append;
mod history;
mod page;

use std::sync::Arc;

use async_trait::async_trait;
use chat_core::conversation::Conversation;
use chat_core::id::{ConversationId, Seq, UserId};
use chat_core::message::ClientId;
use chat_core::page::Limit;
use chat_core::store::{
    After, Entries, Head, Lane, LaneDone, Log, Mark, MessageRow, Messages, Outcome, StoreError, Window,
};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use mongodb::bson::doc;

use self::append::Append;
pub(crate) use self::append::change;
pub(crate) use self::page::LOOKS_MAX;
use crate::database::{Query, Table};
use crate::document::{Fields, FromRow as _, Room, read_conversation, read_marks, record_fields};
use crate::error::Done;
use crate::store::MongoStore;

/// Lanes of a batch that are on their way at the same time.
const LANES_AT_ONCE: usize = 16;

#[async_trait]
impl Log for MongoStore {
    async fn append(&self, batch: Arc<[Lane]>) -> Vec<Result<LaneDone, StoreError>> {
        let lanes = batch.len();
        let done = self.write(|store| async move { Ok(store.append_batch(&batch).await) }).await;
        done.unwrap_or_else(|error| vec![Err(error); lanes])
    }

    async fn entries(&self, wanted: &[After], limit: Limit) -> Result<Vec<Entries>, StoreError> {
        Ok(self.pages(wanted, limit).await?)
    }

    async fn messages(
        &self,
        of: ConversationId,
        visible_from: Seq,
        window: Window,
        limit: Limit,
    ) -> Result<Messages, StoreError> {
        Ok(self.window(of, visible_from, window, limit).await?)
    }

    async fn at(&self, of: ConversationId, seqs: &[Seq]) -> Result<Vec<Option<MessageRow>>, StoreError> {
        let Some(room) = self.settled(of).await? else { return Ok(vec![None; seqs.len()]) };
        let wanted: Vec<_> = seqs.iter().map(|&seq| (&room, seq)).collect();
        Ok(self.messages_at(&wanted).await?)
    }

    async fn last(&self, of: &[ConversationId]) -> Result<Vec<Option<MessageRow>>, StoreError> {
        let rooms = self.all_settled(of).await?;
        let rooms: Vec<Option<&Room>> = of.iter().map(|id| rooms.get(id)).collect();
        let wanted: Vec<_> = rooms.iter().flatten().map(|room| (*room, room.kept.last_message)).collect();
        let mut found = self.messages_at(&wanted).await?.into_iter();
        Ok(rooms.iter().map(|room| room.and_then(|_| found.next().flatten())).collect())
    }

    async fn heads(&self, of: &[ConversationId]) -> Result<Vec<Option<Head>>, StoreError> {
        Ok(self.stored_heads(of).await?)
    }

    async fn find(
        &self,
        of: ConversationId,
        by: UserId,
        client_id: &ClientId,
    ) -> Result<Option<Outcome>, StoreError> {
        Ok(self.first(of, by, client_id).await?)
    }

    async fn marks(&self, of: ConversationId, seqs: &[Seq]) -> Result<Vec<Mark>, StoreError> {
        // Entries that still wait have no marks: whatever marks them is done before this answers.
        if self.settled(of).await?.is_none() {
            return Ok(Vec::new());
        }
        Ok(self.stored_marks(of, seqs).await?)
    }
}

/// Appends a lane, if it is the first of its conversation.
async fn append_first(batch: &[Lane], append: Append<'_>) -> Result<LaneDone, StoreError> {
    let lane = append.lane();
    let mut earlier = batch.iter().take_while(|earlier| !std::ptr::eq(*earlier, lane));
    if earlier.any(|earlier| earlier.conversation == lane.conversation) {
        return Err(StoreError::Conflict);
    }
    Ok(append.run().await?)
}

impl MongoStore {
    /// Each lane for itself, some at a time; answers in their order.
    async fn append_batch(&self, batch: &[Lane]) -> Vec<Result<LaneDone, StoreError>> {
        let appends = match Append::all(self, batch).await {
            Ok(appends) => appends,
            // The server does not answer: nobody waits for it a second time.
            Err(failure) if failure.is_unknown() => return vec![Err(StoreError::from(failure)); batch.len()],
            // What one of them cannot be read for must not fail the others: each looks for itself.
            Err(failure) => {
                tracing::debug!(%failure, "lanes of a batch look for themselves");
                batch.iter().map(|lane| Append::new(self, lane)).collect()
            }
        };
        let lanes = appends.into_iter().map(|append| append_first(batch, append).boxed());
        stream::iter(lanes.collect::<Vec<_>>()).buffered(LANES_AT_ONCE).collect().await
    }

    async fn stored_heads(&self, of: &[ConversationId]) -> Done<Vec<Option<Head>>> {
        let keys = of.iter().map(|&id| self.keys().conversation(id)).collect();
        let fields = doc! { "head": 1, "start": 1 };
        let found =
            self.by_key(Table::Conversations, keys, |keys| Query::keys(keys).fields(fields.clone())).await?;
        let head = |&id: &ConversationId| {
            let Some(document) = found.get(&self.keys().conversation(id).bytes) else { return Ok(None) };
            let fields = Fields(document);
            Ok(Some(Head { head: fields.seq("head")?, start: fields.seq("start")? }))
        };
        of.iter().map(head).collect()
    }

    async fn first(&self, of: ConversationId, by: UserId, client_id: &ClientId) -> Done<Option<Outcome>> {
        let Some(room) = self.settled(of).await? else { return Ok(None) };
        let made = self.keys().made(of, by, client_id);
        for entry in &room.tail {
            if entry.made()? == made.bytes {
                let digest = Fields(&entry.row).optional_array("digest")?;
                return Ok(Some(Outcome::Repeat { seq: entry.seq, digest }));
            }
        }
        let fields = doc! { "seq": 1, "digest": 1 };
        let query = Query::new(doc! { "made": made }).fields(fields).limit(1);
        let Some(row) = self.database().find(Table::Entries, query).await?.pop() else { return Ok(None) };
        let fields = Fields(&row);
        Ok(Some(Outcome::Repeat { seq: fields.seq("seq")?, digest: fields.optional_array("digest")? }))
    }

    async fn stored_marks(&self, of: ConversationId, seqs: &[Seq]) -> Done<Vec<Mark>> {
        let keys = seqs.iter().map(|&seq| self.keys().entry(of, seq)).collect();
        let fields = doc! { "seq": 1, "marks": 1 };
        let found =
            self.by_key(Table::Entries, keys, |keys| Query::keys(keys).fields(fields.clone())).await?;
        let mut marks = Vec::new();
        for row in found.values() {
            marks.extend(read_marks(row)?);
        }
        marks.sort_unstable();
        Ok(marks)
    }

    /// The messages at these positions of settled conversations, absent where there is none.
    async fn messages_at(&self, wanted: &[(&Room, Seq)]) -> Done<Vec<Option<MessageRow>>> {
        let key = |room: &Room, seq| self.keys().entry(room.now().id, seq);
        let rows = wanted.iter().filter(|(room, seq)| room.waiting(*seq).is_none());
        let rows = rows.map(|(room, seq)| key(room, *seq)).collect();
        let found = self.by_key(Table::Entries, rows, |keys| Query::keys(keys).fields(doc! { "marks": 0 }));
        let found = found.await?;
        let message = |(room, seq): &(&Room, Seq)| {
            let waiting = room.waiting(*seq).map(|entry| &entry.row);
            let Some(row) = waiting.or_else(|| found.get(&key(room, *seq).bytes)) else { return Ok(None) };
            let is_message = Fields(row).get("rev")?.is_some();
            Ok(is_message.then(|| MessageRow::read(row)).transpose()?)
        };
        wanted.iter().map(message).collect()
    }

    /// These conversations as records, absent where there is none.
    pub(crate) async fn records(&self, ids: &[ConversationId]) -> Done<Vec<Option<Conversation>>> {
        let keys = ids.iter().map(|&id| self.keys().conversation(id)).collect();
        let found = self.by_key(Table::Conversations, keys, |keys| Query::keys(keys).fields(record_fields()));
        let found = found.await?;
        let record = |&id: &ConversationId| {
            let document = found.get(&self.keys().conversation(id).bytes);
            Ok(document.map(|document| read_conversation(document)).transpose()?)
        };
        ids.iter().map(record).collect()
    }
}
