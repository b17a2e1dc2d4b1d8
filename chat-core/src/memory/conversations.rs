//! Conversations as records.

use std::ops::Bound;

use async_trait::async_trait;

use super::MemoryStore;
use super::room::{Room, Rooms};
use crate::conversation::{Conversation, Membership, Role, Standing};
use crate::id::{ConversationId, Seq};
use crate::store::{Change, Conversations, Shell, StoreError};

impl Rooms {
    /// Makes the shell of a conversation that is not there.
    fn make(&mut self, shell: &Shell) -> Conversation {
        let (id, at) = (shell.id, shell.at);
        let mut record = Conversation::shell(id, shell.kind, at);
        record.pair = shell.pair;
        record.creator = shell.creator;
        record.settings = shell.settings;
        let mut room = Room::new(record);
        for user in shell.pair.iter().flat_map(|pair| pair.both()) {
            let standing = Standing::Member(Role::Member);
            room.set_row(user, Some(Membership::new(id, user, standing, Seq::FIRST, at)));
        }
        let made = room.record.clone();
        self.rooms.insert(id, room);
        for user in shell.pair.iter().flat_map(|pair| pair.both()) {
            self.index(id, user);
        }
        made
    }
}

#[async_trait]
impl Conversations for MemoryStore {
    async fn ensure(&self, shell: &Shell) -> Result<Conversation, StoreError> {
        let mut tables = self.tables();
        if let Some(room) = tables.rooms.get(shell.id) {
            return Ok(room.record.clone());
        }
        let made = tables.rooms.make(shell);
        let users = shell.pair.iter().flat_map(|pair| pair.both());
        self.own.talk_changes.push(users.map(Change::Memberships));
        Ok(made)
    }

    async fn load(&self, ids: &[ConversationId]) -> Result<Vec<Option<Conversation>>, StoreError> {
        let tables = self.tables();
        Ok(ids.iter().map(|&id| tables.rooms.get(id).map(|room| room.record.clone())).collect())
    }

    async fn fence(&self, id: ConversationId) -> Result<(), StoreError> {
        if let Some(room) = self.tables().rooms.rooms.get_mut(&id) {
            room.record.acl += 1;
        }
        Ok(())
    }

    async fn walk(
        &self,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<Conversation>, StoreError> {
        let tables = self.tables();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rooms = tables.rooms.rooms.range((from, Bound::Unbounded));
        Ok(rooms.take(limit).map(|(_, room)| room.record.clone()).collect())
    }
}
