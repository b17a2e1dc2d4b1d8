//! `cargo xtask bench`: the benchmarks in release.

use crate::child;
use anyhow::Result;
use std::process::ExitCode;

/// Which benchmarks, and how thoroughly.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The benchmarks to run, as in the table they print; all when none is named
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// How often each side is measured
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

/// Builds and runs them.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let rounds = arguments.rounds.to_string();
    let mut command = child::cargo(&["run", "--release", "--package", "benches", "--", "--rounds", &rounds]);
    Ok(child::run(command.args(&arguments.ids))?.exit_code())
}
