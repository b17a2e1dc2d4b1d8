//! What the servers' failures mean to the engine.

use chat_core::StoreError;

/// Why a store was not opened or checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The address is not one of this kind of server.
    #[error("the address cannot be used")]
    Address(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A schema or prefix that is not a plain name: letters, digits and underscores, a letter first.
    #[error("{0:?} is not a plain name")]
    Name(String),
    /// The schema was written by a newer version of this crate.
    #[error("the schema has version {found}, this program knows up to {known}")]
    NewerSchema {
        /// What the database says.
        found: i64,
        /// What this crate knows.
        known: i64,
    },
    /// The server does not keep what it acknowledges, and nobody said that this is wanted.
    #[error("{setting} is {found}, which is not durable")]
    NotDurable {
        /// Which setting.
        setting: &'static str,
        /// What it was found to be.
        found: String,
    },
    /// The server or its database is none that a store can live in.
    #[error("{setting} is {found}, and must be {wanted}")]
    Unfit {
        /// What was looked at.
        setting: &'static str,
        /// What it was found to be.
        found: String,
        /// What it must be.
        wanted: &'static str,
    },
    /// What the server says, or that it does not answer.
    #[error("the database cannot be used")]
    Database(#[source] StoreError),
}

impl From<Failure> for OpenError {
    fn from(failure: Failure) -> Self {
        Self::Database(failure.into())
    }
}

/// What ends a piece of work early: an answer of the contract, or a failure of the server that undoes it.
#[derive(Debug)]
pub(super) enum Failure {
    /// An answer.
    Store(StoreError),
    /// A failure.
    Sql(sqlx::Error),
    /// The server did not answer in time.
    Late(&'static str),
}

/// What a piece of work comes to.
pub(super) type Done<T> = Result<T, Failure>;

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Store(error) => error,
            Failure::Late(what) => Self::unavailable(Late(what)),
            Failure::Sql(error) => match Meaning::of(&error) {
                Meaning::Unavailable | Meaning::Contention => Self::unavailable(error),
                Meaning::Corrupt => Self::Corrupt(UNREADABLE),
                Meaning::Other => Self::backend(error),
            },
        }
    }
}

impl Failure {
    /// Whether the same work may succeed when it is done again from the beginning.
    pub(super) fn is_contention(&self) -> bool {
        matches!(self, Self::Sql(error) if Meaning::of(error) == Meaning::Contention)
    }

    /// Whether the connection can go on: the server has answered in words, not in silence.
    pub(super) fn leaves_connection_usable(&self) -> bool {
        match self {
            Self::Store(_) => true,
            Self::Sql(error) => {
                matches!(error, sqlx::Error::Database(_)) && Meaning::of(error) != Meaning::Unavailable
            }
            Self::Late(_) => false,
        }
    }
}

/// Says that a row is corrupt, not the database.
pub(super) const UNREADABLE: &str = "row";

/// What did not come in time.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("{0} took too long")]
struct Late(&'static str);

/// The store was closed, or its runtime is gone.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the store is closed")]
pub(super) struct Closed;

/// A piece of work panicked: a bug, answered as a failure so that the others go on.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("work of the store panicked")]
pub(super) struct Panicked;

/// What a failure means, whatever server says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// Somebody else was faster: to be done again.
    Contention,
    /// The server cannot be reached, has no room, is going down, or may not write: it may pass.
    Unavailable,
    /// A column holds what it never should.
    Corrupt,
    /// A bug, or something that will not pass by itself.
    Other,
}

impl Meaning {
    fn of(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(database) => {
                #[cfg(feature = "mysql")]
                if let Some(error) = database.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
                    return Self::of_mysql(error.number());
                }
                database.code().map_or(Self::Other, |code| Self::of_sqlstate(&code))
            }
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Self::Corrupt,
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable,
            _ => Self::Other,
        }
    }

    /// PostgreSQL. A unique key that is taken is contention: whoever tries again sees the row, and answers from it.
    fn of_sqlstate(code: &str) -> Self {
        match code {
            "40001" | "40P01" | "23505" => Self::Contention,
            // Locks and statements that took too long, a server without room, read-only, stopping or starting.
            "55P03" | "57014" | "25006" | "25P03" | "53000" | "53100" | "53200" | "53300" | "58030"
            | "57P01" | "57P02" | "57P03" | "57P05" => Self::Unavailable,
            _ if code.starts_with("08") => Self::Unavailable,
            _ => Self::Other,
        }
    }

    /// MySQL and MariaDB, by number: their SQL states are too coarse.
    #[cfg(feature = "mysql")]
    const fn of_mysql(number: u16) -> Self {
        match number {
            // Deadlock, lock wait, record changed since read, unique key.
            1213 | 1205 | 1020 | 1062 => Self::Contention,
            // No room: disk, memory, table, connections. Going down, killed, interrupted, cut off, too slow. Read-only.
            1021
            | 1037
            | 1038
            | 1040
            | 1041
            | 1053
            | 1077
            | 1079
            | 1114
            | 1129
            | 1158..=1161
            | 1184
            | 1203
            | 1226
            | 1290
            | 1317
            | 1792
            | 1836
            | 1927
            | 1969
            | 2006
            | 2013
            | 3024
            | 4031 => Self::Unavailable,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_mean_what_they_say() {
        for code in ["40001", "40P01", "23505"] {
            assert_eq!(Meaning::of_sqlstate(code), Meaning::Contention, "{code}");
        }
        for code in ["08006", "57P01", "53300", "55P03"] {
            assert_eq!(Meaning::of_sqlstate(code), Meaning::Unavailable, "{code}");
        }
        assert_eq!(Meaning::of_sqlstate("42601"), Meaning::Other);
    }

    #[cfg(feature = "mysql")]
    #[test]
    fn numbers_mean_what_they_say() {
        for number in [1213, 1205, 1020, 1062] {
            assert_eq!(Meaning::of_mysql(number), Meaning::Contention, "{number}");
        }
        for number in [1040, 1053, 1159, 1836] {
            assert_eq!(Meaning::of_mysql(number), Meaning::Unavailable, "{number}");
        }
        assert_eq!(Meaning::of_mysql(1064), Meaning::Other);
    }

    #[test]
    fn silence_spoils_the_connection() {
        assert!(!Failure::Late("a statement").leaves_connection_usable());
        assert!(!Failure::Sql(sqlx::Error::WorkerCrashed).leaves_connection_usable());
        assert!(Failure::Store(StoreError::Conflict).leaves_connection_usable());
        assert!(matches!(StoreError::from(Failure::Late("a statement")), StoreError::Unavailable(_)));
    }
}
