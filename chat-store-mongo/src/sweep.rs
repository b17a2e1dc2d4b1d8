//! What a process that died left half done is finished, whoever's it was.
//!
//! Nothing waits for the sweep: every reader finishes what he would otherwise see half done. It is there so that what
//! nobody reads does not stay as it is for ever.

use std::time::Duration;

use chat_core::id::UserId;
use chat_core::store::StoreError;
use mongodb::bson::{Binary, DateTime, Document, RawBsonRef, RawDocument, doc};

use crate::changes::ENDED_KEPT;
use crate::database::{Query, Table};
use crate::document::{Fields, Room, binary};
use crate::error::{Done, Unreadable};
use crate::key::id_in;
use crate::store::MongoStore;

/// How long after its last change a conversation is flushed here, in milliseconds: its own process comes before.
const IDLE: i64 = 10_000;
/// Documents of one command.
const SOME: usize = 200;

impl MongoStore {
    /// Finishes what processes that died have left half done, and takes away what is kept only for a while. It runs
    /// by itself every minute in every process; a call is for who cannot wait.
    ///
    /// # Errors
    /// Any [`StoreError`]; what was swept stays so.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        self.write(|store| async move { store.sweep_all().await }).await
    }

    async fn sweep_all(&self) -> Done<()> {
        let now = self.database().now().await?;
        self.sweep_moves().await?;
        self.sweep_tails(now - IDLE).await?;
        self.sweep_feeds().await?;
        self.sweep_logins().await?;
        let forgotten = doc! { "ended": { "$lt": DateTime::from_millis(now - 2 * ENDED_KEPT) } };
        self.database().delete(Table::Sessions, forgotten).await?;
        Ok(())
    }

    /// Members' rows that are about to change.
    async fn sweep_moves(&self) -> Done<()> {
        let mut left = Vec::new();
        loop {
            let filter = doc! { "moves.who": self.any_key(), "_id": { "$nin": left.clone() } };
            let found = self.database().find(Table::Conversations, Query::new(filter).limit(SOME)).await?;
            for document in &found {
                // One that cannot be settled does not stand in the way of the others.
                if let Err(failure) = self.settle_read(document).await {
                    if failure.is_unknown() {
                        return Err(failure);
                    }
                    tracing::error!(%failure, "a conversation cannot be settled");
                    left.push(binary(Fields(document).bytes("_id")?));
                }
            }
            if found.len() < SOME || left.len() >= SOME {
                return Ok(());
            }
        }
    }

    async fn settle_read(&self, document: &RawDocument) -> Done<()> {
        self.settle(Room::read(document)?).await.map(drop)
    }

    /// Entries that stand in no row yet, of conversations that rest.
    async fn sweep_tails(&self, until: i64) -> Done<()> {
        let mut from = self.swept().await?;
        loop {
            let range = doc! { "$gte": DateTime::from_millis(from), "$lt": DateTime::from_millis(until) };
            let query = Query::new(doc! { "tenant": self.keys().tenant(), "changed": range });
            let query = query.fields(doc! { "head": 1, "flushed": 1, "changed": 1 });
            let found =
                self.database().find(Table::Conversations, query.sort(doc! { "changed": 1 }).limit(SOME));
            let found = found.await?;
            let mut last = from;
            for document in &found {
                let fields = Fields(document);
                last = fields.required("changed", RawBsonRef::as_datetime)?.timestamp_millis();
                if fields.seq("flushed")? < fields.seq("head")?
                    && let Err(failure) = self.flush_stored(fields.bytes("_id")?).await
                {
                    if failure.is_unknown() {
                        return Err(failure);
                    }
                    tracing::error!(%failure, "entries of a conversation cannot become rows");
                }
            }
            if found.len() < SOME || last == from {
                return self.note_swept(until).await;
            }
            from = last;
        }
    }

    async fn flush_stored(&self, key: &[u8]) -> Done<()> {
        let filter = doc! { "_id": binary(key) };
        if let Some(document) = self.database().find_one(Table::Conversations, filter).await? {
            self.flush(&Room::read(&document)?).await?;
        }
        Ok(())
    }

    /// Feeds that were not told of a change.
    async fn sweep_feeds(&self) -> Done<()> {
        let query = Query::new(doc! { "due.who": self.any_key() }).fields(doc! { "due.who": 1 });
        for document in self.database().find(Table::Pairs, query).await? {
            for due in Fields(&document).documents("due")? {
                let user = id_in(Fields(due).bytes("who")?, 0).ok_or(Unreadable("due"))?;
                self.tell_due(UserId::from_bytes(user)).await?;
            }
        }
        Ok(())
    }

    /// Logins that a new one has pushed out.
    async fn sweep_logins(&self) -> Done<()> {
        let query = Query::new(doc! { "pending": self.any_key() });
        for document in self.database().find(Table::Logins, query).await? {
            self.finish_logins(&document).await?;
        }
        Ok(())
    }

    /// Every key of this tenant that is of one id.
    fn any_key(&self) -> Document {
        doc! { "$gte": self.keys().first([]), "$lte": self.keys().last([]) }
    }

    /// Up to which change tails were swept.
    async fn swept(&self) -> Done<i64> {
        let found = self.database().find_one(Table::Meta, doc! { "_id": self.swept_key() }).await?;
        let swept = found.map(|found| Fields(&found).int("until")).transpose()?;
        Ok(swept.unwrap_or(0))
    }

    async fn note_swept(&self, until: i64) -> Done<()> {
        let filter = doc! { "_id": self.swept_key() };
        self.database().put(Table::Meta, filter, doc! { "$max": { "until": until - IDLE } }).await?;
        Ok(())
    }

    fn swept_key(&self) -> Binary {
        self.keys().first([])
    }
}

/// Sweeps every so often until the store is gone.
pub(crate) async fn sweep_beside(stores: impl Fn() -> Option<Vec<MongoStore>>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let Some(stores) = stores() else { return };
        for store in stores {
            if let Err(error) = store.sweep().await {
                tracing::warn!(%error, "the sweep comes back to it");
            }
        }
    }
}
