//! The server is killed again and again while people talk, on every store that is a server.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

#[path = "../common/client.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod client;
#[path = "../common/mod.rs"]
mod common;
#[path = "../common/crowd/mod.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod crowd;
#[path = "../kill/rounds.rs"]
mod rounds;
#[path = "../common/storage.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod storage;

use rounds::{KILLS, KILLS_ON_STAND_INS, nothing_acknowledged_is_lost_or_doubled};
use storage::Storage;
use testbed::services::{MariaDb, MongoJava, Postgres, Secantus};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    nothing_acknowledged_is_lost_or_doubled(Storage::on(&Postgres), KILLS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb() {
    nothing_acknowledged_is_lost_or_doubled(Storage::on(&MariaDb), KILLS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secantusdb() {
    nothing_acknowledged_is_lost_or_doubled(Storage::on(&Secantus), KILLS_ON_STAND_INS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mongo_java_server() {
    nothing_acknowledged_is_lost_or_doubled(Storage::on(&MongoJava), KILLS_ON_STAND_INS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn split() {
    let storages = Storage::on(&Postgres).zip(Storage::on(&Secantus));
    let storage = storages.map(|(people, talk)| Storage::split(people, talk));
    nothing_acknowledged_is_lost_or_doubled(storage, KILLS_ON_STAND_INS).await;
}
