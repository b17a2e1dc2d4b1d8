//! Files of messages.

use std::sync::Arc;

use async_trait::async_trait;
use chat_core::id::{AttachmentId, UserId};
use chat_core::store::{AttachmentRow, Attachments, StoreError};
use chat_core::time::Timestamp;

use super::Server;
use super::columns::{Columns, Row, unreadable};
use super::error::Done;
use super::found::Found;
use super::line::Line;
use super::transfer::{FIRST, LAST};
use super::value::{ids, values};
use crate::codec::int;
use crate::statements::attachments as sql;
use crate::statements::batched::attachments as batched;

#[async_trait]
impl Attachments for Server {
    async fn load(&self, these: &[AttachmentId]) -> Result<Vec<Option<AttachmentRow>>, StoreError> {
        if these.is_empty() {
            return Ok(Vec::new());
        }
        let mut line = self.reading().await?;
        let done = load(&mut line, these).await;
        line.end(done).await
    }

    async fn put(&self, row: &AttachmentRow) -> Result<(), StoreError> {
        let row = Arc::new(row.clone());
        self.write(move |line| {
            let row = Arc::clone(&row);
            Box::pin(async move { put(line, &row).await })
        })
        .await
    }

    async fn remove(&self, id: AttachmentId, version: u64) -> Result<bool, StoreError> {
        self.write(move |line| Box::pin(async move { remove(line, id, version).await })).await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<AttachmentRow>, StoreError> {
        let mut line = self.reading().await?;
        let rows = line.query(sql::DUE, values![line.tenant, now.millis(), int(limit as u64)]).await;
        line.end(rows.and_then(|rows| rows.iter().map(read).collect())).await
    }

    async fn waiting(&self, owner: UserId) -> Result<u64, StoreError> {
        let mut line = self.reading().await?;
        let row = line.first(sql::WAITING, values![line.tenant, owner.as_bytes()]).await;
        let count = |row: Option<Row>| Columns::of(&row.ok_or_else(unreadable)?).count();
        line.end(row.and_then(count)).await
    }

    async fn after(
        &self,
        after: Option<AttachmentId>,
        limit: usize,
    ) -> Result<Vec<AttachmentRow>, StoreError> {
        let after = after.map_or(FIRST, |id| *id.as_bytes());
        let mut line = self.reading().await?;
        let rows = line.query(sql::AFTER, values![line.tenant, &after, int(limit as u64)]).await;
        line.end(rows.and_then(|rows| rows.iter().map(read).collect())).await
    }

    async fn replace(
        &self,
        after: Option<AttachmentId>,
        through: Option<AttachmentId>,
        rows: &[AttachmentRow],
    ) -> Result<(), StoreError> {
        let (after, through) =
            (after.map_or(FIRST, |id| *id.as_bytes()), through.map_or(LAST, |id| *id.as_bytes()));
        let rows: Arc<[AttachmentRow]> = Arc::from(rows);
        self.write(move |line| {
            let rows = Arc::clone(&rows);
            Box::pin(async move {
                line.execute(sql::FORGET, values![line.tenant, &after, &through]).await?;
                for row in &*rows {
                    insert(line, row).await?;
                }
                Ok(())
            })
        })
        .await
    }
}

async fn load(line: &mut Line, these: &[AttachmentId]) -> Done<Vec<Option<AttachmentRow>>> {
    let wanted = ids(these.iter().map(AttachmentId::as_bytes));
    let rows = line.query(batched::THESE, values![&wanted, line.tenant]).await?;
    let key = |columns: &mut Columns<'_>| columns.id(AttachmentId::from_bytes);
    Found::read(&rows, key, |columns| read_columns(columns.again()))?.all(these)
}

async fn put(line: &mut Line, row: &AttachmentRow) -> Done<()> {
    if row.version == 1 {
        if line.first(sql::VERSION, values![line.tenant, row.id.as_bytes()]).await?.is_some() {
            return Err(StoreError::AlreadyExists("attachment").into());
        }
        return insert(line, row).await;
    }
    let values = values![
        int(row.version),
        row.due.map(Timestamp::millis),
        &row.payload[..],
        line.tenant,
        row.id.as_bytes(),
        int(row.version.saturating_sub(1)),
        row.owner.as_bytes(),
    ];
    if line.execute(sql::UPDATE, values).await? == 0 { Err(StoreError::Conflict.into()) } else { Ok(()) }
}

async fn remove(line: &mut Line, id: AttachmentId, version: u64) -> Done<bool> {
    let Some(row) = line.first(batched::LOCK, values![line.tenant, id.as_bytes()]).await? else {
        return Ok(false);
    };
    if Columns::of(&row).count()? != version {
        return Err(StoreError::Conflict.into());
    }
    line.execute(sql::REMOVE, values![line.tenant, id.as_bytes(), int(version)]).await?;
    Ok(true)
}

async fn insert(line: &mut Line, row: &AttachmentRow) -> Done<()> {
    let values = values![
        line.tenant,
        row.id.as_bytes(),
        row.owner.as_bytes(),
        int(row.version),
        row.due.map(Timestamp::millis),
        &row.payload[..],
    ];
    line.execute(sql::INSERT, values).await.map(drop)
}

fn read(row: &Row) -> Done<AttachmentRow> {
    read_columns(&mut Columns::of(row))
}

fn read_columns(columns: &mut Columns<'_>) -> Done<AttachmentRow> {
    let (id, owner) = (columns.id(AttachmentId::from_bytes)?, columns.id(UserId::from_bytes)?);
    let (version, due) = (columns.count()?, columns.optional_time()?);
    let mut row = AttachmentRow::new(id, owner, columns.payload()?.ok_or_else(unreadable)?);
    row.version = version;
    row.due = due;
    Ok(row)
}
