//! The one way to the server: every command has its deadline here, and its errors their meaning.
//!
//! What is asked of a server is little: find, insert, compare and swap one document, and many guarded updates in one
//! command. No transaction, no change stream, nothing that only some servers or deployments have.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use futures_util::TryStreamExt as _;
use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};
use mongodb::error::ErrorKind;
use mongodb::options::{
    Acknowledgment, ClientOptions, CollectionOptions, ReadConcern, ReadPreference, SelectionCriteria,
    WriteConcern,
};
use mongodb::{Client, Collection};

use crate::error::{
    Closed, Done, Failure, Late, OpenError, Unreadable, is_duplicate, is_duplicate_code, is_unavailable_code,
};
use crate::options::MongoOptions;

/// Statements of one command.
const STATEMENTS_MAX: usize = 500;
/// Keys that are looked for in one command.
pub(crate) const KEYS_MAX: usize = 1_000;

/// What the server says of time, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clock {
    pub(crate) now: i64,
    /// The time of the last write that most members have, where there are several.
    pub(crate) seen: i64,
}

/// The collections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    Meta,
    Conversations,
    Entries,
    Members,
    Reads,
    Dead,
    Pairs,
    Feeds,
    Accounts,
    Claims,
    Sessions,
    Logins,
    Attachments,
}

impl Table {
    pub(crate) const ALL: [Self; 13] = [
        Self::Meta,
        Self::Conversations,
        Self::Entries,
        Self::Members,
        Self::Reads,
        Self::Dead,
        Self::Pairs,
        Self::Feeds,
        Self::Accounts,
        Self::Claims,
        Self::Sessions,
        Self::Logins,
        Self::Attachments,
    ];

    /// Its name in the database.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Meta => "chat_meta",
            Self::Conversations => "chat_conversations",
            Self::Entries => "chat_entries",
            Self::Members => "chat_members",
            Self::Reads => "chat_reads",
            Self::Dead => "chat_dead",
            Self::Pairs => "chat_pairs",
            Self::Feeds => "chat_feeds",
            Self::Accounts => "chat_accounts",
            Self::Claims => "chat_claims",
            Self::Sessions => "chat_sessions",
            Self::Logins => "chat_logins",
            Self::Attachments => "chat_attachments",
        }
    }
}

/// What is looked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    filter: Document,
    fields: Option<Document>,
    sort: Option<Document>,
    limit: Option<i64>,
}

impl Query {
    pub(crate) fn new(filter: Document) -> Self {
        Self { filter, ..Self::default() }
    }

    /// The documents of these keys.
    pub(crate) fn keys(keys: impl IntoIterator<Item = impl Into<Bson>>) -> Self {
        Self::among("_id", keys)
    }

    /// The documents in which a field is one of these.
    pub(crate) fn among(field: &str, values: impl IntoIterator<Item = impl Into<Bson>>) -> Self {
        let values: Vec<Bson> = values.into_iter().map(Into::into).collect();
        Self::new(doc! { field: { "$in": values } })
    }

    /// Only these fields, or all but these.
    pub(crate) fn fields(mut self, fields: Document) -> Self {
        self.fields = Some(fields);
        self
    }

    pub(crate) fn sort(mut self, sort: Document) -> Self {
        self.sort = Some(sort);
        self
    }

    pub(crate) fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(i64::try_from(limit).unwrap_or(i64::MAX));
        self
    }
}

/// One guarded change among many.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) filter: Document,
    pub(crate) update: Document,
    pub(crate) absent: Absent,
}

/// What becomes of a change of a document that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absent {
    /// Nothing.
    Skip,
    /// The document is made of it.
    Make,
}

/// Whether statements depend on those before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// One after the other; none of them may fail on a key.
    Kept,
    /// Each for itself.
    Any,
}

/// A database of a server.
#[derive(Debug)]
pub(crate) struct Database {
    client: Client,
    inner: mongodb::Database,
    timeout: Duration,
    commands_left: Option<Arc<AtomicI64>>,
    closed: AtomicBool,
}

impl Database {
    /// Connects a client of our own.
    pub(crate) async fn connect(options: &MongoOptions) -> Result<Self, OpenError> {
        let address = |error| OpenError::Address(Box::new(error));
        let mut client = ClientOptions::parse(&options.url).await.map_err(address)?;
        let timeout = options.command_timeout;
        client.server_selection_timeout = Some(timeout);
        client.connect_timeout.get_or_insert(timeout);
        client.max_pool_size = Some(options.connections_max);
        let name = options.database.clone().or_else(|| client.default_database.clone());
        let client = Client::with_options(client).map_err(address)?;
        let name = name.unwrap_or_else(|| "chat".to_owned());
        let inner = client.database(&name);
        Ok(Self::over(inner, options))
    }

    /// The host's own.
    pub(crate) fn over(inner: mongodb::Database, options: &MongoOptions) -> Self {
        Self {
            client: inner.client().clone(),
            inner,
            timeout: options.command_timeout,
            commands_left: options.commands_left.clone(),
            closed: AtomicBool::new(false),
        }
    }

    /// Every later command fails.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Ends the connections of our own client.
    pub(crate) async fn disconnect(&self) {
        self.client.clone().shutdown().immediate(true).await;
    }

    /// Majority and journal, majority, primary: what was answered stays answered.
    fn table(&self, table: Table) -> Collection<RawDocumentBuf> {
        let options = CollectionOptions::builder()
            .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
            .read_concern(ReadConcern::majority())
            .write_concern(self.write_concern())
            .build();
        self.inner.collection_with_options(table.name(), options)
    }

    fn write_concern(&self) -> WriteConcern {
        WriteConcern::builder().w(Acknowledgment::Majority).journal(true).w_timeout(self.timeout).build()
    }

    /// Sends one command, unless the store is closed, and waits no longer than allowed.
    async fn send<T, E>(&self, command: impl IntoFuture<Output = Result<T, E>>) -> Done<T>
    where
        Failure: From<E>,
    {
        if self.is_closed() {
            return Err(Closed.into());
        }
        if let Some(left) = &self.commands_left
            && left.fetch_sub(1, Ordering::SeqCst) <= 0
        {
            return Err(Late.into());
        }
        match tokio::time::timeout(self.timeout, command.into_future()).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(Late.into()),
        }
    }

    pub(crate) async fn ping(&self) -> Done<()> {
        self.send(self.inner.run_command(doc! { "ping": 1 })).await?;
        Ok(())
    }

    /// The server's clock, in milliseconds.
    pub(crate) async fn now(&self) -> Done<i64> {
        Ok(self.clock().await?.now)
    }

    /// The server's clock, and how far of it can be read: where most members lag, what is written is not seen yet.
    pub(crate) async fn clock(&self) -> Done<Clock> {
        let answer = match self.send(self.inner.run_command(doc! { "hello": 1 })).await {
            Err(Failure::Driver(error)) if is_no_command(&error) => {
                self.send(self.inner.run_command(doc! { "isMaster": 1 })).await?
            }
            other => other?,
        };
        let now = answer.get_datetime("localTime").map_err(|_| Unreadable("localTime"))?.timestamp_millis();
        let majority =
            answer.get_document("lastWrite").and_then(|last| last.get_datetime("majorityWriteDate"));
        Ok(Clock { now, seen: majority.map_or(now, |majority| now.min(majority.timestamp_millis())) })
    }

    /// Makes the indexes that are not there.
    pub(crate) async fn make_indexes(&self, table: Table, indexes: Vec<Document>) -> Done<()> {
        let command = doc! { "createIndexes": table.name(), "indexes": indexes };
        self.send(self.inner.run_command(command)).await?;
        Ok(())
    }

    /// The names of the indexes that are there.
    pub(crate) async fn indexes(&self, table: Table) -> Done<Vec<String>> {
        self.send(self.table(table).list_index_names()).await
    }

    pub(crate) async fn find(&self, table: Table, query: Query) -> Done<Vec<RawDocumentBuf>> {
        let Query { filter, fields, sort, limit } = query;
        // To a server it would mean: all.
        if limit == Some(0) {
            return Ok(Vec::new());
        }
        let table = self.table(table);
        let mut find = table.find(filter).max_time(self.timeout);
        if let Some(fields) = fields {
            find = find.projection(fields);
        }
        if let Some(sort) = sort {
            find = find.sort(sort);
        }
        if let Some(limit) = limit {
            find = find.limit(limit);
        }
        self.send(async { find.await?.try_collect().await }).await
    }

    pub(crate) async fn find_one(&self, table: Table, filter: Document) -> Done<Option<RawDocumentBuf>> {
        Ok(self.find(table, Query::new(filter).limit(1)).await?.pop())
    }

    /// Inserts documents, each for itself; answers how many were there already by one of their unique keys.
    pub(crate) async fn insert(&self, table: Table, rows: Vec<RawDocumentBuf>) -> Done<usize> {
        if rows.is_empty() {
            return Ok(0);
        }
        let table = self.table(table);
        match self.send(table.insert_many(rows).ordered(false)).await {
            Ok(_) => Ok(0),
            Err(Failure::Driver(error)) => duplicates(error),
            Err(failure) => Err(failure),
        }
    }

    /// Inserts one document; answers whether it is the first of its keys.
    pub(crate) async fn insert_one(&self, table: Table, row: Document) -> Done<bool> {
        let row = RawDocumentBuf::try_from(&row).map_err(mongodb::error::Error::from)?;
        Ok(self.insert(table, vec![row]).await? == 0)
    }

    /// Compares and swaps one document; answers whether it was as the filter says.
    pub(crate) async fn swap(&self, table: Table, filter: Document, update: Document) -> Done<bool> {
        let table = self.table(table);
        let done = self.send(table.update_one(filter, update)).await?;
        Ok(done.matched_count > 0)
    }

    /// Makes a document of a change; answers false when there is one that is not as the filter says.
    pub(crate) async fn make(&self, table: Table, filter: Document, update: Document) -> Done<bool> {
        let table = self.table(table);
        match self.send(table.update_one(filter, update).upsert(true)).await {
            Ok(_) => Ok(true),
            Err(Failure::Driver(error)) if is_duplicate(&error) => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// The same where a document that is not there is made; answers whether it is as wanted now. When two make it at
    /// once the later one compares again.
    pub(crate) async fn put(&self, table: Table, filter: Document, update: Document) -> Done<bool> {
        let rows = self.table(table);
        let made = self.send(rows.update_one(filter.clone(), update.clone()).upsert(true));
        match made.await {
            Ok(_) => Ok(true),
            Err(Failure::Driver(error)) if is_duplicate(&error) => self.swap(table, filter, update).await,
            Err(failure) => Err(failure),
        }
    }

    /// Deletes what the filter says; answers how many documents that was.
    pub(crate) async fn delete(&self, table: Table, filter: Document) -> Done<u64> {
        let table = self.table(table);
        Ok(self.send(table.delete_many(filter)).await?.deleted_count)
    }

    /// Many guarded changes, few commands. A change whose guard no longer holds is no failure.
    pub(crate) async fn change(&self, table: Table, statements: Vec<Statement>, order: Order) -> Done<()> {
        let mut rest = statements.as_slice();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(STATEMENTS_MAX));
            let taken = self.change_some(table, now, order).await?;
            // The document was made by somebody else in the same moment, perhaps from an older state.
            let again: Vec<Statement> = taken
                .into_iter()
                .filter_map(|nth| now.get(nth))
                .map(|statement| Statement { absent: Absent::Skip, ..statement.clone() })
                .collect();
            if !again.is_empty() {
                self.change_some(table, &again, order).await?;
            }
            rest = later;
        }
        Ok(())
    }

    /// Answers which of them failed on a key.
    async fn change_some(&self, table: Table, statements: &[Statement], order: Order) -> Done<Vec<usize>> {
        let updates: Vec<Document> = statements
            .iter()
            .map(|Statement { filter, update, absent }| {
                doc! { "q": filter, "u": update, "upsert": *absent == Absent::Make }
            })
            .collect();
        let timeout = i64::try_from(self.timeout.as_millis()).unwrap_or(i64::MAX);
        let command = doc! {
            "update": table.name(),
            "updates": updates,
            "ordered": order == Order::Kept,
            "writeConcern": { "w": "majority", "j": true, "wtimeout": timeout },
        };
        failed_on_keys(&self.send(self.inner.run_command(command)).await?)
    }
}

/// How many rows of an insert were there already, if nothing else went wrong.
fn duplicates(error: mongodb::error::Error) -> Done<usize> {
    let ErrorKind::InsertMany(many) = &*error.kind else {
        return if is_duplicate(&error) { Ok(1) } else { Err(error.into()) };
    };
    let errors = many.write_errors.as_deref().unwrap_or_default();
    let all_known = errors.iter().all(|error| is_duplicate_code(error.code));
    if many.write_concern_error.is_none() && all_known && !errors.is_empty() {
        Ok(errors.len())
    } else {
        Err(error.into())
    }
}

/// Reads the answer to an update command of many statements.
fn failed_on_keys(answer: &Document) -> Done<Vec<usize>> {
    if answer.contains_key("writeConcernError") {
        return Err(Late.into());
    }
    let Ok(errors) = answer.get_array("writeErrors") else { return Ok(Vec::new()) };
    let mut taken = Vec::new();
    for error in errors.iter().filter_map(Bson::as_document) {
        let number = |key| error.get(key).and_then(|value| value.as_i32().or_else(|| as_int(value)));
        let (index, code) = number("index").zip(number("code")).ok_or(Unreadable("writeErrors"))?;
        if is_unavailable_code(code) {
            return Err(Late.into());
        }
        if !is_duplicate_code(code) {
            return Err(mongodb::error::Error::custom(format!("an update failed with code {code}")).into());
        }
        taken.push(usize::try_from(index).map_err(|_| Unreadable("writeErrors"))?);
    }
    Ok(taken)
}

/// Whether the server does not know a command.
fn is_no_command(error: &mongodb::error::Error) -> bool {
    matches!(&*error.kind, ErrorKind::Command(command) if command.code == 59)
}

fn as_int(value: &Bson) -> Option<i32> {
    value.as_i64().and_then(|value| i32::try_from(value).ok())
}
