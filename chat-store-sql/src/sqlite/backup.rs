//! A copy of the file while it is in use.
//!
//! The copy is one state of the store, taken on a thread and a connection of its own: nobody waits for it. Until it
//! is done the log file cannot be emptied, and grows with what is written. The copy appears at its place wholly or
//! not at all.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::ffi::{Error, SQLITE_BUSY};
use rusqlite::{Connection, OpenFlags};

use super::database::{Purpose, connect};
use super::error::OpenError;
use super::options::SqliteOptions;

/// Pages copied in one step.
const STEP_PAGES: i32 = 1024;

/// Copies the store to `to`, durably.
pub(super) fn backup(options: &SqliteOptions, to: &Path) -> Result<(), OpenError> {
    refuse_used(to)?;
    let partial = beside(to, ".partial");
    let copied = copy(options, &partial).and_then(|()| Ok(publish(&partial, to)?));
    if copied.is_err()
        && let Err(error) = remove_if_there(&partial)
    {
        tracing::warn!(%error, "an unfinished backup was not removed");
    }
    copied
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// A database in use has files beside it, which would be taken for those of the copy.
fn refuse_used(to: &Path) -> io::Result<()> {
    let used = ["-wal", "-shm", "-journal"].iter().any(|suffix| beside(to, suffix).exists());
    if used {
        let why = "a database in use, or one that was not closed, is in the place of the backup";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
    }
    Ok(())
}

fn copy(options: &SqliteOptions, partial: &Path) -> Result<(), OpenError> {
    remove_if_there(partial)?;
    let from = connect(options, Purpose::Read)?;
    // An open transaction that has read: every step sees the same state, whatever is committed meanwhile.
    from.execute_batch("BEGIN; SELECT count(*) FROM chat_meta")?;
    let access = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let mut copy = Connection::open_with_flags(partial, access)?;
    // Made durable as a whole, afterwards.
    copy.pragma_update(None, "synchronous", "OFF")?;
    copy.query_row("PRAGMA journal_mode = OFF", [], |_| Ok(()))?;
    let backup = Backup::new(&from, &mut copy)?;
    loop {
        match backup.step(STEP_PAGES)? {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            // The copy is nobody else's, and the source is read from an open transaction.
            _ => return Err(rusqlite::Error::SqliteFailure(Error::new(SQLITE_BUSY), None).into()),
        }
    }
}

/// Makes the copy durable and gives it its name.
fn publish(partial: &Path, to: &Path) -> io::Result<()> {
    File::open(partial)?.sync_all()?;
    std::fs::rename(partial, to)?;
    let directory = to.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
