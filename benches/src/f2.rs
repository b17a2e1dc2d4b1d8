//! F2: waves of 32 messages to a thousand sessions, the next when everybody has all of them.

use crate::fanout::{self, Fanout};
use crate::harness::{Bound, Outcome, Pair, Spec, Unit, client_runtime, compare};
use crate::raw::fanout::Writes;
use anyhow::Result;

const SPEC: Spec = Spec {
    id: "f2",
    what: "fan-out to 1000 sessions, 32 messages in flight",
    reference: "a task and a queue per session, one writev of all that is queued",
    unit: Unit::PerCpuSecond,
    ship: Bound::AtLeast(0.45),
    aim: Bound::AtLeast(0.70),
};

const IN_FLIGHT: u64 = 32;

/// Measures it.
///
/// # Errors
/// When a side cannot be measured.
pub fn run(rounds: usize) -> Result<Outcome> {
    client_runtime()?.block_on(async {
        let mut raw = Fanout::start(&fanout::raw(Writes::Gathered)).await?;
        let mut ours = Fanout::start(&fanout::ours()).await?;
        let round =
            async || Ok(Pair { raw: raw.round(IN_FLIGHT).await?, ours: ours.round(IN_FLIGHT).await? });
        compare(&SPEC, rounds, round).await
    })
}
