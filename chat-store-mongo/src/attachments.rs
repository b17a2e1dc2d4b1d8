//! Files of messages: one document each, compared and swapped by its version.

use async_trait::async_trait;
use chat_core::id::{AttachmentId, UserId};
use chat_core::store::code::int;
use chat_core::store::{AttachmentRow, Attachments, StoreError};
use chat_core::time::Timestamp;
use mongodb::bson::{Document, RawDocument, RawDocumentBuf, doc};

use crate::database::{Query, Table};
use crate::document::{Fields, Read, binary, raw};
use crate::error::{Done, Unreadable};
use crate::key::{Keys, id_in};
use crate::store::MongoStore;

#[async_trait]
impl Attachments for MongoStore {
    async fn load(&self, ids: &[AttachmentId]) -> Result<Vec<Option<AttachmentRow>>, StoreError> {
        Ok(self.attachment_rows(ids).await?)
    }

    async fn put(&self, row: &AttachmentRow) -> Result<(), StoreError> {
        let row = row.clone();
        self.write(|store| async move { store.put_attachment(&row).await }).await
    }

    async fn remove(&self, id: AttachmentId, version: u64) -> Result<bool, StoreError> {
        self.write(move |store| async move { store.remove_attachment(id, version).await }).await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<AttachmentRow>, StoreError> {
        let filter = doc! { "tenant": self.keys().tenant(), "due": { "$lte": now.millis() } };
        let query = Query::new(filter).sort(doc! { "due": 1, "_id": 1 }).limit(limit);
        Ok(self.attachments_found(query).await?)
    }

    async fn waiting(&self, owner: UserId) -> Result<u64, StoreError> {
        let query = Query::new(doc! { "waits": self.keys().user(owner) }).fields(doc! { "_id": 1 });
        Ok(self.database().find(Table::Attachments, query).await?.len() as u64)
    }

    async fn after(
        &self,
        after: Option<AttachmentId>,
        limit: usize,
    ) -> Result<Vec<AttachmentRow>, StoreError> {
        let range = self.attachments_between(after, None);
        let query = Query::new(range).sort(doc! { "_id": 1 }).limit(limit);
        Ok(self.attachments_found(query).await?)
    }

    async fn replace(
        &self,
        after: Option<AttachmentId>,
        through: Option<AttachmentId>,
        rows: &[AttachmentRow],
    ) -> Result<(), StoreError> {
        let (range, keys) = (self.attachments_between(after, through), self.keys());
        let rows = rows.iter().map(|row| document(keys, row)).collect::<Done<Vec<_>>>()?;
        self.write(|store| async move {
            store.database().delete(Table::Attachments, range).await?;
            store.database().insert(Table::Attachments, rows).await.map(drop)
        })
        .await
    }
}

impl MongoStore {
    async fn attachment_rows(&self, ids: &[AttachmentId]) -> Done<Vec<Option<AttachmentRow>>> {
        let keys = ids.iter().map(|&id| self.keys().attachment(id)).collect();
        let found = self.by_key(Table::Attachments, keys, Query::keys).await?;
        let row = |&id: &AttachmentId| {
            found.get(&self.keys().attachment(id).bytes).map(|document| Ok(read(document)?)).transpose()
        };
        ids.iter().map(row).collect()
    }

    async fn attachments_found(&self, query: Query) -> Done<Vec<AttachmentRow>> {
        let found = self.database().find(Table::Attachments, query).await?;
        Ok(found.iter().map(|document| read(document)).collect::<Read<_>>()?)
    }

    async fn put_attachment(&self, row: &AttachmentRow) -> Done<()> {
        if row.version == 1 {
            let known = self.database().insert(Table::Attachments, vec![document(self.keys(), row)?]).await?;
            return if known == 0 { Ok(()) } else { Err(StoreError::AlreadyExists("attachment").into()) };
        }
        let key = self.keys().attachment(row.id);
        let before = int(row.version.saturating_sub(1));
        let filter = doc! { "_id": key, "version": before, "owner": self.keys().user(row.owner) };
        let mut update = doc! { "$set": fields(self.keys(), row) };
        if row.due.is_none() {
            update.insert("$unset", doc! { "due": "", "waits": "" });
        }
        if self.database().swap(Table::Attachments, filter, update).await? {
            Ok(())
        } else {
            Err(StoreError::Conflict.into())
        }
    }

    async fn remove_attachment(&self, id: AttachmentId, version: u64) -> Done<bool> {
        let key = self.keys().attachment(id);
        let filter = doc! { "_id": key, "version": int(version) };
        if self.database().delete(Table::Attachments, filter).await? > 0 {
            return Ok(true);
        }
        match self.attachment_rows(&[id]).await?.pop().flatten() {
            Some(_) => Err(StoreError::Conflict.into()),
            None => Ok(false),
        }
    }

    fn attachments_between(&self, after: Option<AttachmentId>, through: Option<AttachmentId>) -> Document {
        let keys = self.keys();
        self.between(1, after.map(|id| keys.attachment(id)), through.map(|id| keys.attachment(id)))
    }
}

fn document(keys: Keys, row: &AttachmentRow) -> Done<RawDocumentBuf> {
    let mut document = doc! { "_id": keys.attachment(row.id), "tenant": keys.tenant() };
    document.extend(fields(keys, row));
    raw(&document)
}

/// What changes; `waits` is there as long as `due` is.
fn fields(keys: Keys, row: &AttachmentRow) -> Document {
    let mut fields = doc! {
        "owner": keys.user(row.owner),
        "version": int(row.version),
        "payload": binary(&row.payload),
    };
    if let Some(due) = row.due {
        fields.insert("due", due.millis());
        fields.insert("waits", keys.user(row.owner));
    }
    fields
}

fn read(document: &RawDocument) -> Read<AttachmentRow> {
    let fields = Fields(document);
    let id = id_in(fields.bytes("_id")?, 0).map(AttachmentId::from_bytes).ok_or(Unreadable("_id"))?;
    let owner = id_in(fields.bytes("owner")?, 0).map(UserId::from_bytes).ok_or(Unreadable("owner"))?;
    let payload = fields.payload("payload")?.ok_or(Unreadable("payload"))?;
    let mut row = AttachmentRow::new(id, owner, payload);
    row.version = fields.count("version")?;
    row.due = fields.optional_time("due")?;
    Ok(row)
}
