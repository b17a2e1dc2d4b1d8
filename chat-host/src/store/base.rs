//! One database that is open, of any kind.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;
use chat_core::{MemoryStore, Store};
use chat_store_mongo::{MongoOptions, MongoStore};
use chat_store_sql::mysql::{MySqlOptions, MySqlStore};
use chat_store_sql::postgres::{PostgresOptions, PostgresStore};
use chat_store_sql::sqlite::{SqliteOptions, SqliteStore};

use super::Place;

/// A database that is open.
#[derive(Clone)]
pub enum Base {
    /// A file, and the store in it.
    Sqlite(PathBuf, SqliteStore),
    /// A server.
    Postgres(PostgresStore),
    /// A server, of MariaDB too.
    MySql(MySqlStore),
    /// A server.
    MongoDb(MongoStore),
    /// Gone with the process.
    Memory(MemoryStore),
}

impl Base {
    /// Opens what a place names.
    pub(super) async fn open(place: &Place) -> anyhow::Result<Self> {
        Ok(match place {
            Place::Sqlite(path) => {
                Self::Sqlite(path.clone(), SqliteStore::open(SqliteOptions::new(path)).await?)
            }
            Place::Postgres(url) => {
                Self::Postgres(PostgresStore::open(PostgresOptions::new(url.expose())).await?)
            }
            Place::MySql(url) => Self::MySql(MySqlStore::open(MySqlOptions::new(url.expose())).await?),
            Place::MongoDb(url) => Self::MongoDb(MongoStore::open(MongoOptions::new(url.expose())).await?),
            Place::Memory => Self::Memory(MemoryStore::new()),
        })
    }

    /// For the engine.
    pub fn shared(&self) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(_, store) => Arc::new(store.clone()),
            Self::Postgres(store) => Arc::new(store.clone()),
            Self::MySql(store) => Arc::new(store.clone()),
            Self::MongoDb(store) => Arc::new(store.clone()),
            Self::Memory(store) => Arc::new(store.clone()),
        }
    }

    /// What is wrong with it.
    ///
    /// # Errors
    /// When it cannot be read to its end.
    pub async fn check(&self) -> anyhow::Result<Vec<String>> {
        match self {
            Self::Sqlite(_, store) => Ok(lines(&store.check().await?)),
            Self::Postgres(store) => Ok(lines(&store.check().await?)),
            Self::MySql(store) => Ok(lines(&store.check().await?)),
            Self::MongoDb(store) => Ok(lines(&store.check().await?)),
            Self::Memory(_) => Ok(Vec::new()),
        }
    }

    /// Copies it into a new file.
    ///
    /// # Errors
    /// When that fails, and for what is no file: its own tools do that.
    pub async fn backup(&self, to: &Path) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(_, store) => Ok(store.backup(to).await?),
            Self::Postgres(_) | Self::MySql(_) | Self::MongoDb(_) | Self::Memory(_) => {
                bail!("backup copies an SQLite file")
            }
        }
    }

    /// Gives it an epoch that never was.
    ///
    /// # Errors
    /// When that fails; the epoch is the old one then.
    pub async fn renew_epoch(&self) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(_, store) => drop(store.renew_epoch().await?),
            Self::Postgres(store) => drop(store.renew_epoch().await?),
            Self::MySql(store) => drop(store.renew_epoch().await?),
            Self::MongoDb(store) => drop(store.renew_epoch().await?),
            Self::Memory(_) => bail!("there is nothing to restore in a store in memory"),
        }
        Ok(())
    }

    /// Whether other processes may write to it.
    pub(super) const fn is_shared(&self) -> bool {
        match self {
            Self::Postgres(_) | Self::MySql(_) | Self::MongoDb(_) => true,
            Self::Sqlite(..) | Self::Memory(_) => false,
        }
    }

    /// Writes down what is not yet in its place, and closes it.
    ///
    /// # Errors
    /// When that fails.
    pub async fn close(&self) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(_, store) => store.close().await?,
            Self::Postgres(store) => store.close().await,
            Self::MySql(store) => store.close().await,
            Self::MongoDb(store) => store.close().await,
            Self::Memory(_) => {}
        }
        Ok(())
    }
}

/// Findings, one a line.
fn lines(found: &[impl ToString]) -> Vec<String> {
    found.iter().map(ToString::to_string).collect()
}
