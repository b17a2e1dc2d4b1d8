//! Conversations this process has seen last: a hint that saves reading them again.
//!
//! What is remembered may be old at any time. It is only ever used to decide a change that compares the version, and
//! a refusal is never decided from it. Lanes of one conversation wait for each other here, so that only processes
//! race for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use chat_core::conversation::Conversation;
use chat_core::id::{ConversationId, Tenant};
use tokio::sync::{MutexGuard as Turn, Semaphore, SemaphorePermit};

use crate::document::Room;

/// Conversations that are remembered.
const ROOMS_MAX: usize = 4_096;
/// Entries in the tail of one that is remembered.
const TAIL_MAX: usize = 64;
/// Conversations share so many queues.
const QUEUES: usize = 256;
/// Flushes at a time.
const FLUSHES_MAX: u32 = 4;

/// Conversations of one flush.
const ROOMS_PER_FLUSH: usize = 64;

type Whose = (Tenant, ConversationId);

/// What is remembered of conversations, and who works on them.
#[derive(Debug)]
pub(crate) struct Rooms {
    known: Mutex<HashMap<Whose, Arc<Room>>>,
    /// Conversations whose flush waits to begin, as they were last seen.
    due: Mutex<HashMap<Tenant, HashMap<ConversationId, Room>>>,
    queues: Vec<tokio::sync::Mutex<()>>,
    flushes: Semaphore,
}

impl Rooms {
    pub(crate) fn new() -> Self {
        Self {
            known: Mutex::default(),
            due: Mutex::default(),
            queues: std::iter::repeat_with(tokio::sync::Mutex::default).take(QUEUES).collect(),
            flushes: Semaphore::new(FLUSHES_MAX as usize),
        }
    }

    /// Waits until nobody else in this process appends to this conversation.
    pub(crate) async fn turn(&self, id: ConversationId) -> Turn<'_, ()> {
        self.queues[usize::from(id.as_bytes()[15]) % QUEUES].lock().await
    }

    pub(crate) fn recall(&self, tenant: Tenant, id: ConversationId) -> Option<Arc<Room>> {
        self.known().get(&(tenant, id)).cloned()
    }

    pub(crate) fn remember(&self, tenant: Tenant, room: Room) {
        let whose = (tenant, room.now().id);
        let mut known = self.known();
        if room.tail.len() > TAIL_MAX || room.is_unsettled() {
            known.remove(&whose);
            return;
        }
        if known.len() >= ROOMS_MAX && !known.contains_key(&whose) {
            known.clear();
        }
        known.insert(whose, Arc::new(room));
    }

    pub(crate) fn forget(&self, tenant: Tenant, id: ConversationId) {
        self.known().remove(&(tenant, id));
    }

    /// Notes that the entries of this state are rows.
    pub(crate) fn let_go(&self, tenant: Tenant, at: &Conversation) {
        let flushed = at.head;
        if let Some(room) = self.known().get_mut(&(tenant, at.id)) {
            let room = Arc::make_mut(room);
            room.flushed = room.flushed.max(flushed);
            room.tail.retain(|entry| entry.seq > flushed);
        }
    }

    /// Notes that a conversation is to be flushed; answers whether nobody is about to.
    pub(crate) fn is_first_due(&self, tenant: Tenant, room: Room) -> bool {
        let mut due = self.due();
        let own = due.entry(tenant).or_default();
        let is_first = own.is_empty();
        own.insert(room.now().id, room);
        is_first
    }

    /// Waits until a flush may begin, and takes what is due, a part of it at a time.
    pub(crate) async fn begin_flush(&self, tenant: Tenant) -> Option<(SemaphorePermit<'_>, Vec<Room>)> {
        let permit = self.flushes.acquire().await.ok()?;
        let mut due = self.due();
        let own = due.entry(tenant).or_default();
        let ids: Vec<ConversationId> = own.keys().take(ROOMS_PER_FLUSH).copied().collect();
        let rooms = ids.iter().filter_map(|id| own.remove(id)).collect();
        Some((permit, rooms))
    }

    /// Waits until no flush is running, and lets none begin.
    pub(crate) async fn end_flushes(&self) {
        if self.flushes.acquire_many(FLUSHES_MAX).await.is_ok() {
            self.flushes.close();
        }
    }

    fn due(&self) -> MutexGuard<'_, HashMap<Tenant, HashMap<ConversationId, Room>>> {
        self.due.lock().expect("nothing panics under this lock")
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Whose, Arc<Room>>> {
        self.known.lock().expect("nothing panics under this lock")
    }
}

#[cfg(test)]
mod tests {
    use chat_core::conversation::Kind;
    use chat_core::id::Seq;
    use chat_core::store::plan::Kept;
    use chat_core::time::Timestamp;

    use super::*;

    /// What was looked up for the state before does not count any more: the tail knew repeats that it knows no longer.
    #[test]
    fn a_flush_makes_another_state_of_the_same_version() {
        let (rooms, tenant, id) = (Rooms::new(), Tenant::default(), ConversationId::from_bytes([1; 16]));
        let mut now = Conversation::shell(id, Kind::Group, Timestamp::default());
        now.head = Seq::new(5);
        let kept = Kept { conversation: now.clone(), last_message: Seq::new(5) };
        let room = Room { kept, version: 7, flushed: Seq::new(4), tail: Vec::new(), moves: Vec::new() };
        rooms.remember(tenant, room);
        let before = rooms.recall(tenant, id).unwrap().state();
        rooms.let_go(tenant, &now);
        let after = rooms.recall(tenant, id).unwrap().state();
        assert_eq!((before.0, after.0), (7, 7));
        assert_ne!(before, after);
    }
}
