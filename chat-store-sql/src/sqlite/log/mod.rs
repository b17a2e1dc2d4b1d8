//! Entries and messages.

mod append;
mod history;
mod rows;

use std::sync::Arc;

use async_trait::async_trait;
use chat_core::id::{ConversationId, Seq, UserId};
use chat_core::message::ClientId;
use chat_core::page::Limit;
use chat_core::store::{
    After, Entries, EntryRow, Head, Lane, LaneDone, Log, Mark, MessageRow, Messages, Outcome, StoreError,
    Window,
};
use rusqlite::{Connection, OptionalExtension, params};

use self::append::Append;
pub(super) use self::append::{Made, first, target};
pub(super) use self::rows::read_entry;
use self::rows::read_message;

use super::SqliteStore;
use super::columns::Columns;
use super::error::Done;
use crate::codec::int;
use crate::statements::{conversations as conversations_sql, log as sql};

#[async_trait]
impl Log for SqliteStore {
    async fn append(&self, batch: Arc<[Lane]>) -> Vec<Result<LaneDone, StoreError>> {
        let (tenant, key, lanes) = (self.tenant_column(), self.current_meta().digest_key, batch.len());
        let done = self
            .write(move |connection, told| {
                let mut append = Append::new(connection, tenant, key)?;
                batch.iter().map(|lane| append.lane(lane, told)).collect::<Done<Vec<_>>>()
            })
            .await;
        done.unwrap_or_else(|error| vec![Err(error); lanes])
    }

    async fn entries(&self, wanted: &[After], limit: Limit) -> Result<Vec<Entries>, StoreError> {
        let (tenant, wanted) = (self.tenant_column(), wanted.to_vec());
        self.read(move |connection| {
            let pages = wanted.iter().map(|&after| entries(connection, tenant, after, limit));
            pages.filter_map(Result::transpose).collect()
        })
        .await
    }

    async fn messages(
        &self,
        of: ConversationId,
        visible_from: Seq,
        window: Window,
        limit: Limit,
    ) -> Result<Messages, StoreError> {
        let tenant = self.tenant_column();
        self.read(move |connection| history::messages(connection, tenant, of, visible_from, window, limit))
            .await
    }

    async fn at(&self, of: ConversationId, seqs: &[Seq]) -> Result<Vec<Option<MessageRow>>, StoreError> {
        let (tenant, seqs) = (self.tenant_column(), seqs.to_vec());
        self.read(move |connection| seqs.iter().map(|&seq| message(connection, tenant, of, seq)).collect())
            .await
    }

    async fn last(&self, of: &[ConversationId]) -> Result<Vec<Option<MessageRow>>, StoreError> {
        let (tenant, of) = (self.tenant_column(), of.to_vec());
        self.read(move |connection| {
            let last = |&id: &ConversationId| match counters(connection, tenant, id)? {
                Some(now) => message(connection, tenant, id, now.last_message),
                None => Ok(None),
            };
            of.iter().map(last).collect()
        })
        .await
    }

    async fn heads(&self, of: &[ConversationId]) -> Result<Vec<Option<Head>>, StoreError> {
        let (tenant, of) = (self.tenant_column(), of.to_vec());
        self.read(move |connection| {
            let head = |&id: &ConversationId| {
                let now = counters(connection, tenant, id)?;
                Ok(now.map(|Counters { head, start, .. }| Head { head, start }))
            };
            of.iter().map(head).collect()
        })
        .await
    }

    async fn find(
        &self,
        of: ConversationId,
        by: UserId,
        client_id: &ClientId,
    ) -> Result<Option<Outcome>, StoreError> {
        let (tenant, key, client_id) =
            (self.tenant_column(), self.current_meta().digest_key, client_id.clone());
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(sql::FIRST)?;
            first(&mut statement, tenant, of, &Made::of(&key, by, &client_id))
        })
        .await
    }

    async fn marks(&self, of: ConversationId, seqs: &[Seq]) -> Result<Vec<Mark>, StoreError> {
        let (tenant, mut seqs) = (self.tenant_column(), seqs.to_vec());
        seqs.sort_unstable();
        seqs.dedup();
        self.read(move |connection| {
            let mut marks = Vec::new();
            for target in seqs {
                marks.extend(marks_on(connection, tenant, of, target)?);
            }
            Ok(marks)
        })
        .await
    }
}

/// The marks on one message, in order.
pub(super) fn marks_on(
    connection: &Connection,
    tenant: i64,
    of: ConversationId,
    target: Seq,
) -> Done<Vec<Mark>> {
    let mut statement = connection.prepare_cached(sql::MARKS)?;
    let rows = statement.query_map(params![tenant, of.as_bytes(), int(target.get())], |row| {
        let mut columns = Columns::of(row);
        Ok(Mark { target, key: columns.value()?, by: columns.id(UserId::from_bytes)? })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Where a conversation stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counters {
    pub(super) head: Seq,
    pub(super) start: Seq,
    pub(super) n: u64,
    pub(super) last_message: Seq,
}

/// Where a conversation stands, if there is one.
pub(super) fn counters(connection: &Connection, tenant: i64, id: ConversationId) -> Done<Option<Counters>> {
    let mut statement = connection.prepare_cached(conversations_sql::HEAD)?;
    let read = |row: &rusqlite::Row<'_>| {
        let mut columns = Columns::of(row);
        let (head, start, n) = (columns.seq()?, columns.seq()?, columns.count()?);
        Ok(Counters { head, start, n, last_message: columns.seq()? })
    };
    Ok(statement.query_row(params![tenant, id.as_bytes()], read).optional()?)
}

/// How many messages there are up to `seq`, those before the first kept position included.
pub(super) fn n_at(
    connection: &Connection,
    tenant: i64,
    id: ConversationId,
    now: &Counters,
    seq: Seq,
) -> Done<u64> {
    if seq >= now.head {
        return Ok(now.n);
    }
    // Before the first kept position there are those that the first kept entry does not add itself.
    let at = seq.max(now.start);
    if seq < now.start && now.start == Seq::FIRST {
        return Ok(0);
    }
    let mut statement = connection.prepare_cached(sql::N_AT)?;
    let found = statement
        .query_row(params![tenant, id.as_bytes(), int(at.get())], |row| {
            let mut columns = Columns::of(row);
            Ok((columns.count()?, columns.optional_seq()?.is_some()))
        })
        .optional()?;
    let (n, is_message) = found.unwrap_or((0, false));
    Ok(if seq < now.start { n - u64::from(is_message) } else { n })
}

fn message(connection: &Connection, tenant: i64, of: ConversationId, seq: Seq) -> Done<Option<MessageRow>> {
    let mut statement = connection.prepare_cached(sql::MESSAGE)?;
    let key = params![tenant, of.as_bytes(), int(seq.get())];
    Ok(statement.query_row(key, read_message).optional()?)
}

/// One conversation's page, without a hole: what cannot be read, or is not there, has its place all the same.
fn entries(connection: &Connection, tenant: i64, wanted: After, limit: Limit) -> Done<Option<Entries>> {
    let id = wanted.conversation;
    let Some(now) = counters(connection, tenant, id)? else { return Ok(None) };
    let first = wanted.after.next().max(now.start);
    let last = Seq::new(first.get() + limit.get() as u64 - 1).min(now.head);
    let mut items: Vec<EntryRow> = Vec::with_capacity(limit.get());
    let mut statement = connection.prepare_cached(sql::ENTRIES)?;
    let mut rows = statement.query(params![tenant, id.as_bytes(), int(first.get()), int(last.get())])?;
    let mut next = first;
    while let Some(row) = rows.next()? {
        let Ok(seq) = Columns::of(row).seq() else { continue };
        fill(&mut items, &mut next, seq);
        items.push(entry(connection, tenant, id, seq, row));
        next = seq.next();
    }
    fill(&mut items, &mut next, last.next());
    Ok(Some(Entries { conversation: id, items, head: now.head, start: now.start }))
}

/// Puts what stands for an unreadable row at every position from `next` to before `until`.
fn fill(items: &mut Vec<EntryRow>, next: &mut Seq, until: Seq) {
    while *next < until {
        tracing::error!(seq = next.get(), "an entry is missing in the log");
        items.push(EntryRow::unreadable(*next));
        *next = next.next();
    }
}

/// The entry of a row, with the message there or at its target.
fn entry(
    connection: &Connection,
    tenant: i64,
    of: ConversationId,
    seq: Seq,
    row: &rusqlite::Row<'_>,
) -> EntryRow {
    let read = read_entry(row).map_err(Into::into).and_then(|mut entry| {
        if let (None, Some(target)) = (&entry.message, entry.target) {
            entry.message = message(connection, tenant, of, target)?;
        }
        Ok(entry)
    });
    read.unwrap_or_else(|failure: super::error::Failure| {
        tracing::error!(?failure, seq = seq.get(), "an entry cannot be read");
        EntryRow::unreadable(seq)
    })
}
