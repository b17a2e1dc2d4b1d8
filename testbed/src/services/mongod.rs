//! MongoDB itself, where somebody has installed it: no package of Debian's brings it.

use super::Recipe;
use crate::programs;
use anyhow::{Context as _, Result};
use rustix::process::Signal;
use std::path::Path;
use std::process::Command;

/// MongoDB.
#[derive(Clone, Copy, Debug)]
pub struct Mongod;

impl Recipe for Mongod {
    fn name(&self) -> &'static str {
        "mongodb"
    }

    fn packages(&self) -> &'static [&'static str] {
        &[]
    }

    fn is_installed(&self) -> bool {
        programs::find(&["mongod"]).is_some()
    }

    fn fetch(&self) -> Result<()> {
        Ok(())
    }

    fn refuses_root(&self) -> bool {
        false
    }

    fn make(&self, _data: &Path) -> Result<Option<Command>> {
        Ok(None)
    }

    fn serve(&self, data: &Path, port: u16) -> Result<Command> {
        let mut command = Command::new(programs::find(&["mongod"]).context("mongod is missing")?);
        command.arg("--dbpath").arg(data).args(["--bind_ip", "127.0.0.1", "--port", &port.to_string()]);
        Ok(command)
    }

    fn ready(&self) -> &'static str {
        "Waiting for connections"
    }

    fn stop(&self) -> Signal {
        Signal::TERM
    }

    fn url(&self, port: u16) -> String {
        // It stands alone, and a server without replicas refuses writes that the driver may repeat.
        format!("mongodb://127.0.0.1:{port}/chat?directConnection=true&retryWrites=false")
    }
}
