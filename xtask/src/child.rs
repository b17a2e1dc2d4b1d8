//! Other programs, run in the workspace's folder with their output shown as it comes.

use anyhow::{Context as _, Result};
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, ExitCode, Stdio};

/// What came of a program that has ended.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Whether it ended with status 0.
    pub(crate) success: bool,
    /// Its standard output, which has also been shown.
    pub(crate) output: String,
}

impl Ran {
    /// The status this program should end with when the other one decides it.
    pub(crate) fn exit_code(&self) -> ExitCode {
        if self.success { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// Cargo as this program was started by it, in the workspace's folder.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), arguments)
}

/// Any program, in the workspace's folder.
pub(crate) fn program(name: impl AsRef<OsStr>, arguments: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(arguments).current_dir(crate::workspace::root());
    command
}

/// Runs it, showing its output line by line while keeping it. Errors of its own go straight to ours.
pub(crate) fn run(command: &mut Command) -> Result<Ran> {
    let shown = describe(command);
    println!("$ {shown}");
    let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot run {shown}"))?;
    let mut lines = BufReader::new(child.stdout.take().context("its output is piped")?);
    let (mut output, mut line) = (Vec::new(), Vec::new());
    while lines.read_until(b'\n', &mut line)? > 0 {
        let mut out = std::io::stdout().lock();
        out.write_all(&line)?;
        out.flush()?;
        output.append(&mut line);
    }
    let success = child.wait()?.success();
    Ok(Ran { success, output: String::from_utf8_lossy(&output).into_owned() })
}

/// Runs it silently; its output when it succeeded.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let shown = describe(command);
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot run {shown}"))?;
    anyhow::ensure!(output.status.success(), "{shown} failed");
    Ok(String::from_utf8(output.stdout)?)
}

fn describe(command: &Command) -> String {
    let name = std::path::Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(name).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
