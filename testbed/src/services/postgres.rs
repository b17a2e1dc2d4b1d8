//! PostgreSQL, as Debian packages it.

use super::Recipe;
use crate::programs;
use anyhow::{Context as _, Result};
use rustix::process::Signal;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where Debian keeps all versions of it, beside the PATH.
const VERSIONS: &str = "/usr/lib/postgresql";

/// Every test has a pool of its own.
const CONNECTIONS_MAX: &str = "max_connections=500";

/// PostgreSQL.
#[derive(Clone, Copy, Debug)]
pub struct Postgres;

impl Recipe for Postgres {
    fn name(&self) -> &'static str {
        "postgresql"
    }

    fn packages(&self) -> &'static [&'static str] {
        &["postgresql"]
    }

    fn is_installed(&self) -> bool {
        program("initdb").is_ok() && program("postgres").is_ok()
    }

    fn fetch(&self) -> Result<()> {
        Ok(())
    }

    fn refuses_root(&self) -> bool {
        true
    }

    fn make(&self, data: &Path) -> Result<Option<Command>> {
        let mut command = Command::new(program("initdb")?);
        command.args(["--username=chat", "--auth=trust", "--encoding=UTF8", "--locale=C"]);
        command.args(["--no-sync", "--no-instructions", "--pgdata"]).arg(data);
        Ok(Some(command))
    }

    fn serve(&self, data: &Path, port: u16) -> Result<Command> {
        let mut command = Command::new(program("postgres")?);
        command.arg("-D").arg(data).args(["-h", "127.0.0.1", "-p", &port.to_string(), "-k", ""]);
        command.args(["-c", CONNECTIONS_MAX]);
        Ok(command)
    }

    fn ready(&self) -> &'static str {
        "ready to accept connections"
    }

    fn stop(&self) -> Signal {
        // A "fast" shutdown; the slow one waits until everybody has left.
        Signal::INT
    }

    fn url(&self, port: u16) -> String {
        format!("postgres://chat@127.0.0.1:{port}/postgres")
    }
}

/// A program of the newest version that Debian has put beside the PATH, or of whatever is on it.
fn program(name: &str) -> Result<PathBuf> {
    let versions = fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = versions
        .filter_map(|version| Some((version.file_name().to_str()?.parse().ok()?, version.path())))
        .collect();
    versions.sort();
    let newest = versions.into_iter().rev().map(|(_, folder)| folder.join("bin").join(name));
    newest
        .chain(programs::find(&[name]))
        .find(|file| file.is_file())
        .with_context(|| format!("{name} is missing"))
}
