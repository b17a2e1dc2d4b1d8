//! What every benchmark shares: a raw reference and ours are measured in turns, A B A B, in one run on one machine,
//! and only the *ratio* of their medians is judged.
//!
//! Machines differ and one machine differs from minute to minute; two programs measured in turns see the same weather.
//! The numbers are printed with their spread and the processor time each side took, so that a reader can doubt them.
//! Left out on purpose: statistics beyond median, minimum and maximum, and any history of earlier runs.

pub mod machine;
pub mod process;
pub mod report;
pub mod series;

use anyhow::Result;
use series::Series;
use std::time::Duration;

/// How a number is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things done in a second of the clock; more is better.
    PerSecond,
    /// Things done in a second of the server's processor time; more is better.
    PerCpuSecond,
    /// Microseconds for one thing; less is better.
    Micros,
    /// Bytes for one thing; less is better.
    Bytes,
}

/// What the ratio ours ÷ raw has to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
}

impl Bound {
    /// Whether `ratio` is within the bound.
    pub fn is_met_by(self, ratio: f64) -> bool {
        match self {
            Self::AtLeast(bound) => ratio >= bound,
            Self::AtMost(bound) => ratio <= bound,
        }
    }
}

/// What a benchmark is and what is expected of it.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// The short name, as given on the command line.
    pub id: &'static str,
    /// What is measured, in a few words.
    pub what: &'static str,
    /// What the raw reference does.
    pub reference: &'static str,
    /// How both numbers are to be read.
    pub unit: Unit,
    /// The ratio without which it should not ship.
    pub ship: Bound,
    /// The ratio to strive for.
    pub aim: Bound,
}

/// What was spent on one side of one round.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// How many things were done.
    pub work: u64,
    /// Time by the clock.
    pub wall: Duration,
    /// Processor time of the side's process.
    pub cpu: Duration,
}

impl Effort {
    /// The sample whose value is the rate by the clock.
    pub fn per_second(self) -> Sample {
        Sample { value: count(self.work) / self.wall.as_secs_f64(), effort: self }
    }

    /// The sample whose value is the rate by processor time.
    pub fn per_cpu_second(self) -> Sample {
        Sample { value: count(self.work) / self.cpu.as_secs_f64(), effort: self }
    }

    /// The sample with a value measured otherwise.
    pub fn with(self, value: f64) -> Sample {
        Sample { value, effort: self }
    }
}

/// One side of one round.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// The measured number, in the unit of the [`Spec`].
    pub value: f64,
    /// What it took.
    pub effort: Effort,
}

/// Both sides of one round.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// The reference.
    pub raw: Sample,
    /// The engine.
    pub ours: Sample,
}

/// What came of a benchmark.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What was measured.
    pub spec: Spec,
    /// The reference, one sample a round.
    pub raw: Series,
    /// The engine, one sample a round.
    pub ours: Series,
    /// How long the disk took to make 4 KiB durable, right before the rounds.
    pub fsync: machine::Fsync,
}

impl Outcome {
    /// Median of ours ÷ median of the reference.
    pub fn ratio(&self) -> f64 {
        self.ours.median() / self.raw.median()
    }

    /// Whether the ratio is good enough to ship.
    pub fn ships(&self) -> bool {
        self.spec.ship.is_met_by(self.ratio())
    }
}

/// Measures `rounds` pairs after one that warms up and is not counted.
///
/// # Errors
/// When a side cannot be measured; a benchmark with a failed round has no result.
pub async fn compare(
    spec: &Spec,
    rounds: usize,
    mut round: impl AsyncFnMut() -> Result<Pair>,
) -> Result<Outcome> {
    report::opening(spec);
    round().await?;
    let fsync = machine::Fsync::measure()?;
    let (mut raw, mut ours) = (Series::default(), Series::default());
    for _ in 0..rounds {
        let pair = round().await?;
        raw.push(pair.raw);
        ours.push(pair.ours);
        report::round(spec, &pair);
    }
    let outcome = Outcome { spec: *spec, raw, ours, fsync };
    report::closing(&outcome);
    Ok(outcome)
}

/// A count as a number that can be divided; exact below 2^53, which no benchmark reaches.
#[expect(clippy::cast_precision_loss, reason = "counts here stay far below 2^53")]
pub fn count(of: u64) -> f64 {
    of as f64
}

/// A runtime for a load client: one thread, so that the server has the other core.
///
/// # Errors
/// When the system refuses its threads or descriptors.
pub fn client_runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// A runtime as a server has it: a thread a core.
///
/// # Errors
/// When the system refuses its threads or descriptors.
pub fn server_runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}
