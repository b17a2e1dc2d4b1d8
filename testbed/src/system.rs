//! A server of ours as a process: it says where it listens on its one line of output, and is killed or asked to end.

use std::fs;
use std::net::SocketAddr;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::process::Process;

/// What it prints before its address.
const LISTENING: &str = "listening on http://";

/// How long it may take to drain.
const STOP_MAX: Duration = Duration::from_mins(1);

/// A server that listens.
#[derive(Debug)]
pub struct System {
    process: Process,
    address: SocketAddr,
    /// Holds what it prints.
    _log: TempDir,
}

impl System {
    /// Starts a program with these settings (`CHAT_…`) and no others, on a port of its own, and waits until it listens.
    ///
    /// # Errors
    /// When it does not, with what it said.
    pub fn start(program: &str, settings: &[(&str, &str)]) -> Result<Self> {
        let mut command = Command::new(program);
        let of_ours =
            |name: &std::ffi::OsStr| name == "RUST_LOG" || name.as_encoded_bytes().starts_with(b"CHAT_");
        for (name, _) in std::env::vars_os().filter(|(name, _)| of_ours(name)) {
            command.env_remove(name);
        }
        command.env("CHAT_LISTEN", "127.0.0.1:0").envs(settings.iter().copied());
        let log = TempDir::new()?;
        let file = log.path().join("log");
        let process = Process::start(command, LISTENING, &file, None)?;
        let said = fs::read_to_string(&file)?;
        let address = said.lines().find_map(|line| line.strip_prefix(LISTENING)).context("it said where")?;
        Ok(Self { process, address: address.trim().parse()?, _log: log })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A URL of it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Kills it, in the middle of whatever it does.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(self) -> Result<()> {
        self.process.kill()
    }

    /// Asks it to drain, and waits until it has ended.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn stop(self) -> Result<ExitStatus> {
        self.process.stop(Signal::TERM, STOP_MAX)
    }
}
