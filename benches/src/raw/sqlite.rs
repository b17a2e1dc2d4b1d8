//! `rusqlite` alone: rows in, rows out, one connection, no engine.
//!
//! The table is what a store needs for an ordered log in which repeats are found: messages clustered by position and
//! a unique index on who sent what. Heads, rights, receipts and the finding of repeats itself are left out.

use anyhow::{Result, ensure};
use rusqlite::{Connection, TransactionBehavior, params};
use std::path::Path;
use uuid::Uuid;

/// What every message of the benchmarks says.
pub const TEXT: &str = "Shall we meet at the station?";

const SETTINGS: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 10000;
    PRAGMA cache_size = -65536;";

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS messages (
        conversation BLOB NOT NULL, seq INTEGER NOT NULL, id BLOB NOT NULL, sender BLOB NOT NULL,
        client_id TEXT NOT NULL, at INTEGER NOT NULL, kind INTEGER NOT NULL, rev INTEGER NOT NULL, text TEXT,
        PRIMARY KEY (conversation, seq)
    ) WITHOUT ROWID;
    CREATE UNIQUE INDEX IF NOT EXISTS messages_by_client_id ON messages (conversation, sender, client_id);";

const INSERT: &str = "INSERT INTO messages VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?2, ?7)";

/// Walks the primary key backwards from the position.
const PAGE: &str = "SELECT seq, id, sender, client_id, at, kind, rev, text FROM messages
    WHERE conversation = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3";

/// One row as it is read.
#[derive(Debug)]
pub struct Row {
    /// Its position.
    pub seq: i64,
    /// Which message.
    pub id: [u8; 16],
    /// By whom.
    pub sender: [u8; 16],
    /// As the sender's client named it.
    pub client_id: String,
    /// When, in milliseconds.
    pub at: i64,
    /// What kind of entry.
    pub kind: u16,
    /// The position of its last change.
    pub rev: i64,
    /// What it says.
    pub text: Option<String>,
}

/// A database of messages.
#[derive(Debug)]
pub struct Database {
    connection: Connection,
    conversations: i64,
    rows: i64,
}

impl Database {
    /// Opens or makes the file, durable at every commit, with rows spread over so many conversations in turn.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn open(path: &Path, conversations: i64) -> Result<Self> {
        let connection = Connection::open(path)?;
        connection.execute_batch(SETTINGS)?;
        connection.execute_batch(TABLES)?;
        let rows = connection.query_row("SELECT count(*) FROM messages", [], |row| row.get(0))?;
        Ok(Self { connection, conversations, rows })
    }

    /// How many rows there are.
    pub fn rows(&self) -> i64 {
        self.rows
    }

    /// Inserts `more` rows in one transaction.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn commit(&mut self, more: i64) -> Result<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut insert = transaction.prepare_cached(INSERT)?;
            let sender = Uuid::from_u64_pair(3, 1).into_bytes();
            for nth in self.rows..self.rows + more {
                let conversation = conversation(nth % self.conversations);
                let seq = nth / self.conversations + 1;
                let (client_id, at) = (format!("{nth:016x}"), 1_767_268_800_000 + nth);
                insert.execute(params![
                    conversation,
                    seq,
                    Uuid::now_v7().into_bytes(),
                    sender,
                    client_id,
                    at,
                    TEXT
                ])?;
            }
        }
        transaction.commit()?;
        self.rows += more;
        Ok(())
    }

    /// The `limit` rows before position `before` of the `nth` conversation.
    ///
    /// # Errors
    /// What SQLite says, and when there are fewer.
    pub fn page(&self, nth: i64, before: i64, limit: i64) -> Result<Vec<Row>> {
        let mut page = self.connection.prepare_cached(PAGE)?;
        let rows = page.query_map(params![conversation(nth), before, limit], |row| {
            Ok(Row {
                seq: row.get(0)?,
                id: row.get(1)?,
                sender: row.get(2)?,
                client_id: row.get(3)?,
                at: row.get(4)?,
                kind: row.get(5)?,
                rev: row.get(6)?,
                text: row.get(7)?,
            })
        })?;
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        ensure!(i64::try_from(rows.len())? == limit, "{} of {limit} rows before {before}", rows.len());
        Ok(rows)
    }
}

fn conversation(nth: i64) -> [u8; 16] {
    Uuid::from_u64_pair(7, nth.unsigned_abs()).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_committed_is_paged() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("raw.db");
        Database::open(&path, 4).unwrap().commit(400).unwrap();
        let mut database = Database::open(&path, 4).unwrap();
        database.commit(4).unwrap();
        assert_eq!(database.rows(), 404);
        let page = database.page(3, 102, 50).unwrap();
        assert_eq!((page[0].seq, page[49].seq), (101, 52));
        assert!(page.iter().all(|row| row.text.as_deref() == Some(TEXT)));
        assert!(database.page(3, 50, 50).is_err());
    }
}
