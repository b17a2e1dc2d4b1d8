//! How a command reaches the server that holds the database: a unix socket beside the database file.
//!
//! One request and one answer a connection, each a line of JSON; an answer that takes long is told before by lines
//! that say how far it has come. The socket is made while the process may make only
//! private files, so whoever can open it can read the database file too. A socket that a killed server left behind
//! is replaced: the store's lock on the file says that we are the only one.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use anyhow::{Context as _, bail};
use chat_core::copy::Progress;
use serde::Serialize;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};

use super::{Operator, Report, Request};
use crate::bar::Step;

/// No request is longer.
const REQUEST_BYTES_MAX: u64 = 64 * 1024;

/// More requests at once wait their turn.
const REQUESTS_MAX: usize = 16;

/// A request that is not whole after so long is dropped.
const REQUEST_WAIT: Duration = Duration::from_secs(5);

/// How far something has come is told at most so often.
const TOLD_EVERY: Duration = Duration::from_millis(100);

/// Where the server that holds this database listens.
pub(crate) fn beside(database: &Path) -> PathBuf {
    database.with_added_extension("admin")
}

/// Asks the server that holds the database; `None` when there is none. `watch` is told how far it has come.
///
/// # Errors
/// When there is one and it does not answer.
pub(crate) async fn ask(
    database: &Path,
    request: &Request,
    watch: &(dyn Fn(Step) + Sync),
) -> anyhow::Result<Option<Report>> {
    let mut stream = match UnixStream::connect(beside(database)).await {
        Ok(stream) => stream,
        Err(error) if tells_of_no_server(&error) => return Ok(None),
        Err(error) => return Err(error).context("cannot reach the running server"),
    };
    stream.write_all(&line(request)?).await?;
    let mut lines = BufReader::new(stream).lines();
    while let Some(line) = lines.next_line().await? {
        match serde_json::from_str(&line).context("the running server is of another version")? {
            Report::Going(step) => watch(step),
            report => return Ok(Some(report)),
        }
    }
    bail!("the running server went away before it answered")
}

fn line(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

/// No socket, nobody behind it any more, or a path too long for any socket to be there.
fn tells_of_no_server(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::InvalidInput)
}

/// The listening end, which removes its socket when it is dropped.
#[derive(Debug)]
pub(crate) struct Listener {
    listener: UnixListener,
    path: PathBuf,
}

impl Listener {
    /// Listens beside a database file that this process holds.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub(crate) fn bind(database: &Path) -> io::Result<Self> {
        let path = beside(database);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        Ok(Self { listener: UnixListener::bind(&path)?, path })
    }

    /// Answers requests, until it is dropped.
    pub(crate) async fn serve(self, operator: Operator) {
        let operator = Arc::new(operator);
        let mut answering = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept(), if answering.len() < REQUESTS_MAX => match accepted {
                    Ok((stream, _)) => drop(answering.spawn(answer(stream, Arc::clone(&operator)))),
                    Err(error) => {
                        tracing::warn!(%error, "an operator's command was not accepted");
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                },
                Some(_) = answering.join_next() => {}
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(%error, "the operator's socket stays behind");
        }
    }
}

/// One connection.
async fn answer(mut stream: UnixStream, operator: Arc<Operator>) {
    if let Err(error) = try_answer(&mut stream, &operator).await {
        tracing::warn!(%error, "an operator's command was not answered");
    }
}

async fn try_answer(stream: &mut UnixStream, operator: &Operator) -> anyhow::Result<()> {
    let mut request = String::new();
    let mut reader = BufReader::new((&mut *stream).take(REQUEST_BYTES_MAX));
    timeout(REQUEST_WAIT, reader.read_line(&mut request)).await.context("took too long")??;
    let request = serde_json::from_str(&request)?;
    let latest = Mutex::new(None);
    let watch = |progress: Progress| *lock(&latest) = Some(progress);
    let mut performed = pin!(operator.perform(request, &watch));
    let mut due = interval(TOLD_EVERY);
    let report = loop {
        tokio::select! {
            report = &mut performed => break report,
            _ = due.tick() => {
                let progress = lock(&latest).take();
                if let Some(progress) = progress {
                    // For who has gone away nothing is done any further.
                    stream.write_all(&line(&Report::Going(progress.into()))?).await?;
                }
            }
        }
    };
    stream.write_all(&line(&report)?).await?;
    stream.shutdown().await?;
    Ok(())
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().expect("nothing panics while this lock is held")
}
