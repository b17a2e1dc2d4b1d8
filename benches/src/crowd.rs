//! Many sockets that count what they are sent, so that a sender can wait until everybody has everything.

use crate::socket::Socket;
use anyhow::{Context as _, Result, anyhow};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use tokio::sync::{Notify, mpsc};
use tokio::task::LocalSet;

/// Handshakes under way at the same time.
const CONNECTING_AT_ONCE: usize = 64;

/// Connects these users as quickly as the server lets.
///
/// # Errors
/// The first connection that fails.
pub async fn connect_all(server: SocketAddr, users: impl IntoIterator<Item = usize>) -> Result<Vec<Socket>> {
    stream::iter(users)
        .map(|nth| Socket::connect(server, nth))
        .buffer_unordered(CONNECTING_AT_ONCE)
        .try_collect()
        .await
}

/// What all receivers together have counted, and how much somebody waits for.
#[derive(Debug, Default)]
struct Counter {
    counted: Cell<u64>,
    awaited: Cell<u64>,
    reached: Notify,
}

impl Counter {
    fn add(&self, more: u64) {
        self.counted.set(self.counted.get() + more);
        if self.counted.get() >= self.awaited.get() {
            self.reached.notify_one();
        }
    }
}

/// Receivers on this thread. Dropping it closes their sockets.
#[derive(Debug)]
pub struct Crowd {
    counter: Rc<Counter>,
    failures: mpsc::UnboundedReceiver<anyhow::Error>,
    tasks: LocalSet,
    size: u64,
}

impl Crowd {
    /// Every socket counts the text frames that start with `prefix`.
    pub fn new(sockets: Vec<Socket>, prefix: &'static str) -> Self {
        let (tasks, counter) = (LocalSet::new(), Rc::new(Counter::default()));
        let (failed, failures) = mpsc::unbounded_channel();
        let size = sockets.len() as u64;
        for socket in sockets {
            let (counter, failed) = (Rc::clone(&counter), failed.clone());
            tasks.spawn_local(async move {
                let Err(error) = receive(socket, prefix, &counter).await;
                // Nobody listens any more only when the crowd itself is being dropped.
                let _ = failed.send(error);
            });
        }
        Self { counter, failures, tasks, size }
    }

    /// How many receivers there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// How many frames all receivers together have counted.
    pub fn counted(&self) -> u64 {
        self.counter.counted.get()
    }

    /// Runs `send`, then waits until every receiver has counted `frames` more.
    ///
    /// # Errors
    /// When sending fails or a receiver loses its connection.
    pub async fn wave(&mut self, frames: u64, send: impl Future<Output = Result<()>>) -> Result<()> {
        self.counter.awaited.set(self.counter.counted.get() + frames * self.size);
        let everybody_has_it = async {
            send.await?;
            while self.counter.counted.get() < self.counter.awaited.get() {
                tokio::select! {
                    () = self.counter.reached.notified() => {}
                    failure = self.failures.recv() => return Err(failure.context("receivers are running")?),
                }
            }
            Ok(())
        };
        self.tasks
            .run_until(everybody_has_it)
            .await
            .map_err(|error: anyhow::Error| anyhow!("fan-out: {error:#}"))
    }
}

async fn receive(mut socket: Socket, prefix: &str, counter: &Counter) -> Result<std::convert::Infallible> {
    loop {
        counter.add(socket.count_next(prefix.as_bytes()).await?);
    }
}
