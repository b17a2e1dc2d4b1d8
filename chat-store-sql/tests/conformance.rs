//! The contract of stores, on SQLite alone and on a store whose talk lives elsewhere.

#![cfg(feature = "sqlite")]
#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chat_core::conformance::{Database, Fixture};
use chat_core::{Store, Tenant};
use chat_store_sql::sqlite::{SqliteOptions, SqliteStore};
use tempfile::TempDir;

/// Files in a directory of their own.
struct Sqlite;

struct SqliteDatabase {
    directory: TempDir,
    store: Mutex<Option<SqliteStore>>,
}

impl SqliteDatabase {
    async fn open(&self) {
        let path = self.directory.path().join("chat.db");
        let store = SqliteStore::open(SqliteOptions::new(path)).await.unwrap();
        *self.store.lock().unwrap() = Some(store);
    }
}

#[async_trait]
impl Fixture for Sqlite {
    fn name(&self) -> String {
        "sqlite".to_owned()
    }

    async fn fresh(&self) -> Option<Arc<dyn Database>> {
        let directory = tempfile::tempdir().unwrap();
        let database = SqliteDatabase { directory, store: Mutex::default() };
        database.open().await;
        Some(Arc::new(database))
    }
}

#[async_trait]
impl Database for SqliteDatabase {
    fn store(&self, tenant: Tenant) -> Arc<dyn Store> {
        let store = self.store.lock().unwrap();
        Arc::new(store.as_ref().unwrap().for_tenant(tenant))
    }

    async fn reopen(&self) {
        let store = self.store.lock().unwrap().take().unwrap();
        store.close().await.unwrap();
        drop(store);
        self.open().await;
    }
}

mod alone {
    use super::Sqlite;

    chat_core::conformance::suite!(Sqlite);
}

mod split {
    use chat_core::conformance::{Memory, Split};

    use super::Sqlite;

    chat_core::conformance::suite!(Split(Sqlite, Memory));
}

/// Compared with the store in memory over random operations through the engine, and call by call.
mod parity {
    use chat_core::conformance::{Memory, Split};

    use super::Sqlite;

    chat_core::conformance::parity!(alone, Sqlite);
    chat_core::conformance::parity!(split, Split(Sqlite, Memory));
}
