//! When everybody had read up to where.

use std::collections::BTreeMap;
use std::ops::Bound;

use async_trait::async_trait;

use super::MemoryStore;
use crate::id::{ConversationId, Seq, UserId};
use crate::store::{ReadMark, ReadsFrom, ReceiptLog, StoreError};
use crate::time::Timestamp;

/// All marks of a tenant, by what they are known by.
pub(super) type ReadTable = BTreeMap<(ConversationId, UserId, Seq), Timestamp>;

fn mark((&(conversation, user, up_to), &at): (&(ConversationId, UserId, Seq), &Timestamp)) -> ReadMark {
    ReadMark { conversation, user, up_to, at }
}

#[async_trait]
impl ReceiptLog for MemoryStore {
    async fn note(&self, marks: &[ReadMark]) -> Result<(), StoreError> {
        let mut tables = self.tables();
        for &ReadMark { conversation, user, up_to, at } in marks {
            tables.reads.entry((conversation, user, up_to)).or_insert(at);
        }
        Ok(())
    }

    async fn reads(&self, wanted: &[ReadsFrom], limit: usize) -> Result<Vec<Vec<ReadMark>>, StoreError> {
        let tables = self.tables();
        let of_one = |&ReadsFrom { conversation, user, from }: &ReadsFrom| {
            let from = (conversation, user, from)..=(conversation, user, Seq::new(u64::MAX));
            tables.reads.range(from).take(limit).map(mark).collect()
        };
        Ok(wanted.iter().map(of_one).collect())
    }

    async fn walk(
        &self,
        of: ConversationId,
        after: Option<(UserId, Seq)>,
        limit: usize,
    ) -> Result<Vec<ReadMark>, StoreError> {
        let tables = self.tables();
        let (user, seq) = after.unwrap_or((UserId::SYSTEM, Seq::ZERO));
        let rest = tables.reads.range((Bound::Excluded((of, user, seq)), Bound::Unbounded));
        Ok(rest.map(mark).take_while(|mark| mark.conversation == of).take(limit).collect())
    }
}
