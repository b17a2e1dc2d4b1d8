//! The contract of stores on PostgreSQL, and what people see there compared with the store in memory.

#![cfg(all(feature = "postgres", feature = "mysql"))]
#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

#[path = "common/servers.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod servers;

use servers::Server::Postgres;

chat_core::conformance::suite!(Postgres);

chat_core::conformance::parity!(parity, Postgres);
