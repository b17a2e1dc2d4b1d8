//! How a store is opened.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use chat_core::id::Tenant;

/// How long one command may take, its search for a server included.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);

/// How a store is opened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MongoOptions {
    /// The server, as the driver understands it. It names the database, unless [`Self::database`] does.
    pub url: String,
    /// The database.
    pub database: Option<String>,
    /// Whose data the store serves.
    pub tenant: Tenant,
    /// How long one command may take before its outcome counts as unknown. Also how long a server is searched for.
    pub command_timeout: Duration,
    /// Most connections to one server.
    pub connections_max: u32,
    /// For tests: so many commands are still sent, every later one fails.
    pub(crate) commands_left: Option<Arc<AtomicI64>>,
}

impl MongoOptions {
    /// The database that this address names.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            database: None,
            tenant: Tenant::default(),
            command_timeout: COMMAND_TIMEOUT,
            connections_max: 32,
            commands_left: None,
        }
    }

    /// Another database of the same server.
    #[must_use]
    pub fn database(mut self, name: impl Into<String>) -> Self {
        self.database = Some(name.into());
        self
    }

    /// Another tenant than the default one.
    #[must_use]
    pub fn tenant(mut self, tenant: Tenant) -> Self {
        self.tenant = tenant;
        self
    }

    /// Another time-out of commands.
    #[must_use]
    pub fn command_timeout(mut self, timeout: Duration) -> Self {
        self.command_timeout = timeout;
        self
    }

    /// For tests of crashes: the store stops between two commands, once the counter is used up.
    #[doc(hidden)]
    #[must_use]
    pub fn stop_after(mut self, commands: Arc<AtomicI64>) -> Self {
        self.commands_left = Some(commands);
        self
    }
}
