//! `cargo xtask test`: every check there is, none of which stops the others.
//!
//! Tests that share databases run side by side after those have been started, once; tests that hurt something run alone.
//! A part whose tool or database cannot be had is reported as skipped, loudly, and is a failure where `CI=true`
//! promises that everything is there; the tests are told the same through `CHAT_REQUIRE_BACKENDS=1`.

mod binaries;
mod browser;
mod drift;
mod outcome;
mod page;
mod part;
pub(crate) mod servers;
mod summary;
mod table;

use crate::machine::{self, Ci, ci};
use crate::printed;
use anyhow::Result;
use binaries::{Binary, Done};
use clap::ValueEnum as _;
use outcome::{Outcome, Report};
use part::{Part, Way};
use servers::Servers;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};
use table::Table;

/// Which parts to run, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The parts to run, in their own order; all when none is named
    #[arg(value_enum, value_name = "PART")]
    parts: Vec<Part>,
    /// Run every part there is, also the one that takes most of an hour by itself
    #[arg(long, conflicts_with = "parts")]
    all: bool,
    /// Compare more random operations, pause databases for longer: hours instead of minutes
    #[arg(long)]
    long: bool,
    /// Write what was counted about each store into the README, over what earlier runs have counted
    #[arg(long)]
    table: bool,
    /// Run only tests with these words in their names
    #[arg(last = true, value_name = "TEST")]
    filter: Vec<String>,
}

impl Arguments {
    /// Whether a part is to be run.
    fn wants(&self, part: Part) -> bool {
        if self.parts.is_empty() { self.all || part.is_usual() } else { self.parts.contains(&part) }
    }
}

/// What every test program is given.
#[derive(Debug)]
struct Environment {
    variables: Vec<(String, String)>,
    filter: Vec<String>,
}

impl Environment {
    fn new(arguments: &Arguments, mut variables: Vec<(String, String)>) -> Self {
        let set = |name: &str| (name.to_owned(), "1".to_owned());
        // Under CI a test whose backend is missing fails instead of skipping itself.
        variables.extend((ci() == Ci::Yes).then(|| set("CHAT_REQUIRE_BACKENDS")));
        variables.extend(arguments.long.then(|| set("CHAT_TEST_LONG")));
        Self { variables, filter: arguments.filter.clone() }
    }

    fn dress(&self, command: &mut Command) {
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
    }
}

/// Runs the parts and prints the summary.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let all = Part::value_variants().iter().copied();
    let parts: Vec<Part> = all.filter(|part| arguments.wants(*part)).collect();
    anyhow::ensure!(
        arguments.filter.is_empty() || !arguments.table,
        "--table is for whole parts, not for some of their tests"
    );
    let mut table = Table::default();
    let reports = run_all(&parts, arguments, &mut table);
    println!();
    if !table.is_empty() {
        println!("{}", table.render());
    }
    let good = summary::is_good(&reports, ci());
    if arguments.table && good {
        table.write()?;
    }
    println!("{}", summary::render(&reports, ci()));
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Databases start while what needs none of them is checked and built.
fn run_all(parts: &[Part], arguments: &Arguments, table: &mut Table) -> Vec<Report> {
    let chosen = parts.to_vec();
    let starting = std::thread::spawn(move || timed("services", || Servers::for_parts(&chosen)));
    let (mut reports, mut together, mut alone, mut last) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for part in parts {
        match part.way() {
            Way::First(check) => reports.push(report(part.name(), check)),
            Way::Together => together.push(*part),
            Way::Alone => alone.push(*part),
            Way::Last(check) => last.push((part.name(), check)),
        }
    }
    let build = || timed("build", binaries::build);
    let built = (!together.is_empty() || !alone.is_empty()).then(build);

    let (servers, took) = starting.join().expect("starting does not panic");
    reports.extend(servers.report(took));
    let environment = Environment::new(arguments, servers.variables());
    match built {
        Some((Ok(binaries), _)) => {
            reports.extend(run_binaries(&together, &binaries, AT_ONCE, &environment, table));
            for part in alone {
                reports.extend(run_binaries(&[part], &binaries, 1, &environment, table));
            }
        }
        Some((Err(error), took)) => {
            eprintln!("{error:#}");
            reports.push(Report { name: "build".to_owned(), outcome: Outcome::failed(), took });
        }
        None => {}
    }
    reports.extend(last.into_iter().map(|(name, check)| report(name, check)));
    reports
}

/// Test programs that run side by side: they wait for databases more than for a processor.
const AT_ONCE: usize = 3;

/// Runs the programs of these parts; a report for each.
fn run_binaries(
    parts: &[Part],
    binaries: &[Binary],
    at_once: usize,
    environment: &Environment,
    table: &mut Table,
) -> Vec<Report> {
    let missing = |part: &Part| if *part == Part::Browser { browser::missing() } else { None };
    let (mut chosen, mut reports) = (Vec::new(), Vec::new());
    for part in parts {
        println!("\n==> {}{}", part.name(), free());
        let outcome = missing(part).map_or(Outcome::passed(), Outcome::skipped);
        if outcome == Outcome::passed() {
            chosen.extend(binaries.iter().filter(|binary| Part::of(binary) == *part).cloned());
        }
        reports.push(Report { name: part.name(), outcome, took: Duration::ZERO });
    }
    // Stably: what takes longest is not what all others are waited for with.
    chosen.sort_by_key(|binary| !binary.is_long());
    for done in binaries::run(chosen, at_once, environment) {
        add(done, &mut reports, table);
    }
    reports
}

/// Adds what came of a program to the report of its part and to the table.
fn add(done: Result<Done>, reports: &mut Vec<Report>, table: &mut Table) {
    let (name, outcome, took) = match done {
        Ok(Done { part, ran, took }) => {
            for counted in printed::counted(&ran.output) {
                table.add(counted);
            }
            (part.name(), Outcome::of(&ran), took)
        }
        Err(error) => {
            eprintln!("{error:#}");
            ("tests".to_owned(), Outcome::failed(), Duration::ZERO)
        }
    };
    match reports.iter_mut().find(|report| report.name == name) {
        Some(report) => {
            report.outcome = report.outcome.clone().and(outcome);
            report.took += took;
        }
        None => reports.push(Report { name, outcome, took }),
    }
}

/// Runs a check and tells what came of it.
fn report(name: String, check: fn() -> Result<Outcome>) -> Report {
    let (outcome, took) = timed(&name, check);
    let outcome = outcome.unwrap_or_else(|error| {
        eprintln!("{name}: {error:#}");
        Outcome::failed()
    });
    println!("<== {name}: {} in {}{}", summary::verdict(&outcome.verdict), summary::seconds(took), free());
    Report { name, outcome, took }
}

/// What room the disk has, to be read when something failed for want of it.
fn free() -> String {
    machine::free_disk_gib().map_or_else(String::new, |gib| format!("; {gib} GiB of disk free"))
}

fn timed<T>(name: &str, run: impl FnOnce() -> T) -> (T, Duration) {
    println!("\n==> {name}");
    let start = Instant::now();
    (run(), start.elapsed())
}
