//! Where the tests get their servers and databases from.

pub(crate) mod whole;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use async_trait::async_trait;
use chat_core::conformance::{Database, Fixture};
use chat_core::{Store, Tenant};
use chat_store_mongo::{MongoOptions, MongoStore};

/// One of the servers that tests run on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Server {
    /// What it is called where tests are counted.
    name: &'static str,
    /// The variable that names it.
    variable: &'static str,
    /// Of the rounds with a lost call each how many-th is run: one takes SecantusDB seconds. Odd, so that lost requests
    /// and lost replies both come.
    stride: usize,
}

/// SecantusDB, or a `mongod`.
pub(crate) const FIRST: Server = Server { name: "secantusdb", variable: "CHAT_TEST_MONGODB_URL", stride: 13 };
/// mongo-java-server.
pub(crate) const SECOND: Server =
    Server { name: "mongo-java-server", variable: "CHAT_TEST_MONGODB_SECOND_URL", stride: 1 };

impl Server {
    /// Its address; says loudly when there is none, and fails where it must be there.
    pub(crate) fn url(self) -> Option<String> {
        static SAID: Once = Once::new();
        if let Ok(url) = std::env::var(self.variable) {
            return Some(url);
        }
        let required = std::env::var("CHAT_REQUIRE_BACKENDS").is_ok_and(|value| value == "1");
        assert!(!required, "{} is not set, and every server is required", self.variable);
        SAID.call_once(|| eprintln!("SKIPPED: no {} to test on", self.variable));
        None
    }

    /// Options for a database of its own.
    pub(crate) fn options(self) -> Option<MongoOptions> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("chat_test_{}_{number}", std::process::id());
        let options = MongoOptions::new(self.url()?).database(name);
        // Servers that stand in are slow when everything is tested at once.
        Some(options.command_timeout(Duration::from_mins(1)))
    }
}

/// A database that is dropped with the value.
pub(crate) struct Own {
    pub(crate) options: MongoOptions,
    store: Mutex<Option<MongoStore>>,
    stride: usize,
}

impl Own {
    pub(crate) async fn new(options: MongoOptions) -> Self {
        let own = Self { options, store: Mutex::default(), stride: 1 };
        own.open().await;
        own
    }

    async fn open(&self) {
        let store = MongoStore::open(self.options.clone()).await.unwrap();
        *self.store.lock().unwrap() = Some(store);
    }

    pub(crate) fn store(&self) -> MongoStore {
        self.store.lock().unwrap().clone().unwrap()
    }
}

impl Drop for Own {
    /// On a thread of its own: the one that drops may be one that must not wait.
    fn drop(&mut self) {
        let (options, store) = (self.options.clone(), self.store.lock().unwrap().take());
        let drop = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                if let Some(store) = store {
                    store.close().await;
                }
                drop_database(&options).await;
            });
        });
        drop.join().unwrap();
    }
}

async fn drop_database(options: &MongoOptions) {
    let client = mongodb::Client::with_uri_str(&options.url).await.unwrap();
    let name = options.database.as_deref().unwrap();
    client.database(name).drop().await.unwrap();
    client.shutdown().immediate(true).await;
}

#[async_trait]
impl Fixture for Server {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    async fn fresh(&self) -> Option<Arc<dyn Database>> {
        let mut own = Own::new(self.options()?).await;
        own.stride = self.stride;
        Some(Arc::new(own))
    }

    fn patience(&self) -> Duration {
        Duration::from_mins(20)
    }
}

#[async_trait]
impl Database for Own {
    fn store(&self, tenant: Tenant) -> Arc<dyn Store> {
        Arc::new(Self::store(self).for_tenant(tenant))
    }

    async fn reopen(&self) {
        let store = self.store.lock().unwrap().take().unwrap();
        store.close().await;
        drop(store);
        self.open().await;
    }

    fn crowd(&self) -> u64 {
        4_000
    }

    fn stride(&self) -> usize {
        self.stride
    }
}
