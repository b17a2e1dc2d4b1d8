//! Opening: what is asked of a server before it is trusted.

use std::sync::{Arc, RwLock};

use chat_core::id::Tenant;

use super::dialect::{Dialect, Place, Texts};
use super::error::{Done, OpenError};
use super::link::Link;
use super::migrate::migrate;
use super::pool::{Pool, Source};
use super::{Server, Shared};

/// What an acknowledgement is worth when the server's power fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// What was acknowledged is on disk: a server that is set otherwise is refused.
    #[default]
    Full,
    /// What the server's settings make it worth, which is said in the log.
    AsTheServerIsSet,
}

/// What both kinds of server need to be opened.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Whose data the store serves.
    pub(crate) tenant: Tenant,
    /// What an acknowledgement is worth.
    pub(crate) durability: Durability,
    /// Most connections that read at a time.
    pub(crate) readers: usize,
    /// Most connections that write at a time.
    pub(crate) writers: usize,
    /// A schema or prefix for all tables; absent for none.
    pub(crate) name: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        let (tenant, durability) = (Tenant::default(), Durability::default());
        Self { tenant, durability, readers: 8, writers: 4, name: None }
    }
}

impl Settings {
    /// The name, if it can stand in a statement as it is.
    fn plain_name(&self) -> Result<Option<&str>, OpenError> {
        let Some(name) = self.name.as_deref() else { return Ok(None) };
        let is_plain = name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.len() <= 32
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if is_plain { Ok(Some(name)) } else { Err(OpenError::Name(name.to_owned())) }
    }
}

impl Server {
    /// A store on PostgreSQL. Connections to write with are always our own, with our settings.
    #[cfg(feature = "postgres")]
    pub(crate) async fn open_postgres(
        options: sqlx::postgres::PgConnectOptions,
        pool: Option<sqlx::PgPool>,
        settings: &Settings,
    ) -> Result<Self, OpenError> {
        let options = options.statement_cache_capacity(super::STATEMENTS_KEPT);
        let options = sqlx::ConnectOptions::disable_statement_logging(options);
        let own = Source::Postgres(Box::new(options));
        let lent = pool.map_or_else(|| own.clone(), Source::PostgresPool);
        let schema = settings.plain_name()?;
        let place = Place { prefix: schema.map_or_else(String::new, |schema| format!("{schema}.")) };
        Self::open(Dialect::Postgres, own, lent, place, settings).await
    }

    /// A store on MySQL or MariaDB. Connections to write with are always our own, with our settings.
    #[cfg(feature = "mysql")]
    pub(crate) async fn open_mysql(
        options: sqlx::mysql::MySqlConnectOptions,
        pool: Option<sqlx::MySqlPool>,
        settings: &Settings,
    ) -> Result<Self, OpenError> {
        let options = options.statement_cache_capacity(super::STATEMENTS_KEPT);
        let options = sqlx::ConnectOptions::disable_statement_logging(options);
        let own = Source::MySql(Box::new(options));
        let lent = pool.map_or_else(|| own.clone(), Source::MySqlPool);
        let place = Place { prefix: settings.plain_name()?.unwrap_or_default().to_owned() };
        Self::open(Dialect::MySql, own, lent, place, settings).await
    }

    async fn open(
        dialect: Dialect,
        own: Source,
        lent: Source,
        place: Place,
        settings: &Settings,
    ) -> Result<Self, OpenError> {
        let writers = Pool::new(own, settings.writers);
        let mut first = writers.acquire().await?;
        check_durability(first.link(), settings.durability).await?;
        let meta = migrate(first.link(), dialect, &place).await?;
        first.give_back();
        let shared = Shared {
            dialect,
            texts: Arc::new(Texts::new(dialect, &place)),
            readers: Pool::new(lent, settings.readers),
            writers,
            meta: RwLock::new(meta),
            #[cfg(feature = "postgres")]
            heads: super::heads::Heads::default(),
        };
        Ok(Self::new(Arc::new(shared), settings.tenant))
    }
}

/// What a setting must be, and whether it is about durability, which may be given away.
const WANTED: &[(&str, &[&str])] = &[
    ("fsync", &["on"]),
    ("full_page_writes", &["on"]),
    ("synchronous_commit", &["on", "local", "remote_write", "remote_apply"]),
    ("innodb_flush_log_at_trx_commit", &["1"]),
    ("innodb_doublewrite", &["1", "ON", "DETECT_AND_RECOVER"]),
    ("sync_binlog", &["1"]),
];

/// How long a statement may be.
pub(super) const PACKET: &str = "max_allowed_packet";

/// Bytes of the longest one: a batch of 4 MiB, of which everything that is no number is written with two digits a byte.
const PACKET_BYTES_MIN: u64 = 16 * 1024 * 1024;

async fn check_durability(link: &mut Link, durability: Durability) -> Result<(), OpenError> {
    let found = settings(link).await?;
    let is = |name: &str, value: &str| found.iter().any(|(setting, is)| *setting == name && is == value);
    let has_no_binlog = is("log_bin", "0") || is("log_bin", "OFF");
    if let Some((setting, encoding)) = found.iter().find(|(name, _)| *name == "server_encoding")
        && encoding != "UTF8"
    {
        return Err(OpenError::Unfit { setting, found: encoding.clone(), wanted: "UTF8" });
    }
    if let Some((setting, bytes)) = found.iter().find(|(name, _)| *name == PACKET)
        && bytes.parse::<u64>().is_ok_and(|bytes| bytes < PACKET_BYTES_MIN)
    {
        return Err(OpenError::Unfit { setting, found: bytes.clone(), wanted: "16777216 or more" });
    }
    for (setting, value) in &found {
        let wanted = WANTED.iter().find(|(name, _)| name == setting);
        let is_kept = wanted.is_none_or(|(_, values)| values.contains(&value.as_str()));
        if is_kept || (*setting == "sync_binlog" && has_no_binlog) {
            continue;
        }
        match durability {
            Durability::Full => return Err(OpenError::NotDurable { setting, found: value.clone() }),
            Durability::AsTheServerIsSet => tracing::warn!(
                setting,
                value,
                "the database may lose acknowledged messages in a power failure"
            ),
        }
    }
    Ok(())
}

async fn settings(link: &mut Link) -> Done<Vec<(&'static str, String)>> {
    match link {
        #[cfg(feature = "postgres")]
        Link::Postgres(held) => super::postgres::settings(held.connection()).await,
        #[cfg(feature = "mysql")]
        Link::MySql(held) => super::mysql::settings(held.connection()).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        let name = |name: &str| Settings { name: Some(name.to_owned()), ..Settings::default() };
        assert_eq!(name("chat_2").plain_name().unwrap(), Some("chat_2"));
        for bad in ["", "2chat", "Chat", "chat;", "a-b", "chat schema", "\"chat\""] {
            assert!(matches!(name(bad).plain_name(), Err(OpenError::Name(_))), "{bad:?}");
        }
    }
}
