//! Leaving this store and entering it. What tables keep in step among themselves they put themselves; here is what a
//! conversation does.

use std::ops::Bound;

use async_trait::async_trait;

use super::room::{Room, Rooms, Stored, index};
use super::{MemoryStore, Tables};
use crate::conversation::{Conversation, Membership};
use crate::id::{ConversationId, Pair, Seq, SessionId, UserId};
use crate::store::{
    AccountCopy, EntryCopy, MessageRow, Meta, PairCopy, SessionRow, StoreError, TransferAccess,
    TransferPeople, TransferTalk,
};

impl Room {
    /// The entries after `after`, each with everything that hangs on it.
    fn copies(&self, after: Seq) -> impl Iterator<Item = EntryCopy> {
        let skip = usize::try_from(after.get()).unwrap_or(usize::MAX);
        self.entries.iter().skip(skip).map(|Stored { row, digest }| {
            let mut entry = row.clone();
            entry.message = self.message(row.seq).cloned();
            EntryCopy { entry, digest: *digest, marks: self.marks(&[row.seq]) }
        })
    }

    /// Whether these rows may be put: no hole, and the log ends where the record says.
    fn judge_copies(&self, record: &Conversation, rows: &[EntryCopy]) -> Result<(), StoreError> {
        let mut head = Seq::new(self.entries.len() as u64);
        let mut last = Seq::ZERO;
        let fell = record.head < head;
        for EntryCopy { entry, .. } in rows {
            if entry.seq <= last || entry.seq > head.next() {
                return Err(StoreError::Conflict);
            }
            last = entry.seq;
            head = head.max(last);
        }
        if fell || record.head != head { Err(StoreError::Conflict) } else { Ok(()) }
    }

    /// Puts an entry at its position: in the place of the one there, or at the end.
    fn put_copy(&mut self, copy: &EntryCopy) {
        let EntryCopy { entry, digest, marks } = copy;
        let seq = entry.seq;
        let mut stored = Stored { row: entry.clone(), digest: *digest };
        self.put_message(seq, stored.row.message.take());
        match index(seq.get()).and_then(|at| self.entries.get_mut(at)) {
            Some(place) => {
                let before = std::mem::replace(place, stored).row;
                self.made.entry(before.by).or_default().remove(&before.client_id);
            }
            None => self.entries.push(stored),
        }
        self.made.entry(entry.by).or_default().insert(entry.client_id.clone(), seq);
        self.marks.retain(|mark| mark.target != seq);
        self.marks.extend(marks.iter().cloned());
    }

    /// Makes this, or nothing, the message at a position.
    fn put_message(&mut self, seq: Seq, message: Option<MessageRow>) {
        let at = self.messages.partition_point(|message| message.seq < seq);
        let until = self.messages.partition_point(|message| message.seq <= seq);
        self.messages.splice(at..until, message);
    }
}

impl Tables {
    fn has_conversations(&self) -> bool {
        !self.rooms.rooms.is_empty()
    }
}

impl Rooms {
    fn put_log(&mut self, record: &Conversation, rows: &[EntryCopy]) -> Result<(), StoreError> {
        let new = !self.rooms.contains_key(&record.id);
        let room = self.rooms.entry(record.id).or_insert_with(|| Room::new(record.clone()));
        if let Err(error) = room.judge_copies(record, rows) {
            if new {
                self.rooms.remove(&record.id);
            }
            return Err(error);
        }
        for copy in rows {
            room.put_copy(copy);
        }
        room.record = record.clone();
        Ok(())
    }

    fn put_members(
        &mut self,
        of: ConversationId,
        users: (Bound<UserId>, Bound<UserId>),
        rows: &[Membership],
    ) -> Result<(), StoreError> {
        let room = self.rooms.get_mut(&of).ok_or(StoreError::Conflict)?;
        let mut moved: Vec<UserId> = room.members.range(users).map(|(&user, _)| user).collect();
        for user in &moved {
            room.members.remove(user);
        }
        room.members.extend(rows.iter().map(|row| (row.user, row.clone())));
        moved.extend(rows.iter().map(|row| row.user));
        for user in moved {
            self.index(of, user);
        }
        Ok(())
    }
}

/// After `after`, up to and including `through`.
pub(super) fn between<T>(after: Option<T>, through: Option<T>) -> (Bound<T>, Bound<T>) {
    (after.map_or(Bound::Unbounded, Bound::Excluded), through.map_or(Bound::Unbounded, Bound::Included))
}

#[async_trait]
impl TransferPeople for MemoryStore {
    async fn pairs(&self, after: Option<Pair>, limit: usize) -> Result<Vec<PairCopy>, StoreError> {
        Ok(self.tables().friendships.copies(after).take(limit).collect())
    }

    async fn put_pairs(&self, pairs: &[PairCopy]) -> Result<(), StoreError> {
        let mut tables = self.tables();
        for copy in pairs {
            tables.friendships.put_copy(copy);
        }
        Ok(())
    }

    async fn accounts_after(
        &self,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<AccountCopy>, StoreError> {
        Ok(self.tables().accounts.copies(after).take(limit).collect())
    }

    async fn put_accounts(&self, accounts: &[AccountCopy]) -> Result<(), StoreError> {
        self.tables().accounts.put_copies(accounts)
    }
}

#[async_trait]
impl TransferAccess for MemoryStore {
    async fn sessions_after(
        &self,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<SessionRow>, StoreError> {
        Ok(self.tables().sessions.within(between(after, None)).take(limit).cloned().collect())
    }

    async fn put_sessions(
        &self,
        after: Option<SessionId>,
        through: Option<SessionId>,
        rows: &[SessionRow],
    ) -> Result<(), StoreError> {
        self.tables().sessions.replace(between(after, through), rows);
        Ok(())
    }
}

#[async_trait]
impl TransferTalk for MemoryStore {
    async fn put_meta(&self, meta: &Meta) -> Result<(), StoreError> {
        let mut now = self.all.meta();
        if *now != *meta && self.all.any_tenant(Tables::has_conversations) {
            return Err(StoreError::Conflict);
        }
        *now = *meta;
        Ok(())
    }

    async fn entries_after(
        &self,
        of: ConversationId,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<EntryCopy>, StoreError> {
        let tables = self.tables();
        let room = tables.rooms.get(of);
        Ok(room.into_iter().flat_map(|room| room.copies(after)).take(limit).collect())
    }

    async fn put_log(&self, record: &Conversation, rows: &[EntryCopy]) -> Result<(), StoreError> {
        self.tables().rooms.put_log(record, rows)
    }

    async fn members_after(
        &self,
        of: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Membership>, StoreError> {
        let tables = self.tables();
        let rooms = tables.rooms.get(of).into_iter();
        let rows = rooms.flat_map(|room| room.members.range(between(after, None)));
        Ok(rows.take(limit).map(|(_, row)| row.clone()).collect())
    }

    async fn put_members(
        &self,
        of: ConversationId,
        after: Option<UserId>,
        through: Option<UserId>,
        rows: &[Membership],
    ) -> Result<(), StoreError> {
        self.tables().rooms.put_members(of, between(after, through), rows)
    }
}
