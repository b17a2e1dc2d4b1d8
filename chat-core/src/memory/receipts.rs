//! How far everybody has come.

use std::sync::Arc;

use async_trait::async_trait;

use super::MemoryStore;
use super::room::Rooms;
use crate::store::{Raise, Raised, Receipts, StoreError};

impl Rooms {
    fn raise(&mut self, raise: &Raise) -> Option<Raised> {
        let room = self.rooms.get_mut(&raise.conversation)?;
        let (before, after) = room.raise(raise.user, raise.to)?;
        let unread = room.unread(&room.members[&raise.user]);
        Some(Raised { before, after, unread })
    }
}

#[async_trait]
impl Receipts for MemoryStore {
    async fn raise(&self, batch: Arc<[Raise]>) -> Result<Vec<Option<Raised>>, StoreError> {
        let mut tables = self.tables();
        Ok(batch.iter().map(|raise| tables.rooms.raise(raise)).collect())
    }
}
