//! Logins.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeBounds;

use async_trait::async_trait;

use super::MemoryStore;
use crate::id::{SessionId, UserId};
use crate::store::{Change, Rotate, SessionRow, Sessions, StoreError};
use crate::time::Timestamp;

/// All logins of a tenant.
#[derive(Default)]
pub(super) struct SessionTable {
    rows: BTreeMap<SessionId, SessionRow>,
    /// Each user's logins, oldest first.
    users: BTreeMap<UserId, BTreeSet<(Timestamp, SessionId)>>,
}

impl SessionTable {
    fn create(&mut self, row: &SessionRow, keep: u64) -> Result<Vec<SessionId>, StoreError> {
        if self.rows.contains_key(&row.id) {
            return Err(StoreError::AlreadyExists("session"));
        }
        let others: Vec<SessionId> = self.of(row.user).collect();
        let others_kept = usize::try_from(keep.saturating_sub(1)).unwrap_or(usize::MAX);
        let ended = others[..others.len().saturating_sub(others_kept)].to_vec();
        for &id in &ended {
            self.end(id);
        }
        self.insert(row);
        Ok(ended)
    }

    fn insert(&mut self, row: &SessionRow) {
        self.users.entry(row.user).or_default().insert((row.created_at, row.id));
        self.rows.insert(row.id, row.clone());
    }

    /// The logins in a range of ids, by id.
    pub(super) fn within(&self, ids: impl RangeBounds<SessionId>) -> impl Iterator<Item = &SessionRow> {
        self.rows.range(ids).map(|(_, row)| row)
    }

    /// Makes the logins in a range of ids exactly these.
    pub(super) fn replace(&mut self, ids: impl RangeBounds<SessionId>, rows: &[SessionRow]) {
        let gone: Vec<SessionId> = self.within(ids).map(|row| row.id).collect();
        for id in gone {
            self.end(id);
        }
        for row in rows {
            self.insert(row);
        }
    }

    fn of(&self, user: UserId) -> impl Iterator<Item = SessionId> {
        self.users.get(&user).into_iter().flatten().map(|&(_, id)| id)
    }

    fn rotate(&mut self, rotate: &Rotate) -> Result<(), StoreError> {
        let row = self.rows.get_mut(&rotate.id).ok_or(StoreError::Conflict)?;
        if row.refresh.generation + 1 != rotate.refresh.generation {
            return Err(StoreError::Conflict);
        }
        row.refresh = rotate.refresh.clone();
        row.idle_until = rotate.idle_until;
        row.credential_version = rotate.credential_version;
        Ok(())
    }

    /// Ends one login; answers whether it was there.
    fn end(&mut self, id: SessionId) -> bool {
        let Some(row) = self.rows.remove(&id) else { return false };
        let own = self.users.get_mut(&row.user).expect("every row stands in its user's list");
        own.remove(&(row.created_at, id));
        if own.is_empty() {
            self.users.remove(&row.user);
        }
        true
    }
}

impl MemoryStore {
    fn tell_ended(&self, ended: &[SessionId]) {
        self.own.access_changes.push(ended.iter().copied().map(Change::Session));
    }
}

#[async_trait]
impl Sessions for MemoryStore {
    async fn create(&self, row: &SessionRow, keep: u64) -> Result<Vec<SessionId>, StoreError> {
        let mut tables = self.tables();
        let ended = tables.sessions.create(row, keep)?;
        self.tell_ended(&ended);
        Ok(ended)
    }

    async fn load(&self, ids: &[SessionId]) -> Result<Vec<Option<SessionRow>>, StoreError> {
        let tables = self.tables();
        Ok(ids.iter().map(|id| tables.sessions.rows.get(id).cloned()).collect())
    }

    async fn alive(&self, ids: &[SessionId], now: Timestamp) -> Result<Vec<bool>, StoreError> {
        let tables = self.tables();
        let alive = |id| tables.sessions.rows.get(id).is_some_and(|row| !row.is_expired(now));
        Ok(ids.iter().map(alive).collect())
    }

    async fn of_user(&self, user: UserId) -> Result<Vec<SessionRow>, StoreError> {
        let tables = self.tables();
        Ok(tables.sessions.of(user).map(|id| tables.sessions.rows[&id].clone()).collect())
    }

    async fn rotate(&self, rotate: &Rotate) -> Result<(), StoreError> {
        let mut tables = self.tables();
        tables.sessions.rotate(rotate)?;
        self.own.access_changes.push([Change::Session(rotate.id)]);
        Ok(())
    }

    async fn touch(&self, seen: &[(SessionId, Timestamp)]) -> Result<(), StoreError> {
        let mut tables = self.tables();
        for (id, at) in seen {
            if let Some(row) = tables.sessions.rows.get_mut(id) {
                row.last_seen_at = row.last_seen_at.max(*at);
            }
        }
        Ok(())
    }

    async fn end(&self, ids: &[SessionId]) -> Result<Vec<SessionId>, StoreError> {
        let mut tables = self.tables();
        let ended: Vec<SessionId> = ids.iter().copied().filter(|&id| tables.sessions.end(id)).collect();
        self.tell_ended(&ended);
        Ok(ended)
    }

    async fn expired(&self, now: Timestamp, limit: usize) -> Result<Vec<SessionId>, StoreError> {
        let tables = self.tables();
        let over = tables.sessions.rows.values().filter(|row| row.is_expired(now));
        Ok(over.take(limit).map(|row| row.id).collect())
    }
}
