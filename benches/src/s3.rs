//! S3: what committing together is worth on SQLite, against a transaction for each message.

use crate::harness::{Bound, Outcome, Pair, Spec, Unit, compare, server_runtime};
use crate::sends::Sends;
use anyhow::Result;

const SPEC: Spec = Spec {
    id: "s3",
    what: "durable acked sends, SQLite, 64 in flight, against one transaction each",
    reference: "rusqlite, one row a transaction",
    unit: Unit::PerSecond,
    ship: Bound::AtLeast(10.0),
    aim: Bound::AtLeast(25.0),
};

/// Measures it.
///
/// # Errors
/// When a side cannot be measured.
pub fn run(rounds: usize) -> Result<Outcome> {
    server_runtime()?.block_on(async {
        let mut sends = Sends::open().await?;
        let round = async || {
            let raw = sends.raw(1)?;
            Ok(Pair { raw, ours: sends.ours(64).await?.effort.per_second() })
        };
        compare(&SPEC, rounds, round).await
    })
}
