//! M1: what ten thousand sessions cost that are connected, authenticated, subscribed, and silent.

use crate::crowd::connect_all;
use crate::fanout;
use crate::harness::process::Server;
use crate::harness::{Bound, Outcome, Pair, Sample, Spec, Unit, client_runtime, compare, count};
use crate::raw::fanout::Writes;
use crate::role::{Population, Role};
use anyhow::Result;

const SPEC: Spec = Spec {
    id: "m1",
    what: "resident memory of an idle session, 10 000 of them",
    reference: "a task and a queue per session",
    unit: Unit::Bytes,
    ship: Bound::AtMost(3.0),
    aim: Bound::AtMost(2.0),
};

const SESSIONS: usize = 10_000;

/// Each session belongs to a user of its own, who is a member of one group of so many.
const MEMBERS: u64 = 100;

/// Measures it.
///
/// # Errors
/// When a side cannot be measured.
pub fn run(rounds: usize) -> Result<Outcome> {
    client_runtime()?.block_on(async {
        let raw = fanout::raw(Writes::Each);
        compare(&SPEC, rounds, async || Ok(Pair { raw: idle(&raw).await?, ours: idle(&ours()).await? })).await
    })
}

/// Prints what one server spends on 10 000 sessions, without a reference beside it.
///
/// # Errors
/// When it cannot be measured.
pub fn sessions() -> Result<()> {
    client_runtime()?.block_on(async {
        let sample = idle(&ours()).await?;
        let micros = sample.effort.cpu.as_secs_f64() * 1e6 / count(sample.effort.work);
        println!("\n{SESSIONS} sessions, connected, authenticated, subscribed, idle");
        println!("    {:.0} bytes of resident memory per session", sample.value);
        println!("    {micros:.0} µs of the server's processor to connect one");
        Ok(())
    })
}

fn ours() -> Role {
    Role::Engine {
        database: None,
        population: Population::Groups { users: SESSIONS as u64, members: MEMBERS },
    }
}

/// A fresh server before and after everybody has connected and been greeted.
async fn idle(role: &Role) -> Result<Sample> {
    let server = Server::start(role)?;
    let before = server.resident_bytes()?;
    let stopwatch = server.stopwatch()?;
    let sockets = connect_all(server.ready.address, 1..=SESSIONS).await?;
    let effort = stopwatch.stop(SESSIONS as u64)?;
    let grown = server.resident_bytes()?.saturating_sub(before);
    drop(sockets);
    Ok(effort.with(count(grown) / count(SESSIONS as u64)))
}
