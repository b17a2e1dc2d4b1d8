//! Rounds of talking and killing, on any store.

use std::time::Duration;

use tokio::time::timeout;

use crate::common::Server;
use crate::crowd::{Crowd, Random};
use crate::storage::Storage;

/// How often the server is killed on a database that is made for it.
pub(crate) const KILLS: u64 = 60;

/// How often on one that stands in for another, and takes its time.
pub(crate) const KILLS_ON_STAND_INS: u64 = 15;

/// Between two kills at most so many messages are acknowledged; sometimes none.
const ACKS_BETWEEN_KILLS_MAX: u64 = 300;

/// The whole test is bounded.
const TIME_MAX: Duration = Duration::from_mins(5);

pub(crate) async fn nothing_acknowledged_is_lost_or_doubled(storage: Option<Storage>, kills: u64) {
    let Some(storage) = storage else { return };
    timeout(TIME_MAX, people_talk_while_it_is_killed(storage, kills)).await.expect("not done in time");
}

async fn people_talk_while_it_is_killed(storage: Storage, kills: u64) {
    let mut random = Random::from_environment();
    println!("CHAT_SEED={}", random.seed());
    let mut server = storage.serve().await;
    let mut crowd = Crowd::gather(server.address(), &mut random).await;
    for _ in 0..kills {
        crowd.more_acked(random.below(ACKS_BETWEEN_KILLS_MAX)).await;
        server = killed_and_started_again(server, &crowd, &storage).await;
    }
    let counts = crowd.judged(server.address()).await;
    server.stop().await;
    storage.check().await;
    println!("{}: kills {kills}, {counts}", storage.name);
    println!("counted: store={} kills={kills} acked={}", storage.name, counts.acks());
}

/// The next server on the data of the one before.
async fn killed_and_started_again(server: Server, crowd: &Crowd, storage: &Storage) -> Server {
    crowd.server_is(None);
    server.kill().await;
    let server = storage.serve().await;
    crowd.server_is(Some(server.address()));
    server
}
