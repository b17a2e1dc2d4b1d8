//! A database, a line to it, a server, and people who talk.

use std::time::Duration;

use testbed::proxy::Proxy;
use testbed::services::Recipe;
use tokio::time::timeout;

use super::common::Server;
use super::crowd::{Crowd, Random};
use super::storage::Storage;

/// Promised: so soon after the database is back everybody is served again.
pub(crate) const BACK_MAX: Duration = Duration::from_secs(5);

/// Promised: so soon after a line that has swallowed everything is whole again, and so soon nobody waits on it any more.
pub(crate) const HOLE_MAX: Duration = Duration::from_secs(30);

/// A test as a whole is bounded.
const TIME_MAX: Duration = Duration::from_mins(5);

/// Everything there is.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) storage: Storage,
    line: Option<Proxy>,
    pub(crate) server: Option<Server>,
    pub(crate) crowd: Crowd,
    pub(crate) random: Random,
}

impl World {
    /// Lets a fault happen in a fresh world, and judges what is left of it.
    pub(crate) async fn survives<F>(recipe: &'static dyn Recipe, fault: F)
    where
        F: AsyncFnOnce(&mut World),
    {
        let Some(storage) = Storage::on(recipe) else { return };
        let lived = async {
            let mut world = Self::on(storage).await;
            fault(&mut world).await;
            let (storage, server) = world.judged().await;
            server.stop().await;
            storage.check().await;
        };
        timeout(TIME_MAX, lived).await.expect("not done in time");
    }

    /// A database server, with a line to it that can be cut.
    async fn on(mut storage: Storage) -> Self {
        let line = Proxy::to(storage.service().address()).await.unwrap();
        storage.by(line.address().port());
        let server = storage.serve().await;
        Self::around(storage, server, Some(line)).await
    }

    /// Around this server, with people who talk already.
    pub(crate) async fn around(storage: Storage, server: Server, line: Option<Proxy>) -> Self {
        let mut random = Random::from_environment();
        println!("CHAT_SEED={}", random.seed());
        let mut crowd = Crowd::gather(server.address(), &mut random).await;
        crowd.more_acked(20).await;
        Self { storage, line, server: Some(server), crowd, random }
    }

    /// The line between the server and its database.
    pub(crate) fn line(&self) -> &Proxy {
        self.line.as_ref().expect("the database is a server")
    }

    /// Promised: everybody is served again within this time, and the server was not touched.
    pub(crate) async fn serves_again_within(&mut self, max: Duration) {
        let served = timeout(max, self.crowd.more_acked(1)).await;
        served.unwrap_or_else(|_| panic!("not served again within {max:?}"));
        // What was only begun goes on as well.
        self.crowd.more_acked(20).await;
    }

    /// Promised: who waits for an answer is told that there is none for now.
    pub(crate) async fn is_noticed(&mut self) {
        let noticed = timeout(HOLE_MAX, self.crowd.more_broken()).await;
        noticed.unwrap_or_else(|_| panic!("nobody was told within {HOLE_MAX:?}"));
    }

    /// Kills the server, in the middle of whatever it does.
    pub(crate) async fn kill_server(&mut self) {
        self.crowd.server_is(None);
        self.server.take().expect("it runs").kill().await;
    }

    /// Starts another one on the same data.
    pub(crate) async fn start_server(&mut self) {
        let server = self.storage.serve().await;
        self.crowd.server_is(Some(server.address()));
        self.server = Some(server);
    }

    /// Lets everybody finish, and compares what each was told with what is there. The line ends with it: what comes
    /// after goes straight to the database.
    ///
    /// # Panics
    /// When something was lost, doubled or moved.
    pub(crate) async fn judged(mut self) -> (Storage, Server) {
        let server = self.server.expect("it runs");
        let counts = self.crowd.judged(server.address()).await;
        println!("{}: {counts}", self.storage.name);
        println!("counted: store={} acked={}", self.storage.name, counts.acks());
        if self.line.is_some() {
            let port = self.storage.service().address().port();
            self.storage.by(port);
        }
        (self.storage, server)
    }
}

/// So often, or so much more often where there is time.
pub(crate) fn rounds(short: u64, long: u64) -> u64 {
    if is_long() { long } else { short }
}

/// Whether there is time for a long test.
pub(crate) fn is_long() -> bool {
    std::env::var("CHAT_TEST_LONG").is_ok_and(|value| value == "1")
}
