//! P2: what committing together is worth on a database server, against a transaction for each message.

use crate::engine::server_store;
use crate::harness::{Bound, Outcome, Pair, Spec, Unit, compare};
use crate::raw::servers::{Commits, Database, Raw, measure};
use crate::sends::{MEASURED, Senders};
use anyhow::Result;

const POSTGRES: Spec = Spec {
    id: "p2",
    what: "durable acked sends, PostgreSQL, 512 in flight, against one transaction each",
    reference: "one INSERT a transaction, 16 connections",
    unit: Unit::PerSecond,
    ship: Bound::AtLeast(5.0),
    aim: Bound::AtLeast(10.0),
};

const MARIADB: Spec = Spec {
    id: "p2-mariadb",
    what: "durable acked sends, MariaDB, 512 in flight, against one transaction each",
    reference: "one INSERT a transaction, 16 connections",
    ..POSTGRES
};

/// Measures it.
///
/// # Errors
/// When a side cannot be measured.
pub fn run(database: Database, rounds: usize) -> Result<Outcome> {
    measure(async {
        let raw = Raw::start(database).await?;
        let senders = Senders::over(server_store(database, raw.url()).await?).await?;
        let spec = match database {
            Database::Postgres => &POSTGRES,
            Database::MariaDb => &MARIADB,
        };
        let round = async || {
            let raw = raw.commit(Commits::Each(16), MEASURED).await?;
            Ok(Pair { raw, ours: senders.send(512).await?.effort.per_second() })
        };
        compare(spec, rounds, round).await
    })
}
