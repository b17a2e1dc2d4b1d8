//! A store in one SQLite file, for one process.
//!
//! One thread writes, a few read, one moves the log file's frames into the database. Every method of the contract is
//! one job that runs wholly on one of these threads, so that a caller who goes away never cuts it in the middle.

mod accounts;
mod attachments;
mod backup;
mod check;
mod checkpoint;
mod columns;
mod conversations;
mod database;
mod dead;
mod error;
mod feeds;
mod friendships;
mod log;
mod memberships;
mod options;
mod queue;
mod readers;
mod receipt_log;
mod receipts;
mod sessions;
mod transfer;
mod writer;

use std::path::Path;
use std::sync::mpsc::{Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, RwLock};
use std::thread::JoinHandle;

use async_trait::async_trait;
use chat_core::id::Tenant;
use chat_core::store::{
    Access, Accounts, Attachments, Changes, Conversations, Friendships, Log, Memberships, Meta, People,
    ReceiptLog, Receipts, Sessions, Store, StoreError, Talk, TransferAccess, TransferPeople, TransferTalk,
};
use rusqlite::Connection;
use tokio::sync::oneshot;
use uuid::Uuid;

use self::database::{FileLock, Purpose, check_durability, connect, migrate};
use self::error::{Closed, Done};
use self::feeds::{AllFeeds, Feeds};
use self::readers::Readers;
use self::writer::{Told, Writer};
use crate::random::{random, random_epoch};
use crate::statements;

pub use self::error::OpenError;
pub use self::options::{Durability, SqliteOptions};
pub use crate::check::Problem;

/// A store in one SQLite file. Clones, and those of other tenants, share its threads.
///
/// The threads end when the last clone is dropped, or with [`close`](Self::close).
#[derive(Clone)]
pub struct SqliteStore {
    shared: Arc<Shared>,
    tenant: Tenant,
    feeds: Arc<Feeds>,
}

/// What all clones and tenants share.
struct Shared {
    options: SqliteOptions,
    writer: Writer,
    readers: Readers,
    feeds: AllFeeds,
    meta: RwLock<Meta>,
    threads: Mutex<Threads>,
}

/// What must be ended, in this order.
struct Threads {
    /// Readers and the checkpointer.
    others: Vec<JoinHandle<()>>,
    /// Wakes the checkpointer, which then finds the second one cut.
    checkpoints: Option<(SyncSender<()>, Sender<()>)>,
    /// Ends last: a connection that only reads leaves the log file behind.
    writer: Option<JoinHandle<()>>,
    /// Held until all of them are gone.
    lock: Option<FileLock>,
}

impl SqliteStore {
    /// Opens the file, makes or migrates its schema, and checks that it keeps what it acknowledges.
    ///
    /// # Errors
    /// [`OpenError::InUse`] when it is open somewhere, [`OpenError::NewerSchema`] when it is from the future, and what
    /// else can go wrong with a file.
    pub async fn open(options: SqliteOptions) -> Result<Self, OpenError> {
        let tenant = options.tenant;
        let shared = on_thread("chat-sqlite-open", move || Shared::open(options)).await??;
        let feeds = shared.feeds.of(tenant);
        Ok(Self { shared: Arc::new(shared), tenant, feeds })
    }

    /// The same store seen by another tenant: nothing of one is visible to the other.
    pub fn for_tenant(&self, tenant: Tenant) -> Self {
        Self { shared: Arc::clone(&self.shared), tenant, feeds: self.shared.feeds.of(tenant) }
    }

    /// Finishes what is queued, moves everything into the database file and ends the threads. Every call after it, of
    /// every clone, is [`StoreError::Unavailable`].
    ///
    /// # Errors
    /// [`OpenError::Io`] when no thread can be started to wait for the others.
    pub async fn close(&self) -> Result<(), OpenError> {
        let shared = Arc::clone(&self.shared);
        Ok(on_thread("chat-sqlite-close", move || shared.end()).await?)
    }

    /// Gives the store a new epoch, so that every client starts anew: to be done after a backup was put in its place.
    ///
    /// # Errors
    /// Any [`StoreError`]; the epoch is the old one then.
    pub async fn renew_epoch(&self) -> Result<Uuid, StoreError> {
        let epoch = random_epoch();
        self.write(move |connection, _| {
            connection.execute(statements::meta::RENEW, [epoch.into_bytes()])?;
            Ok(())
        })
        .await?;
        self.shared.meta.write().expect("nothing panics under this lock").epoch = epoch;
        Ok(epoch)
    }

    /// Copies the store to `to` while it is in use: one state of it, durable, put in its place wholly or not at all.
    /// A file that is there is replaced. What is written meanwhile stays in the log file until the copy is done.
    ///
    /// A call that is dropped is finished all the same.
    ///
    /// # Errors
    /// [`OpenError::Io`] and [`OpenError::Database`]; also when a database in use is in that place.
    pub async fn backup(&self, to: &Path) -> Result<(), OpenError> {
        let (shared, to) = (Arc::clone(&self.shared), to.to_owned());
        on_thread("chat-sqlite-backup", move || backup::backup(&shared.options, &to)).await?
    }

    /// Counts everything that is derived anew, for all tenants, and answers what is not as it should be: nothing, of a
    /// file in order. It reads the whole file, and takes as long.
    ///
    /// # Errors
    /// [`OpenError::Io`] and [`OpenError::Database`] when it cannot be read to its end.
    pub async fn check(&self) -> Result<Vec<Problem>, OpenError> {
        let (shared, key) = (Arc::clone(&self.shared), self.current_meta().digest_key);
        on_thread("chat-sqlite-check", move || check::check(&shared.options, &key)).await?
    }

    /// Does `work` on one state of the file.
    async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&Connection) -> Done<T> + Send + 'static,
        T: Send + 'static,
    {
        self.shared.readers.run(work).await
    }

    /// Does `work` in a transaction; what it puts into `Told` is told once it is committed.
    async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&Connection, &mut Told) -> Done<T> + Send + 'static,
        T: Send + 'static,
    {
        self.shared.writer.run(&self.feeds, work).await
    }

    fn current_meta(&self) -> Meta {
        *self.shared.meta.read().expect("nothing panics under this lock")
    }

    /// The tenant as a column.
    fn tenant_column(&self) -> i64 {
        i64::from(self.tenant.0)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.read(|connection| Ok(connection.query_row("SELECT 1", [], |_| Ok(()))?)).await
    }
}

impl Shared {
    fn open(options: SqliteOptions) -> Result<Self, OpenError> {
        let lock = FileLock::take(&options.path)?;
        let mut connection = connect(&options, Purpose::Write)?;
        check_durability(&connection, options.durability)?;
        let meta = RwLock::new(migrate(&mut connection)?);
        let checkpoints = connect(&options, Purpose::Checkpoint)?;
        let reading = std::iter::repeat_with(|| connect(&options, Purpose::Read)).take(options.readers);
        let reading = reading.collect::<Result<Vec<_>, _>>()?;

        let (written, commits) = sync_channel(1);
        let (closing, closed) = channel();
        let wake = written.clone();
        let (writer, write) = Writer::new(connection, written);
        let threads = Threads {
            others: Vec::new(),
            checkpoints: Some((wake, closing)),
            writer: Some(spawn("chat-sqlite-write", write)?),
            lock: Some(lock),
        };
        let feeds = AllFeeds::new(u64::from_be_bytes(random()));
        let (readers, threads) = (Readers::new(), Mutex::new(threads));
        let shared = Self { options, writer, readers, feeds, meta, threads };
        shared.start("chat-sqlite-checkpoint", move || checkpoint::run(&checkpoints, &commits, &closed))?;
        for connection in reading {
            shared.start("chat-sqlite-read", shared.readers.serve(connection))?;
        }
        Ok(shared)
    }

    fn start(&self, name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        let handle = spawn(name, run)?;
        self.threads().others.push(handle);
        Ok(())
    }

    fn threads(&self) -> MutexGuard<'_, Threads> {
        self.threads.lock().expect("nothing panics under this lock")
    }

    /// Ends the threads; the writer's connection, closed last, moves the rest of the log file into the database.
    fn end(&self) {
        let mut threads = self.threads();
        self.readers.close();
        if let Some((wake, closing)) = threads.checkpoints.take() {
            drop(closing);
            // When a token is there already it wakes as well.
            let _ = wake.try_send(());
        }
        threads.others.drain(..).for_each(join);
        self.writer.close();
        threads.writer.take().into_iter().for_each(join);
        threads.lock = None;
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.end();
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run)
}

fn join(thread: JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("a thread of the store panicked");
    }
}

/// Runs what blocks for long on a thread of its own.
async fn on_thread<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> std::io::Result<T> {
    let (reply, answer) = oneshot::channel();
    spawn(name, move || drop(reply.send(work())))?;
    answer.await.map_err(|_| std::io::Error::other(Closed))
}

impl Store for SqliteStore {
    fn tenant(&self) -> Tenant {
        self.tenant
    }

    fn people(&self) -> &dyn People {
        self
    }

    fn access(&self) -> &dyn Access {
        self
    }

    fn talk(&self) -> &dyn Talk {
        self
    }
}

#[async_trait]
impl People for SqliteStore {
    fn friendships(&self) -> &dyn Friendships {
        self
    }

    fn accounts(&self) -> &dyn Accounts {
        self
    }

    fn people_changes(&self) -> &dyn Changes {
        &self.feeds.people
    }

    fn transfer_people(&self) -> &dyn TransferPeople {
        self
    }

    async fn ping_people(&self) -> Result<(), StoreError> {
        self.ping().await
    }
}

#[async_trait]
impl Access for SqliteStore {
    fn sessions(&self) -> &dyn Sessions {
        self
    }

    fn access_changes(&self) -> &dyn Changes {
        &self.feeds.access
    }

    fn transfer_access(&self) -> &dyn TransferAccess {
        self
    }

    async fn ping_access(&self) -> Result<(), StoreError> {
        self.ping().await
    }
}

#[async_trait]
impl Talk for SqliteStore {
    fn conversations(&self) -> &dyn Conversations {
        self
    }

    fn log(&self) -> &dyn Log {
        self
    }

    fn memberships(&self) -> &dyn Memberships {
        self
    }

    fn receipts(&self) -> &dyn Receipts {
        self
    }

    fn receipt_log(&self) -> Option<&dyn ReceiptLog> {
        Some(self)
    }

    fn attachments(&self) -> Option<&dyn Attachments> {
        Some(self)
    }

    fn talk_changes(&self) -> &dyn Changes {
        &self.feeds.talk
    }

    fn transfer_talk(&self) -> &dyn TransferTalk {
        self
    }

    async fn meta(&self) -> Result<Meta, StoreError> {
        Ok(self.current_meta())
    }

    async fn ping_talk(&self) -> Result<(), StoreError> {
        self.ping().await
    }
}
