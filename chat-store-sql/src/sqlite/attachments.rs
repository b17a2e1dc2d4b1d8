//! Files of messages.

use async_trait::async_trait;
use chat_core::id::{AttachmentId, UserId};
use chat_core::message::Payload;
use chat_core::store::{AttachmentRow, Attachments, StoreError};
use chat_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::SqliteStore;
use super::columns::Columns;
use super::error::Done;
use super::transfer::{FIRST, LAST};
use crate::codec::int;
use crate::statements::attachments as sql;

#[async_trait]
impl Attachments for SqliteStore {
    async fn load(&self, ids: &[AttachmentId]) -> Result<Vec<Option<AttachmentRow>>, StoreError> {
        let (tenant, ids) = (self.tenant_column(), ids.to_vec());
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(sql::ONE)?;
            let mut one = |id: &AttachmentId| {
                Ok(statement.query_row(params![tenant, id.as_bytes()], read).optional()?)
            };
            ids.iter().map(&mut one).collect()
        })
        .await
    }

    async fn put(&self, row: &AttachmentRow) -> Result<(), StoreError> {
        let (tenant, row) = (self.tenant_column(), row.clone());
        self.write(move |connection, _| match row.version {
            1 if version(connection, tenant, row.id)?.is_some() => {
                Err(StoreError::AlreadyExists("attachment").into())
            }
            1 => insert(connection, tenant, &row),
            _ => update(connection, tenant, &row),
        })
        .await
    }

    async fn remove(&self, id: AttachmentId, version: u64) -> Result<bool, StoreError> {
        let tenant = self.tenant_column();
        self.write(move |connection, _| {
            let there = self::version(connection, tenant, id)?;
            if there.is_some_and(|there| there != version) {
                return Err(StoreError::Conflict.into());
            }
            connection.prepare_cached(sql::REMOVE)?.execute(params![tenant, id.as_bytes(), int(version)])?;
            Ok(there.is_some())
        })
        .await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<AttachmentRow>, StoreError> {
        let tenant = self.tenant_column();
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(sql::DUE)?;
            let rows = statement.query_map(params![tenant, now.millis(), int(limit as u64)], read)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn waiting(&self, owner: UserId) -> Result<u64, StoreError> {
        let tenant = self.tenant_column();
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(sql::WAITING)?;
            Ok(statement.query_row(params![tenant, owner.as_bytes()], |row| Columns::of(row).count())?)
        })
        .await
    }

    async fn after(
        &self,
        after: Option<AttachmentId>,
        limit: usize,
    ) -> Result<Vec<AttachmentRow>, StoreError> {
        let tenant = self.tenant_column();
        self.read(move |connection| {
            let after = after.map_or(FIRST, |id| *id.as_bytes());
            let mut statement = connection.prepare_cached(sql::AFTER)?;
            let rows = statement.query_map(params![tenant, after, int(limit as u64)], read)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn replace(
        &self,
        after: Option<AttachmentId>,
        through: Option<AttachmentId>,
        rows: &[AttachmentRow],
    ) -> Result<(), StoreError> {
        let (tenant, rows) = (self.tenant_column(), rows.to_vec());
        self.write(move |connection, _| {
            let (after, through) =
                (after.map_or(FIRST, |id| *id.as_bytes()), through.map_or(LAST, |id| *id.as_bytes()));
            connection.prepare_cached(sql::FORGET)?.execute(params![tenant, after, through])?;
            rows.iter().try_for_each(|row| insert(connection, tenant, row))
        })
        .await
    }
}

fn version(connection: &Connection, tenant: i64, id: AttachmentId) -> Done<Option<u64>> {
    let mut statement = connection.prepare_cached(sql::VERSION)?;
    Ok(statement.query_row(params![tenant, id.as_bytes()], |row| Columns::of(row).count()).optional()?)
}

fn insert(connection: &Connection, tenant: i64, row: &AttachmentRow) -> Done<()> {
    connection.prepare_cached(sql::INSERT)?.execute(params![
        tenant,
        row.id.as_bytes(),
        row.owner.as_bytes(),
        int(row.version),
        row.due.map(Timestamp::millis),
        &row.payload[..],
    ])?;
    Ok(())
}

fn update(connection: &Connection, tenant: i64, row: &AttachmentRow) -> Done<()> {
    let changed = connection.prepare_cached(sql::UPDATE)?.execute(params![
        int(row.version),
        row.due.map(Timestamp::millis),
        &row.payload[..],
        tenant,
        row.id.as_bytes(),
        int(row.version.saturating_sub(1)),
        row.owner.as_bytes(),
    ])?;
    if changed == 0 { Err(StoreError::Conflict.into()) } else { Ok(()) }
}

fn read(row: &Row<'_>) -> rusqlite::Result<AttachmentRow> {
    let mut columns = Columns::of(row);
    let (id, owner) = (columns.id(AttachmentId::from_bytes)?, columns.id(UserId::from_bytes)?);
    let (version, due) = (columns.count()?, columns.optional_time()?);
    let mut row = AttachmentRow::new(id, owner, Payload::from(columns.value::<Vec<u8>>()?));
    row.version = version;
    row.due = due;
    Ok(row)
}
