//! The contract of stores, on one whose people live in PostgreSQL and whose talk lives in MongoDB, or in the faster of
//! its two stand-ins: here, since no store knows another.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

#[path = "../../../chat-store-mongo/tests/common/mod.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod mongo;
#[path = "../../../chat-store-sql/tests/common/servers.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod sql;

use chat_core::conformance::Split;

use mongo::SECOND;
use sql::Server::Postgres;

chat_core::conformance::suite!(Split(Postgres, SECOND));

chat_core::conformance::parity!(parity, Split(Postgres, SECOND));
