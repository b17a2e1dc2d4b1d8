//! A user's conversations, found by his rows: read once to know which they are, and once more after their documents,
//! so that nobody is told of a membership older than the head beside it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chat_core::conversation::{Membership, Seat};
use chat_core::id::{ConversationId, UserId};
use chat_core::store::StoreError;
use mongodb::bson::doc;

use super::{receipt, with_own};
use crate::database::{Query, Table};
use crate::dead::Stretch;
use crate::document::{Fields, MemberRow, Room, settled_fields};
use crate::error::Done;
use crate::flush::own_reads;
use crate::key::id_in;
use crate::log::LOOKS_MAX;
use crate::store::MongoStore;

/// A user in one of his conversations.
pub(super) struct Place {
    pub(super) room: Room,
    pub(super) row: Membership,
}

impl Place {
    fn seat(self, unread: u64, peer: Option<&Membership>) -> Seat {
        let reads = own_reads(&self.room.tail);
        let peer = peer.map(|row| receipt(&with_own(row.clone(), &reads)));
        Seat { conversation: self.room.kept.conversation, membership: self.row, unread, peer }
    }

    /// Whether a row that this version moved is younger than what was read of the conversation.
    fn is_torn(&self, version: i64) -> bool {
        version > self.room.version || self.row.delivered > self.room.now().head
    }

    pub(super) fn is_listed(&self) -> bool {
        let now = self.room.now();
        self.row.role().is_some() && !now.closed && self.row.visible_from <= now.head
    }

    /// The messages that may be unread.
    fn stretch(&self) -> Stretch {
        let now = self.room.now();
        let after = if self.row.role().is_some() { self.row.read_n } else { now.n };
        Stretch { of: now.id, after, last: now.n, head: now.head }
    }
}

/// Where a user has rows, and the version of the conversation that last moved each.
type Rows = BTreeMap<ConversationId, (Membership, i64)>;

/// A row by its conversation, if there is one for anybody to see.
fn placed(row: MemberRow) -> Option<(ConversationId, (Membership, i64))> {
    let MemberRow { membership, version } = row;
    membership.map(|row| (row.conversation, (row, version)))
}

impl MongoStore {
    /// All conversations of which a user is a member, by id.
    pub(super) async fn places(&self, user: UserId) -> Done<Vec<Place>> {
        self.settle_moves(user).await?;
        let mut ids: BTreeSet<ConversationId> = self.rows_of(user, None, None).await?.into_keys().collect();
        for _ in 0..LOOKS_MAX {
            let listed: Vec<ConversationId> = ids.iter().copied().collect();
            let rooms = self.all_places(&listed).await?;
            let rows = self.rows_of(user, None, None).await?;
            ids.extend(rows.keys().copied());
            if let Some(places) = join(rooms, rows) {
                return Ok(places);
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Rows that are about to change are changed first, so that all of a user's are found.
    async fn settle_moves(&self, user: UserId) -> Done<()> {
        let query = Query::new(doc! { "moves.who": self.keys().user(user) });
        for document in self.database().find(Table::Conversations, query).await? {
            self.settle(Room::read(&document)?).await?;
        }
        Ok(())
    }

    /// A user's rows by conversation, as a member, after one of them, at most so many.
    async fn rows_of(&self, user: UserId, after: Option<ConversationId>, limit: Option<usize>) -> Done<Rows> {
        let (keys, id) = (self.keys(), user.as_bytes());
        let from = after.map_or_else(|| keys.first([id]), |after| keys.member_of(user, after));
        let query = Query::new(doc! { "member_of": { "$gt": from, "$lte": keys.last([id]) } });
        let query = query.sort(doc! { "member_of": 1 });
        let query = match limit {
            Some(limit) => query.limit(limit),
            None => query,
        };
        let mut rows = Rows::new();
        for row in self.database().find(Table::Members, query).await? {
            rows.extend(placed(MemberRow::read(&row)?));
        }
        Ok(rows)
    }

    /// These conversations without what was said in them.
    async fn all_places(&self, ids: &[ConversationId]) -> Done<HashMap<ConversationId, Room>> {
        let keys = ids.iter().map(|&id| self.keys().conversation(id)).collect();
        let query = |keys| Query::keys(keys).fields(settled_fields());
        let mut rooms = HashMap::with_capacity(ids.len());
        for document in self.by_key(Table::Conversations, keys, query).await?.values() {
            let room = Room::read(document)?;
            let id = room.now().id;
            // Without its texts nothing can be made rows of.
            let room = if room.is_unsettled() { self.settled(id).await? } else { Some(room) };
            rooms.extend(room.map(|room| (id, room)));
        }
        Ok(rooms)
    }

    /// A user's seats in these conversations, in this order, each of one state.
    pub(super) async fn seats_in(&self, user: UserId, ids: &[ConversationId]) -> Done<Vec<Seat>> {
        let mut seats: HashMap<ConversationId, Option<Seat>> = HashMap::new();
        let mut torn = ids.to_vec();
        for _ in 0..LOOKS_MAX {
            seats.extend(self.read_seats(user, &torn).await?);
            torn.retain(|id| !seats.contains_key(id));
            if torn.is_empty() {
                return Ok(ids.iter().filter_map(|id| seats.get(id).cloned().flatten()).collect());
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// The seats that were read in one state, absent where there is none; those that were not are left out.
    async fn read_seats(
        &self,
        user: UserId,
        ids: &[ConversationId],
    ) -> Done<HashMap<ConversationId, Option<Seat>>> {
        let rooms = self.all_places(ids).await?;
        let (own, peers) = self.rows_in(user, &rooms).await?;
        let mut seats: HashMap<ConversationId, Option<Seat>> =
            ids.iter().filter(|id| !own.contains_key(id)).map(|id| (*id, None)).collect();
        let places = own.into_iter().filter_map(|(id, (row, version))| {
            let room = rooms.get(&id)?.clone();
            let row = with_own(row, &own_reads(&room.tail));
            let place = Place { room, row };
            (!place.is_torn(version)).then_some(place)
        });
        let places: Vec<Place> = places.collect();
        let stretches: Vec<Stretch> = places.iter().map(Place::stretch).collect();
        let unread = self.alive(&stretches).await?;
        for (place, unread) in places.into_iter().zip(unread) {
            let id = place.room.now().id;
            let peer = peers.get(&id).map(|(row, _)| row);
            seats.extend(unread.map(|unread| (id, Some(place.seat(unread, peer)))));
        }
        Ok(seats)
    }

    /// A user's rows in these conversations, and those of the others of direct ones.
    async fn rows_in(&self, user: UserId, rooms: &HashMap<ConversationId, Room>) -> Done<(Rows, Rows)> {
        let keys = self.keys();
        let own = rooms.keys().map(|&id| keys.member(id, user));
        let others = rooms.values().filter_map(|room| {
            let other = room.now().pair?.other(user)?;
            Some(keys.member(room.now().id, other))
        });
        let found = self.by_key(Table::Members, own.chain(others).collect(), Query::keys).await?;
        let (mut own, mut peers) = (Rows::new(), Rows::new());
        for row in found.values() {
            let key = Fields(row).bytes("_id")?;
            let is_own = id_in(key, 1) == Some(*user.as_bytes());
            let rows = if is_own { &mut own } else { &mut peers };
            rows.extend(placed(MemberRow::read(row)?));
        }
        Ok((own, peers))
    }

    /// A user's listed seats by conversation, after one of them, at most so many.
    pub(super) async fn listed_seats(
        &self,
        user: UserId,
        after: Option<ConversationId>,
        most: usize,
    ) -> Done<Vec<Seat>> {
        self.settle_moves(user).await?;
        let (mut seats, mut from) = (Vec::new(), after);
        while seats.len() < most {
            let rows = self.rows_of(user, from, Some(most)).await?;
            let ids: Vec<ConversationId> = rows.keys().copied().collect();
            let found = self.seats_in(user, &ids).await?;
            seats.extend(found.into_iter().filter(Seat::is_listed));
            from = ids.last().copied();
            if ids.len() < most {
                break;
            }
        }
        seats.truncate(most);
        Ok(seats)
    }
}

/// The places of these rows; nothing when one is younger than what was read of its conversation.
fn join(mut rooms: HashMap<ConversationId, Room>, rows: Rows) -> Option<Vec<Place>> {
    let place = |(id, (row, version)): (ConversationId, (Membership, i64))| {
        let room = rooms.remove(&id)?;
        let row = with_own(row, &own_reads(&room.tail));
        let place = Place { room, row };
        (!place.is_torn(version)).then_some(place)
    };
    rows.into_iter().map(place).collect()
}
