//! F1: one message to a thousand sessions, the next when everybody has it.

use crate::fanout::{self, Fanout};
use crate::harness::{Bound, Outcome, Pair, Spec, Unit, client_runtime, compare};
use crate::raw::fanout::Writes;
use anyhow::Result;

const SPEC: Spec = Spec {
    id: "f1",
    what: "fan-out to 1000 sessions, one message in flight",
    reference: "a task and a queue per session, one write of a pre-encoded frame",
    unit: Unit::PerCpuSecond,
    ship: Bound::AtLeast(0.70),
    aim: Bound::AtLeast(0.85),
};

/// Measures it.
///
/// # Errors
/// When a side cannot be measured.
pub fn run(rounds: usize) -> Result<Outcome> {
    client_runtime()?.block_on(async {
        let mut raw = Fanout::start(&fanout::raw(Writes::Each)).await?;
        let mut ours = Fanout::start(&fanout::ours()).await?;
        compare(&SPEC, rounds, async || Ok(Pair { raw: raw.round(1).await?, ours: ours.round(1).await? }))
            .await
    })
}
