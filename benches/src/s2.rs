//! S2: how much longer than most the unlucky wait for an acknowledgement on SQLite.
//!
//! There is no raw side: the same rounds give the median and the 99th percentile.

use crate::harness::series::quantile;
use crate::harness::{Bound, Outcome, Pair, Spec, Unit, compare, server_runtime};
use crate::sends::Sends;
use anyhow::Result;

const SPEC: Spec = Spec {
    id: "s2",
    what: "slowest hundredth of acks against the median, SQLite, 64 in flight",
    reference: "the median (p50) of the same sends; ours is their p99",
    unit: Unit::Micros,
    ship: Bound::AtMost(5.0),
    aim: Bound::AtMost(3.0),
};

/// Measures it.
///
/// # Errors
/// When a side cannot be measured.
pub fn run(rounds: usize) -> Result<Outcome> {
    server_runtime()?.block_on(async {
        let sends = Sends::open().await?;
        let round = async || {
            let sent = sends.ours(64).await?;
            let at = |part| sent.effort.with(quantile(&sent.micros, part));
            Ok(Pair { raw: at(0.5), ours: at(0.99) })
        };
        compare(&SPEC, rounds, round).await
    })
}
