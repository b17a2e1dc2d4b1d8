//! How stores on servers begin: many at once, beside tables of the host's, over a pool of the host's, and not on a
//! server that forgets what it has acknowledged.

#![cfg(all(feature = "postgres", feature = "mysql"))]
#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

#[path = "common/servers.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod servers;

use std::collections::BTreeSet;
use std::sync::Arc;

use chat_core::id::{ConversationId, Pair, UserId};
use chat_core::{Chat, Draft, Store, Tenant};
use chat_store_sql::mysql::{MySqlOptions, MySqlStore};
use chat_store_sql::postgres::{Durability, OpenError, PostgresOptions, PostgresStore};

use servers::{Place, Server};
use sqlx::{AssertSqlSafe, Connection as _};
use testbed::services::{MariaDb, Postgres, Service};
use tokio::task::JoinSet;

/// How many processes start at the same moment.
const AT_ONCE: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_migrated_once_by_many() {
    migrated_once_by_many(Server::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_is_migrated_once_by_many() {
    migrated_once_by_many(Server::MySql).await;
}

/// All of them find the same store, and whatever one writes the others read.
async fn migrated_once_by_many(server: Server) {
    let Some(place) = server.place().await else { return };
    let place = Arc::new(place);
    let mut starting = JoinSet::new();
    for _ in 0..AT_ONCE {
        let place = Arc::clone(&place);
        starting.spawn(async move { place.open().await });
    }
    let opened = starting.join_all().await;
    let mut epochs = BTreeSet::new();
    for store in &opened {
        epochs.insert(store.of(Tenant::default()).talk().meta().await.unwrap().epoch);
    }
    assert_eq!(epochs.len(), 1, "one store, whoever made it");
    let [first, last] = [&opened[0], &opened[AT_ONCE - 1]];
    meet_and_say(first.of(Tenant::default())).await;
    assert_eq!(heard(last.of(Tenant::default())).await, 1);
    for store in opened {
        store.close().await;
    }
}

fn user(number: u64) -> UserId {
    UserId::from(number)
}

/// Two become friends, and one says something.
async fn meet_and_say(store: Arc<dyn Store>) {
    let chat = Chat::over(store).build().await.unwrap();
    chat.actor(user(1)).request_friend(user(2)).await.unwrap();
    chat.actor(user(2)).accept_friend(user(1)).await.unwrap();
    chat.actor(user(1)).send_to(user(2), Draft::text("hello").unwrap()).await.unwrap();
    chat.shutdown().await;
}

/// How many messages there are between the two.
async fn heard(store: Arc<dyn Store>) -> u64 {
    let id = ConversationId::direct(Tenant::default(), Pair::new(user(1), user(2)).unwrap());
    store.talk().conversations().load(&[id]).await.unwrap()[0].as_ref().map_or(0, |found| found.n)
}

/// Eight connections of the host's are shared with the store, and tables of the host's have the plain names.
#[tokio::test(flavor = "multi_thread")]
async fn postgres_over_a_pool_of_the_hosts() {
    let Some(url) = Server::Postgres.url() else { return };
    let schema = format!("chat_host_{}", std::process::id());
    let pool = sqlx::postgres::PgPoolOptions::new().max_connections(8).connect(&url).await.unwrap();
    let options = PostgresOptions::new("not looked at").schema(&schema);
    let store = PostgresStore::from_pool(pool.clone(), options.clone()).await.unwrap();
    meet_and_say(Arc::new(store.clone())).await;
    assert_eq!(heard(Arc::new(store.clone())).await, 1);
    store.close().await;
    let count = format!("SELECT count(*) FROM {schema}.chat_entries");
    let entries: i64 = sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(&pool).await.unwrap();
    assert!(entries >= 1, "the pool is the host's, and still open");
    let isolation: String = sqlx::query_scalar("SHOW enable_seqscan").fetch_one(&pool).await.unwrap();
    assert_eq!(isolation, "on", "sessions of the host's are as they were");
    let drop = AssertSqlSafe(format!("DROP SCHEMA {schema} CASCADE"));
    sqlx::raw_sql(drop).execute(&pool).await.unwrap();
}

/// Two stores in one database of the host's, told apart by what their tables begin with.
#[tokio::test(flavor = "multi_thread")]
async fn mysql_over_a_pool_of_the_hosts() {
    let Some(place) = Server::MySql.place().await else { return };
    let pool = sqlx::mysql::MySqlPoolOptions::new().max_connections(8).connect(place.url()).await.unwrap();
    sqlx::raw_sql("CREATE TABLE users (id INT)").execute(&pool).await.unwrap();
    let [one, other] = ["one_", "other_"].map(|prefix| MySqlOptions::new("not looked at").prefix(prefix));
    let one = MySqlStore::from_pool(pool.clone(), one).await.unwrap();
    let other = MySqlStore::from_pool(pool.clone(), other).await.unwrap();
    meet_and_say(Arc::new(one.clone())).await;
    assert_eq!((heard(Arc::new(one.clone())).await, heard(Arc::new(other.clone())).await), (1, 0));
    one.close().await;
    other.close().await;
    let entries: i64 =
        sqlx::query_scalar("SELECT count(*) FROM one_chat_entries").fetch_one(&pool).await.unwrap();
    assert!(entries >= 1, "the pool is the host's, and still open");
    pool.close().await;
}

/// A server of its own, set so that it may lose what it has acknowledged.
async fn careless_postgres() -> Option<Service> {
    let service = Service::start_or_skip(&Postgres)?;
    let mut connection = sqlx::PgConnection::connect(&service.url()).await.unwrap();
    sqlx::raw_sql("ALTER SYSTEM SET fsync = off").execute(&mut connection).await.unwrap();
    sqlx::raw_sql("SELECT pg_reload_conf()").execute(&mut connection).await.unwrap();
    let is_set = async || {
        let mut connection = sqlx::PgConnection::connect(&service.url()).await.unwrap();
        let now: String = sqlx::query_scalar("SHOW fsync").fetch_one(&mut connection).await.unwrap();
        now == "off"
    };
    while !is_set().await {}
    Some(service)
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_that_forgets_is_refused() {
    let Some(service) = careless_postgres().await else { return };
    let refused = PostgresStore::open(PostgresOptions::new(service.url())).await;
    match refused.err() {
        Some(OpenError::NotDurable { setting: "fsync", found }) => assert_eq!(found, "off"),
        other => panic!("{other:?}"),
    }
    let careless = PostgresOptions::new(service.url()).durability(Durability::AsTheServerIsSet);
    let store = PostgresStore::open(careless).await.unwrap();
    meet_and_say(Arc::new(store.clone())).await;
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_that_forgets_is_refused() {
    let Some(service) = Service::start_or_skip(&MariaDb) else { return };
    let mut connection = sqlx::MySqlConnection::connect(&service.url()).await.unwrap();
    for setting in ["innodb_flush_log_at_trx_commit", "sync_binlog"] {
        let [careless, durable] =
            [2, 1].map(|value| AssertSqlSafe(format!("SET GLOBAL {setting} = {value}")));
        sqlx::raw_sql(careless).execute(&mut connection).await.unwrap();
        let refused = MySqlStore::open(MySqlOptions::new(service.url())).await;
        let binlog: i64 = sqlx::query_scalar("SELECT @@log_bin").fetch_one(&mut connection).await.unwrap();
        match refused.map(drop) {
            Err(OpenError::NotDurable { setting: found, .. }) => assert_eq!(found, setting),
            // Without a binary log it does not matter how often it is synced.
            other => {
                assert!(other.is_ok() && setting == "sync_binlog" && binlog == 0, "{setting}: {other:?}");
            }
        }
        sqlx::raw_sql(durable).execute(&mut connection).await.unwrap();
    }
    sqlx::raw_sql("SET GLOBAL innodb_flush_log_at_trx_commit = 2").execute(&mut connection).await.unwrap();
    let careless = MySqlOptions::new(service.url()).durability(Durability::AsTheServerIsSet);
    let store = MySqlStore::open(careless).await.unwrap();
    meet_and_say(Arc::new(store.clone())).await;
    store.close().await;
}

/// Else a batch of long messages would be refused, and only then.
#[tokio::test(flavor = "multi_thread")]
async fn mysql_that_takes_only_short_statements_is_refused() {
    let Some(service) = Service::start_or_skip(&MariaDb) else { return };
    let mut connection = sqlx::MySqlConnection::connect(&service.url()).await.unwrap();
    sqlx::raw_sql("SET GLOBAL max_allowed_packet = 1048576").execute(&mut connection).await.unwrap();
    match MySqlStore::open(MySqlOptions::new(service.url())).await.map(drop) {
        Err(OpenError::Unfit { setting: "max_allowed_packet", found, .. }) => assert_eq!(found, "1048576"),
        other => panic!("{other:?}"),
    }
    sqlx::raw_sql("SET GLOBAL max_allowed_packet = 16777216").execute(&mut connection).await.unwrap();
    let store: Arc<dyn Store> = Arc::new(MySqlStore::open(MySqlOptions::new(service.url())).await.unwrap());
    // As much as one batch holds, in messages as long as they may be.
    let chat = Chat::over(store).build().await.unwrap();
    for (one, other) in [(1_u64, 2_u64), (2, 1)] {
        chat.actor(one.into()).request_friend(UserId::from(other)).await.unwrap();
    }
    let mut sending = JoinSet::new();
    for _ in 0..512 {
        let actor = chat.actor(UserId::from(1_u64));
        let draft = Draft::text("ß".repeat(8_192)).unwrap();
        sending.spawn(async move { actor.send(UserId::from(2_u64), draft).await });
    }
    while let Some(sent) = sending.join_next().await {
        sent.unwrap().unwrap();
    }
    chat.shutdown().await;
}

/// A place can be opened again and again, and by a program that knows less than wrote it not at all.
#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_is_refused() {
    for server in [Server::Postgres, Server::MySql] {
        let Some(place) = server.place().await else { continue };
        place.open().await.close().await;
        place.open().await.close().await;
        place.execute("INSERT INTO {}chat_migrations (version, applied_at) VALUES (99, 0)").await;
        let refused = match server {
            Server::Postgres => PostgresStore::open(place.postgres()).await.map(drop),
            Server::MySql => MySqlStore::open(place.mysql()).await.map(drop),
        };
        assert!(matches!(refused, Err(OpenError::NewerSchema { found: 99, .. })), "{refused:?}");
    }
}

impl Place {
    /// Runs a statement in the place; `{}` stands before its tables.
    async fn execute(&self, text: &str) {
        match self.kind() {
            Server::Postgres => {
                let mut connection = sqlx::PgConnection::connect(self.url()).await.unwrap();
                let text = AssertSqlSafe(text.replace("{}", &format!("{}.", self.name())));
                sqlx::raw_sql(text).execute(&mut connection).await.unwrap();
            }
            Server::MySql => {
                let mut connection = sqlx::MySqlConnection::connect(self.url()).await.unwrap();
                let text = AssertSqlSafe(text.replace("{}", ""));
                sqlx::raw_sql(text).execute(&mut connection).await.unwrap();
            }
        }
    }
}
