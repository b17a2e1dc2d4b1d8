//! The one thread that writes.
//!
//! It owns the only connection that writes. Jobs that wait together are committed together: one `fsync` for all of
//! them, each in a savepoint of its own when there are several, so that one that fails undoes nothing but itself.
//! Answers are given, and changes told, after the commit; a job whose caller is gone before it began is skipped, one
//! that has begun is finished.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use chat_core::store::{Change, StoreError};
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::error::{Closed, Done, Failure, Panicked, store_error};
use super::feeds::Feeds;
use super::queue::Queue;

/// Jobs that may wait before callers do.
const QUEUE_JOBS_MAX: usize = 1024;
/// Jobs that go into one commit.
const GROUP_JOBS_MAX: usize = 128;

/// Jobs that are committed together.
type Group = VecDeque<Box<dyn Job>>;

/// What a job changes beside its rows: told when it is committed.
pub(super) type Told = Vec<Change>;

/// A write of any type of answer.
trait Job: Send {
    /// Whether somebody still waits.
    fn is_wanted(&self) -> bool;
    /// Does it, keeping the answer; `Err` when its writes must be undone.
    fn run(&mut self, connection: &Connection) -> Result<(), Undo>;
    /// Gives the answer, or the failure of the commit.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

/// A job's writes must be undone, for this reason.
struct Undo(StoreError);

/// One write and who waits for it.
struct Write<F, T> {
    work: Option<F>,
    outcome: Option<Result<T, StoreError>>,
    told: Told,
    feeds: Arc<Feeds>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T> Job for Write<F, T>
where
    F: FnOnce(&Connection, &mut Told) -> Done<T> + Send,
    T: Send,
{
    fn is_wanted(&self) -> bool {
        !self.reply.is_closed()
    }

    fn run(&mut self, connection: &Connection) -> Result<(), Undo> {
        let work = self.work.take().expect("a job runs once");
        let done = catch_unwind(AssertUnwindSafe(|| work(connection, &mut self.told)))
            .unwrap_or_else(|_| Err(Failure::Store(StoreError::backend(Panicked))));
        let done = done.map_err(StoreError::from);
        let undo = done.as_ref().map(|_| ()).map_err(|error| Undo(error.clone()));
        self.outcome = Some(done);
        undo
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        // A job that has not run shares the failure that kept it from running.
        let own = self.outcome.unwrap_or_else(|| Err(StoreError::unavailable(Closed)));
        let outcome = match (own, committed) {
            (Ok(value), Ok(())) => {
                self.feeds.tell(self.told);
                Ok(value)
            }
            (Err(error), Ok(())) | (_, Err(error)) => Err(error),
        };
        // Nobody waits any more: it is done all the same.
        drop(self.reply.send(outcome));
    }
}

/// The way to the thread that writes.
pub(super) struct Writer {
    queue: Arc<Queue<Box<dyn Job>>>,
}

impl Writer {
    /// The queue, and what its thread runs until the queue is closed.
    pub(super) fn new(connection: Connection, written: SyncSender<()>) -> (Self, impl FnOnce() + Send) {
        let queue = Arc::new(Queue::new(QUEUE_JOBS_MAX));
        let thread = Thread { connection, queue: Arc::clone(&queue), written };
        (Self { queue }, move || thread.run())
    }

    /// Does `work` in a transaction, together with what else waits.
    pub(super) async fn run<T, F>(&self, feeds: &Arc<Feeds>, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&Connection, &mut Told) -> Done<T> + Send + 'static,
        T: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let (work, feeds) = (Some(work), Arc::clone(feeds));
        let job = Box::new(Write { work, outcome: None, told: Told::new(), feeds, reply });
        self.queue.push(job).await.map_err(StoreError::unavailable)?;
        answer.await.unwrap_or_else(|_| Err(StoreError::unavailable(Closed)))
    }

    /// Lets the thread end when it has done what is queued.
    pub(super) fn close(&self) {
        self.queue.close();
    }
}

struct Thread {
    connection: Connection,
    queue: Arc<Queue<Box<dyn Job>>>,
    written: SyncSender<()>,
}

impl Thread {
    fn run(self) {
        while let Some(first) = self.queue.pop() {
            let more = std::iter::from_fn(|| self.queue.try_pop()).take(GROUP_JOBS_MAX - 1);
            let group = std::iter::once(first).chain(more).filter(|job| job.is_wanted()).collect();
            self.commit(group);
            // A full channel has told it already.
            let _ = self.written.try_send(());
        }
    }

    /// Commits a group. What a failure of SQLite cuts off is answered with it; the rest goes on in a new transaction.
    fn commit(&self, mut group: Group) {
        while !group.is_empty() {
            let mut ran = Vec::with_capacity(group.len());
            let committed = if group.len() == 1 {
                self.alone(&mut group, &mut ran)
            } else {
                self.together(&mut group, &mut ran)
            };
            self.end(ran, &committed);
        }
    }

    /// The only job of a transaction: when it fails there is nothing to commit, and `end` undoes it.
    fn alone(&self, group: &mut Group, ran: &mut Vec<Box<dyn Job>>) -> Result<(), StoreError> {
        ran.extend(group.drain(..));
        self.control("BEGIN IMMEDIATE")?;
        match ran.iter_mut().try_for_each(|job| job.run(&self.connection)) {
            Ok(()) => self.control("COMMIT"),
            Err(Undo(_)) => Ok(()),
        }
    }

    /// Moves jobs from `group` to `ran`, each in a savepoint: when one fails the others stay, unless SQLite has ended
    /// the transaction by itself, on a full disk for example. Then its failure is that of all who ran.
    fn together(&self, group: &mut Group, ran: &mut Vec<Box<dyn Job>>) -> Result<(), StoreError> {
        if let Err(error) = self.control("BEGIN IMMEDIATE") {
            ran.extend(group.drain(..));
            return Err(error);
        }
        while let Some(mut job) = group.pop_front() {
            let done = self.in_savepoint(job.as_mut());
            ran.push(job);
            done?;
        }
        self.control("COMMIT")
    }

    fn in_savepoint(&self, job: &mut dyn Job) -> Result<(), StoreError> {
        self.control("SAVEPOINT job")?;
        match job.run(&self.connection) {
            Err(Undo(error)) if self.connection.is_autocommit() => return Err(error),
            Err(Undo(_)) => self.control("ROLLBACK TO job")?,
            Ok(()) => {}
        }
        self.control("RELEASE job")
    }

    /// Leaves no transaction open, and answers.
    fn end(&self, ran: Vec<Box<dyn Job>>, committed: &Result<(), StoreError>) {
        if let Err(error) = committed {
            tracing::error!(?error, jobs = ran.len(), "a transaction failed");
        }
        if !self.connection.is_autocommit()
            && let Err(error) = self.control("ROLLBACK")
        {
            tracing::error!(?error, "a failed transaction was not rolled back");
        }
        for job in ran {
            job.answer(committed.clone());
        }
    }

    fn control(&self, sql: &'static str) -> Result<(), StoreError> {
        let done = self.connection.prepare_cached(sql).and_then(|mut statement| statement.execute([]));
        done.map(drop).map_err(store_error)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use chat_core::id::{Tenant, UserId};
    use chat_core::store::Changes as _;
    use tempfile::TempDir;

    use super::super::feeds::AllFeeds;
    use super::*;

    /// A file with one table, and a writer whose jobs wait until its thread is started.
    struct Bench {
        _directory: TempDir,
        writer: Arc<Writer>,
        feeds: Arc<Feeds>,
    }

    /// What is in the table, read by the writer itself.
    async fn numbers(bench: &Bench) -> Vec<i64> {
        let read = |connection: &Connection, _: &mut Told| {
            let mut statement = connection.prepare("SELECT number FROM numbers ORDER BY number")?;
            let rows = statement.query_map([], |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        };
        bench.writer.run(&bench.feeds, read).await.unwrap()
    }

    /// Writes a number and its change, then ends so.
    async fn put(bench: &Bench, number: u32, end: Done<()>) -> Result<(), StoreError> {
        let work = move |connection: &Connection, told: &mut Told| {
            connection.execute("INSERT INTO numbers (number) VALUES (?)", [number])?;
            told.push(Change::Memberships(UserId::from(number)));
            end
        };
        bench.writer.run(&bench.feeds, work).await
    }

    /// The bench, and its thread.
    fn bench() -> (Bench, impl FnOnce() + Send) {
        let directory = tempfile::tempdir().unwrap();
        let connection = Connection::open(directory.path().join("numbers.db")).unwrap();
        connection.execute_batch("CREATE TABLE numbers (number INTEGER PRIMARY KEY, padding BLOB)").unwrap();
        connection.query_row("PRAGMA max_page_count = 32", [], |_| Ok(())).unwrap();
        let (written, _) = sync_channel(1);
        let (writer, thread) = Writer::new(connection, written);
        let feeds = AllFeeds::new(1).of(Tenant::default());
        (Bench { _directory: directory, writer: Arc::new(writer), feeds }, thread)
    }

    async fn told(bench: &Bench) -> Vec<Change> {
        let mut start = [0; 16];
        start[7] = 1;
        bench.feeds.talk.since(Some(chat_core::store::ChangeCursor(start)), 100).await.unwrap().items
    }

    #[tokio::test]
    async fn of_jobs_committed_together_one_fails_alone() {
        let (bench, thread) = bench();
        let all = async {
            tokio::join!(
                put(&bench, 1, Ok(())),
                put(&bench, 2, Err(StoreError::Conflict.into())),
                put(&bench, 1, Ok(())),
                put(&bench, 3, Ok(())),
                async {
                    // All are queued: now they are one group.
                    std::thread::spawn(thread);
                },
            )
        };
        let (first, refused, twice, last, ()) = all.await;
        assert!(first.is_ok() && last.is_ok());
        assert!(matches!(refused, Err(StoreError::Conflict)));
        assert!(matches!(twice, Err(StoreError::Backend(_))), "{twice:?}");
        assert_eq!(numbers(&bench).await, [1, 3]);
        let changes = [1_u64, 3].map(|number| Change::Memberships(UserId::from(number)));
        assert_eq!(told(&bench).await, changes, "nothing is told of what was not committed");
        bench.writer.close();
    }

    #[tokio::test]
    async fn a_full_disk_is_unavailable_and_passes() {
        let (bench, thread) = bench();
        let thread = std::thread::spawn(thread);
        let fill = |connection: &Connection, _: &mut Told| {
            connection.execute("INSERT INTO numbers (number, padding) VALUES (7, zeroblob(1000000))", [])?;
            Ok(())
        };
        let full = bench.writer.run(&bench.feeds, fill).await;
        assert!(matches!(full, Err(StoreError::Unavailable(_))), "{full:?}");
        put(&bench, 1, Ok(())).await.unwrap();
        let (full, beside) = tokio::join!(bench.writer.run(&bench.feeds, fill), put(&bench, 2, Ok(())));
        assert!(matches!(full, Err(StoreError::Unavailable(_))), "{full:?}");
        assert!(beside.is_ok() || matches!(beside, Err(StoreError::Unavailable(_))));
        put(&bench, 3, Ok(())).await.unwrap();
        let expected: &[i64] = if beside.is_ok() { &[1, 2, 3] } else { &[1, 3] };
        assert_eq!(numbers(&bench).await, expected);
        bench.writer.close();
        thread.join().unwrap();
    }

    #[tokio::test]
    async fn a_panic_is_one_jobs_own() {
        let (bench, thread) = bench();
        let thread = std::thread::spawn(thread);
        let panics = |connection: &Connection, _: &mut Told| -> Done<()> {
            connection.execute("INSERT INTO numbers (number) VALUES (9)", [])?;
            panic!("a bug in a job, on purpose")
        };
        let (panicked, beside) = tokio::join!(bench.writer.run(&bench.feeds, panics), put(&bench, 1, Ok(())));
        assert!(matches!(panicked, Err(StoreError::Backend(_))), "{panicked:?}");
        beside.unwrap();
        assert_eq!(numbers(&bench).await, [1]);
        bench.writer.close();
        thread.join().unwrap();
        assert!(matches!(put(&bench, 2, Ok(())).await, Err(StoreError::Unavailable(_))));
    }

    #[tokio::test]
    async fn a_job_nobody_waits_for_is_skipped_before_it_begins() {
        let (bench, thread) = bench();
        {
            let abandoned = put(&bench, 1, Ok(()));
            tokio::pin!(abandoned);
            tokio::select! {
                biased;
                _ = &mut abandoned => panic!("there is no thread yet"),
                () = std::future::ready(()) => {}
            }
        }
        let thread = std::thread::spawn(thread);
        put(&bench, 2, Ok(())).await.unwrap();
        assert_eq!(numbers(&bench).await, [2]);
        bench.writer.close();
        thread.join().unwrap();
    }
}
