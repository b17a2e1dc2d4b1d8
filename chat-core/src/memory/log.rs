//! Entries and messages.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use async_trait::async_trait;

use super::MemoryStore;
use super::room::Rooms;
use crate::id::{ConversationId, Seq, UserId};
use crate::message::ClientId;
use crate::page::Limit;
use crate::store::{
    After, Change, Entries, Head, Lane, LaneDone, Log, Mark, MessageRow, Messages, Outcome, StoreError,
    Window,
};

impl Rooms {
    fn append(&mut self, lane: &Lane) -> Result<(LaneDone, BTreeSet<UserId>), StoreError> {
        let id = lane.conversation;
        let room = self.rooms.get_mut(&id).ok_or(StoreError::Conflict)?;
        let (done, moved) = room.append(lane)?;
        for &user in &moved {
            self.index(id, user);
        }
        Ok((done, moved))
    }
}

#[async_trait]
impl Log for MemoryStore {
    async fn append(&self, batch: Arc<[Lane]>) -> Vec<Result<LaneDone, StoreError>> {
        let mut tables = self.tables();
        let mut seen = HashSet::new();
        let append = |lane: &Lane| {
            if !seen.insert(lane.conversation) {
                return Err(StoreError::Conflict);
            }
            let (done, moved) = tables.rooms.append(lane)?;
            let grown = done.outcomes.iter().any(|outcome| matches!(outcome, Outcome::Appended(_)));
            let head = grown.then_some(Change::Head(lane.conversation));
            self.own.talk_changes.push(head.into_iter().chain(moved.into_iter().map(Change::Memberships)));
            Ok(done)
        };
        batch.iter().map(append).collect()
    }

    async fn entries(&self, wanted: &[After], limit: Limit) -> Result<Vec<Entries>, StoreError> {
        let tables = self.tables();
        let entries = |&After { conversation, after }: &After| {
            let room = tables.rooms.get(conversation)?;
            let (head, start) = (room.record.head, room.record.start);
            Some(Entries { conversation, items: room.entries(after, limit), head, start })
        };
        Ok(wanted.iter().filter_map(entries).collect())
    }

    async fn messages(
        &self,
        of: ConversationId,
        visible_from: Seq,
        window: Window,
        limit: Limit,
    ) -> Result<Messages, StoreError> {
        let tables = self.tables();
        let nothing = Messages { items: Vec::new(), has_before: false, has_after: false };
        Ok(tables.rooms.get(of).map_or(nothing, |room| room.window(visible_from, window, limit)))
    }

    async fn at(&self, of: ConversationId, seqs: &[Seq]) -> Result<Vec<Option<MessageRow>>, StoreError> {
        let tables = self.tables();
        let room = tables.rooms.get(of);
        Ok(seqs.iter().map(|&seq| room.and_then(|room| room.message(seq)).cloned()).collect())
    }

    async fn last(&self, of: &[ConversationId]) -> Result<Vec<Option<MessageRow>>, StoreError> {
        let tables = self.tables();
        Ok(of.iter().map(|&id| tables.rooms.get(id).and_then(|room| room.last()).cloned()).collect())
    }

    async fn heads(&self, of: &[ConversationId]) -> Result<Vec<Option<Head>>, StoreError> {
        let tables = self.tables();
        let head = |&id: &ConversationId| {
            let record = &tables.rooms.get(id)?.record;
            Some(Head { head: record.head, start: record.start })
        };
        Ok(of.iter().map(head).collect())
    }

    async fn find(
        &self,
        of: ConversationId,
        by: UserId,
        client_id: &ClientId,
    ) -> Result<Option<Outcome>, StoreError> {
        Ok(self.tables().rooms.get(of).and_then(|room| room.find(by, client_id)))
    }

    async fn marks(&self, of: ConversationId, seqs: &[Seq]) -> Result<Vec<Mark>, StoreError> {
        Ok(self.tables().rooms.get(of).map_or_else(Vec::new, |room| room.marks(seqs)))
    }
}
