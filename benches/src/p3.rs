//! P3: one sender alone on a database server, against one insert after the other.

use crate::engine::server_store;
use crate::harness::{Bound, Outcome, Pair, Spec, Unit, compare};
use crate::raw::servers::{Commits, Database, Raw, measure};
use crate::sends::{MEASURED, Senders};
use anyhow::Result;

const POSTGRES: Spec = Spec {
    id: "p3",
    what: "durable acked sends, PostgreSQL, one sender",
    reference: "one INSERT a transaction, one connection",
    unit: Unit::PerSecond,
    ship: Bound::AtLeast(0.7),
    aim: Bound::AtLeast(0.9),
};

const MARIADB: Spec = Spec {
    id: "p3-mariadb",
    what: "durable acked sends, MariaDB, one sender",
    reference: "one INSERT a transaction, one connection",
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
            let raw = raw.commit(Commits::Each(1), MEASURED).await?;
            Ok(Pair { raw, ours: senders.send(1).await?.effort.per_second() })
        };
        compare(spec, rounds, round).await
    })
}
