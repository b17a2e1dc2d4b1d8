//! Where the cases get their stores from.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::id::Tenant;
use crate::memory::MemoryStore;
use crate::store::{SplitStore, Store};

/// How long a case may take before it counts as hanging, unless the fixture has more patience. No case comes near it.
const CASE_MAX: Duration = Duration::from_mins(5);

/// Makes a database for each case.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// What the stores it makes are called where results are told: `postgres`, `sqlite+memory`.
    fn name(&self) -> String;

    /// An empty database of its own, taken away when the value is dropped. `None` when the server it needs is not
    /// there: then the case is skipped, and the fixture says so loudly.
    async fn fresh(&self) -> Option<Arc<dyn Database>>;

    /// How long a case may take before it counts as hanging: more than usual for a server that is slow by nature.
    fn patience(&self) -> Duration {
        CASE_MAX
    }
}

/// One database, for the time of one case.
#[async_trait]
pub trait Database: Send + Sync {
    /// The store over it, as this tenant sees it. The values of several calls share the data.
    fn store(&self, tenant: Tenant) -> Arc<dyn Store>;

    /// Closes it and opens it again, as a process that stops and starts would. Called when no store of it is held.
    /// Nothing where the data lives in this process.
    async fn reopen(&self);

    /// How many members the largest channel has: fewer only where a server stands in for another one, and is slow.
    fn crowd(&self) -> u64 {
        100_000
    }

    /// Of rounds that differ only in which call is lost, each how many-th is run: each one, but where a server stands
    /// in for another one, and is slow.
    fn stride(&self) -> usize {
        1
    }
}

/// What a case works on: most a store, some the whole database.
pub trait Subject {
    /// What the case gets of this database.
    fn of(database: &Arc<dyn Database>) -> Self;
}

impl Subject for Arc<dyn Store> {
    fn of(database: &Arc<dyn Database>) -> Self {
        database.store(Tenant::default())
    }
}

impl Subject for Arc<dyn Database> {
    fn of(database: &Arc<dyn Database>) -> Self {
        Arc::clone(database)
    }
}

/// Runs one case on a fresh database, on threads of its own so that races are real.
pub fn check<S: Subject, F: Future<Output = ()>>(fixture: &dyn Fixture, case: impl FnOnce(S) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build();
    runtime.expect("threads can be started").block_on(async {
        let Some(database) = fixture.fresh().await else { return };
        let ended = tokio::time::timeout(fixture.patience(), case(S::of(&database))).await;
        ended.expect("the case hangs");
        // What has run to its end; a case without a database is none.
        println!("counted: store={} conformance=1", fixture.name());
    });
}

/// [`MemoryStore`]s.
#[derive(Clone, Copy, Debug)]
pub struct Memory;

#[async_trait]
impl Fixture for Memory {
    fn name(&self) -> String {
        "memory".to_owned()
    }

    async fn fresh(&self) -> Option<Arc<dyn Database>> {
        Some(Arc::new(MemoryStore::new()))
    }
}

#[async_trait]
impl Database for MemoryStore {
    fn store(&self, tenant: Tenant) -> Arc<dyn Store> {
        Arc::new(self.for_tenant(tenant))
    }

    async fn reopen(&self) {}
}

/// A [`SplitStore`] of two fixtures: the first holds people and logins, the second talk.
#[derive(Clone, Copy, Debug)]
pub struct Split<P, T>(pub P, pub T);

/// Two databases that make one.
struct SplitDatabase {
    people: Arc<dyn Database>,
    talk: Arc<dyn Database>,
}

#[async_trait]
impl<P: Fixture, T: Fixture> Fixture for Split<P, T> {
    fn name(&self) -> String {
        format!("{}+{}", self.0.name(), self.1.name())
    }

    async fn fresh(&self) -> Option<Arc<dyn Database>> {
        Some(Arc::new(SplitDatabase { people: self.0.fresh().await?, talk: self.1.fresh().await? }))
    }
}

#[async_trait]
impl Database for SplitDatabase {
    fn store(&self, tenant: Tenant) -> Arc<dyn Store> {
        Arc::new(SplitStore::people(self.people.store(tenant)).talk(self.talk.store(tenant)))
    }

    async fn reopen(&self) {
        self.people.reopen().await;
        self.talk.reopen().await;
    }

    fn crowd(&self) -> u64 {
        self.talk.crowd()
    }

    fn stride(&self) -> usize {
        self.people.stride().max(self.talk.stride())
    }
}
