//! Entries and messages.
//!
//! Most reads of the log need no transaction of their own: the head is read first, and what stands at or below it never
//! moves and never goes away; a message read later is as it is then, which is what was asked. Entries are of one state:
//! several of one answer may show the same message, which is then the same in all of them.

mod append;
mod history;
#[cfg(feature = "postgres")]
mod quick;
mod rows;

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use chat_core::id::{ConversationId, Seq, UserId};
use chat_core::message::ClientId;
use chat_core::page::Limit;
use chat_core::store::{
    After, Entries, EntryRow, Head, Lane, LaneDone, Log, Mark, MessageRow, Messages, Outcome, StoreError,
    Window,
};

pub(super) use self::append::{Made, firsts, targets};
pub(super) use self::rows::read_entry;
use self::rows::read_message;

use super::Server;
use super::columns::{Columns, Row};
use super::dialect::Dialect;
use super::error::Done;
use super::found::Found;
use super::line::Line;
use super::value::{Rows, Value, ids, values};
use crate::codec::int;
use crate::statements::batched::{conversations as conversations_sql, log as batched};
use crate::statements::log as sql;

#[async_trait]
impl Log for Server {
    async fn append(&self, batch: Arc<[Lane]>) -> Vec<Result<LaneDone, StoreError>> {
        // On the heap: it holds the whole batch, and would make every future around it as large.
        Box::pin(append::append(self, batch)).await
    }

    async fn entries(&self, wanted: &[After], limit: Limit) -> Result<Vec<Entries>, StoreError> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let mut line = self.snapshot().await?;
        let done = entries(&mut line, wanted, limit).await;
        line.end(done).await
    }

    async fn messages(
        &self,
        of: ConversationId,
        visible_from: Seq,
        window: Window,
        limit: Limit,
    ) -> Result<Messages, StoreError> {
        let mut line = self.reading().await?;
        let done = history::messages(&mut line, of, visible_from, window, limit).await;
        line.end(done).await
    }

    async fn at(&self, of: ConversationId, seqs: &[Seq]) -> Result<Vec<Option<MessageRow>>, StoreError> {
        let wanted: Vec<Place> = seqs.iter().map(|seq| (of, *seq)).collect();
        let mut line = self.reading().await?;
        let done = messages_at(&mut line, &wanted).await.and_then(|found| found.all(&wanted));
        line.end(done).await
    }

    async fn last(&self, of: &[ConversationId]) -> Result<Vec<Option<MessageRow>>, StoreError> {
        if of.is_empty() {
            return Ok(Vec::new());
        }
        let wanted = ids(of.iter().map(ConversationId::as_bytes));
        let mut line = self.reading().await?;
        let rows = line.query(batched::LAST, values![&wanted, line.tenant]).await;
        let key = |columns: &mut Columns<'_>| columns.id(ConversationId::from_bytes);
        let found = rows.and_then(|rows| Found::read(&rows, key, read_message)?.all(of));
        line.end(found).await
    }

    async fn heads(&self, of: &[ConversationId]) -> Result<Vec<Option<Head>>, StoreError> {
        let mut line = self.reading().await?;
        let found = counters(&mut line, of).await;
        let head = |now: &Counters| Head { head: now.head, start: now.start };
        line.end(found.map(|found| of.iter().map(|id| found.get(id).map(head)).collect())).await
    }

    async fn find(
        &self,
        of: ConversationId,
        by: UserId,
        client_id: &ClientId,
    ) -> Result<Option<Outcome>, StoreError> {
        let made = Made::of(&self.current_meta().digest_key, of, by, client_id);
        let mut line = self.reading().await?;
        let found = firsts(&mut line, std::slice::from_ref(&made)).await;
        line.end(found.and_then(|found| found.of(&made))).await
    }

    async fn marks(&self, of: ConversationId, seqs: &[Seq]) -> Result<Vec<Mark>, StoreError> {
        let mut line = self.reading().await?;
        let done = marks(&mut line, of, seqs).await;
        line.end(done).await
    }
}

/// The marks on these messages, ordered.
pub(super) async fn marks(line: &mut Line, of: ConversationId, seqs: &[Seq]) -> Done<Vec<Mark>> {
    let mut seqs = seqs.to_vec();
    seqs.sort_unstable();
    seqs.dedup();
    let wanted: Rows<'_> = seqs.iter().map(|seq| [Value::from(int(seq.get()))]).collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let rows = line.query(batched::MARKS, values![&wanted, line.tenant, of.as_bytes()]).await?;
    let mark = |row: &Row| {
        let mut columns = Columns::of(row);
        Ok(Mark { target: columns.seq()?, key: columns.text()?, by: columns.id(UserId::from_bytes)? })
    };
    let mut marks = rows.iter().map(mark).collect::<Done<Vec<_>>>()?;
    // Ordered here: how a key stands in a column need not sort as it reads.
    marks.sort_unstable();
    Ok(marks)
}

/// A position in a conversation.
pub(super) type Place = (ConversationId, Seq);

/// Where a conversation stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counters {
    pub(super) head: Seq,
    pub(super) start: Seq,
    pub(super) n: u64,
}

/// Where conversations stand, those that are there.
pub(super) async fn counters(
    line: &mut Line,
    these: &[ConversationId],
) -> Done<HashMap<ConversationId, Counters>> {
    let wanted = ids(these.iter().map(ConversationId::as_bytes));
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = line.query(conversations_sql::HEADS, values![&wanted, line.tenant]).await?;
    let read = |row: &Row| {
        let mut columns = Columns::of(row);
        let id = columns.id(ConversationId::from_bytes)?;
        Ok((id, Counters { head: columns.seq()?, start: columns.seq()?, n: columns.count()? }))
    };
    rows.iter().map(read).collect()
}

/// The key of a row that begins with it.
fn place(columns: &mut Columns<'_>) -> Done<Place> {
    let id = columns.id(ConversationId::from_bytes)?;
    Ok((id, columns.seq()?))
}

/// Everything after the conversation, the position once more.
fn from_seq<'c, 'r>(columns: &'c mut Columns<'r>) -> Done<&'c mut Columns<'r>> {
    columns.again().id(ConversationId::from_bytes)?;
    Ok(columns)
}

/// How many messages there are up to each position, those before the first kept one included.
pub(super) async fn n_at(line: &mut Line, wanted: &[(ConversationId, Counters, Seq)]) -> Done<Vec<u64>> {
    let mut numbers: Vec<u64> =
        wanted.iter().map(|(_, now, seq)| if *seq >= now.head { now.n } else { 0 }).collect();
    let mut asked = Rows::default();
    for (nth, (id, now, seq)) in wanted.iter().enumerate() {
        // Before the first position there is nothing; before the first kept one what that one does not add itself.
        if *seq < now.head && (*seq >= now.start || now.start > Seq::FIRST) {
            let upto = int((*seq).max(now.start).get());
            asked.push([Value::from(int(nth as u64)), Value::from(id.as_bytes()), Value::from(upto)]);
        }
    }
    if asked.is_empty() {
        return Ok(numbers);
    }
    let mut found = HashMap::new();
    for row in &line.query(batched::N_AT, values![&asked, line.tenant]).await? {
        let mut columns = Columns::of(row);
        found.insert(columns.int()?, (columns.count()?, columns.optional_seq()?.is_some()));
    }
    for row in asked.iter() {
        let [Value::Int(Some(nth)), id, upto] = row else { unreachable!("as they were asked") };
        let at = match found.get(nth) {
            Some(at) => *at,
            None => n_before(line, *id, *upto).await?,
        };
        let nth = usize::try_from(*nth).map_err(|_| super::columns::unreadable())?;
        let (_, now, seq) = wanted.get(nth).ok_or_else(super::columns::unreadable)?;
        numbers[nth] = if *seq < now.start { at.0 - u64::from(at.1) } else { at.0 };
    }
    Ok(numbers)
}

/// What stands at the last position up to this one that is there: how many messages there are, and whether it is one.
async fn n_before(line: &mut Line, id: Value<'_>, upto: Value<'_>) -> Done<(u64, bool)> {
    let row = line.first(sql::N_AT, &[Value::Int(Some(line.tenant)), id, upto]).await?;
    let read = |row: &Row| {
        let mut columns = Columns::of(row);
        Ok((columns.count()?, columns.optional_seq()?.is_some()))
    };
    row.as_ref().map_or(Ok((0, false)), read)
}

/// The messages at these positions, those that are there.
async fn messages_at(line: &mut Line, wanted: &[Place]) -> Done<Found<Place, MessageRow>> {
    let key = |(id, seq): &Place| [Value::from(id.as_bytes()), Value::from(int(seq.get()))];
    let mut wanted = wanted.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    let keys: Rows<'_> = wanted.iter().map(key).collect();
    if keys.is_empty() {
        return Ok(Found::nothing());
    }
    let rows = line.query(batched::MESSAGES, values![&keys, line.tenant]).await?;
    Found::read(&rows, place, |columns| read_message(from_seq(columns)?))
}

/// Pages of several conversations without a hole: what cannot be read, or is not there, has its place all the same.
async fn entries(line: &mut Line, wanted: &[After], limit: Limit) -> Done<Vec<Entries>> {
    let these: Vec<ConversationId> = wanted.iter().map(|after| after.conversation).collect();
    let now = counters(line, &these).await?;
    let pages: Vec<Page> = wanted.iter().filter_map(|after| Page::of(after, &now, limit)).collect();
    let rows = rows_of(line, &pages).await?;
    let mut found = Found::read(&rows, place, |columns| read_entry(from_seq(columns)?))?;
    fill_in_targets(line, &mut found).await?;
    Ok(pages.iter().map(|page| page.of_found(&found)).collect())
}

/// The rows of these pages.
async fn rows_of(line: &mut Line, pages: &[Page]) -> Done<Vec<Row>> {
    let (text, wanted): (_, Rows<'_>) = match line.dialect {
        #[cfg(feature = "postgres")]
        Dialect::Postgres => {
            let ranges = pages.iter().filter(|page| page.first <= page.last);
            (batched::ENTRIES, ranges.map(|page| [page.key(), page.first(), page.last()]).collect())
        }
        // A range that begins elsewhere for each row is none to MySQL: it would walk the whole conversation.
        #[cfg(feature = "mysql")]
        Dialect::MySql => {
            let seqs = |page: &Page| page.first.get()..=page.last.get();
            let each =
                pages.iter().flat_map(|page| seqs(page).map(|seq| [page.key(), Value::from(int(seq))]));
            (batched::ENTRIES_AT, each.collect())
        }
    };
    if wanted.is_empty() { Ok(Vec::new()) } else { line.query(text, values![&wanted, line.tenant]).await }
}

/// Entries that are about another position get the message there.
async fn fill_in_targets(line: &mut Line, found: &mut Found<Place, EntryRow>) -> Done<()> {
    let target = |place: &Place, entry: &EntryRow| match (&entry.message, entry.target) {
        (None, Some(target)) => Some((place.0, target)),
        _ => None,
    };
    let wanted: Vec<Place> = found.readable().filter_map(|(place, entry)| target(place, entry)).collect();
    let messages = messages_at(line, &wanted).await?;
    found.change(|place, mut entry| {
        if let Some(wanted) = target(place, &entry) {
            entry.message = messages.get(&wanted)?;
        }
        Ok(entry)
    });
    Ok(())
}

/// Which entries of one conversation are wanted.
struct Page {
    id: ConversationId,
    first: Seq,
    last: Seq,
    now: Counters,
}

impl Page {
    fn of(wanted: &After, now: &HashMap<ConversationId, Counters>, limit: Limit) -> Option<Self> {
        let now = *now.get(&wanted.conversation)?;
        let first = wanted.after.next().max(now.start);
        let last = Seq::new(first.get() + limit.get() as u64 - 1).min(now.head);
        Some(Self { id: wanted.conversation, first, last, now })
    }

    const fn key(&self) -> Value<'static> {
        Value::Id(Some(*self.id.as_bytes()))
    }

    fn first(&self) -> Value<'static> {
        Value::from(int(self.first.get()))
    }

    fn last(&self) -> Value<'static> {
        Value::from(int(self.last.get()))
    }

    fn of_found(&self, found: &Found<Place, EntryRow>) -> Entries {
        let entry = |seq| {
            let seq = Seq::new(seq);
            match found.get(&(self.id, seq)) {
                Ok(Some(entry)) => entry,
                Ok(None) => {
                    tracing::error!(seq = seq.get(), "an entry is missing in the log");
                    EntryRow::unreadable(seq)
                }
                Err(failure) => {
                    tracing::error!(?failure, seq = seq.get(), "an entry cannot be read");
                    EntryRow::unreadable(seq)
                }
            }
        };
        let items = (self.first.get()..=self.last.get()).map(entry).collect();
        Entries { conversation: self.id, items, head: self.now.head, start: self.now.start }
    }
}
