//! The server is killed again and again while people talk, on SQLite.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

#[path = "../common/client.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod client;
#[path = "../common/mod.rs"]
mod common;
#[path = "../common/crowd/mod.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod crowd;
#[expect(dead_code, reason = "other tests use more of it")]
mod rounds;
#[path = "../common/storage.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod storage;

use rounds::{KILLS, nothing_acknowledged_is_lost_or_doubled};
use storage::Storage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    nothing_acknowledged_is_lost_or_doubled(Some(Storage::sqlite()), KILLS).await;
}
