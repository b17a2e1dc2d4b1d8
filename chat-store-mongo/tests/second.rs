//! The contract of stores, on the second server that speaks the protocol of MongoDB: mongo-java-server.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

#[expect(dead_code, reason = "other tests use more of it")]
mod common;

use common::SECOND;

chat_core::conformance::suite!(SECOND);

chat_core::conformance::parity!(parity, SECOND);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_come_whole() {
    common::whole::documents_come_whole(SECOND).await;
}
