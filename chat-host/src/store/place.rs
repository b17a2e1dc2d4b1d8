//! Which database a URL names.
//!
//! A URL may hold a password. It is kept where nothing prints it, and what a driver says of it is cleansed.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};

use super::Base;

/// What the address of a store may be, for messages.
const EXPECTED: &str = "expected sqlite:PATH, postgres://…, mysql://…, mongodb://… or memory:";

/// A database by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file.
    Sqlite(PathBuf),
    /// A PostgreSQL server.
    Postgres(Secret),
    /// A MySQL or MariaDB server.
    MySql(Secret),
    /// A MongoDB server.
    MongoDb(Secret),
    /// Nothing is kept.
    Memory,
}

impl Place {
    /// The place that the value of a flag names.
    ///
    /// # Errors
    /// When it is none; names the flag, and never the value.
    pub fn parse(flag: &'static str, url: &str) -> anyhow::Result<Self> {
        let (scheme, rest) = url.split_once(':').with_context(|| format!("{flag}: {EXPECTED}"))?;
        if scheme == "sqlite" {
            ensure!(!rest.is_empty(), "{flag} sqlite:PATH: the path is missing");
            return Ok(Self::Sqlite(PathBuf::from(rest)));
        }
        let secret = || Secret(url.to_owned());
        match (scheme, rest.starts_with("//")) {
            ("postgres" | "postgresql", true) => Ok(Self::Postgres(secret())),
            ("mysql", true) => Ok(Self::MySql(secret())),
            ("mariadb", true) => Ok(Self::MySql(Secret(format!("mysql:{rest}")))),
            ("mongodb" | "mongodb+srv", true) => Ok(Self::MongoDb(secret())),
            ("memory", _) if rest.is_empty() => Ok(Self::Memory),
            _ => bail!("{flag}: {EXPECTED}"),
        }
    }

    /// Opens it.
    ///
    /// # Errors
    /// When the database cannot be used, as when another process holds it or the password is wrong.
    pub async fn open(&self) -> anyhow::Result<Base> {
        Base::open(self).await.map_err(|error| self.cleanse(&error)).with_context(|| self.to_string())
    }

    /// The file, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) | Self::MySql(_) | Self::MongoDb(_) | Self::Memory => None,
        }
    }

    /// What copies a database of this kind while it is used, where it is not us.
    pub const fn backup_tool(&self) -> Option<&'static str> {
        match self {
            Self::Sqlite(_) | Self::Memory => None,
            Self::Postgres(_) => Some("pg_dump"),
            Self::MySql(_) => Some("mariadb-dump --single-transaction (mysqldump on MySQL)"),
            Self::MongoDb(_) => Some("mongodump --oplog"),
        }
    }

    /// The error, should a driver have repeated the address in it, without that.
    fn cleanse(&self, error: &anyhow::Error) -> anyhow::Error {
        let said = format!("{error:#}");
        match self {
            Self::Postgres(secret) | Self::MySql(secret) | Self::MongoDb(secret) => {
                anyhow::Error::msg(secret.cleanse(said))
            }
            Self::Sqlite(_) | Self::Memory => anyhow::Error::msg(said),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "SQLite, {}", path.display()),
            Self::Postgres(_) => f.write_str("PostgreSQL"),
            Self::MySql(_) => f.write_str("MySQL or MariaDB"),
            Self::MongoDb(_) => f.write_str("MongoDB"),
            Self::Memory => f.write_str("memory"),
        }
    }
}

/// The address of a server, which nothing prints.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// For who connects.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The text without the address, or what in it is between the scheme and the host.
    fn cleanse(&self, text: String) -> String {
        let rest = self.0.split_once("://").map_or("", |(_, rest)| rest);
        let login = rest.rsplit_once('@').map_or("", |(login, _)| login);
        let password = login.split_once(':').map_or("", |(_, password)| password);
        let parts = [self.0.as_str(), login, password];
        parts.iter().filter(|part| !part.is_empty()).fold(text, |text, part| text.replace(part, "…"))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(url: &str) -> anyhow::Result<Place> {
        Place::parse("--store", url)
    }

    #[test]
    fn a_url_names_a_place() {
        let secret = |url: &str| Secret(url.to_owned());
        let (postgres, mysql) = ("postgres://ana:secret@db/chat", "mysql://ana:secret@db/chat");
        let mongodb = "mongodb://ana:secret@a,b/chat?replicaSet=x";
        assert_eq!(place("sqlite:/var/lib/chat.db").unwrap(), Place::Sqlite("/var/lib/chat.db".into()));
        assert_eq!(place("memory:").unwrap(), Place::Memory);
        assert_eq!(place(postgres).unwrap(), Place::Postgres(secret(postgres)));
        assert_eq!(place(mysql).unwrap(), Place::MySql(secret(mysql)));
        assert_eq!(place("mariadb://ana:secret@db/chat").unwrap(), Place::MySql(secret(mysql)));
        assert_eq!(place(mongodb).unwrap(), Place::MongoDb(secret(mongodb)));
        for url in [postgres, mysql, mongodb] {
            assert!(!format!("{0} {0:?}", place(url).unwrap()).contains("secret"));
        }
    }

    #[test]
    fn what_is_none_is_refused_without_repeating_a_password() {
        for url in
            ["redis://ana:secret@db", "secret", "sqlite:", "memory:secret", "postgres:secret", "://secret"]
        {
            let error = format!("{:#}", place(url).unwrap_err());
            assert!(error.starts_with("--store") && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn what_a_driver_repeats_is_taken_out() {
        let place = place("mongodb://ana:secret@db/chat").unwrap();
        for said in
            ["cannot parse mongodb://ana:secret@db/chat", "user ana:secret", "password secret is wrong"]
        {
            let cleansed = format!("{:#}", place.cleanse(&anyhow::Error::msg(said)));
            assert!(!cleansed.contains("secret"), "{cleansed}");
        }
        let harmless = anyhow::Error::msg("timed out");
        assert_eq!(format!("{:#}", place.cleanse(&harmless)), "timed out");
    }
}
