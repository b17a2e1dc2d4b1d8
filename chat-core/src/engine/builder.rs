//! Putting a chat together.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::attachments::Shelf;
use super::queue::Queue;
use super::receipts::Reports;
use super::{Chat, Core, Policies, committer, receipts};
use crate::attachment::Files;
use crate::delivery::{self, Everlasting, Hub, Liveness, NodeId, Nodes, Notifier, Pulse, Silent};
use crate::error::ChatError;
use crate::id::{IdSource, SystemIds};
use crate::limits::Limits;
use crate::store::Store;
use crate::time::{Clock, SystemClock};
use crate::user::{Directory, Everybody};

/// How often the store is asked what this node was not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cluster {
    /// This process alone writes to the store: every 15 s, for what never should be.
    Alone,
    /// Others write too and nothing tells of it: every second.
    Polling,
    /// Others write too and a notifier tells of it: every 15 s while the line works, every second while it does not,
    /// and at once when something may have been lost.
    Notified,
}

/// Puts a [`Chat`] together; every part has a default but the store.
pub struct ChatBuilder {
    store: Arc<dyn Store>,
    directory: Arc<dyn Directory>,
    notifier: Arc<dyn Notifier>,
    liveness: Arc<dyn Liveness>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    limits: Limits,
    policies: Policies,
    files: Option<Arc<dyn Files>>,
    cluster: Option<Cluster>,
    keeps_reads: bool,
}

impl ChatBuilder {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            directory: Arc::new(Everybody),
            notifier: Arc::new(Silent),
            liveness: Arc::new(Everlasting),
            clock: Arc::new(SystemClock::default()),
            ids: Arc::new(SystemIds::default()),
            limits: Limits::default(),
            policies: Policies::default(),
            files: None,
            cluster: None,
            keeps_reads: false,
        }
    }

    /// The host's users: names and search. Without one every id exists and has no profile.
    #[must_use]
    pub fn directory(mut self, directory: Arc<dyn Directory>) -> Self {
        self.directory = directory;
        self
    }

    /// What tells the other nodes. With one, the cluster is [`Cluster::Notified`] unless it is said otherwise.
    #[must_use]
    pub fn notifier(mut self, notifier: Arc<dyn Notifier>) -> Self {
        self.notifier = notifier;
        self.cluster = self.cluster.or(Some(Cluster::Notified));
        self
    }

    /// What knows whether logins have ended.
    #[must_use]
    pub fn liveness(mut self, liveness: Arc<dyn Liveness>) -> Self {
        self.liveness = liveness;
        self
    }

    /// Another clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Another source of ids and randomness.
    #[must_use]
    pub fn ids(mut self, ids: Arc<dyn IdSource>) -> Self {
        self.ids = ids;
        self
    }

    /// Other bounds.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Other policies.
    #[must_use]
    pub const fn policies(mut self, policies: Policies) -> Self {
        self.policies = policies;
        self
    }

    /// Where the bytes of attachments are. Without it a chat has none.
    #[must_use]
    pub fn files(mut self, files: Arc<dyn Files>) -> Self {
        self.files = Some(files);
        self
    }

    /// Whether other processes write to the store.
    #[must_use]
    pub const fn cluster(mut self, cluster: Cluster) -> Self {
        self.cluster = Some(cluster);
        self
    }

    /// Keeps when people had read up to where, for doors that show it ([`ActingAs::reads`](super::ActingAs::reads)):
    /// one more write with every batch of receipts.
    #[must_use]
    pub const fn keep_reads(mut self) -> Self {
        self.keeps_reads = true;
        self
    }

    /// Starts the chat on the current tokio runtime.
    ///
    /// # Errors
    /// Any failure of the store; [`ChatError::Internal`] when the store lacks a part that was asked for.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn build(self) -> Result<Chat, ChatError> {
        if self.keeps_reads && self.store.talk().receipt_log().is_none() {
            return Err(ChatError::Internal("this store keeps no log of receipts"));
        }
        if self.files.is_some() && self.store.talk().attachments().is_none() {
            return Err(ChatError::Internal("the store keeps no attachments"));
        }
        let meta = self.store.talk().meta().await?;
        let hub = Arc::new(Hub::new(&self.limits, tokio::runtime::Handle::current()));
        let reads = usize::try_from(self.limits.concurrent_reads_max).unwrap_or(usize::MAX);
        let cluster = self.cluster.unwrap_or(Cluster::Alone);
        let pulse = match cluster {
            Cluster::Alone => Pulse::of_one_alone(),
            Cluster::Polling | Cluster::Notified => Pulse::at(self.clock.monotonic()),
        };
        let node = NodeId(self.ids.uuid(self.clock.now()));
        let core = Arc::new(Core {
            queue: Queue::new(&self.limits),
            receipts: Reports::new(&self.limits),
            shelf: self.files.map(Shelf::new),
            reads: Semaphore::new(reads.clamp(1, Semaphore::MAX_PERMITS)),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            store: self.store,
            directory: self.directory,
            notifier: self.notifier,
            liveness: self.liveness,
            clock: self.clock,
            ids: self.ids,
            limits: self.limits,
            policies: self.policies,
            keeps_reads: self.keeps_reads,
            meta,
            hub,
            nodes: Nodes::new(node),
            pulse,
        });
        core.hub.attach(&core);
        core.tasks.spawn(committer::run(Arc::clone(&core)));
        core.tasks.spawn(receipts::run(Arc::clone(&core)));
        delivery::start(&core, cluster);
        Ok(Chat { core })
    }
}
