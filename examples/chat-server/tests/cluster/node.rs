//! Three servers on one database and one broker, each with lines of its own to both that a test can cut.

use std::net::SocketAddr;

use rustix::process::Signal;
use tempfile::TempDir;
use testbed::proxy::Proxy;
use testbed::services::{Nats, Postgres, Recipe, Redis, Service};

use super::common::{Server, program, run};

/// How many servers there are.
pub(crate) const NODES: usize = 3;

/// What carries notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broker {
    Redis,
    Nats,
    /// The database itself.
    Postgres,
}

impl Broker {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::Nats => "nats",
            Self::Postgres => "postgres",
        }
    }

    fn recipe(self) -> Option<&'static dyn Recipe> {
        match self {
            Self::Redis => Some(&Redis),
            Self::Nats => Some(&Nats),
            Self::Postgres => None,
        }
    }
}

/// Everything.
pub(crate) struct Cluster {
    pub(crate) database: Service,
    /// None of its own where the database is the broker.
    broker: Option<Service>,
    pub(crate) nodes: Vec<Node>,
    folder: TempDir,
}

/// One server and its lines.
pub(crate) struct Node {
    server: Option<Server>,
    pub(crate) to_database: Proxy,
    pub(crate) to_broker: Proxy,
    store: String,
    notify: String,
}

impl Cluster {
    /// Starts it; `None` when something is not to be had.
    pub(crate) async fn start(kind: Broker) -> Option<Self> {
        let database = Service::start_or_skip(&Postgres)?;
        let broker = match kind.recipe() {
            Some(recipe) => Some(Service::start_or_skip(recipe)?),
            None => None,
        };
        let folder = tempfile::tempdir().unwrap();
        let mut cluster = Self { database, broker, nodes: Vec::new(), folder };
        for _ in 0..NODES {
            let node = cluster.node().await;
            cluster.nodes.push(node);
        }
        for nth in 0..NODES {
            cluster.start_node(nth).await;
        }
        Some(cluster)
    }

    async fn node(&self) -> Node {
        let broker = self.broker();
        let to_database = Proxy::to(self.database.address()).await.unwrap();
        let to_broker = Proxy::to(broker.address()).await.unwrap();
        let store = self.database.url_by(to_database.address().port());
        let notify = broker.url_by(to_broker.address().port());
        Node { server: None, to_database, to_broker, store, notify }
    }

    /// What carries the notices.
    fn broker(&self) -> &Service {
        self.broker.as_ref().unwrap_or(&self.database)
    }

    /// The same, to be hurt; nothing where it is the database.
    pub(crate) fn own_broker(&mut self) -> Option<&mut Service> {
        self.broker.as_mut()
    }

    /// Starts a server on the data and the keys that all share.
    pub(crate) async fn start_node(&mut self, nth: usize) {
        let node = &mut self.nodes[nth];
        let mut command = program(self.folder.path());
        command.env("CHAT_LIMIT", "messages_per_user_per_second=100000,frames_per_socket_per_second=100000");
        command.env("CHAT_PUBLIC_URL", "http://chat.example");
        command.env("CHAT_STORE", &node.store).env("CHAT_NOTIFY", &node.notify);
        node.server = Some(Server::from(command).await);
    }

    /// Where a server listens.
    pub(crate) fn address(&self, nth: usize) -> SocketAddr {
        self.nodes[nth].server.as_ref().expect("it runs").address()
    }

    /// Stops everything and looks whether all is as it should be.
    pub(crate) async fn check(mut self) {
        for node in &mut self.nodes {
            node.server.take().expect("it runs").stop().await;
        }
        let mut command = program(self.folder.path());
        command.env("CHAT_STORE", self.database.url()).arg("check");
        let checked = run(command, "").await;
        assert_eq!(checked.code, Some(0), "{checked:?}");
    }
}

impl Node {
    pub(crate) async fn kill(&mut self) {
        self.server.take().expect("it runs").kill().await;
    }

    pub(crate) fn pause(&self) {
        self.server.as_ref().expect("it runs").signal(Signal::STOP);
    }

    pub(crate) fn resume(&self) {
        self.server.as_ref().expect("it runs").signal(Signal::CONT);
    }

    /// Both lines are as they were.
    pub(crate) fn restore(&self) {
        self.to_database.restore();
        self.to_broker.restore();
    }
}
