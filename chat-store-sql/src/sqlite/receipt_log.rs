//! When everybody had read up to where.

use async_trait::async_trait;
use chat_core::id::{ConversationId, Seq, UserId};
use chat_core::store::{ReadMark, ReadsFrom, ReceiptLog, StoreError};
use rusqlite::{Row, params};

use super::SqliteStore;
use super::columns::Columns;
use crate::codec::int;
use crate::statements::reads as sql;

#[async_trait]
impl ReceiptLog for SqliteStore {
    async fn note(&self, marks: &[ReadMark]) -> Result<(), StoreError> {
        if marks.is_empty() {
            return Ok(());
        }
        let (tenant, marks) = (self.tenant_column(), marks.to_vec());
        self.write(move |connection, _| {
            let mut statement = connection.prepare_cached(sql::NOTE)?;
            for ReadMark { conversation, user, up_to, at } in marks {
                let row =
                    params![tenant, conversation.as_bytes(), user.as_bytes(), int(up_to.get()), at.millis()];
                statement.execute(row)?;
            }
            Ok(())
        })
        .await
    }

    async fn reads(&self, wanted: &[ReadsFrom], limit: usize) -> Result<Vec<Vec<ReadMark>>, StoreError> {
        let (tenant, wanted) = (self.tenant_column(), wanted.to_vec());
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(sql::FROM)?;
            let mut of_one = |ReadsFrom { conversation, user, from }: ReadsFrom| {
                let (conversation, user) = (conversation.as_bytes(), user.as_bytes());
                let range = params![tenant, conversation, user, int(from.get()), int(limit as u64)];
                Ok(statement.query_map(range, read)?.collect::<rusqlite::Result<_>>()?)
            };
            wanted.into_iter().map(&mut of_one).collect()
        })
        .await
    }

    async fn walk(
        &self,
        of: ConversationId,
        after: Option<(UserId, Seq)>,
        limit: usize,
    ) -> Result<Vec<ReadMark>, StoreError> {
        let tenant = self.tenant_column();
        // Nil is before everybody.
        let (user, seq) = after.unwrap_or((UserId::SYSTEM, Seq::ZERO));
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(sql::WALK)?;
            let range = params![tenant, of.as_bytes(), user.as_bytes(), int(seq.get()), int(limit as u64)];
            Ok(statement.query_map(range, read)?.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<ReadMark> {
    let mut columns = Columns::of(row);
    Ok(ReadMark {
        conversation: columns.id(ConversationId::from_bytes)?,
        user: columns.id(UserId::from_bytes)?,
        up_to: columns.seq()?,
        at: columns.time()?,
    })
}
