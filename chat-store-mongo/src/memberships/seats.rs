//! A user's conversations, found by his rows: read once to know which they are, and once more after their documents,
//! so that nobody is told of a membership older than the head beside it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chat_core::conversation::{Membership, Seat};
use chat_core::id::{ConversationId, UserId};
use mongodb::bson::doc;

use super::{receipt, with_own};
use crate::database::{Query, Table};
use crate::dead::Stretch;
use crate::document::{Fields, MemberRow, Room, settled_fields};
use crate::error::Done;
use crate::flush::own_reads;
use crate::key::id_in;
use crate::store::MongoStore;

/// A user in one of his conversations.
pub(super) struct Place {
    pub(super) room: Room,
    pub(super) row: Membership,
}

impl Place {
    fn seat(self) -> Seat {
        Seat { conversation: self.room.kept.conversation, membership: self.row, unread: 0, peer: None }
    }

    pub(super) fn is_listed(&self) -> bool {
        let now = self.room.now();
        self.row.role().is_some() && !now.closed && self.row.visible_from <= now.head
    }

    /// The messages that may be unread.
    fn stretch(&self) -> Stretch {
        let now = self.room.now();
        let after = if self.row.role().is_some() { self.row.read_n } else { now.n };
        Stretch { of: now.id, after, last: now.n }
    }
}

/// Where a user has rows.
type Rows = BTreeMap<ConversationId, Membership>;

impl MongoStore {
    /// All conversations of which a user is a member, by id.
    pub(super) async fn places(&self, user: UserId) -> Done<Vec<Place>> {
        self.settle_moves(user).await?;
        let mut ids: BTreeSet<ConversationId> = self.rows_of(user, None, None).await?.into_keys().collect();
        loop {
            let listed: Vec<ConversationId> = ids.iter().copied().collect();
            let rooms = self.all_places(&listed).await?;
            let rows = self.rows_of(user, None, None).await?;
            let unknown: Vec<ConversationId> =
                rows.keys().filter(|id| !rooms.contains_key(id)).copied().collect();
            if unknown.is_empty() {
                return Ok(join(rooms, rows));
            }
            ids.extend(unknown);
        }
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
            rows.extend(MemberRow::read(&row)?.membership.map(|row| (row.conversation, row)));
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

    /// A user's seats in these conversations, in this order.
    pub(super) async fn seats_in(&self, user: UserId, ids: &[ConversationId]) -> Done<Vec<Seat>> {
        let rooms = self.all_places(ids).await?;
        let (own, peers) = self.rows_in(user, &rooms).await?;
        let mut places = Vec::new();
        for id in ids {
            if let Some((room, row)) = rooms.get(id).zip(own.get(id)) {
                let row = with_own(row.clone(), &own_reads(&room.tail));
                places.push(Place { room: room.clone(), row });
            }
        }
        self.completed(places, &peers).await
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
            rows.extend(MemberRow::read(row)?.membership.map(|row| (row.conversation, row)));
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

    /// Seats with what does not stand in their rows: what is unread, and how far the other of two has come.
    async fn completed(&self, places: Vec<Place>, peers: &Rows) -> Done<Vec<Seat>> {
        let stretches: Vec<Stretch> = places.iter().map(Place::stretch).collect();
        let unread = self.alive(&stretches).await?;
        let complete = |(place, unread): (Place, u64)| {
            let reads = own_reads(&place.room.tail);
            let peer = peers.get(&place.room.now().id);
            let peer = peer.map(|row| receipt(&with_own(row.clone(), &reads)));
            Seat { unread, peer, ..place.seat() }
        };
        Ok(places.into_iter().zip(unread).map(complete).collect())
    }
}

fn join(mut rooms: HashMap<ConversationId, Room>, rows: Rows) -> Vec<Place> {
    let place = |(id, row): (ConversationId, Membership)| {
        let room = rooms.remove(&id)?;
        let row = with_own(row, &own_reads(&room.tail));
        Some(Place { room, row })
    };
    rows.into_iter().filter_map(place).collect()
}
