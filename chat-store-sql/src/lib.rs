//! Stores on SQL databases: SQLite ([`sqlite`]), PostgreSQL, MySQL and MariaDB. What decides, and what is said to a
//! database, is kept apart from how it is said:
//!
//! - [`chat_core::store::plan`] decides an append from what was read: no I/O, no dialect.
//! - `statements` holds every statement by name, with the index it walks.
//! - `codec` turns values of the core into columns that every database has.
//! - `sqlite` mirrors `chat_core::store` file for file and carries both out.
//!
//! ```
//! use chat_core::Store;
//! use chat_store_sql::sqlite::{SqliteOptions, SqliteStore};
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("chat.db");
//! let store = SqliteStore::open(SqliteOptions::new(&path)).await?;
//! store.talk().ping_talk().await?;
//! assert_eq!(store.check().await?, []);
//! store.close().await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Tables
//! All are named `chat_…`, with their own migrations table, so that a host can keep its tables in the same file. Ids
//! are 16 bytes, times milliseconds, `tenant` is first in every key, and every table is clustered on its key.
//!
//! | table | key after `tenant` | what for |
//! |---|---|---|
//! | `chat_entries` | conversation, seq | the log; a row with a `rev` is a message too and holds it as it is now |
//! | `chat_conversations` | id | what is said about a conversation: changes seldom, may be long |
//! | `chat_heads` | id | its counters: some fifty bytes, changed by every append |
//! | `chat_members` | conversation, user | standing and receipts; by user through an index that receipts do not touch |
//! | `chat_reads` | conversation, user, up to | when it was read, in chats that keep it |
//! | `chat_dead` | conversation, bucket | a count and a map of the deleted ones of each 1024 messages |
//! | `chat_marks` | conversation, target, mark, by | reactions, pins, votes |
//! | `chat_pairs`, `chat_friends` | low, high; user, other | the record, and each side's view with the place of its latest change in that side's feed |
//! | `chat_accounts`, `chat_claims`, `chat_account_words` | user; kind, value; word, user | accounts, what is unique, what they are found by |
//! | `chat_sessions` | id | logins |
//! | `chat_attachments` | id | files of messages: whose they are, and which message they hang on |
//! | `chat_meta`, `chat_migrations` | | epoch and digest key; the version of the schema |
//!
//! **One table for entries and messages.** Every entry holds how many messages there are up to it. So a window of
//! history is read along the log, its flags are differences of three numbers, and unread counts need no counting;
//! stretches without messages are leapt over by halving. Measured before the first migration, with the same index of
//! repeats: two tables took 0.77 to 0.82 of the rows a second and a third more space, pages cost the same; an index
//! of the messages by number made pages take 1.8 times as long.
//!
//! **Repeats** are found through 8 bytes per entry in which ids made one after the other stand side by side, and the
//! row found is compared to the letter. In a conversation of 200 000 messages a batch of 256 under UUIDv7 then writes
//! 0.45 KB a message; with a plain hash of the ids it wrote 6.3 KB. Ids without an order (`UUIDv4`) cost 6.4 KB there: a
//! client that can choose should make UUIDv7.
//!
//! # Durability
//! Write-ahead log, `synchronous=FULL`: what was acknowledged is on disk. [`sqlite::Durability::Normal`] gives the
//! last moments before a power failure away, and says so in the log. Both are read back when the file is opened. One
//! process has the file open, which a lock on `FILE.lock` holds to; put it on a local disk. `kill -9` at any moment
//! loses nothing in either mode. A full or failing disk is `Unavailable` for who waits, and the writer goes on.
//!
//! # What it costs
//! One thread writes: what waits together is one commit and one `fsync`. Two to four threads read; a read is one job
//! on one state of the file. A last thread moves the log file's frames into the database every 50 ms while there are
//! writes, so that no commit has to. Pages are cached in 64 MB for the writer and 16 MB for each reader
//! ([`sqlite::SqliteOptions::cache_bytes`]). Callers wait when 1024 jobs are queued.
//!
//! # Backup and restore
//! [`sqlite::SqliteStore::backup`] copies one state of the store while it is used. To restore, put the copy in the
//! place of the file while nothing has it open, open it, and call [`sqlite::SqliteStore::renew_epoch`]: clients that
//! are ahead of the copy then start anew. [`sqlite::SqliteStore::check`] counts anew everything that is derived.
//!
//! What was deleted is overwritten in the file where that costs no write of its own (`secure_delete=FAST`); copies
//! and free pages of the disk are the operator's.

mod check;
mod codec;
mod dead;
#[cfg(feature = "mysql")]
pub mod mysql;
#[cfg(feature = "postgres")]
pub mod postgres;
mod random;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod server;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod statements;

use chat_core::store::plan;

pub use self::check::Problem;
