//! How far everybody has come.
//!
//! Members' rows are locked, in the order of their keys, and read; then the counters of their conversations. Those
//! only rise: a head that moved in between cuts a report to where it stood, as if the report had come first.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use chat_core::conversation::Membership;
use chat_core::id::{ConversationId, Seq};
use chat_core::receipt::Receipt;
use chat_core::store::{Raise, Raised, Receipts, StoreError};

use super::Server;
use super::dead::alive_after;
use super::error::Done;
use super::line::Line;
use super::log::{Counters, counters, n_at};
use super::memberships::{Key, locked_members};
use super::value::{Rows, Value, values};
use crate::codec::int;
use crate::statements::batched::members as batched;

#[async_trait]
impl Receipts for Server {
    async fn raise(&self, batch: Arc<[Raise]>) -> Result<Vec<Option<Raised>>, StoreError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        self.write(move |line| {
            let batch = Arc::clone(&batch);
            Box::pin(async move { raise(line, &batch).await })
        })
        .await
    }
}

/// A report as it was applied: what was before, and what the row says after it.
struct Step {
    key: Key,
    before: Receipt,
    after: Receipt,
    read_n: u64,
}

async fn raise(line: &mut Line, batch: &[Raise]) -> Done<Vec<Option<Raised>>> {
    let keys: Vec<Key> = batch.iter().map(|report| (report.conversation, report.user)).collect();
    let found = locked_members(line, &keys).await?;
    let mut rows = HashMap::new();
    for key in &keys {
        rows.extend(found.get(key)?.filter(|row| row.role().is_some()).map(|row| (*key, row)));
    }
    let now = counters(line, &keys.iter().map(|(id, _)| *id).collect::<Vec<_>>()).await?;
    let moved = numbers(line, batch, &rows, &now).await?;
    let mut steps = Vec::with_capacity(batch.len());
    for report in batch {
        let key = (report.conversation, report.user);
        let step = rows.get_mut(&key).zip(now.get(&key.0)).map(|(row, now)| step(row, now, report, &moved));
        steps.push(step);
    }
    write(line, &steps, &rows).await?;
    answers(line, steps).await
}

fn cut(report: &Raise, now: &Counters) -> Receipt {
    Receipt { read: report.to.read.min(now.head), delivered: report.to.delivered.min(now.head) }
}

/// How many messages there are up to each position that somebody's `read` may move to.
async fn numbers(
    line: &mut Line,
    batch: &[Raise],
    rows: &HashMap<Key, Membership>,
    now: &HashMap<ConversationId, Counters>,
) -> Done<HashMap<(ConversationId, Seq), u64>> {
    let moves = batch.iter().filter_map(|report| {
        let now = now.get(&report.conversation)?;
        let row = rows.get(&(report.conversation, report.user))?;
        let read = cut(report, now).read;
        (read > row.read).then_some((report.conversation, *now, read))
    });
    let moves: Vec<_> = moves.collect();
    let numbers = n_at(line, &moves).await?;
    Ok(moves.into_iter().map(|(id, _, seq)| (id, seq)).zip(numbers).collect())
}

fn step(
    row: &mut Membership,
    now: &Counters,
    report: &Raise,
    moved: &HashMap<(ConversationId, Seq), u64>,
) -> Step {
    let before = Receipt { read: row.read, delivered: row.delivered };
    let after = before.merge(cut(report, now));
    if after.read != before.read
        && let Some(n) = moved.get(&(report.conversation, after.read))
    {
        row.read_n = *n;
    }
    (row.read, row.delivered) = (after.read, after.delivered);
    Step { key: (report.conversation, report.user), before, after, read_n: row.read_n }
}

async fn write(line: &mut Line, steps: &[Option<Step>], rows: &HashMap<Key, Membership>) -> Done<()> {
    let moved = steps.iter().flatten().filter(|step| step.after != step.before).map(|step| step.key);
    let mut moved: Vec<Key> = moved.collect();
    moved.sort_unstable();
    moved.dedup();
    let mut receipts = Rows::default();
    for (key, row) in moved.iter().filter_map(|key| Some((key, rows.get(key)?))) {
        let (read, delivered) = (int(row.read.get()), int(row.delivered.get()));
        receipts.push([
            Value::from(key.0.as_bytes()),
            Value::from(key.1.as_bytes()),
            Value::from(read),
            Value::from(int(row.read_n)),
            Value::from(delivered),
        ]);
    }
    if !receipts.is_empty() {
        line.execute(batched::RECEIPTS, values![&receipts, line.tenant]).await?;
    }
    Ok(())
}

/// With what is unread now: who appends is not kept out, and may have come after the counters were read.
async fn answers(line: &mut Line, steps: Vec<Option<Step>>) -> Done<Vec<Option<Raised>>> {
    let read: Vec<_> = steps.iter().flatten().map(|step| (step.key.0, step.read_n)).collect();
    let mut unread = alive_after(line, &read).await?.into_iter();
    let answer = |step: Option<Step>| {
        let Step { before, after, .. } = step?;
        Some(Raised { before, after, unread: unread.next().unwrap_or(0) })
    };
    Ok(steps.into_iter().map(answer).collect())
}
