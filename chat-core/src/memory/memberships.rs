//! Who is where.

use std::ops::Bound;

use async_trait::async_trait;

use super::MemoryStore;
use super::room::{Room, Rooms};
use crate::conversation::{History, Kind, Membership, Seat, Standing};
use crate::id::{ConversationId, Seq, UserId};
use crate::receipt::Receipt;
use crate::store::{Change, Enter, Memberships, Place, Position, SeatQuery, StoreError};

impl Room {
    fn enter(&mut self, enter: &Enter) -> Result<bool, StoreError> {
        if self.record.closed || self.record.acl != enter.acl {
            return Err(StoreError::Conflict);
        }
        match self.members.get(&enter.user).map(|row| row.standing) {
            Some(Standing::Banned) => return Err(StoreError::Conflict),
            Some(Standing::Member(_)) => return Ok(false),
            None => {}
        }
        let (id, head) = (self.record.id, self.record.head);
        let visible_from = match self.record.settings.history {
            History::All => Seq::FIRST,
            History::FromJoin => head.next(),
        };
        let new = Membership::new(id, enter.user, Standing::Member(enter.role), visible_from, enter.at);
        let row = Membership { read: head, read_n: self.record.n, delivered: head, ..new };
        self.set_row(enter.user, Some(row));
        Ok(true)
    }

    fn exit(&mut self, user: UserId) -> bool {
        let is_member = self.members.get(&user).is_some_and(|row| row.role().is_some());
        if is_member {
            self.set_row(user, None);
            self.record.acl += 1;
        }
        is_member
    }

    fn hide(&mut self, user: UserId) -> bool {
        let head = self.record.head;
        if self.raise(user, Receipt { read: head, delivered: head }).is_none() {
            return false;
        }
        let row = self.members.get_mut(&user).expect("just raised");
        let was_visible = row.visible_from <= head;
        row.visible_from = head.next();
        was_visible
    }

    fn position(&self, user: UserId) -> Option<Position> {
        let row = self.members.get(&user).filter(|row| row.role().is_some() && !self.record.closed)?;
        Some(Position {
            conversation: self.record.id,
            kind: self.record.kind,
            head: self.record.head,
            visible_from: row.visible_from,
            member_count: self.record.member_count,
        })
    }
}

impl Rooms {
    /// A user's listed seats by conversation id, after `after`.
    fn listed(&self, user: UserId, after: Option<ConversationId>) -> impl Iterator<Item = Seat> {
        let rooms = self.of(user).filter(move |room| after.is_none_or(|after| room.record.id > after));
        rooms.filter_map(move |room| room.seat(user)).filter(Seat::is_listed)
    }
}

#[async_trait]
impl Memberships for MemoryStore {
    async fn of(
        &self,
        conversation: ConversationId,
        users: &[UserId],
    ) -> Result<Vec<Option<Membership>>, StoreError> {
        let tables = self.tables();
        let room = tables.rooms.get(conversation);
        Ok(users.iter().map(|user| room.and_then(|room| room.members.get(user)).cloned()).collect())
    }

    async fn place(&self, conversation: ConversationId, user: UserId) -> Result<Option<Place>, StoreError> {
        let tables = self.tables();
        let place = |room: &Room| Place {
            conversation: room.record.clone(),
            membership: room.members.get(&user).cloned(),
        };
        Ok(tables.rooms.get(conversation).map(place))
    }

    async fn list(
        &self,
        conversation: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Membership>, StoreError> {
        let tables = self.tables();
        let Some(room) = tables.rooms.get(conversation) else { return Ok(Vec::new()) };
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rows = room.members.range((from, Bound::Unbounded)).map(|(_, row)| row);
        Ok(rows.filter(|row| row.role().is_some()).take(limit).cloned().collect())
    }

    async fn positions(&self, user: UserId) -> Result<Vec<Position>, StoreError> {
        Ok(self.tables().rooms.of(user).filter_map(|room| room.position(user)).collect())
    }

    async fn seats(&self, user: UserId, query: SeatQuery<'_>) -> Result<Vec<Seat>, StoreError> {
        let tables = self.tables();
        Ok(match query {
            SeatQuery::These(ids) => ids.iter().filter_map(|&id| tables.rooms.get(id)?.seat(user)).collect(),
            SeatQuery::Listed { after, limit } => {
                tables.rooms.listed(user, after).take(limit.get() + 1).collect()
            }
        })
    }

    async fn counts(&self, users: &[UserId]) -> Result<Vec<u64>, StoreError> {
        let tables = self.tables();
        let count = |&user: &UserId| {
            let listed = tables.rooms.listed(user, None);
            listed.filter(|seat| seat.conversation.kind != Kind::Direct).count() as u64
        };
        Ok(users.iter().map(count).collect())
    }

    async fn enter(&self, enter: &Enter) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let room = tables.rooms.rooms.get_mut(&enter.conversation).ok_or(StoreError::Conflict)?;
        let entered = room.enter(enter)?;
        if entered {
            tables.rooms.index(enter.conversation, enter.user);
            self.own.talk_changes.push([Change::Memberships(enter.user)]);
        }
        Ok(entered)
    }

    async fn exit(&self, conversation: ConversationId, user: UserId) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let room = tables.rooms.rooms.get_mut(&conversation);
        let left = room.is_some_and(|room| room.exit(user));
        if left {
            tables.rooms.index(conversation, user);
            self.own.talk_changes.push([Change::Memberships(user)]);
        }
        Ok(left)
    }

    async fn hide(&self, conversation: ConversationId, user: UserId) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let room = tables.rooms.rooms.get_mut(&conversation);
        let hidden = room.is_some_and(|room| room.hide(user));
        if hidden {
            self.own.talk_changes.push([Change::Memberships(user)]);
        }
        Ok(hidden)
    }
}
