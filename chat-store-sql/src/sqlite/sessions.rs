//! Logins.

use async_trait::async_trait;
use chat_core::id::{SessionId, UserId};
use chat_core::store::{Change, NewSession, RefreshState, Rotate, SessionRow, Sessions, StoreError};
use chat_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::SqliteStore;
use super::columns::Columns;
use super::error::Done;
use crate::codec::int;
use crate::statements::sessions as sql;

#[async_trait]
impl Sessions for SqliteStore {
    async fn create(&self, row: &SessionRow, keep: u64) -> Result<Vec<SessionId>, StoreError> {
        let (tenant, row) = (self.tenant_column(), row.clone());
        self.write(move |connection, told| {
            if one(connection, tenant, row.id)?.is_some() {
                return Err(StoreError::AlreadyExists("session").into());
            }
            let others = ids_of(connection, tenant, row.user)?;
            let room = usize::try_from(keep.saturating_sub(1)).unwrap_or(usize::MAX);
            let beyond = others.len().saturating_sub(room);
            let ended = end(connection, tenant, &others[..beyond])?;
            insert(connection, tenant, &row)?;
            told.extend(ended.iter().copied().map(Change::Session));
            Ok(ended)
        })
        .await
    }

    async fn load(&self, ids: &[SessionId]) -> Result<Vec<Option<SessionRow>>, StoreError> {
        let (tenant, ids) = (self.tenant_column(), ids.to_vec());
        self.read(move |connection| ids.iter().map(|&id| one(connection, tenant, id)).collect()).await
    }

    async fn alive(&self, ids: &[SessionId], now: Timestamp) -> Result<Vec<bool>, StoreError> {
        let (tenant, ids) = (self.tenant_column(), ids.to_vec());
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(sql::ENDS_AT)?;
            let mut alive = |id: &SessionId| {
                let ends =
                    statement.query_row(params![tenant, id.as_bytes()], |row| row.get(0)).optional()?;
                Ok(ends.is_some_and(|ends: i64| now.millis() < ends))
            };
            ids.iter().map(&mut alive).collect()
        })
        .await
    }

    async fn of_user(&self, user: UserId) -> Result<Vec<SessionRow>, StoreError> {
        let tenant = self.tenant_column();
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(sql::OF_USER)?;
            let rows = statement.query_map(params![tenant, user.as_bytes()], read)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn rotate(&self, rotate: &Rotate) -> Result<(), StoreError> {
        let (tenant, rotate) = (self.tenant_column(), rotate.clone());
        self.write(move |connection, told| {
            let now = one(connection, tenant, rotate.id)?.ok_or(StoreError::Conflict)?;
            if now.refresh.generation + 1 != rotate.refresh.generation {
                return Err(StoreError::Conflict.into());
            }
            replace(connection, tenant, &rotate, rotate.idle_until.min(now.absolute_until))?;
            told.push(Change::Session(rotate.id));
            Ok(())
        })
        .await
    }

    async fn touch(&self, seen: &[(SessionId, Timestamp)]) -> Result<(), StoreError> {
        let (tenant, seen) = (self.tenant_column(), seen.to_vec());
        self.write(move |connection, _| {
            let mut statement = connection.prepare_cached(sql::TOUCH)?;
            for (id, at) in seen {
                statement.execute(params![at.millis(), tenant, id.as_bytes(), at.millis()])?;
            }
            Ok(())
        })
        .await
    }

    async fn end(&self, ids: &[SessionId]) -> Result<Vec<SessionId>, StoreError> {
        let (tenant, ids) = (self.tenant_column(), ids.to_vec());
        self.write(move |connection, told| {
            let ended = end(connection, tenant, &ids)?;
            told.extend(ended.iter().copied().map(Change::Session));
            Ok(ended)
        })
        .await
    }

    async fn expired(&self, now: Timestamp, limit: usize) -> Result<Vec<SessionId>, StoreError> {
        let tenant = self.tenant_column();
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(sql::EXPIRED)?;
            let rows = statement.query_map(params![tenant, now.millis(), int(limit as u64)], read_id)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }
}

fn one(connection: &Connection, tenant: i64, id: SessionId) -> Done<Option<SessionRow>> {
    let mut statement = connection.prepare_cached(sql::ONE)?;
    Ok(statement.query_row(params![tenant, id.as_bytes()], read).optional()?)
}

/// A user's logins, oldest first.
fn ids_of(connection: &Connection, tenant: i64, user: UserId) -> Done<Vec<SessionId>> {
    let mut statement = connection.prepare_cached(sql::IDS_OF_USER)?;
    let rows = statement.query_map(params![tenant, user.as_bytes()], read_id)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Ends these; answers which were there.
fn end(connection: &Connection, tenant: i64, ids: &[SessionId]) -> Done<Vec<SessionId>> {
    let mut statement = connection.prepare_cached(sql::END)?;
    let mut ended = Vec::new();
    for id in ids {
        if statement.execute(params![tenant, id.as_bytes()])? > 0 {
            ended.push(*id);
        }
    }
    Ok(ended)
}

pub(super) fn insert(connection: &Connection, tenant: i64, row: &SessionRow) -> Done<()> {
    let refresh = &row.refresh;
    connection.prepare_cached(sql::INSERT)?.execute(params![
        tenant,
        row.id.as_bytes(),
        row.user.as_bytes(),
        row.device,
        row.created_at.millis(),
        row.last_seen_at.millis(),
        row.idle_until.millis(),
        row.absolute_until.millis(),
        row.idle_until.min(row.absolute_until).millis(),
        int(row.credential_version),
        int(refresh.generation),
        refresh.current,
        refresh.previous,
        refresh.salt,
        refresh.key_id,
        refresh.rotated_at.millis(),
    ])?;
    Ok(())
}

fn replace(connection: &Connection, tenant: i64, rotate: &Rotate, ends_at: Timestamp) -> Done<()> {
    let refresh = &rotate.refresh;
    connection.prepare_cached(sql::ROTATE)?.execute(params![
        int(refresh.generation),
        refresh.current,
        refresh.previous,
        refresh.salt,
        refresh.key_id,
        refresh.rotated_at.millis(),
        rotate.idle_until.millis(),
        ends_at.millis(),
        int(rotate.credential_version),
        tenant,
        rotate.id.as_bytes(),
    ])?;
    Ok(())
}

fn read_id(row: &Row<'_>) -> rusqlite::Result<SessionId> {
    Columns::of(row).id(SessionId::from_bytes)
}

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<SessionRow> {
    let mut columns = Columns::of(row);
    let (id, user) = (columns.id(SessionId::from_bytes)?, columns.id(UserId::from_bytes)?);
    let (device, created_at, last_seen_at) = (columns.value()?, columns.time()?, columns.time()?);
    let new = NewSession {
        id,
        user,
        device,
        created_at,
        idle_until: columns.time()?,
        absolute_until: columns.time()?,
        credential_version: columns.count()?,
        refresh: RefreshState {
            generation: columns.count()?,
            current: columns.value()?,
            previous: columns.value()?,
            salt: columns.value()?,
            key_id: columns.value()?,
            rotated_at: columns.time()?,
        },
    };
    let mut session = SessionRow::new(new);
    session.last_seen_at = last_seen_at;
    Ok(session)
}
