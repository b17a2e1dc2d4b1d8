//! Who is where.
//!
//! Rows follow the conversation's document, so they are read after it: a row that is read first may be older than what
//! the document says. Where the conversations are found by the rows themselves these are read once more.

mod seats;
mod shift;

use std::collections::HashMap;

use async_trait::async_trait;
use chat_core::conversation::{Kind, Membership, Seat};
use chat_core::id::{ConversationId, UserId};
use chat_core::receipt::Receipt;
use chat_core::store::{Enter, Memberships, Place, Position, SeatQuery, StoreError};
use mongodb::bson::doc;

use crate::database::{Query, Table};
use crate::document::{MemberRow, Room};
use crate::error::Done;
use crate::flush::{OwnReads, own_reads};
use crate::store::MongoStore;

#[async_trait]
impl Memberships for MongoStore {
    async fn of(
        &self,
        conversation: ConversationId,
        users: &[UserId],
    ) -> Result<Vec<Option<Membership>>, StoreError> {
        Ok(self.memberships(conversation, users).await?)
    }

    async fn place(&self, conversation: ConversationId, user: UserId) -> Result<Option<Place>, StoreError> {
        let Some(room) = self.settled(conversation).await? else { return Ok(None) };
        let membership = self.members_of(&room, &[user]).await?.pop().flatten();
        Ok(Some(Place { conversation: room.kept.conversation, membership }))
    }

    async fn list(
        &self,
        conversation: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Membership>, StoreError> {
        Ok(self.members(conversation, after, limit).await?)
    }

    async fn positions(&self, user: UserId) -> Result<Vec<Position>, StoreError> {
        let places = self.places(user).await?;
        let positions = places.iter().filter(|place| !place.room.now().closed).map(|place| {
            let now = place.room.now();
            Position {
                conversation: now.id,
                kind: now.kind,
                head: now.head,
                visible_from: place.row.visible_from,
                member_count: now.member_count,
            }
        });
        Ok(positions.collect())
    }

    async fn seats(&self, user: UserId, query: SeatQuery<'_>) -> Result<Vec<Seat>, StoreError> {
        Ok(match query {
            SeatQuery::These(ids) => self.seats_in(user, ids).await?,
            SeatQuery::Listed { after, limit } => self.listed_seats(user, after, limit.get() + 1).await?,
        })
    }

    async fn counts(&self, users: &[UserId]) -> Result<Vec<u64>, StoreError> {
        let mut counts = Vec::with_capacity(users.len());
        for &user in users {
            let places = self.places(user).await?;
            let counted =
                places.iter().filter(|place| place.is_listed() && place.room.now().kind != Kind::Direct);
            counts.push(counted.count() as u64);
        }
        Ok(counts)
    }

    async fn enter(&self, enter: &Enter) -> Result<bool, StoreError> {
        let enter = *enter;
        self.write(move |store| async move {
            store.shift(enter.conversation, enter.user, |at| at.enter(&enter)).await
        })
        .await
    }

    async fn exit(&self, conversation: ConversationId, user: UserId) -> Result<bool, StoreError> {
        self.write(move |store| async move { store.shift(conversation, user, |at| Ok(at.exit())).await })
            .await
    }

    async fn hide(&self, conversation: ConversationId, user: UserId) -> Result<bool, StoreError> {
        self.write(move |store| async move { store.shift(conversation, user, |at| Ok(at.hide())).await })
            .await
    }
}

impl MongoStore {
    /// The rows of these users, as they stand in the database.
    pub(crate) async fn member_rows(
        &self,
        of: ConversationId,
        users: &[UserId],
    ) -> Done<HashMap<UserId, MemberRow>> {
        let keys = users.iter().map(|&user| self.keys().member(of, user)).collect();
        let found = self.by_key(Table::Members, keys, Query::keys).await?;
        let row = |&user: &UserId| {
            let row = found.get(&self.keys().member(of, user).bytes)?;
            Some(MemberRow::read(row).map(|row| (user, row)))
        };
        Ok(users.iter().filter_map(row).collect::<Result<_, _>>()?)
    }

    async fn memberships(&self, of: ConversationId, users: &[UserId]) -> Done<Vec<Option<Membership>>> {
        match self.settled(of).await? {
            Some(room) => self.members_of(&room, users).await,
            None => Ok(vec![None; users.len()]),
        }
    }

    /// The rows of these users, read after their conversation.
    async fn members_of(&self, room: &Room, users: &[UserId]) -> Done<Vec<Option<Membership>>> {
        let rows = self.member_rows(room.now().id, users).await?;
        let reads = own_reads(&room.tail);
        let row = |user| Some(with_own(rows.get(user)?.membership.clone()?, &reads));
        Ok(users.iter().map(row).collect())
    }

    async fn members(
        &self,
        of: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Done<Vec<Membership>> {
        let Some(room) = self.settled(of).await? else { return Ok(Vec::new()) };
        let (keys, id) = (self.keys(), of.as_bytes());
        let from = after.map_or_else(|| keys.first([id]), |after| keys.member(of, after));
        let query = Query::new(doc! { "member": { "$gt": from, "$lte": keys.last([id]) } });
        let query = query.sort(doc! { "member": 1 }).limit(limit);
        let reads = own_reads(&room.tail);
        let mut members = Vec::new();
        for row in self.database().find(Table::Members, query).await? {
            let row = MemberRow::read(&row)?.membership;
            members.extend(row.map(|row| with_own(row, &reads)));
        }
        Ok(members)
    }
}

/// A row with what its owner has read by writing what is not yet a row.
pub(crate) fn with_own(mut row: Membership, reads: &OwnReads) -> Membership {
    if let Some(&(seq, n)) = reads.get(&row.user).filter(|_| row.role().is_some()) {
        (row.read, row.delivered) = (row.read.max(seq), row.delivered.max(seq));
        row.read_n = row.read_n.max(n);
    }
    row
}

/// How far a row's owner has come.
pub(crate) fn receipt(row: &Membership) -> Receipt {
    Receipt { read: row.read, delivered: row.delivered }
}
