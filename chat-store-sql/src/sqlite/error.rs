//! What SQLite's failures mean to the engine.

use std::path::PathBuf;

use chat_core::StoreError;
use rusqlite::ErrorCode;

/// Why a store was not opened, backed up or checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process, or another store of this one, has the file open.
    #[error("{0} is in use: it can be open once")]
    InUse(PathBuf),
    /// The file was written by a newer version of this crate.
    #[error("the schema has version {found}, this program knows up to {known}")]
    NewerSchema {
        /// What the file says.
        found: i64,
        /// What this crate knows.
        known: i64,
    },
    /// The file does not keep what it acknowledges, though it was asked to.
    #[error("{setting} is {found}, which is not durable")]
    NotDurable {
        /// Which setting.
        setting: &'static str,
        /// What it was found to be.
        found: String,
    },
    /// The lock, the file or its directory.
    #[error("the file cannot be used")]
    Io(#[from] std::io::Error),
    /// What SQLite says.
    #[error("the database cannot be used")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

/// What ends a job early: an answer of the contract, or a failure of SQLite that undoes it.
#[derive(Debug)]
pub(super) enum Failure {
    /// An answer.
    Store(StoreError),
    /// A failure.
    Sql(rusqlite::Error),
}

/// What a job comes to.
pub(super) type Done<T> = Result<T, Failure>;

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Store(error) => error,
            Failure::Sql(error) => store_error(error),
        }
    }
}

/// Says that a row is corrupt, not the file.
pub(super) const UNREADABLE: &str = "row";

impl From<Failure> for OpenError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Sql(error) => error.into(),
            Failure::Store(error) => Self::Database(error.into()),
        }
    }
}

/// A failure of SQLite: what may pass (a full disk, a lock, a failing device) is unavailable, a damaged file or row is
/// corrupt, the rest is ours.
pub(super) fn store_error(error: rusqlite::Error) -> StoreError {
    use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error};
    match (&error, error.sqlite_error_code()) {
        (_, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)) => {
            StoreError::Corrupt("database file")
        }
        (
            _,
            Some(
                ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::OutOfMemory
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::PermissionDenied,
            ),
        ) => StoreError::unavailable(error),
        (
            FromSqlConversionFailure(..)
            | IntegralValueOutOfRange(..)
            | InvalidColumnType(..)
            | Utf8Error(..),
            None,
        ) => StoreError::Corrupt(UNREADABLE),
        (_, _) => StoreError::backend(error),
    }
}

/// The store was closed, or its threads are gone.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the store is closed")]
pub(super) struct Closed;

/// A job panicked: a bug, answered as a failure so that the others go on.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("a job of the store panicked")]
pub(super) struct Panicked;

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    fn of_code(code: i32) -> StoreError {
        store_error(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None))
    }

    #[test]
    fn what_passes_is_unavailable_and_what_is_damaged_is_corrupt() {
        for code in [ffi::SQLITE_FULL, ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_BUSY, ffi::SQLITE_READONLY] {
            assert!(matches!(of_code(code), StoreError::Unavailable(_)), "{code}");
        }
        for code in [ffi::SQLITE_CORRUPT, ffi::SQLITE_NOTADB] {
            assert!(matches!(of_code(code), StoreError::Corrupt("database file")), "{code}");
        }
        assert!(matches!(of_code(ffi::SQLITE_CONSTRAINT), StoreError::Backend(_)));
        assert!(matches!(
            store_error(rusqlite::Error::IntegralValueOutOfRange(0, -1)),
            StoreError::Corrupt(UNREADABLE)
        ));
        assert!(matches!(store_error(rusqlite::Error::QueryReturnedNoRows), StoreError::Backend(_)));
    }
}
