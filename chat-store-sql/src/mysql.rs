#![doc = include_str!("docs/mysql.md")]

use chat_core::id::Tenant;
use chat_core::store::{Access, People, Store, StoreError, Talk};
use sqlx::MySqlPool;
use sqlx::mysql::MySqlConnectOptions;
use uuid::Uuid;

use crate::server::{Server, Settings};

pub use crate::check::Problem;
pub use crate::server::{Durability, OpenError};

/// Where the database is and how it is used.
///
/// ```
/// use chat_store_sql::mysql::MySqlOptions;
///
/// let options = MySqlOptions::new("mysql://chat@localhost/chat").prefix("host_").readers(4);
/// # let _ = options;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct MySqlOptions {
    url: String,
    settings: Settings,
}

impl MySqlOptions {
    /// The database of this address, fully durable, for the default tenant.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), settings: Settings::default() }
    }

    /// Whose data the store serves.
    pub fn tenant(mut self, tenant: Tenant) -> Self {
        self.settings.tenant = tenant;
        self
    }

    /// What an acknowledgement is worth.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.settings.durability = durability;
        self
    }

    /// What stands before the names of all tables: lower-case letters, digits and underscores.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.settings.name = Some(prefix.into());
        self
    }

    /// How many connections read at a time, at least one.
    pub fn readers(mut self, readers: usize) -> Self {
        self.settings.readers = readers.max(1);
        self
    }

    /// How many connections write at a time, at least one.
    pub fn writers(mut self, writers: usize) -> Self {
        self.settings.writers = writers.max(1);
        self
    }
}

/// A store on MySQL or MariaDB. Clones, and those of other tenants, share its connections.
#[derive(Clone)]
pub struct MySqlStore(Server);

impl MySqlStore {
    /// Connects, makes or migrates the schema, and checks that the server keeps what it acknowledges.
    ///
    /// # Errors
    /// [`OpenError::NotDurable`] when it does not, [`OpenError::NewerSchema`] when the schema is from the future, and
    /// what else can go wrong with a server.
    pub async fn open(options: MySqlOptions) -> Result<Self, OpenError> {
        let address: MySqlConnectOptions =
            options.url.parse().map_err(|error: sqlx::Error| OpenError::Address(error.into()))?;
        Ok(Self(Server::open_mysql(address, None, &options.settings).await?))
    }

    /// The same over a pool of the host's, which is read through. What writes has connections of its own, made with
    /// the pool's options: their settings are what durability and order hang on. The address in `options` is not
    /// looked at.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn from_pool(pool: MySqlPool, options: MySqlOptions) -> Result<Self, OpenError> {
        let address = MySqlConnectOptions::clone(&pool.connect_options());
        Ok(Self(Server::open_mysql(address, Some(pool), &options.settings).await?))
    }

    /// The same store seen by another tenant: nothing of one is visible to the other.
    pub fn for_tenant(&self, tenant: Tenant) -> Self {
        Self(self.0.for_tenant(tenant))
    }

    /// Finishes what has begun and parts with the connections. Every call after it, of every clone, is
    /// [`StoreError::Unavailable`].
    pub async fn close(&self) {
        self.0.close().await;
    }

    /// Gives the store a new epoch, so that every client starts anew: to be done after a backup was put in its place,
    /// before other processes open it.
    ///
    /// # Errors
    /// Any [`StoreError`]; the epoch is the old one then, or unknown when the server did not answer.
    pub async fn renew_epoch(&self) -> Result<Uuid, StoreError> {
        self.0.renew_epoch().await
    }

    /// Counts everything that is derived anew, for all tenants, and answers what is not as it should be: nothing, of a
    /// store in order. It reads all tables once, and takes as long; others may go on meanwhile.
    ///
    /// # Errors
    /// [`OpenError::Database`] when they cannot be read to their end.
    pub async fn check(&self) -> Result<Vec<Problem>, OpenError> {
        self.0.check().await
    }
}

impl Store for MySqlStore {
    fn tenant(&self) -> Tenant {
        self.0.tenant()
    }

    fn people(&self) -> &dyn People {
        &self.0
    }

    fn access(&self) -> &dyn Access {
        &self.0
    }

    fn talk(&self) -> &dyn Talk {
        &self.0
    }
}
