//! S1: acknowledged, durable sends a second on SQLite, with repeats looked for and positions given.

use crate::harness::{Bound, Outcome, Pair, Spec, Unit, compare, server_runtime};
use crate::sends::Sends;
use anyhow::Result;

const SPEC: Spec = Spec {
    id: "s1",
    what: "durable acked sends, SQLite, 512 in flight",
    reference: "rusqlite, 256 rows a transaction",
    unit: Unit::PerSecond,
    ship: Bound::AtLeast(0.60),
    aim: Bound::AtLeast(0.80),
};

/// Measures it.
///
/// # Errors
/// When a side cannot be measured.
pub fn run(rounds: usize) -> Result<Outcome> {
    server_runtime()?.block_on(async {
        let mut sends = Sends::open().await?;
        let round = async || {
            let raw = sends.raw(256)?;
            Ok(Pair { raw, ours: sends.ours(512).await?.effort.per_second() })
        };
        compare(&SPEC, rounds, round).await
    })
}
