//! `cargo xtask bench`: runs the benchmarks named, or all, and prints what came of them.

use anyhow::Result;
use benches::harness::{self, Outcome, machine, process, report};
use benches::raw::servers::Database;
use benches::role::Role;
use clap::{Parser, ValueEnum};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
#[command(name = "benches", about = "The engine beside the least program that could do the same")]
struct Arguments {
    /// The benchmarks to run; every one with a reference when none is named
    #[arg(value_enum, value_name = "ID")]
    ids: Vec<Id>,
    /// How often each side is measured
    #[arg(long, default_value_t = 5, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    rounds: usize,
    /// What to be when started by a benchmark, as JSON
    #[arg(long, hide = true)]
    serve: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Id {
    /// Fan-out, one message in flight
    F1,
    /// Fan-out, 32 in flight
    F2,
    /// Memory of an idle session
    M1,
    /// Durable sends on SQLite, 512 in flight
    S1,
    /// Their slowest against their median, 64 in flight
    S2,
    /// Durable sends against a transaction each, 64 in flight
    S3,
    /// Durable sends on PostgreSQL, 512 in flight, against batches
    P1,
    /// The same against a transaction each
    P2,
    /// One sender on PostgreSQL
    P3,
    /// P1 on MariaDB
    P1Mariadb,
    /// P2 on MariaDB
    P2Mariadb,
    /// P3 on MariaDB
    P3Mariadb,
    /// A page of history
    H1,
    /// A page of history on PostgreSQL
    H2,
    /// A page of history on MariaDB
    H2Mariadb,
    /// Sent, durable, delivered
    E1,
    /// Memory of an idle session, ours alone and once
    Sessions,
    /// Sends a second and how long they took on the servers, a table of its own
    Acks,
    /// Messages between nodes, a node that is idle, two that write to one conversation, a table of its own
    Nodes,
}

fn main() -> ExitCode {
    match start(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("benches: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: Arguments) -> Result<()> {
    if let Some(role) = arguments.serve {
        process::end_with_parent();
        let role: Role = serde_json::from_str(&role)?;
        return harness::server_runtime()?.block_on(role.serve());
    }
    machine::allow_open_files()?;
    println!("{}", report::fsync(machine::Fsync::measure()?));
    let mut outcomes = Vec::new();
    for id in chosen(&arguments.ids) {
        outcomes.extend(run(id, arguments.rounds)?);
    }
    if !outcomes.is_empty() {
        println!("\n{}", report::table(&outcomes));
    }
    Ok(())
}

fn chosen(named: &[Id]) -> Vec<Id> {
    let judged = |id: &Id| !matches!(id, Id::Sessions | Id::Acks | Id::Nodes);
    let with_reference = || Id::value_variants().iter().copied().filter(judged).collect();
    if named.is_empty() { with_reference() } else { named.to_vec() }
}

fn run(id: Id, rounds: usize) -> Result<Option<Outcome>> {
    match id {
        Id::F1 => benches::f1::run(rounds).map(Some),
        Id::F2 => benches::f2::run(rounds).map(Some),
        Id::M1 => benches::m1::run(rounds).map(Some),
        Id::S1 => benches::s1::run(rounds).map(Some),
        Id::S2 => benches::s2::run(rounds).map(Some),
        Id::S3 => benches::s3::run(rounds).map(Some),
        Id::H1 => benches::h1::run(rounds).map(Some),
        Id::P1 => benches::p1::run(Database::Postgres, rounds).map(Some),
        Id::P2 => benches::p2::run(Database::Postgres, rounds).map(Some),
        Id::P3 => benches::p3::run(Database::Postgres, rounds).map(Some),
        Id::P1Mariadb => benches::p1::run(Database::MariaDb, rounds).map(Some),
        Id::P2Mariadb => benches::p2::run(Database::MariaDb, rounds).map(Some),
        Id::P3Mariadb => benches::p3::run(Database::MariaDb, rounds).map(Some),
        Id::H2 => benches::h2::run(Database::Postgres, rounds).map(Some),
        Id::H2Mariadb => benches::h2::run(Database::MariaDb, rounds).map(Some),
        Id::Acks => benches::acks::run(rounds).map(|()| None),
        Id::Nodes => benches::nodes::run(rounds).map(|()| None),
        Id::E1 => benches::e1::run(rounds).map(Some),
        Id::Sessions => benches::m1::sessions().map(|()| None),
    }
}
