//! NATS, as Debian packages it: core subjects, nothing stored.

use super::Recipe;
use crate::programs;
use anyhow::{Context as _, Result};
use rustix::process::Signal;
use std::path::Path;
use std::process::Command;

/// NATS.
#[derive(Clone, Copy, Debug)]
pub struct Nats;

impl Recipe for Nats {
    fn name(&self) -> &'static str {
        "nats"
    }

    fn packages(&self) -> &'static [&'static str] {
        &["nats-server"]
    }

    fn is_installed(&self) -> bool {
        programs::find(&["nats-server"]).is_some()
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

    fn serve(&self, _data: &Path, port: u16) -> Result<Command> {
        let mut command = Command::new(programs::find(&["nats-server"]).context("nats-server is missing")?);
        command.args(["--addr", "127.0.0.1", "--port"]).arg(port.to_string());
        Ok(command)
    }

    fn ready(&self) -> &'static str {
        "Server is ready"
    }

    fn stop(&self) -> Signal {
        Signal::INT
    }

    fn url(&self, port: u16) -> String {
        format!("nats://127.0.0.1:{port}")
    }
}
