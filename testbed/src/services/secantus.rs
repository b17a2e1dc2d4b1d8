//! SecantusDB, which speaks MongoDB's protocol and keeps what it acknowledged: the first stand-in for MongoDB.
//!
//! It is a beta under the GPL: a process of its own in an environment of its own, of one version, never linked. Where it
//! cannot be had any more, the second stand-in goes on alone.

use super::{Recipe, cache};
use crate::programs;
use anyhow::{Context as _, Result};
use rustix::process::Signal;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The version, also of its folder in the cache.
const KEY: &str = "secantusdb-0.7.0b3";

/// The same for pip.
const REQUIREMENT: &str = "SecantusDB==0.7.0b3";

/// Whether Python can make environments; an interpreter alone cannot, where its packager has split it.
pub(super) fn has_environments() -> bool {
    let can = |python: PathBuf| {
        let asked = Command::new(python).args(["-c", "import venv, ensurepip"]).output();
        asked.is_ok_and(|output| output.status.success())
    };
    programs::find(&["python3"]).is_some_and(can)
}

/// SecantusDB.
#[derive(Clone, Copy, Debug)]
pub struct Secantus;

impl Recipe for Secantus {
    fn name(&self) -> &'static str {
        "secantusdb"
    }

    fn packages(&self) -> &'static [&'static str] {
        &["python3", "python3-venv"]
    }

    fn is_installed(&self) -> bool {
        has_environments()
    }

    fn fetch(&self) -> Result<()> {
        cache::once(KEY, |folder| {
            let python = programs::find(&["python3"]).context("python3 is missing")?;
            programs::run(Command::new(python).args(["-m", "venv"]).arg(folder))?;
            let mut pip = Command::new(folder.join("bin/pip"));
            programs::run(pip.args(["install", "--quiet", "--pre", REQUIREMENT]))
        })
    }

    fn refuses_root(&self) -> bool {
        false
    }

    fn make(&self, _data: &Path) -> Result<Option<Command>> {
        Ok(None)
    }

    fn serve(&self, data: &Path, port: u16) -> Result<Command> {
        let mut command = Command::new(cache::folder(KEY).join("bin/secantusd-py"));
        command.args(["--port", &port.to_string(), "--sync-on-commit", "--storage-path"]).arg(data);
        Ok(command)
    }

    fn ready(&self) -> &'static str {
        "listening on"
    }

    fn stop(&self) -> Signal {
        Signal::TERM
    }

    fn url(&self, port: u16) -> String {
        // With writes that the driver may repeat it slows down steadily.
        format!("mongodb://127.0.0.1:{port}/chat?directConnection=true&retryWrites=false")
    }
}
