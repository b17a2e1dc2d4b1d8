//! The threads that read, each with a connection of its own.
//!
//! A read is one job: it sees one state of the file from its first row to its last, and that state holds everything
//! that was acknowledged before.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use chat_core::store::StoreError;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::error::{Closed, Done, Failure, Panicked};
use super::queue::Queue;

/// Jobs that may wait before callers do.
const QUEUE_JOBS_MAX: usize = 1024;

type Job = Box<dyn FnOnce(&Connection) + Send>;

/// The way to the threads that read.
pub(super) struct Readers {
    queue: Arc<Queue<Job>>,
}

impl Readers {
    /// The queue; its threads run [`serve`](Self::serve).
    pub(super) fn new() -> Self {
        Self { queue: Arc::new(Queue::new(QUEUE_JOBS_MAX)) }
    }

    /// What a reading thread runs until the queue is closed.
    pub(super) fn serve(&self, connection: Connection) -> impl FnOnce() + Send + use<> {
        let queue = Arc::clone(&self.queue);
        move || {
            while let Some(job) = queue.pop() {
                job(&connection);
            }
        }
    }

    /// Does `work` on one state of the file.
    pub(super) async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&Connection) -> Done<T> + Send + 'static,
        T: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(move |connection: &Connection| {
            if !reply.is_closed() {
                let done = catch_unwind(AssertUnwindSafe(|| snapshot(connection, work)))
                    .unwrap_or_else(|_| Err(Failure::Store(StoreError::backend(Panicked))));
                // Nobody waits any more: nothing was written.
                drop(reply.send(done.map_err(StoreError::from)));
            }
        });
        self.queue.push(job).await.map_err(StoreError::unavailable)?;
        answer.await.unwrap_or_else(|_| Err(StoreError::unavailable(Closed)))
    }

    /// Lets the threads end when they have done what is queued.
    pub(super) fn close(&self) {
        self.queue.close();
    }
}

/// Runs `work` in a read transaction, which is over in any case.
fn snapshot<T>(connection: &Connection, work: impl FnOnce(&Connection) -> Done<T>) -> Done<T> {
    let _open = Snapshot::open(connection)?;
    work(connection)
}

/// An open read transaction.
struct Snapshot<'c>(&'c Connection);

impl<'c> Snapshot<'c> {
    fn open(connection: &'c Connection) -> rusqlite::Result<Self> {
        connection.prepare_cached("BEGIN")?.execute([])?;
        Ok(Self(connection))
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        let ended = self.0.prepare_cached("COMMIT").and_then(|mut commit| commit.execute([]));
        if let Err(error) = ended {
            tracing::error!(%error, "a read did not end");
        }
    }
}
