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

/// A job's writes must be undone.
struct Undo;

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
        let failed = done.is_err();
        self.outcome = Some(done.map_err(StoreError::from));
        if failed { Err(Undo) } else { Ok(()) }
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
            self.end(ran, committed);
        }
    }

    /// The only job of a transaction: when it fails there is nothing to commit, and `end` undoes it.
    fn alone(&self, group: &mut Group, ran: &mut Vec<Box<dyn Job>>) -> rusqlite::Result<()> {
        ran.extend(group.drain(..));
        self.control("BEGIN IMMEDIATE")?;
        match ran.iter_mut().try_for_each(|job| job.run(&self.connection)) {
            Ok(()) => self.control("COMMIT"),
            Err(Undo) => Ok(()),
        }
    }

    /// Moves jobs from `group` to `ran`, each in a savepoint: when one fails the others stay, unless SQLite has ended
    /// the transaction by itself. Then there is no savepoint any more, and that is the error.
    fn together(&self, group: &mut Group, ran: &mut Vec<Box<dyn Job>>) -> rusqlite::Result<()> {
        if let Err(error) = self.control("BEGIN IMMEDIATE") {
            ran.extend(group.drain(..));
            return Err(error);
        }
        while let Some(job) = group.pop_front() {
            ran.push(job);
            self.control("SAVEPOINT job")?;
            if ran.last_mut().is_some_and(|job| job.run(&self.connection).is_err()) {
                self.control("ROLLBACK TO job")?;
            }
            self.control("RELEASE job")?;
        }
        self.control("COMMIT")
    }

    /// Leaves no transaction open, and answers.
    fn end(&self, ran: Vec<Box<dyn Job>>, committed: rusqlite::Result<()>) {
        let committed = committed.map_err(|error| {
            tracing::error!(%error, jobs = ran.len(), "a transaction failed");
            store_error(error)
        });
        if !self.connection.is_autocommit()
            && let Err(error) = self.control("ROLLBACK")
        {
            tracing::error!(%error, "a failed transaction was not rolled back");
        }
        for job in ran {
            job.answer(committed.clone());
        }
    }

    fn control(&self, sql: &'static str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(drop)
    }
}
