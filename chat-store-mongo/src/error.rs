//! What can go wrong with the server, and what becomes of it.

use chat_core::store::StoreError;
use mongodb::error::{Error, ErrorKind, RETRYABLE_ERROR, RETRYABLE_WRITE_ERROR, WriteFailure};

/// Codes of a duplicate key.
const DUPLICATE_KEYS: [i32; 3] = [11_000, 11_001, 12_582];

/// Codes of a server that does not do now what it may do later: not the primary, shutting down, out of time, of
/// locks, of disk, a write not confirmed by as many as asked.
const UNAVAILABLE: [i32; 24] = [
    6, 7, 24, 50, 64, 82, 89, 91, 100, 112, 134, 189, 202, 262, 9_001, 10_058, 10_107, 11_600, 11_602,
    13_435, 13_436, 14_031, 16_500, 12_586,
];

/// What a row is that cannot be read.
pub(crate) const UNREADABLE: &str = "a document that cannot be read";

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The address is none, or names no database.
    #[error("not an address of a MongoDB database")]
    Address(#[source] Box<Error>),
    /// The server cannot be reached, or does not do what is asked.
    #[error("the database cannot be opened")]
    Store(#[from] StoreError),
    /// The data are from a later version of this crate.
    #[error("the schema is of version {found}, this program knows {known}")]
    NewerSchema {
        /// What stands in the database.
        found: i64,
        /// What this program can read.
        known: i64,
    },
}

/// A field that is not there, or is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the field {0} cannot be read")]
pub(crate) struct Unreadable(pub(crate) &'static str);

/// The store was closed.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the store is closed")]
pub(crate) struct Closed;

/// The server did not answer in time.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the server did not answer in time")]
pub(crate) struct Late;

/// Why a piece of work ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The contract's own reasons.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The driver's.
    #[error(transparent)]
    Driver(#[from] Error),
    /// Whether it was done is unknown.
    #[error(transparent)]
    Late(#[from] Late),
    /// Nothing was done.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// What was read makes no sense.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

pub(crate) type Done<T> = Result<T, Failure>;

impl Failure {
    /// The same of what comes after a step that was done: it is not known to whoever asked, and must not be taken for
    /// something that did not happen.
    pub(crate) fn after_commit(self) -> Self {
        match self {
            unknown @ (Self::Late(_) | Self::Closed(_)) => unknown,
            other => Self::Store(StoreError::unavailable(other)),
        }
    }

    /// Whether the server may have done what was asked although it did not say so.
    pub(crate) fn is_unknown(&self) -> bool {
        match self {
            Self::Late(_) => true,
            Self::Driver(error) => is_unavailable(error),
            Self::Store(_) | Self::Closed(_) | Self::Unreadable(_) => false,
        }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Store(error) => error,
            Failure::Driver(error) if is_unavailable(&error) => Self::unavailable(error),
            Failure::Driver(error) => Self::backend(error),
            Failure::Late(late) => Self::unavailable(late),
            Failure::Closed(closed) => Self::unavailable(closed),
            Failure::Unreadable(unreadable) => {
                tracing::error!(%unreadable, "a document cannot be read");
                Self::Corrupt(UNREADABLE)
            }
        }
    }
}

/// Whether an error of one write is that of a unique key.
pub(crate) fn is_duplicate(error: &Error) -> bool {
    match &*error.kind {
        ErrorKind::Write(WriteFailure::WriteError(write)) => is_duplicate_code(write.code),
        ErrorKind::Command(command) => is_duplicate_code(command.code),
        _ => false,
    }
}

pub(crate) fn is_duplicate_code(code: i32) -> bool {
    DUPLICATE_KEYS.contains(&code)
}

pub(crate) fn is_unavailable_code(code: i32) -> bool {
    UNAVAILABLE.contains(&code)
}

fn is_unavailable(error: &Error) -> bool {
    let by_kind = match &*error.kind {
        ErrorKind::Io(_)
        | ErrorKind::ServerSelection { .. }
        | ErrorKind::ConnectionPoolCleared { .. }
        | ErrorKind::DnsResolve { .. }
        | ErrorKind::Shutdown
        | ErrorKind::Write(WriteFailure::WriteConcernError(_)) => true,
        ErrorKind::Command(command) => is_unavailable_code(command.code),
        ErrorKind::Write(WriteFailure::WriteError(write)) => is_unavailable_code(write.code),
        ErrorKind::InsertMany(many) => {
            many.write_concern_error.is_some()
                || many.write_errors.iter().flatten().any(|write| is_unavailable_code(write.code))
        }
        _ => false,
    };
    by_kind || error.contains_label(RETRYABLE_WRITE_ERROR) || error.contains_label(RETRYABLE_ERROR)
}
