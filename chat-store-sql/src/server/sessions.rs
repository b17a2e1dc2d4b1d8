//! Logins.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use chat_core::id::{SessionId, UserId};
use chat_core::store::{Change, NewSession, RefreshState, Rotate, SessionRow, Sessions, StoreError};
use chat_core::time::Timestamp;

use super::Server;
use super::columns::{Columns, Row};
use super::error::Done;
use super::found::Found;
use super::line::Line;
use super::locks::{Lock, lock};
use super::value::{Rows, Value, ids, values};
use crate::codec::int;
use crate::statements::{batched::sessions as batched, sessions as sql};

#[async_trait]
impl Sessions for Server {
    async fn create(&self, row: &SessionRow, keep: u64) -> Result<Vec<SessionId>, StoreError> {
        let row = Arc::new(row.clone());
        self.write(move |line| {
            let row = Arc::clone(&row);
            Box::pin(async move { create(line, &row, keep).await })
        })
        .await
    }

    async fn load(&self, ids: &[SessionId]) -> Result<Vec<Option<SessionRow>>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut line = self.reading().await?;
        let done = load(&mut line, ids).await;
        line.end(done).await
    }

    async fn alive(&self, these: &[SessionId], now: Timestamp) -> Result<Vec<bool>, StoreError> {
        if these.is_empty() {
            return Ok(Vec::new());
        }
        let wanted = ids(these.iter().map(SessionId::as_bytes));
        let mut line = self.reading().await?;
        let rows = line.query(batched::ALIVE, values![&wanted, line.tenant, now.millis()]).await;
        let alive = rows.and_then(|rows| rows.iter().map(read_id).collect::<Done<HashSet<_>>>());
        line.end(alive.map(|alive| these.iter().map(|id| alive.contains(id)).collect())).await
    }

    async fn of_user(&self, user: UserId) -> Result<Vec<SessionRow>, StoreError> {
        let mut line = self.reading().await?;
        let rows = line.query(sql::OF_USER, values![line.tenant, user.as_bytes()]).await;
        line.end(rows.and_then(|rows| rows.iter().map(|row| read(&mut Columns::of(row))).collect())).await
    }

    async fn rotate(&self, rotate: &Rotate) -> Result<(), StoreError> {
        let rotate = Arc::new(rotate.clone());
        self.write(move |line| {
            let rotate = Arc::clone(&rotate);
            Box::pin(async move { self::rotate(line, &rotate).await })
        })
        .await
    }

    async fn touch(&self, seen: &[(SessionId, Timestamp)]) -> Result<(), StoreError> {
        // Of several of one login the latest counts; all are locked in the order of ids.
        let mut latest = seen.to_vec();
        latest.sort_unstable();
        let latest: Arc<HashMap<_, _>> = Arc::new(latest.into_iter().collect());
        if latest.is_empty() {
            return Ok(());
        }
        self.write(move |line| {
            let latest = Arc::clone(&latest);
            Box::pin(async move { touch(line, &latest).await })
        })
        .await
    }

    async fn end(&self, ids: &[SessionId]) -> Result<Vec<SessionId>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Arc<[SessionId]> = Arc::from(ids);
        self.write(move |line| {
            let ids = Arc::clone(&ids);
            Box::pin(async move { end(line, &ids).await })
        })
        .await
    }

    async fn expired(&self, now: Timestamp, limit: usize) -> Result<Vec<SessionId>, StoreError> {
        let mut line = self.reading().await?;
        let rows = line.query(sql::EXPIRED, values![line.tenant, now.millis(), int(limit as u64)]).await;
        line.end(rows.and_then(|rows| rows.iter().map(read_id).collect())).await
    }
}

async fn create(line: &mut Line, row: &SessionRow, keep: u64) -> Done<Vec<SessionId>> {
    lock(line, Lock::Logins, &[row.user]).await?;
    if line.first(sql::ENDS_AT, values![line.tenant, row.id.as_bytes()]).await?.is_some() {
        return Err(StoreError::AlreadyExists("session").into());
    }
    let others = line.query(sql::IDS_OF_USER, values![line.tenant, row.user.as_bytes()]).await?;
    let others = others.iter().map(read_id).collect::<Done<Vec<_>>>()?;
    let room = usize::try_from(keep.saturating_sub(1)).unwrap_or(usize::MAX);
    let beyond = others.len().saturating_sub(room);
    let ended = end(line, &others[..beyond]).await?;
    insert(line, row).await?;
    Ok(ended)
}

async fn load(line: &mut Line, these: &[SessionId]) -> Done<Vec<Option<SessionRow>>> {
    let wanted = ids(these.iter().map(SessionId::as_bytes));
    let rows = line.query(batched::THESE, values![&wanted, line.tenant]).await?;
    let key = |columns: &mut Columns<'_>| columns.id(SessionId::from_bytes);
    Found::read(&rows, key, |columns| read(columns.again()))?.all(these)
}

async fn rotate(line: &mut Line, rotate: &Rotate) -> Done<()> {
    let row = line.first(batched::LOCK, values![line.tenant, rotate.id.as_bytes()]).await?;
    let now = row.map(|row| read(&mut Columns::of(&row))).transpose()?.ok_or(StoreError::Conflict)?;
    if now.refresh.generation + 1 != rotate.refresh.generation {
        return Err(StoreError::Conflict.into());
    }
    replace(line, rotate, rotate.idle_until.min(now.absolute_until)).await?;
    line.tell([Change::Session(rotate.id)]);
    Ok(())
}

async fn touch(line: &mut Line, latest: &HashMap<SessionId, Timestamp>) -> Done<()> {
    let wanted = ids(latest.keys().map(SessionId::as_bytes));
    line.query(batched::LOCK_THESE, values![&wanted, line.tenant]).await?;
    let row = |(id, at): (&SessionId, &Timestamp)| [Value::from(id.as_bytes()), Value::from(at.millis())];
    let seen: Rows<'_> = latest.iter().map(row).collect();
    line.execute(batched::TOUCH, values![&seen, line.tenant]).await?;
    Ok(())
}

/// Ends these; answers which were there, in the order named.
async fn end(line: &mut Line, these: &[SessionId]) -> Done<Vec<SessionId>> {
    if these.is_empty() {
        return Ok(Vec::new());
    }
    let wanted = ids(these.iter().map(SessionId::as_bytes));
    let rows = line.query(batched::LOCK_THESE, values![&wanted, line.tenant]).await?;
    let mut there = rows.iter().map(read_id).collect::<Done<HashSet<_>>>()?;
    let ended: Vec<SessionId> = these.iter().copied().filter(|id| there.remove(id)).collect();
    for id in &ended {
        line.execute(sql::END, values![line.tenant, id.as_bytes()]).await?;
    }
    line.tell(ended.iter().copied().map(Change::Session));
    Ok(ended)
}

pub(super) async fn insert(line: &mut Line, row: &SessionRow) -> Done<()> {
    let refresh = &row.refresh;
    let row = values![
        line.tenant,
        row.id.as_bytes(),
        row.user.as_bytes(),
        &row.device,
        row.created_at.millis(),
        row.last_seen_at.millis(),
        row.idle_until.millis(),
        row.absolute_until.millis(),
        row.idle_until.min(row.absolute_until).millis(),
        int(row.credential_version),
        int(refresh.generation),
        refresh.current.as_slice(),
        refresh.previous.as_ref().map(<[u8; 32]>::as_slice),
        refresh.salt.as_slice(),
        &refresh.key_id,
        refresh.rotated_at.millis(),
    ];
    line.execute(sql::INSERT, row).await.map(drop)
}

async fn replace(line: &mut Line, rotate: &Rotate, ends_at: Timestamp) -> Done<()> {
    let refresh = &rotate.refresh;
    let row = values![
        int(refresh.generation),
        refresh.current.as_slice(),
        refresh.previous.as_ref().map(<[u8; 32]>::as_slice),
        refresh.salt.as_slice(),
        &refresh.key_id,
        refresh.rotated_at.millis(),
        rotate.idle_until.millis(),
        ends_at.millis(),
        int(rotate.credential_version),
        line.tenant,
        rotate.id.as_bytes(),
    ];
    line.execute(sql::ROTATE, row).await.map(drop)
}

fn read_id(row: &Row) -> Done<SessionId> {
    Columns::of(row).id(SessionId::from_bytes)
}

pub(super) fn read(columns: &mut Columns<'_>) -> Done<SessionRow> {
    let (id, user) = (columns.id(SessionId::from_bytes)?, columns.id(UserId::from_bytes)?);
    let (device, created_at, last_seen_at) = (columns.text()?, columns.time()?, columns.time()?);
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
            current: columns.array()?,
            previous: columns.optional_array()?,
            salt: columns.array()?,
            key_id: columns.text()?,
            rotated_at: columns.time()?,
        },
    };
    let mut session = SessionRow::new(new);
    session.last_seen_at = last_seen_at;
    Ok(session)
}
