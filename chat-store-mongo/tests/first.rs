//! The contract of stores, on the first server that speaks the protocol of MongoDB: a `mongod`, or SecantusDB.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

#[expect(dead_code, reason = "other tests use more of it")]
mod common;

use common::FIRST;

chat_core::conformance::suite!(FIRST);

chat_core::conformance::parity!(parity, FIRST);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_come_whole() {
    common::whole::documents_come_whole(FIRST).await;
}
