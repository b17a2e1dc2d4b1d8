//! P1: acknowledged, durable sends a second on a database server, against batches on the same two connections.

use crate::engine::server_store;
use crate::harness::{Bound, Outcome, Pair, Spec, Unit, compare};
use crate::raw::servers::{Commits, Database, Raw, measure};
use crate::sends::{MEASURED, Senders};
use anyhow::Result;

const POSTGRES: Spec = Spec {
    id: "p1",
    what: "durable acked sends, PostgreSQL, 512 in flight",
    reference: "INSERT … UNNEST of 256 rows, two connections",
    unit: Unit::PerSecond,
    ship: Bound::AtLeast(0.45),
    aim: Bound::AtLeast(0.60),
};

const MARIADB: Spec = Spec {
    id: "p1-mariadb",
    what: "durable acked sends, MariaDB, 512 in flight",
    reference: "INSERT of 256 rows, two connections",
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
            let raw = raw.commit(Commits::Batches(256), MEASURED).await?;
            Ok(Pair { raw, ours: senders.send(512).await?.effort.per_second() })
        };
        compare(spec, rounds, round).await
    })
}
