//! `cargo xtask services`: the databases that tests look for, kept running while one works on a store.
//!
//! `cargo xtask test` starts them anew for each run; with the variables that this prints, it and single test programs
//! use these instead. Everything is gone when it is interrupted.

use crate::test::servers::{Need, Servers};
use anyhow::{Result, ensure};
use std::process::ExitCode;

/// Which of them.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The databases to start; all when none is named
    #[arg(value_enum, value_name = "DATABASE")]
    databases: Vec<Need>,
}

/// Starts them and waits for the interrupt.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let chosen = if arguments.databases.is_empty() { &Need::ALL } else { arguments.databases.as_slice() };
    let servers = Servers::start(chosen.to_vec(), std::iter::empty());
    let missing: Vec<&str> = servers.missing().collect();
    ensure!(missing.is_empty(), "{}", missing.join("; "));
    for (name, url) in servers.variables() {
        println!("export {name}='{url}'");
    }
    tokio::runtime::Runtime::new()?.block_on(tokio::signal::ctrl_c())?;
    Ok(ExitCode::SUCCESS)
}
