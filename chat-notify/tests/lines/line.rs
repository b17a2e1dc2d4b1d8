//! A broker behind a proxy, and the notifiers of nodes that use it.

use std::sync::Arc;
use std::time::Duration;

use chat_core::delivery::{Heard, Inbound, Incoming};
use chat_core::{Notice, Notifier};
use chat_notify::nats::NatsNotifier;
use chat_notify::postgres::PostgresNotifier;
use chat_notify::redis::RedisNotifier;
use chat_notify::{ConnectError, Settings};
use testbed::proxy::Proxy;
use testbed::services::{self, Recipe, Service};
use tokio::time::timeout;

/// Long enough for a line to be made anew.
const LONG: Duration = Duration::from_mins(1);
/// How long to wait before something is told again.
const AGAIN: Duration = Duration::from_millis(50);

/// Which line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Redis,
    Sharded,
    Tls,
    Nats,
    Postgres,
}

/// A broker of its own.
pub(crate) struct Broker {
    kind: Kind,
    service: Service,
    pub(crate) proxy: Proxy,
}

impl Broker {
    pub(crate) async fn start(kind: Kind) -> Option<Self> {
        // Whoever speaks TLS installs a provider first; the second to do so is told that one is there.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let recipe: &'static dyn Recipe = match kind {
            Kind::Redis => &services::Redis,
            Kind::Sharded => &services::RedisCluster,
            Kind::Tls => &services::RedisTls,
            Kind::Nats => &services::Nats,
            Kind::Postgres => &services::Postgres,
        };
        let service = Service::start_or_skip(recipe)?;
        let proxy = Proxy::to(service.address()).await.unwrap();
        let broker = Self { kind, service, proxy };
        broker.make_ready().await;
        Some(broker)
    }

    /// A cluster's slots are given to its only node.
    async fn make_ready(&self) {
        if self.kind != Kind::Sharded {
            return;
        }
        let client = redis::Client::open(self.service.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let mut slots = redis::cmd("CLUSTER");
        slots.arg("ADDSLOTSRANGE").arg(0).arg(16_383);
        // After a restart they are there already.
        let _ = slots.query_async::<()>(&mut connection).await;
        loop {
            let info: String = redis::cmd("CLUSTER").arg("INFO").query_async(&mut connection).await.unwrap();
            if info.contains("cluster_state:ok") {
                return;
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    pub(crate) fn url(&self) -> String {
        match self.kind {
            Kind::Sharded => self.service.url(),
            _ => self.service.url_by(self.proxy.address().port()),
        }
    }

    /// The settings that its clients need.
    pub(crate) fn settings(&self) -> Settings {
        match self.kind {
            Kind::Tls => Settings::new().ca_file(self.service.data().join("cert.pem")),
            _ => Settings::new(),
        }
    }

    pub(crate) async fn connect(&self, settings: Settings) -> Result<Arc<dyn Notifier>, ConnectError> {
        let url = self.url();
        Ok(match self.kind {
            Kind::Redis | Kind::Tls => Arc::new(RedisNotifier::connect(&url, settings).await?),
            Kind::Sharded => Arc::new(RedisNotifier::connect_sharded(&[&url], settings).await?),
            Kind::Nats => Arc::new(NatsNotifier::connect(&url, settings).await?),
            Kind::Postgres => Arc::new(PostgresNotifier::connect(&url, settings).await?),
        })
    }

    pub(crate) async fn node(&self, settings: Settings) -> Node {
        let notifier = self.connect(settings).await.unwrap();
        let (inbound, incoming) = Inbound::bounded(1_000);
        notifier.attach(inbound);
        Node { notifier, incoming }
    }

    pub(crate) async fn kill_and_start_again(&mut self) {
        self.service.kill().unwrap();
        self.service.start_again().unwrap();
        self.make_ready().await;
    }
}

/// One node's notifier, and what it hears.
pub(crate) struct Node {
    pub(crate) notifier: Arc<dyn Notifier>,
    incoming: Incoming,
}

impl Node {
    async fn next(&mut self) -> Heard {
        timeout(LONG, self.incoming.next()).await.expect("nothing is heard").unwrap()
    }

    /// The next notice; that something may be lost is passed over.
    pub(crate) async fn hears(&mut self) -> Notice {
        loop {
            if let Heard::Notice(notice) = self.next().await {
                return notice;
            }
        }
    }

    /// Tells the other until it hears, and until what was told before has been heard too.
    pub(crate) async fn tells(&self, other: &mut Self, notice: Notice) {
        other.hears_what(&self.notifier, notice).await;
    }

    /// What `by` tells again and again is heard; repeats of it are passed over up to the last.
    pub(crate) async fn hears_what(&mut self, by: &Arc<dyn Notifier>, notice: Notice) {
        let heard = async {
            loop {
                by.notify(&notice);
                match timeout(AGAIN, self.incoming.next()).await {
                    Ok(Some(Heard::Notice(heard))) if heard == notice => break,
                    _ => {}
                }
            }
        };
        timeout(LONG, heard).await.expect("it is never heard");
        self.is_silent_for(4 * AGAIN).await;
    }

    /// Hears until there is nothing for a while.
    pub(crate) async fn is_silent_for(&mut self, long: Duration) {
        while timeout(long, self.incoming.next()).await.is_ok() {}
    }

    pub(crate) async fn is_told_of_loss(&mut self) {
        while self.next().await != Heard::Lost {}
    }
}
