//! Other programs, run in the workspace's folder, none of which outlives this one.

use crate::machine::{self, Ci};
use anyhow::{Context as _, Result};
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode, Stdio};
use testbed::process::Watchdog;
use testbed::programs::describe;

/// What came of a program that has ended.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Whether it ended with status 0.
    pub(crate) success: bool,
    /// Its standard output.
    pub(crate) output: String,
}

impl Ran {
    /// The status this program should end with when the other one decides it.
    pub(crate) fn exit_code(&self) -> ExitCode {
        if self.success { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// Cargo as this program was started by it, in the workspace's folder.
///
/// A machine that builds once has no use for what would make the next build faster, which is more than half of what a
/// build leaves behind; a full disk fails tests that have nothing to do with it.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), arguments);
    if machine::ci() == Ci::Yes {
        command.env("CARGO_INCREMENTAL", "0").env("CARGO_PROFILE_DEV_DEBUG", "0");
    }
    command
}

/// Any program, in the workspace's folder.
pub(crate) fn program(name: impl AsRef<OsStr>, arguments: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(arguments).current_dir(crate::workspace::root());
    command
}

/// Runs it, showing its output line by line while keeping it. Errors of its own go straight to ours.
pub(crate) fn run(command: &mut Command) -> Result<Ran> {
    println!("$ {}", describe(command));
    follow(command, |line| {
        let mut out = std::io::stdout().lock();
        out.write_all(line)?;
        out.flush()
    })
}

/// Runs it and keeps its output without showing it. Errors of its own go straight to ours.
pub(crate) fn run_unseen(command: &mut Command) -> Result<Ran> {
    follow(command, |_| Ok(()))
}

/// Runs it silently; its output when it succeeded.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let ran = run_unseen(command)?;
    anyhow::ensure!(ran.success, "{} failed", describe(command));
    Ok(ran.output)
}

/// Runs it to its end in a group of its own, so that it can be ended with all it has started.
fn follow(command: &mut Command, each: impl Fn(&[u8]) -> std::io::Result<()>) -> Result<Ran> {
    let spawned = command.stdout(Stdio::piped()).process_group(0).spawn();
    let mut child = spawned.with_context(|| format!("cannot run {}", describe(command)))?;
    let mut watchdog = Watchdog::over(&child, None)?;
    let mut lines = BufReader::new(child.stdout.take().context("its output is piped")?);
    let (mut output, mut line) = (Vec::new(), Vec::new());
    while lines.read_until(b'\n', &mut line)? > 0 {
        each(&line)?;
        output.append(&mut line);
    }
    watchdog.dismiss()?;
    let success = child.wait()?.success();
    Ok(Ran { success, output: String::from_utf8_lossy(&output).into_owned() })
}
