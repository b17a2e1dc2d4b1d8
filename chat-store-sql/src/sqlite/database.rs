//! The file: its lock, its connections, its schema.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chat_core::store::Meta;
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior};
use rustix::fs::FlockOperation;
use uuid::Uuid;

use super::error::OpenError;
use super::options::{Durability, SqliteOptions};
use crate::random::{random, random_epoch};
use crate::statements;

/// Frames in the log file after which the writer moves them into the database itself. The checkpointer keeps far
/// below this unless the disk cannot follow.
const AUTOCHECKPOINT_FRAMES: u32 = 10_000;
/// How long a connection waits for another process's lock, a tool's for example.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// More than there are statements, so that each is prepared once.
const STATEMENTS_KEPT: usize = 128;

/// The steps that make the schema; each is applied once, in order, for ever.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/sqlite_0001.sql"),
    include_str!("../../migrations/sqlite_0002.sql"),
    include_str!("../../migrations/sqlite_0003.sql"),
    include_str!("../../migrations/sqlite_0004.sql"),
    include_str!("../../migrations/sqlite_0005.sql"),
];

const MIGRATIONS_TABLE: &str = "CREATE TABLE IF NOT EXISTS chat_migrations \
    (version INTEGER NOT NULL PRIMARY KEY, applied_at INTEGER NOT NULL)";

/// The right to open the file, kept until it is dropped.
pub(super) struct FileLock {
    _file: File,
}

impl FileLock {
    /// Takes the lock beside the file.
    pub(super) fn take(path: &Path) -> Result<Self, OpenError> {
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(PathBuf::from(name))?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { _file: file }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(OpenError::InUse(path.to_owned())),
            Err(error) => Err(OpenError::Io(error.into())),
        }
    }
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The one that writes.
    Write,
    /// Reads.
    Read,
    /// Moves the log file's frames into the database.
    Checkpoint,
}

/// Opens a connection for `purpose`.
pub(super) fn connect(options: &SqliteOptions, purpose: Purpose) -> rusqlite::Result<Connection> {
    let access = match purpose {
        Purpose::Write => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        Purpose::Checkpoint => OpenFlags::SQLITE_OPEN_READ_WRITE,
        Purpose::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
    };
    let connection = Connection::open_with_flags(&options.path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    let cache_kib = match purpose {
        Purpose::Write => options.cache_bytes / 1024,
        Purpose::Read | Purpose::Checkpoint => options.cache_bytes / 4096,
    };
    connection.pragma_update(None, "cache_size", -i64::from(cache_kib))?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update(None, "foreign_keys", false)?;
    if purpose != Purpose::Read {
        // The mode stands in the file and is answered as what it has become.
        connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", synchronous(options.durability))?;
        connection.pragma_update(None, "wal_autocheckpoint", AUTOCHECKPOINT_FRAMES)?;
        // What is deleted is overwritten, where that costs no write of its own.
        connection.query_row("PRAGMA secure_delete = FAST", [], |_| Ok(()))?;
    }
    Ok(connection)
}

const fn synchronous(durability: Durability) -> &'static str {
    match durability {
        Durability::Full => "FULL",
        Durability::Normal => "NORMAL",
    }
}

/// Reads back whether the writing connection keeps what it acknowledges.
pub(super) fn check_durability(connection: &Connection, durability: Durability) -> Result<(), OpenError> {
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    if mode != "wal" {
        return Err(OpenError::NotDurable { setting: "journal_mode", found: mode });
    }
    let level: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
    let wanted = match durability {
        Durability::Full => 2,
        Durability::Normal => 1,
    };
    if level < wanted {
        return Err(OpenError::NotDurable { setting: "synchronous", found: level.to_string() });
    }
    if durability == Durability::Normal {
        tracing::warn!("SQLite runs with synchronous=NORMAL: a power failure may lose acknowledged messages");
    }
    Ok(())
}

/// Brings the schema up to date, in one transaction, and answers what it says about itself.
pub(super) fn migrate(connection: &mut Connection) -> Result<Meta, OpenError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(MIGRATIONS_TABLE)?;
    let found: i64 =
        transaction
            .query_row("SELECT coalesce(max(version), 0) FROM chat_migrations", [], |row| row.get(0))?;
    let known = i64::try_from(MIGRATIONS.len()).expect("a handful of migrations");
    if found > known {
        return Err(OpenError::NewerSchema { found, known });
    }
    for (version, script) in (1..).zip(MIGRATIONS).filter(|&(version, _)| version > found) {
        transaction.execute_batch(script)?;
        transaction.execute(
            "INSERT INTO chat_migrations (version, applied_at) VALUES (?, unixepoch() * 1000)",
            [version],
        )?;
        tracing::info!(version, "schema migrated");
    }
    let meta = read_or_make_meta(&transaction)?;
    transaction.commit()?;
    Ok(meta)
}

fn read_or_make_meta(connection: &Connection) -> rusqlite::Result<Meta> {
    let read = connection
        .query_row(statements::meta::READ, [], |row| {
            Ok(Meta { epoch: Uuid::from_bytes(row.get(0)?), digest_key: row.get(1)? })
        })
        .optional()?;
    if let Some(meta) = read {
        return Ok(meta);
    }
    let meta = Meta { epoch: random_epoch(), digest_key: random() };
    connection.execute(statements::meta::WRITE, (meta.epoch.into_bytes(), meta.digest_key))?;
    Ok(meta)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statements::{
        accounts, attachments, check, conversations, friendships, log, members, meta, reads, sessions,
        transfer,
    };

    fn migrated() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        connection
    }

    fn query_plan(connection: &Connection, text: &str) -> Vec<String> {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {text}")).unwrap();
        let mut rows = statement.raw_query();
        let mut plan = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            plan.push(row.get(3).unwrap());
        }
        plan
    }

    /// Nothing is walked from end to end, sorted aside, or found by no more than its tenant.
    #[test]
    fn statements_walk_an_index() {
        let connection = migrated();
        let groups = [
            friendships::ALL,
            accounts::ALL,
            sessions::ALL,
            attachments::ALL,
            conversations::ALL,
            members::ALL,
            log::ALL,
            meta::ALL,
            reads::ALL,
            transfer::ALL,
        ];
        for (name, text) in groups.into_iter().flatten() {
            for line in query_plan(&connection, text) {
                let narrow = !line.contains("(tenant=?)") || line.contains("chat_pairs_unfenced");
                assert!(line.starts_with("SEARCH") && narrow, "{name}: {line}");
            }
        }
        for (name, text) in check::ALL {
            assert!(!query_plan(&connection, text).is_empty(), "{name}");
        }
    }

    #[test]
    fn statements_walk_the_index_that_is_meant() {
        let meant = [
            (friendships::UNFENCED, "chat_pairs_unfenced"),
            (friendships::FEED_END, "chat_friends_feed"),
            (friendships::SINCE, "chat_friends_feed"),
            (accounts::IN_STATE, "chat_accounts_by_state"),
            (accounts::WITH_WORD, "PRIMARY KEY (tenant=? AND word>? AND word<?)"),
            (accounts::HAS_WORD, "chat_account_words_by_user"),
            (accounts::FORGET_WORDS, "chat_account_words_by_user"),
            (sessions::OF_USER, "chat_sessions_by_user"),
            (sessions::EXPIRED, "chat_sessions_by_end"),
            (attachments::DUE, "chat_attachments_by_due"),
            (attachments::WAITING, "chat_attachments_by_user"),
            (members::POSITIONS, "chat_members_by_user"),
            (members::SEATS, "chat_members_by_user"),
            (members::COUNT, "chat_members_by_user"),
            (log::FIRST, "chat_entries_dedupe (tenant=? AND conversation=? AND dedupe=?)"),
            (reads::FROM, "PRIMARY KEY (tenant=? AND conversation=? AND user_id=? AND up_to>?)"),
            (reads::WALK, "PRIMARY KEY (tenant=? AND conversation=? AND (user_id,up_to)>(?,?))"),
            (transfer::PAIRS, "PRIMARY KEY (tenant=? AND (low,high)>(?,?))"),
            (transfer::CLAIMS, "chat_claims_by_user"),
            (transfer::FORGET_CLAIMS, "chat_claims_by_user"),
            (transfer::WORDS, "chat_account_words_by_user"),
            (log::BACKWARD, "PRIMARY KEY (tenant=? AND conversation=? AND seq>? AND seq<?)"),
        ];
        let connection = migrated();
        for (text, index) in meant {
            let plan = query_plan(&connection, text);
            assert!(plan[0].contains(index), "{plan:?} of {text}");
        }
    }

    #[test]
    fn migrating_twice_changes_nothing() {
        let mut connection = migrated();
        let meta = migrate(&mut connection).unwrap();
        assert_eq!(migrate(&mut connection).unwrap(), meta);
        let applied: i64 =
            connection.query_row("SELECT count(*) FROM chat_migrations", [], |row| row.get(0)).unwrap();
        assert_eq!(usize::try_from(applied).unwrap(), MIGRATIONS.len());
    }

    #[test]
    fn a_newer_schema_is_refused() {
        let mut connection = migrated();
        connection.execute("INSERT INTO chat_migrations VALUES (1000, 0)", []).unwrap();
        let refused = migrate(&mut connection).unwrap_err();
        assert!(matches!(refused, OpenError::NewerSchema { found: 1000, .. }), "{refused}");
    }

    #[test]
    fn what_does_not_last_is_refused() {
        let connection = migrated();
        let refused = check_durability(&connection, Durability::Full).unwrap_err();
        assert!(matches!(refused, OpenError::NotDurable { setting: "journal_mode", .. }), "{refused}");

        let directory = tempfile::tempdir().unwrap();
        let options = SqliteOptions::new(directory.path().join("chat.db"));
        let connection = connect(&options, Purpose::Write).unwrap();
        check_durability(&connection, Durability::Full).unwrap();
        connection.pragma_update(None, "synchronous", "NORMAL").unwrap();
        let refused = check_durability(&connection, Durability::Full).unwrap_err();
        assert!(matches!(refused, OpenError::NotDurable { setting: "synchronous", .. }), "{refused}");
        check_durability(&connection, Durability::Normal).unwrap();
    }
}
