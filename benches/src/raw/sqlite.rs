//! `rusqlite` alone: rows in, rows out, one connection, no engine.
//!
//! The rows go into the store's own table and its index. Heads, rights, receipts and the finding of repeats are left
//! out: what remains is what the disk and SQLite ask for.

use crate::message::TEXT;
use anyhow::{Result, ensure};
use rusqlite::{Connection, OpenFlags, TransactionBehavior, params};
use std::path::Path;
use uuid::Uuid;

/// The tables as the store makes them.
const TABLES: &str = include_str!("../../../chat-store-sql/migrations/sqlite_0001.sql");

const SETTINGS: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 10000;
    PRAGMA cache_size = -65536;";

const INSERT: &str = "INSERT INTO chat_entries
    (tenant, conversation, seq, n, id, at, by_user, client_id, kind, rev, text, digest, dedupe)
    VALUES (0, ?1, ?2, ?2, ?3, ?4, ?5, ?6, 1, ?2, ?7, ?8, ?9)";

/// Walks the primary key backwards from the position.
const PAGE: &str = "SELECT seq, n, id, at, by_user, client_id, rev, text FROM chat_entries
    WHERE tenant = 0 AND conversation = ?1 AND seq < ?2 AND rev IS NOT NULL ORDER BY seq DESC LIMIT ?3";

/// A fresh database that takes messages, durable at every commit.
#[derive(Debug)]
pub struct Writer {
    connection: Connection,
    conversations: i64,
    rows: i64,
}

impl Writer {
    /// Makes the file; the rows will be spread over so many conversations in turn.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn create(path: &Path, conversations: i64) -> Result<Self> {
        let connection = Connection::open(path)?;
        connection.execute_batch(SETTINGS)?;
        connection.execute_batch(TABLES)?;
        Ok(Self { connection, conversations, rows: 0 })
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
            for nth in self.rows..self.rows + more {
                let conversation = conversation(nth % self.conversations);
                let (seq, at) = (nth / self.conversations + 1, 1_767_268_800_000 + nth);
                let (id, sender) = (Uuid::now_v7().into_bytes(), Uuid::from_u64_pair(3, 1).into_bytes());
                let client_id = format!("{nth:016x}");
                let client_id = client_id.as_bytes();
                insert.execute(params![
                    conversation,
                    seq,
                    id,
                    at,
                    sender,
                    client_id,
                    TEXT,
                    id,
                    scattered(nth)
                ])?;
            }
        }
        transaction.commit()?;
        self.rows += more;
        Ok(())
    }
}

/// A database of the store, read past it.
#[derive(Debug)]
pub struct Reader(Connection);

/// One message as it is read.
#[derive(Debug)]
pub struct Row {
    /// Its position.
    pub seq: i64,
    /// Its number among the messages.
    pub n: i64,
    /// Which message.
    pub id: [u8; 16],
    /// When, in milliseconds.
    pub at: i64,
    /// By whom.
    pub sender: [u8; 16],
    /// As the sender's client named it.
    pub client_id: Vec<u8>,
    /// The position of its last change.
    pub rev: i64,
    /// What it says.
    pub text: Option<String>,
}

impl Reader {
    /// Opens a file that is there.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn open(path: &Path) -> Result<Self> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.pragma_update(None, "cache_size", -16_384)?;
        Ok(Self(connection))
    }

    /// The `limit` messages before position `before`.
    ///
    /// # Errors
    /// What SQLite says, and when there are fewer.
    pub fn page(&self, conversation: &[u8; 16], before: i64, limit: i64) -> Result<Vec<Row>> {
        let mut page = self.0.prepare_cached(PAGE)?;
        let rows = page.query_map(params![conversation, before, limit], |row| {
            Ok(Row {
                seq: row.get(0)?,
                n: row.get(1)?,
                id: row.get(2)?,
                at: row.get(3)?,
                sender: row.get(4)?,
                client_id: row.get(5)?,
                rev: row.get(6)?,
                text: row.get(7)?,
            })
        })?;
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        ensure!(i64::try_from(rows.len())? == limit, "{} of {limit} messages before {before}", rows.len());
        Ok(rows)
    }
}

fn conversation(nth: i64) -> [u8; 16] {
    Uuid::from_u64_pair(7, nth.unsigned_abs()).into_bytes()
}

/// A number that lies far from that of the next one, as a hash does.
fn scattered(nth: i64) -> i64 {
    nth.wrapping_add(1).wrapping_mul(0x61c8_8646_80b5_83eb)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_committed_is_paged() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("raw.db");
        let mut writer = Writer::create(&path, 4).unwrap();
        writer.commit(400).unwrap();
        writer.commit(4).unwrap();
        assert_eq!(writer.rows(), 404);
        let reader = Reader::open(&path).unwrap();
        let page = reader.page(&conversation(3), 102, 50).unwrap();
        assert_eq!((page[0].seq, page[49].seq), (101, 52));
        assert!(page.iter().all(|row| row.text.as_deref() == Some(TEXT)));
        assert!(reader.page(&conversation(3), 50, 50).is_err());
    }
}
