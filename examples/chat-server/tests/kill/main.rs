//! The server is killed again and again while people talk, on every store.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

#[path = "../common/client.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod client;
#[path = "../common/mod.rs"]
mod common;
#[path = "../common/crowd/mod.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod crowd;
#[path = "../common/storage.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod storage;

use std::time::Duration;

use tokio::time::timeout;

use common::Server;
use crowd::{Crowd, Random};
use storage::Storage;

/// How often the server is killed on a database that keeps up with it, and on one that stands in for another.
const KILLS: u64 = 60;

/// Between two kills at most so many messages are acknowledged; sometimes none.
const ACKS_BETWEEN_KILLS_MAX: u64 = 300;

/// The whole test is bounded.
const TIME_MAX: Duration = Duration::from_mins(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    nothing_acknowledged_is_lost_or_doubled(Some(Storage::sqlite())).await;
}

async fn nothing_acknowledged_is_lost_or_doubled(storage: Option<Storage>) {
    let Some(storage) = storage else { return };
    timeout(TIME_MAX, people_talk_while_it_is_killed(storage)).await.expect("not done in time");
}

async fn people_talk_while_it_is_killed(storage: Storage) {
    let mut random = Random::from_environment();
    println!("CHAT_SEED={}", random.seed());
    let mut server = storage.serve().await;
    let mut crowd = Crowd::gather(server.address(), &mut random).await;
    for _ in 0..KILLS {
        crowd.more_acked(random.below(ACKS_BETWEEN_KILLS_MAX)).await;
        server = killed_and_started_again(server, &crowd, &storage).await;
    }
    let counts = crowd.judged(server.address()).await;
    server.stop().await;
    storage.check().await;
    println!("{}: kills {KILLS}, {counts}", storage.name);
    println!("counted: store={} kills={KILLS} acked={}", storage.name, counts.acks());
}

/// The next server on the data of the one before.
async fn killed_and_started_again(server: Server, crowd: &Crowd, storage: &Storage) -> Server {
    crowd.server_is(None);
    server.kill().await;
    let server = storage.serve().await;
    crowd.server_is(Some(server.address()));
    server
}
