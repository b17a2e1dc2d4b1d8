//! `cargo xtask test`: every check there is, one part after the other, none of which stops the others.
//!
//! A part whose tool cannot be had is reported as skipped, loudly, and is a failure where `CI=true` promises that
//! everything is there; the tests are told the same through `CHAT_REQUIRE_BACKENDS=1`.

mod browser;
mod drift;
mod page;
mod summary;

use crate::child::{self, Ran};
use crate::counts::Counts;
use crate::tools;
use crate::workspace::Workspace;
use anyhow::Result;
use clap::ValueEnum;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

/// Which parts to run.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The parts to run, in their own order; all when none is named
    #[arg(value_enum, value_name = "PART")]
    parts: Vec<Part>,
}

/// The parts, in the order they run: the quick ones first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Formatting
    Fmt,
    /// Lints, warnings denied
    Clippy,
    /// API documentation, warnings denied
    Docs,
    /// Unit, conformance, property and transport tests
    Tests,
    /// Examples in the documentation
    Doctests,
    /// The web page's own tests and its types
    Page,
    /// The committed protocol documents against the types
    Drift,
    /// Two windows of a real browser
    Browser,
    /// The server killed over and over while clients send
    Kill,
}

/// Integration tests that are parts of their own.
const OWN_PARTS: [&str; 2] = ["browser", "kill"];

/// How a part ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Passed,
    Failed,
    /// A tool is missing: which.
    Skipped(String),
}

/// A part's end and the tests it counted.
#[derive(Debug)]
struct Outcome {
    verdict: Verdict,
    counts: Counts,
}

impl Outcome {
    fn skipped(why: impl Into<String>) -> Self {
        Self { verdict: Verdict::Skipped(why.into()), counts: Counts { skipped: 1, ..Counts::default() } }
    }

    /// A failure that no test runner has counted, such as a crash or a lint, is counted as one.
    fn of(ran: &Ran) -> Self {
        let mut counts = Counts::in_output(&ran.output);
        let verdict = if ran.success && counts.failed == 0 { Verdict::Passed } else { Verdict::Failed };
        if verdict == Verdict::Failed {
            counts.failed = counts.failed.max(1);
        }
        Self { verdict, counts }
    }
}

/// A line of the summary.
#[derive(Debug)]
struct Report {
    part: Part,
    outcome: Outcome,
    took: Duration,
}

/// Runs the parts and prints the summary.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let wanted = |part: &Part| arguments.parts.is_empty() || arguments.parts.contains(part);
    let reports: Vec<Report> = Part::value_variants().iter().copied().filter(wanted).map(report).collect();
    println!("\n{}", summary::render(&reports, ci()));
    if summary::is_good(&reports, ci()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether the machine promises to have everything.
fn ci() -> Ci {
    if std::env::var("CI").is_ok_and(|value| value == "true") { Ci::Yes } else { Ci::No }
}

/// Where this runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ci {
    Yes,
    No,
}

fn report(part: Part) -> Report {
    println!("\n==> {}", part.name());
    let start = Instant::now();
    let outcome = part.run().unwrap_or_else(|error| {
        eprintln!("{}: {error:#}", part.name());
        Outcome { verdict: Verdict::Failed, counts: Counts { failed: 1, ..Counts::default() } }
    });
    let took = start.elapsed();
    println!("<== {}: {} in {}", part.name(), summary::verdict(&outcome.verdict), summary::seconds(took));
    Report { part, outcome, took }
}

impl Part {
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    fn run(self) -> Result<Outcome> {
        match self {
            Self::Fmt => component("rustfmt", "fmt", &["--all", "--check"]),
            Self::Clippy => {
                let strict = ["--workspace", "--all-features", "--all-targets", "--", "-D", "warnings"];
                component("clippy", "clippy", &strict)
            }
            Self::Docs => {
                let mut command = child::cargo(&["doc", "--workspace", "--all-features", "--no-deps"]);
                Ok(Outcome::of(&child::run(command.env("RUSTDOCFLAGS", "-D warnings"))?))
            }
            Self::Tests => cargo_test(&test_targets(&Workspace::read()?), &[]),
            Self::Doctests => cargo_test(&["--doc".to_owned()], &[]),
            Self::Page => page::run(),
            Self::Drift => drift::run(),
            Self::Browser => browser::run(),
            Self::Kill => cargo_test(&one_test("kill"), &["--nocapture"]),
        }
    }
}

fn component(component: &str, subcommand: &str, arguments: &[&str]) -> Result<Outcome> {
    if !tools::has_component(component, subcommand) {
        return Ok(Outcome::skipped(format!("{component} (`rustup component add {component}`)")));
    }
    let mut command = child::cargo(&[subcommand]);
    Ok(Outcome::of(&child::run(command.args(arguments))?))
}

/// Everything but documentation and the tests that are parts of their own.
fn test_targets(workspace: &Workspace) -> Vec<String> {
    let tests = workspace.integration_tests().into_iter().filter(|name| !OWN_PARTS.contains(&name.as_str()));
    let named = tests.flat_map(|name| one_test(&name));
    ["--lib", "--bins", "--examples"].map(String::from).into_iter().chain(named).collect()
}

fn one_test(name: &str) -> Vec<String> {
    vec!["--test".to_owned(), name.to_owned()]
}

/// The same features for every part, so that nothing is built twice.
fn cargo_test(targets: &[String], arguments: &[&str]) -> Result<Outcome> {
    let mut command = child::cargo(&["test", "--workspace", "--all-features", "--no-fail-fast"]);
    command.args(targets).arg("--").args(arguments);
    Ok(Outcome::of(&child::run(demanding(&mut command, ci()))?))
}

/// Under CI a test whose backend is missing fails instead of skipping itself.
fn demanding(command: &mut Command, ci: Ci) -> &mut Command {
    match ci {
        Ci::Yes => command.env("CHAT_REQUIRE_BACKENDS", "1"),
        Ci::No => command,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(success: bool, output: &str) -> Outcome {
        Outcome::of(&Ran { success, output: output.to_owned() })
    }

    #[test]
    fn a_failure_nobody_counted_counts_as_one() {
        assert_eq!(ran(false, "error: it does not build").counts.failed, 1);
        let counted = ran(false, "test result: FAILED. 3 passed; 2 failed; 0 ignored\n");
        assert_eq!(counted.counts, Counts { passed: 3, failed: 2, skipped: 0 });
    }

    #[test]
    fn a_counted_failure_is_believed_over_the_status() {
        assert_eq!(ran(true, "ℹ pass 1\nℹ fail 1").verdict, Verdict::Failed);
        assert_eq!(ran(true, "ℹ pass 1\nℹ fail 0").verdict, Verdict::Passed);
    }

    #[test]
    fn tests_with_a_part_of_their_own_run_once() {
        let targets = test_targets(&Workspace::read().unwrap());
        assert!(targets.contains(&"--lib".to_owned()));
        assert!(OWN_PARTS.iter().all(|own| !targets.contains(&(*own).to_owned())));
    }
}
