//! E1: from the sender's write to the receiver's read, through a commit, on an idle server.

use crate::harness::process::Server;
use crate::harness::series::median;
use crate::harness::{Bound, Outcome, Pair, Sample, Spec, Unit, client_runtime, compare, machine};
use crate::message;
use crate::role::{Population, Role};
use crate::socket::Socket;
use anyhow::Result;
use std::time::{Duration, Instant};

const SPEC: Spec = Spec {
    id: "e1",
    what: "sent, durable, delivered to one peer, p50, idle server, SQLite",
    reference: "one socket in, one committed row, one socket out",
    unit: Unit::Micros,
    ship: Bound::AtMost(1.5),
    aim: Bound::AtMost(1.2),
};

/// How long one side of one round is measured.
const MEASURED: Duration = Duration::from_millis(1_500);

/// Measures it.
///
/// # Errors
/// When a side cannot be measured.
pub fn run(rounds: usize) -> Result<Outcome> {
    let dir = tempfile::tempdir_in(machine::data_dir()?)?;
    let raw = Role::RawCommit { path: dir.path().join("raw.db"), pushed: message::PUSHED.to_owned() };
    let ours = Role::Engine { database: Some(dir.path().join("ours.db")), population: Population::Pair };
    client_runtime()?.block_on(async {
        let (mut raw, mut ours) = (Line::open(&raw).await?, Line::open(&ours).await?);
        compare(&SPEC, rounds, async || Ok(Pair { raw: raw.round().await?, ours: ours.round().await? })).await
    })
}

/// A server, one who sends and one who receives.
struct Line {
    server: Server,
    sender: Socket,
    receiver: Socket,
    sent: u64,
}

impl Line {
    async fn open(role: &Role) -> Result<Self> {
        let server = Server::start(role)?;
        let receiver = Socket::connect(server.ready.address, 1).await?;
        let sender = Socket::connect(server.ready.address, 0).await?;
        Ok(Self { server, sender, receiver, sent: 0 })
    }

    async fn round(&mut self) -> Result<Sample> {
        let stopwatch = self.server.stopwatch()?;
        let mut micros = Vec::new();
        while stopwatch.elapsed() < MEASURED {
            micros.push(self.once().await?.as_secs_f64() * 1e6);
        }
        Ok(stopwatch.stop(micros.len() as u64)?.with(median(&micros)))
    }

    /// One message there; its acknowledgement is awaited too before the next, but not timed.
    async fn once(&mut self) -> Result<Duration> {
        self.sent += 1;
        let frame = message::send(&self.server.ready.conversations[0], self.sent);
        let start = Instant::now();
        self.sender.send(&frame).await?;
        self.receiver.next_with(message::ENTRY).await?;
        let took = start.elapsed();
        self.sender.next_with(message::OK).await?;
        Ok(took)
    }
}
