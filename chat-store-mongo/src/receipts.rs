//! How far everybody has come.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use chat_core::conversation::Membership;
use chat_core::id::ConversationId;
use chat_core::receipt::Receipt;
use chat_core::store::code::int;
use chat_core::store::{Raise, Raised, Receipts, StoreError};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use mongodb::bson::doc;

use crate::database::Table;
use crate::dead::Stretch;
use crate::document::{MemberRow, Room, seq};
use crate::error::Done;
use crate::flush::own_reads;
use crate::log::LOOKS_MAX;
use crate::memberships::{receipt, with_own};
use crate::store::MongoStore;

/// Rows that are compared and swapped at the same time.
const ROWS_AT_ONCE: usize = 16;
/// How often somebody else may come first.
const ROUNDS_MAX: u32 = 64;

#[async_trait]
impl Receipts for MongoStore {
    async fn raise(&self, batch: Arc<[Raise]>) -> Result<Vec<Option<Raised>>, StoreError> {
        self.write(|store| async move { store.raise_all(&batch).await }).await
    }
}

/// A receipt before and after, and the messages after it.
type Step = (Receipt, Receipt, Stretch);

impl MongoStore {
    async fn raise_all(&self, batch: &[Raise]) -> Done<Vec<Option<Raised>>> {
        let mut rows: HashMap<_, Vec<usize>> = HashMap::new();
        for (nth, report) in batch.iter().enumerate() {
            rows.entry((report.conversation, report.user)).or_default().push(nth);
        }
        let ids: Vec<ConversationId> = rows.keys().map(|(id, _)| *id).collect();
        let rooms = &self.all_settled(&ids).await?;
        // Those of one member one after the other, members beside each other.
        let of_one = |places: Vec<usize>| async move {
            let mut steps = Vec::with_capacity(places.len());
            for nth in places {
                steps.push((nth, self.raise_one(rooms, &batch[nth]).await?));
            }
            Ok::<_, crate::error::Failure>(steps)
        };
        let rows = stream::iter(rows.into_values()).map(of_one).buffer_unordered(ROWS_AT_ONCE);
        let mut steps: Vec<(usize, Option<Step>)> = rows.try_concat().await?;
        steps.sort_unstable_by_key(|(nth, _)| *nth);
        let stretches: Vec<Stretch> = steps.iter().filter_map(|(_, step)| Some(step.as_ref()?.2)).collect();
        let mut unread = self.unread(stretches).await?.into_iter();
        let raised = |(_, step): (usize, Option<Step>)| {
            let ((before, after, _), unread) = step.and_then(|step| Some((step, unread.next()?)))?;
            Some(Raised { before, after, unread })
        };
        Ok(steps.into_iter().map(raised).collect())
    }

    /// How many messages of each stretch are not deleted; where somebody deletes meanwhile, up to a later head.
    async fn unread(&self, mut stretches: Vec<Stretch>) -> Done<Vec<u64>> {
        for _ in 0..LOOKS_MAX {
            let unread = self.alive(&stretches).await?;
            if let Some(unread) = unread.iter().copied().collect::<Option<Vec<u64>>>() {
                return Ok(unread);
            }
            let torn = stretches.iter().zip(&unread).filter(|(_, unread)| unread.is_none());
            let torn: Vec<ConversationId> = torn.map(|(stretch, _)| stretch.of).collect();
            let rooms = self.all_settled(&torn).await?;
            for stretch in &mut stretches {
                if let Some(now) = rooms.get(&stretch.of).map(Room::now) {
                    (stretch.last, stretch.head) = (now.n, now.head);
                }
            }
        }
        Err(StoreError::Conflict.into())
    }

    async fn raise_one(&self, rooms: &HashMap<ConversationId, Room>, report: &Raise) -> Done<Option<Step>> {
        let Some(room) = rooms.get(&report.conversation) else { return Ok(None) };
        let (now, reads) = (room.now(), own_reads(&room.tail));
        for _ in 0..ROUNDS_MAX {
            let stored = self.member_rows(now.id, &[report.user]).await?.remove(&report.user);
            let Some(stored) = stored else { return Ok(None) };
            let Some(row) = stored.membership.clone().filter(|row| row.role().is_some()) else {
                return Ok(None);
            };
            let own = with_own(row.clone(), &reads);
            let before = receipt(&own);
            let cut =
                Receipt { read: report.to.read.min(now.head), delivered: report.to.delivered.min(now.head) };
            let after = before.merge(cut);
            let read_n = self.read_n(room, &own, after).await?;
            if after == before || self.raise_row(&stored, &row, after, read_n).await? {
                return Ok(Some((
                    before,
                    after,
                    Stretch { of: now.id, after: read_n, last: now.n, head: now.head },
                )));
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// How many messages there are up to what is now read.
    async fn read_n(&self, room: &Room, own: &Membership, after: Receipt) -> Done<u64> {
        if after.read == own.read {
            return Ok(own.read_n);
        }
        Ok(self.numbers(room, &[after.read]).await?.pop().unwrap_or(own.read_n))
    }

    /// Raises a row that is still as it was read; answers whether it was.
    async fn raise_row(&self, stored: &MemberRow, row: &Membership, to: Receipt, read_n: u64) -> Done<bool> {
        let filter = doc! {
            "_id": self.keys().member(row.conversation, row.user),
            "version": stored.version,
            "read": seq(row.read),
            "delivered": seq(row.delivered),
        };
        let set = doc! { "read": seq(to.read), "read_n": int(read_n), "delivered": seq(to.delivered) };
        self.database().swap(Table::Members, filter, doc! { "$set": set }).await
    }
}
