//! Moves what was committed from the log file into the database, beside the writer.
//!
//! Without it the writer does that itself, in one long stop every some thousand commits; with it the worst commit
//! costs a few ordinary ones.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use rusqlite::Connection;

/// How often, while there are writes.
const INTERVAL: Duration = Duration::from_millis(50);

/// Runs until `closing` is cut. `written` holds a token when there was a commit.
pub(super) fn run(connection: &Connection, written: &Receiver<()>, closing: &Receiver<()>) {
    while written.recv().is_ok() && closing.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
        let done = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        if let Err(error) = done {
            tracing::warn!(%error, "a checkpoint failed; the next one goes on from there");
        }
    }
}
