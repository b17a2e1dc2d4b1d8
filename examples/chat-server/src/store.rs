//! Which store a URL names, and opening it.
//!
//! URLs may hold passwords, so no message repeats one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use chat_core::{MemoryStore, Store};
use chat_store_sql::sqlite::{SqliteOptions, SqliteStore};

use crate::settings::Settings;

/// A store by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A database file.
    Sqlite(PathBuf),
    /// Nothing is kept.
    Memory,
}

impl Place {
    /// The place that the settings name: by default a file in the data folder.
    ///
    /// # Errors
    /// When this build has no such store.
    pub(crate) fn of(settings: &Settings) -> anyhow::Result<Self> {
        ensure!(settings.accounts_store.is_none(), "--accounts-store is not in this build yet");
        ensure!(settings.notify.is_none(), "--notify is not in this build yet");
        match settings.store.as_deref() {
            None => Ok(Self::Sqlite(settings.data_dir.join("chat.db"))),
            Some(url) => Self::parse(url),
        }
    }

    fn parse(url: &str) -> anyhow::Result<Self> {
        let (scheme, rest) = url.split_once(':').context("--store: expected sqlite:PATH or memory:")?;
        match (scheme, rest) {
            ("sqlite", "") => bail!("--store sqlite:PATH: the path is missing"),
            ("sqlite", path) => Ok(Self::Sqlite(PathBuf::from(path))),
            ("memory", "") => Ok(Self::Memory),
            ("postgres" | "postgresql", _) => bail!("--store: PostgreSQL is not in this build yet"),
            ("mysql" | "mariadb", _) => bail!("--store: MySQL and MariaDB are not in this build yet"),
            ("mongodb" | "mongodb+srv", _) => bail!("--store: MongoDB is not in this build yet"),
            _ => bail!("--store: expected sqlite:PATH or memory:"),
        }
    }

    /// Opens the store.
    ///
    /// # Errors
    /// When the database cannot be opened, as when another process holds it.
    pub(crate) async fn open(&self) -> anyhow::Result<Opened> {
        match self {
            Self::Sqlite(path) => Ok(Opened::Sqlite(SqliteStore::open(SqliteOptions::new(path)).await?)),
            Self::Memory => Ok(Opened::Memory(Arc::new(MemoryStore::new()))),
        }
    }

    /// The database file, if it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Memory => None,
        }
    }
}

/// A store that is open.
#[derive(Clone)]
pub(crate) enum Opened {
    /// A database file.
    Sqlite(SqliteStore),
    /// Gone with the process.
    Memory(Arc<MemoryStore>),
}

impl Opened {
    /// For the engine.
    pub(crate) fn shared(&self) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(store) => Arc::new(store.clone()),
            Self::Memory(store) => Arc::<MemoryStore>::clone(store),
        }
    }

    /// Writes down what is not yet in its place, and closes it.
    ///
    /// # Errors
    /// When that fails.
    pub(crate) async fn close(&self) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(store) => Ok(store.close().await?),
            Self::Memory(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(store: &str) -> anyhow::Result<Place> {
        Place::of(&Settings { store: Some(store.to_owned()), ..Settings::default() })
    }

    #[test]
    fn a_url_names_a_place() {
        assert_eq!(Place::of(&Settings::default()).unwrap(), Place::Sqlite("./chat-data/chat.db".into()));
        assert_eq!(place("sqlite:/var/lib/chat.db").unwrap(), Place::Sqlite("/var/lib/chat.db".into()));
        assert_eq!(place("memory:").unwrap(), Place::Memory);
    }

    #[test]
    fn what_this_build_has_not_is_refused_without_repeating_a_password() {
        for url in [
            "postgres://ana:secret@db/chat",
            "mysql://ana:secret@db/chat",
            "mongodb://ana:secret@db/chat",
            "redis://ana:secret@db",
            "secret",
            "sqlite:",
            "memory:secret",
        ] {
            let error = format!("{:#}", place(url).unwrap_err());
            assert!(error.starts_with("--store") && !error.contains("secret"), "{error}");
        }
        let elsewhere = Settings { accounts_store: Some("memory:".to_owned()), ..Settings::default() };
        assert!(Place::of(&elsewhere).is_err());
        let several = Settings { notify: Some("redis://".to_owned()), ..Settings::default() };
        assert!(Place::of(&several).is_err());
    }
}
