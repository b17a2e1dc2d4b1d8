//! The contract of stores on PostgreSQL and on MySQL or MariaDB.

#![cfg(all(feature = "postgres", feature = "mysql"))]
#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

mod cost;
#[path = "../common/servers.rs"]
mod servers;

mod postgres {
    use crate::servers::Server;

    chat_core::conformance::suite!(Server::Postgres);
}

mod mysql {
    use crate::servers::Server;

    chat_core::conformance::suite!(Server::MySql);
}

/// Compared with the store in memory over random operations through the engine, and call by call.
mod parity {
    use crate::servers::Server;

    chat_core::conformance::parity!(postgres, Server::Postgres);
    chat_core::conformance::parity!(mysql, Server::MySql);
}
