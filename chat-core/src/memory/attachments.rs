//! Files of messages.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::MemoryStore;
use super::transfer::between;
use crate::id::{AttachmentId, UserId};
use crate::store::{AttachmentRow, Attachments, StoreError};
use crate::time::Timestamp;

/// All files of a tenant.
pub(super) type AttachmentTable = BTreeMap<AttachmentId, AttachmentRow>;

#[async_trait]
impl Attachments for MemoryStore {
    async fn load(&self, ids: &[AttachmentId]) -> Result<Vec<Option<AttachmentRow>>, StoreError> {
        let tables = self.tables();
        Ok(ids.iter().map(|id| tables.attachments.get(id).cloned()).collect())
    }

    async fn put(&self, row: &AttachmentRow) -> Result<(), StoreError> {
        let mut tables = self.tables();
        let there = tables.attachments.get(&row.id);
        match (row.version, there) {
            (1, Some(_)) => return Err(StoreError::AlreadyExists("attachment")),
            (1, None) => {}
            (version, Some(there)) if there.version + 1 == version && there.owner == row.owner => {}
            _ => return Err(StoreError::Conflict),
        }
        tables.attachments.insert(row.id, row.clone());
        Ok(())
    }

    async fn remove(&self, id: AttachmentId, version: u64) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        match tables.attachments.get(&id) {
            Some(there) if there.version != version => Err(StoreError::Conflict),
            _ => Ok(tables.attachments.remove(&id).is_some()),
        }
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<AttachmentRow>, StoreError> {
        let tables = self.tables();
        let is_due = |row: &&AttachmentRow| row.due.is_some_and(|due| due <= now);
        let mut due: Vec<_> = tables.attachments.values().filter(is_due).cloned().collect();
        due.sort_by_key(|row| (row.due, row.id));
        due.truncate(limit);
        Ok(due)
    }

    async fn waiting(&self, owner: UserId) -> Result<u64, StoreError> {
        let tables = self.tables();
        let waits = |row: &&AttachmentRow| row.owner == owner && row.due.is_some();
        Ok(tables.attachments.values().filter(waits).count() as u64)
    }

    async fn after(
        &self,
        after: Option<AttachmentId>,
        limit: usize,
    ) -> Result<Vec<AttachmentRow>, StoreError> {
        let tables = self.tables();
        let rows = tables.attachments.range(between(after, None));
        Ok(rows.take(limit).map(|(_, row)| row.clone()).collect())
    }

    async fn replace(
        &self,
        after: Option<AttachmentId>,
        through: Option<AttachmentId>,
        rows: &[AttachmentRow],
    ) -> Result<(), StoreError> {
        let mut tables = self.tables();
        let gone: Vec<_> = tables.attachments.range(between(after, through)).map(|(id, _)| *id).collect();
        for id in gone {
            tables.attachments.remove(&id);
        }
        tables.attachments.extend(rows.iter().map(|row| (row.id, row.clone())));
        Ok(())
    }
}
