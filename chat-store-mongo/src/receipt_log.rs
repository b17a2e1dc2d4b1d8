//! When everybody had read up to where: a document a mark, whose key says everything but the time.

use async_trait::async_trait;
use chat_core::id::{ConversationId, Seq, UserId};
use chat_core::store::{ReadMark, ReadsFrom, ReceiptLog, StoreError};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use mongodb::bson::{Binary, RawDocument, doc};

use crate::database::{Query, Table};
use crate::document::{Fields, Read, raw};
use crate::error::{Done, Unreadable};
use crate::key::{id_in, seq_in};
use crate::store::MongoStore;

/// Lists that are read at the same time.
const LISTS_AT_ONCE: usize = 16;

#[async_trait]
impl ReceiptLog for MongoStore {
    async fn note(&self, marks: &[ReadMark]) -> Result<(), StoreError> {
        let marks = marks.to_vec();
        self.write(|store| async move { store.note_reads(&marks).await }).await
    }

    async fn reads(&self, wanted: &[ReadsFrom], limit: usize) -> Result<Vec<Vec<ReadMark>>, StoreError> {
        let lists: Vec<_> = wanted.iter().map(|of| self.reads_of(of, limit)).collect();
        Ok(stream::iter(lists).buffered(LISTS_AT_ONCE).try_collect().await?)
    }

    async fn walk(
        &self,
        of: ConversationId,
        after: Option<(UserId, Seq)>,
        limit: usize,
    ) -> Result<Vec<ReadMark>, StoreError> {
        let keys = self.keys();
        let (user, seq) = after.unwrap_or((UserId::SYSTEM, Seq::ZERO));
        let last = keys.read(of, UserId::from_bytes([u8::MAX; 16]), Seq::new(u64::MAX));
        let range = doc! { "_id": { "$gt": keys.read(of, user, seq), "$lte": last } };
        Ok(self.read_marks(range, limit).await?)
    }
}

impl MongoStore {
    async fn note_reads(&self, marks: &[ReadMark]) -> Done<()> {
        let keys = self.keys();
        let document = |mark: &ReadMark| {
            let key: Binary = keys.read(mark.conversation, mark.user, mark.up_to);
            raw(&doc! { "_id": key, "at": mark.at.millis() })
        };
        let documents = marks.iter().map(document).collect::<Result<Vec<_>, _>>()?;
        // Those that are there already stay.
        self.database().insert(Table::Reads, documents).await.map(drop)
    }

    async fn reads_of(&self, of: &ReadsFrom, limit: usize) -> Done<Vec<ReadMark>> {
        let keys = self.keys();
        let first = keys.read(of.conversation, of.user, of.from);
        let last = keys.read(of.conversation, of.user, Seq::new(u64::MAX));
        self.read_marks(doc! { "_id": { "$gte": first, "$lte": last } }, limit).await
    }

    async fn read_marks(&self, range: mongodb::bson::Document, limit: usize) -> Done<Vec<ReadMark>> {
        let query = Query::new(range).sort(doc! { "_id": 1 }).limit(limit);
        let found = self.database().find(Table::Reads, query).await?;
        Ok(found.iter().map(|document| read_mark(document)).collect::<Read<_>>()?)
    }
}

fn read_mark(document: &RawDocument) -> Read<ReadMark> {
    let fields = Fields(document);
    let key = fields.bytes("_id")?;
    Ok(ReadMark {
        conversation: id_in(key, 0).map(ConversationId::from_bytes).ok_or(Unreadable("_id"))?,
        user: id_in(key, 1).map(UserId::from_bytes).ok_or(Unreadable("_id"))?,
        up_to: seq_in(key, 2).ok_or(Unreadable("_id"))?,
        at: fields.time("at")?,
    })
}
