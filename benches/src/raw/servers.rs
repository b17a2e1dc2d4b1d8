//! `sqlx` alone on a database server: rows in, rows out, no engine.
//!
//! The rows have the columns of the store's log and its two indexes, in a table of their own. Heads, rights, receipts and
//! the finding of repeats are left out: what remains is what the server and the line to it ask for.

use crate::harness::machine::Stopwatch;
use crate::harness::{Sample, server_runtime};
use crate::message::TEXT;
use anyhow::{Result, ensure};
use sqlx::AssertSqlSafe;
use sqlx::mysql::{MySqlPool, MySqlPoolOptions};
use sqlx::postgres::{PgPool, PgPoolOptions};
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use testbed::services::{MariaDb, Postgres, Service};
use uuid::Uuid;

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// PostgreSQL.
    Postgres,
    /// MariaDB.
    MariaDb,
}

/// How the reference commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commits {
    /// So many rows by one statement, on two connections at once.
    Batches(usize),
    /// One row by one statement, on so many connections at once.
    Each(u32),
}

/// A private server with one database, and the reference's connections to it.
pub struct Raw {
    pool: Pool,
    url: String,
    rows: Arc<AtomicI64>,
    _service: Service,
}

#[derive(Clone)]
enum Pool {
    Postgres(PgPool),
    MariaDb(MySqlPool),
}

/// Conversations that are written to in turn.
const CONVERSATIONS: i64 = 64;

const POSTGRES_TABLE: &str = "CREATE TABLE raw_entries (conversation UUID NOT NULL, id UUID NOT NULL,
    by_user UUID NOT NULL, seq BIGINT NOT NULL, n BIGINT NOT NULL, at BIGINT NOT NULL, dedupe BIGINT NOT NULL,
    rev BIGINT, target BIGINT, edited_at BIGINT, deleted_at BIGINT, tenant BIGINT NOT NULL, kind INTEGER NOT NULL,
    client_id BYTEA NOT NULL, digest BYTEA, text TEXT, body BYTEA, payload BYTEA,
    PRIMARY KEY (tenant, conversation, seq))";

const POSTGRES_INSERT: &str = "INSERT INTO raw_entries
    (tenant, kind, conversation, id, by_user, seq, n, rev, at, dedupe, client_id, digest, text)
    SELECT 0, 1, c, i, b, s, s, s, a, d, k, g, t FROM UNNEST($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[],
    $5::bigint[], $6::bigint[], $7::bytea[], $8::bytea[], $9::text[]) AS row (c, i, b, s, a, d, k, g, t)";

const MARIADB_TABLE: &str = "CREATE TABLE raw_entries (conversation BINARY(16) NOT NULL, id BINARY(16) NOT NULL,
    by_user BINARY(16) NOT NULL, seq BIGINT NOT NULL, n BIGINT NOT NULL, at BIGINT NOT NULL, dedupe BIGINT NOT NULL,
    rev BIGINT, target BIGINT, edited_at BIGINT, deleted_at BIGINT, tenant INT UNSIGNED NOT NULL, kind INT NOT NULL,
    client_id VARBINARY(80) NOT NULL, digest BINARY(16), text MEDIUMTEXT, body MEDIUMBLOB, payload MEDIUMBLOB,
    PRIMARY KEY (tenant, conversation, seq)) ENGINE = InnoDB";

const MARIADB_INSERT: &str = "INSERT INTO raw_entries
    (tenant, kind, conversation, id, by_user, seq, n, rev, at, dedupe, client_id, digest, text) VALUES ";

const INDEX: &str = "CREATE INDEX raw_dedupe ON raw_entries (tenant, conversation, dedupe)";

/// Walks the primary key backwards from the position.
const PAGE: &str = "SELECT seq, n, id, at, by_user, client_id, rev, text FROM chat_entries
    WHERE tenant = 0 AND conversation = ? AND seq < ? AND rev IS NOT NULL ORDER BY seq DESC LIMIT 50";

impl Raw {
    /// Starts a server.
    ///
    /// # Errors
    /// When it is not on this machine.
    pub async fn start(database: Database) -> Result<Self> {
        let (service, url, pool) = match database {
            Database::Postgres => {
                let service = Service::start(&Postgres)?;
                let url = service.url();
                let pool = PgPoolOptions::new().max_connections(16).connect(&url).await?;
                (service, url, Pool::Postgres(pool))
            }
            Database::MariaDb => {
                let service = Service::start(&MariaDb)?;
                let url = service.url();
                let pool = MySqlPoolOptions::new().max_connections(16).connect(&url).await?;
                (service, url, Pool::MariaDb(pool))
            }
        };
        let raw = Self { pool, url, rows: Arc::default(), _service: service };
        raw.make_table().await?;
        Ok(raw)
    }

    async fn make_table(&self) -> Result<()> {
        match &self.pool {
            Pool::Postgres(pool) => {
                sqlx::query(POSTGRES_TABLE).execute(pool).await?;
                sqlx::query(INDEX).execute(pool).await?;
            }
            Pool::MariaDb(pool) => {
                sqlx::query(MARIADB_TABLE).execute(pool).await?;
                sqlx::query(INDEX).execute(pool).await?;
            }
        }
        Ok(())
    }

    /// How a client names the database.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Commits for a while.
    ///
    /// # Errors
    /// What the server says.
    pub async fn commit(&self, how: Commits, measured: Duration) -> Result<Sample> {
        let (rows, connections) = match how {
            Commits::Batches(rows) => (rows, 2),
            Commits::Each(connections) => (1, connections),
        };
        let (stopwatch, before) = (Stopwatch::start(std::process::id())?, self.rows.load(Ordering::Relaxed));
        let mut writers = tokio::task::JoinSet::new();
        for _ in 0..connections {
            let (pool, next) = (self.pool.clone(), Arc::clone(&self.rows));
            writers.spawn(async move {
                while stopwatch.elapsed() < measured {
                    let first = next.fetch_add(i64::try_from(rows)?, Ordering::Relaxed);
                    pool.insert(first, rows).await?;
                }
                Ok::<_, anyhow::Error>(())
            });
        }
        while let Some(writer) = writers.join_next().await {
            writer??;
        }
        let written = (self.rows.load(Ordering::Relaxed) - before).unsigned_abs();
        Ok(stopwatch.stop(written)?.per_second())
    }

    /// Reads 50 messages of the store's own table before a position.
    ///
    /// # Errors
    /// What the server says, and when there are fewer.
    pub async fn page(&self, conversation: &[u8; 16], before: i64) -> Result<()> {
        let count = match &self.pool {
            Pool::Postgres(pool) => {
                let page = PAGE.replacen('?', "$1", 1).replacen('?', "$2", 1);
                let id = Uuid::from_bytes(*conversation);
                let page = sqlx::query_as::<_, PostgresRow>(AssertSqlSafe(page)).bind(id).bind(before);
                page.fetch_all(pool).await?.len()
            }
            Pool::MariaDb(pool) => {
                let page = sqlx::query_as::<_, MariaDbRow>(PAGE).bind(&conversation[..]).bind(before);
                page.fetch_all(pool).await?.len()
            }
        };
        ensure!(count == 50, "{count} of 50 messages before {before}");
        Ok(())
    }
}

/// A message as it is read.
type PostgresRow = (i64, i64, Uuid, i64, Uuid, Vec<u8>, i64, Option<String>);

/// The same where ids are bytes.
type MariaDbRow = (i64, i64, Vec<u8>, i64, Vec<u8>, Vec<u8>, i64, Option<String>);

/// The rows from number `first` on, column by column.
#[derive(Default)]
struct Rows {
    conversations: Vec<Uuid>,
    ids: Vec<Uuid>,
    seqs: Vec<i64>,
    dedupes: Vec<i64>,
}

const AT: i64 = 1_767_268_800_000;

impl Rows {
    fn new(first: i64, count: usize) -> Self {
        let mut rows = Self::default();
        for nth in (first..).take(count) {
            rows.conversations.push(Uuid::from_u64_pair(7, (nth % CONVERSATIONS).unsigned_abs()));
            rows.ids.push(Uuid::now_v7());
            rows.seqs.push(nth / CONVERSATIONS + 1);
            rows.dedupes.push(nth);
        }
        rows
    }
}

impl Pool {
    async fn insert(&self, first: i64, count: usize) -> Result<()> {
        let rows = Rows::new(first, count);
        let by = Uuid::from_u64_pair(3, 1);
        match self {
            Self::Postgres(pool) => {
                let bytes: Vec<&[u8]> = rows.ids.iter().map(|id| &id.as_bytes()[..]).collect();
                sqlx::query(POSTGRES_INSERT)
                    .bind(&rows.conversations)
                    .bind(&rows.ids)
                    .bind(vec![by; count])
                    .bind(&rows.seqs)
                    .bind(vec![AT; count])
                    .bind(&rows.dedupes)
                    .bind(&bytes)
                    .bind(&bytes)
                    .bind(vec![TEXT; count])
                    .execute(pool)
                    .await?;
            }
            Self::MariaDb(pool) => {
                let mut text = MARIADB_INSERT.to_owned();
                for nth in 0..count {
                    let comma = if nth == 0 { "" } else { ", " };
                    write!(text, "{comma}(0, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?;
                }
                let mut query = sqlx::query(AssertSqlSafe(text));
                for nth in 0..count {
                    let (seq, id) = (rows.seqs[nth], rows.ids[nth].as_bytes().to_vec());
                    query = query.bind(rows.conversations[nth].as_bytes().to_vec()).bind(id.clone());
                    query = query.bind(by.as_bytes().to_vec()).bind(seq).bind(seq).bind(seq).bind(AT);
                    query = query.bind(rows.dedupes[nth]).bind(id.clone()).bind(id).bind(TEXT);
                }
                query.execute(pool).await?;
            }
        }
        Ok(())
    }
}

/// Runs what measures a server, on threads as a server has them.
///
/// # Errors
/// When it cannot be measured.
pub fn measure<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    server_runtime()?.block_on(work)
}
