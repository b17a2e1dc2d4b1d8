//! Developer commands: `cargo xtask test | services | bench | cluster | system | spec | deny`. Nothing here runs in a server.
//!
//! One program instead of scripts, so that the same command works on every machine that has Rust, and what it needs
//! beyond Rust is looked for, installed where that is allowed, or reported as missing.

mod bench;
mod child;
mod cluster;
mod counts;
mod deny;
mod machine;
mod printed;
mod services;
mod spec;
mod system;
mod test;
mod tools;
mod workspace;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(name = "xtask", bin_name = "cargo xtask", about = "Developer commands of this workspace", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run every check and every test, or only the parts named, and print what came of each
    Test(test::Arguments),
    /// Start the databases that tests look for, print what to export, and run until interrupted
    Services(services::Arguments),
    /// Build the benchmarks in release and print ours beside the raw references
    Bench(bench::Arguments),
    /// Start several servers on one database and one broker, behind one address, until interrupted
    Cluster(cluster::Arguments),
    /// Start one of the systems with its databases and all its processes, until interrupted
    System(system::Arguments),
    /// Write the OpenAPI and AsyncAPI documents anew from the types
    Spec,
    /// Check dependencies for advisories, licences and sources with cargo-deny
    Deny,
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Test(arguments) => test::run(&arguments),
        Command::Services(arguments) => services::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Cluster(arguments) => cluster::run(&arguments),
        Command::System(arguments) => system::run(&arguments),
        Command::Spec => spec::write(),
        Command::Deny => deny::run(),
    }
}
