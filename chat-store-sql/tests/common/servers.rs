//! Places of their own on the servers that the environment names, taken away when they are dropped.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chat_core::conformance::{Database, Fixture};
use chat_core::{Store, Tenant};
use chat_store_sql::mysql::{MySqlOptions, MySqlStore};
use chat_store_sql::postgres::{PostgresOptions, PostgresStore};
use sqlx::{AssertSqlSafe, Connection as _};

/// A server, by the variable that says where one is on which databases may be made and dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    /// PostgreSQL: a schema for each test.
    Postgres,
    /// MySQL or MariaDB: a database for each test.
    MySql,
}

impl Server {
    const fn variable(self) -> &'static str {
        match self {
            Self::Postgres => "CHAT_TEST_POSTGRES_URL",
            Self::MySql => "CHAT_TEST_MYSQL_URL",
        }
    }

    /// Its address; nothing when it is not there, which is said, or fails where all servers must be there.
    pub(crate) fn url(self) -> Option<String> {
        let variable = self.variable();
        let url = std::env::var(variable).ok().filter(|url| !url.is_empty());
        if url.is_none() {
            let required = std::env::var("CHAT_REQUIRE_BACKENDS").is_ok_and(|value| value == "1");
            assert!(!required, "{variable} must name a server");
            eprintln!("SKIPPED: {variable} names no server");
        }
        url
    }

    /// A new place; nothing when the server is not there.
    pub(crate) async fn place(self) -> Option<Place> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let server = self.url()?;
        let name = format!("chat_test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let url = match self {
            Self::Postgres => server.clone(),
            Self::MySql => {
                execute(self, &server, &format!("CREATE DATABASE {name}")).await;
                let address = server.split('?').next().unwrap().trim_end_matches('/').to_owned();
                let (scheme, rest) = address.split_once("://").unwrap();
                format!("{scheme}://{}/{name}", rest.split('/').next().unwrap())
            }
        };
        Some(Place { kind: self, server, url, name })
    }
}

/// A schema or database of its own.
#[derive(Debug)]
pub(crate) struct Place {
    kind: Server,
    server: String,
    url: String,
    name: String,
}

impl Place {
    pub(crate) const fn kind(&self) -> Server {
        self.kind
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn postgres(&self) -> PostgresOptions {
        PostgresOptions::new(&self.url).schema(&self.name)
    }

    pub(crate) fn mysql(&self) -> MySqlOptions {
        MySqlOptions::new(&self.url)
    }

    /// A store over it; of the same place when it is opened again.
    pub(crate) async fn open(&self) -> Opened {
        match self.kind {
            Server::Postgres => Opened::Postgres(PostgresStore::open(self.postgres()).await.unwrap()),
            Server::MySql => Opened::MySql(MySqlStore::open(self.mysql()).await.unwrap()),
        }
    }
}

impl Place {
    /// How many rows of each table or index of this place the server has read so far, for whom ever; of connections
    /// that are closed.
    pub(crate) async fn rows_read(&self) -> BTreeMap<String, i64> {
        let rows: Vec<(String, i64)> = match self.kind {
            Server::Postgres => {
                let mut connection = sqlx::PgConnection::connect(&self.server).await.unwrap();
                let text = "SELECT indexrelname::text, idx_tup_read FROM pg_stat_user_indexes \
                    WHERE schemaname = $1 UNION ALL SELECT relname::text, coalesce(seq_tup_read, 0) \
                    FROM pg_stat_user_tables WHERE schemaname = $1";
                sqlx::query_as(text).bind(&self.name).fetch_all(&mut connection).await.unwrap()
            }
            Server::MySql => {
                let mut connection = sqlx::MySqlConnection::connect(&self.server).await.unwrap();
                let version: String =
                    sqlx::query_scalar("SELECT version()").fetch_one(&mut connection).await.unwrap();
                let text = if version.contains("MariaDB") {
                    sqlx::raw_sql("SET GLOBAL userstat = 1").execute(&mut connection).await.unwrap();
                    "SELECT CONVERT(table_name USING utf8mb4), CAST(rows_read AS SIGNED) \
                        FROM information_schema.table_statistics WHERE table_schema = ?"
                } else {
                    "SELECT CONVERT(object_name USING utf8mb4), CAST(count_read AS SIGNED) \
                        FROM performance_schema.table_io_waits_summary_by_table WHERE object_schema = ?"
                };
                sqlx::query_as(text).bind(&self.name).fetch_all(&mut connection).await.unwrap()
            }
        };
        rows.into_iter().collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (kind, server) = (self.kind, self.server.clone());
        let text = match kind {
            Server::Postgres => format!("DROP SCHEMA IF EXISTS {} CASCADE", self.name),
            Server::MySql => format!("DROP DATABASE IF EXISTS {}", self.name),
        };
        // A runtime cannot wait for itself.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(execute(kind, &server, &text));
        });
        assert!(dropped.join().is_ok() || std::thread::panicking(), "a place was not taken away");
    }
}

async fn execute(kind: Server, url: &str, text: &str) {
    let text = AssertSqlSafe(text.to_owned());
    match kind {
        Server::Postgres => {
            let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
            sqlx::raw_sql(text).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
        Server::MySql => {
            let mut connection = sqlx::MySqlConnection::connect(url).await.unwrap();
            sqlx::raw_sql(text).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
    }
}

/// A store of either kind.
#[derive(Clone)]
pub(crate) enum Opened {
    Postgres(PostgresStore),
    MySql(MySqlStore),
}

impl Opened {
    pub(crate) fn of(&self, tenant: Tenant) -> Arc<dyn Store> {
        match self {
            Self::Postgres(store) => Arc::new(store.for_tenant(tenant)),
            Self::MySql(store) => Arc::new(store.for_tenant(tenant)),
        }
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Postgres(store) => store.close().await,
            Self::MySql(store) => store.close().await,
        }
    }
}

#[async_trait]
impl Fixture for Server {
    fn name(&self) -> String {
        match self {
            Self::Postgres => "postgresql".to_owned(),
            Self::MySql => "mariadb".to_owned(),
        }
    }

    async fn fresh(&self) -> Option<Arc<dyn Database>> {
        let place = self.place().await?;
        let store = Mutex::new(Some(place.open().await));
        Some(Arc::new(ServerDatabase { store, place }))
    }
}

/// The store is let go of before its place.
struct ServerDatabase {
    store: Mutex<Option<Opened>>,
    place: Place,
}

#[async_trait]
impl Database for ServerDatabase {
    fn store(&self, tenant: Tenant) -> Arc<dyn Store> {
        self.store.lock().unwrap().as_ref().unwrap().of(tenant)
    }

    async fn reopen(&self) {
        let store = self.store.lock().unwrap().take().unwrap();
        store.close().await;
        let again = self.place.open().await;
        *self.store.lock().unwrap() = Some(again);
    }
}
