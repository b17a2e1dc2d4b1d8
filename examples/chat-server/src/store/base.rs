//! One database that is open, of any kind.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;
use chat_core::{MemoryStore, Store};
use chat_store_sql::sqlite::{SqliteOptions, SqliteStore};

use super::Place;

/// A database that is open.
#[derive(Clone)]
pub(crate) enum Base {
    /// A file, and the store in it.
    Sqlite(PathBuf, SqliteStore),
    /// Gone with the process.
    Memory(MemoryStore),
}

impl Base {
    /// Opens what a place names.
    pub(super) async fn open(place: &Place) -> anyhow::Result<Self> {
        match place {
            Place::Sqlite(path) => {
                Ok(Self::Sqlite(path.clone(), SqliteStore::open(SqliteOptions::new(path)).await?))
            }
            Place::Memory => Ok(Self::Memory(MemoryStore::new())),
            Place::Postgres(_) | Place::MySql(_) | Place::MongoDb(_) => bail!("not in this build yet"),
        }
    }

    /// For the engine.
    pub(crate) fn shared(&self) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(_, store) => Arc::new(store.clone()),
            Self::Memory(store) => Arc::new(store.clone()),
        }
    }

    /// What is wrong with it.
    ///
    /// # Errors
    /// When it cannot be read to its end.
    pub(crate) async fn check(&self) -> anyhow::Result<Vec<String>> {
        match self {
            Self::Sqlite(_, store) => Ok(store.check().await?.iter().map(ToString::to_string).collect()),
            Self::Memory(_) => Ok(Vec::new()),
        }
    }

    /// Copies it into a new file.
    ///
    /// # Errors
    /// When that fails, and for what is no file: its own tools do that.
    pub(crate) async fn backup(&self, to: &Path) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(_, store) => Ok(store.backup(to).await?),
            Self::Memory(_) => bail!("there is nothing to work with in a store in memory"),
        }
    }

    /// Whether other processes may write to it.
    pub(super) const fn is_shared(&self) -> bool {
        match self {
            Self::Sqlite(..) | Self::Memory(_) => false,
        }
    }

    /// Writes down what is not yet in its place, and closes it.
    ///
    /// # Errors
    /// When that fails.
    pub(crate) async fn close(&self) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(_, store) => Ok(store.close().await?),
            Self::Memory(_) => Ok(()),
        }
    }
}
