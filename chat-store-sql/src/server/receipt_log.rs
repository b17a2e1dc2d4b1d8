//! When everybody had read up to where.

use std::collections::HashMap;

use async_trait::async_trait;
use chat_core::id::{ConversationId, Seq, UserId};
use chat_core::store::{ReadMark, ReadsFrom, ReceiptLog, StoreError};

use super::Server;
use super::columns::{Columns, Row};
use super::error::Done;
use super::line::Line;
use super::value::{Rows, Value, values};
use crate::codec::int;
use crate::statements::reads as sql;
use crate::statements::reads::batched;

#[async_trait]
impl ReceiptLog for Server {
    async fn note(&self, marks: &[ReadMark]) -> Result<(), StoreError> {
        if marks.is_empty() {
            return Ok(());
        }
        // In one order, so that nobody waits in a circle; and each once, as a statement can put it.
        let mut marks = marks.to_vec();
        marks.sort_by_key(|mark| (mark.conversation, mark.user, mark.up_to));
        marks.dedup_by_key(|mark| (mark.conversation, mark.user, mark.up_to));
        self.write(move |line| {
            let marks = marks.clone();
            Box::pin(async move { note(line, &marks).await })
        })
        .await
    }

    async fn reads(&self, wanted: &[ReadsFrom], limit: usize) -> Result<Vec<Vec<ReadMark>>, StoreError> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let mut line = self.reading().await?;
        let done = reads(&mut line, wanted, limit).await;
        line.end(done).await
    }

    async fn walk(
        &self,
        of: ConversationId,
        after: Option<(UserId, Seq)>,
        limit: usize,
    ) -> Result<Vec<ReadMark>, StoreError> {
        // Nil is before everybody.
        let (user, seq) = after.unwrap_or((UserId::SYSTEM, Seq::ZERO));
        let mut line = self.reading().await?;
        let range = values![line.tenant, of.as_bytes(), user.as_bytes(), int(seq.get()), int(limit as u64)];
        let rows = line.query(sql::WALK, range).await;
        line.end(rows.and_then(|rows| rows.iter().map(read).collect())).await
    }
}

async fn note(line: &mut Line, marks: &[ReadMark]) -> Done<()> {
    let mut rows = Rows::default();
    for ReadMark { conversation, user, up_to, at } in marks {
        rows.push([
            Value::from(conversation.as_bytes()),
            Value::from(user.as_bytes()),
            Value::from(int(up_to.get())),
            Value::from(at.millis()),
        ]);
    }
    line.execute(batched::NOTE, values![line.tenant, &rows]).await.map(drop)
}

async fn reads(line: &mut Line, wanted: &[ReadsFrom], limit: usize) -> Done<Vec<Vec<ReadMark>>> {
    // What is asked for twice is looked for once, from the lower position on.
    let mut least: HashMap<(ConversationId, UserId), Seq> = HashMap::new();
    for ReadsFrom { conversation, user, from } in wanted {
        let least = least.entry((*conversation, *user)).or_insert(*from);
        *least = (*least).min(*from);
    }
    let mut keys = Rows::default();
    for ((conversation, user), from) in &least {
        let from = Value::from(int(from.get()));
        keys.push([Value::from(conversation.as_bytes()), Value::from(user.as_bytes()), from]);
    }
    let rows = line.query(batched::FROM, values![&keys, line.tenant, int(limit as u64)]).await?;
    let mut found: HashMap<(ConversationId, UserId), Vec<ReadMark>> = HashMap::new();
    for row in &rows {
        let mark = read(row)?;
        found.entry((mark.conversation, mark.user)).or_default().push(mark);
    }
    let of_one = |of: &ReadsFrom| {
        let marks = found.get(&(of.conversation, of.user)).into_iter().flatten();
        marks.filter(|mark| mark.up_to >= of.from).copied().collect()
    };
    Ok(wanted.iter().map(of_one).collect())
}

fn read(row: &Row) -> Done<ReadMark> {
    let mut columns = Columns::of(row);
    Ok(ReadMark {
        conversation: columns.id(ConversationId::from_bytes)?,
        user: columns.id(UserId::from_bytes)?,
        up_to: columns.seq()?,
        at: columns.time()?,
    })
}
