//! MariaDB, as Debian packages it.

use super::Recipe;
use crate::programs;
use anyhow::{Context as _, Result};
use rustix::process::Signal;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A database that is there from the first start on.
const DATABASE: &str = "chat";

/// What the server does when it starts.
const FIRST: &str = "first.sql";

/// MariaDB.
#[derive(Clone, Copy, Debug)]
pub struct MariaDb;

impl Recipe for MariaDb {
    fn name(&self) -> &'static str {
        "mariadb"
    }

    fn packages(&self) -> &'static [&'static str] {
        &["mariadb-server"]
    }

    fn is_installed(&self) -> bool {
        program("mariadbd").is_ok() && program("mariadb-install-db").is_ok()
    }

    fn fetch(&self) -> Result<()> {
        Ok(())
    }

    fn refuses_root(&self) -> bool {
        false
    }

    fn make(&self, data: &Path) -> Result<Option<Command>> {
        let mut command = ours("mariadb-install-db", data)?;
        command.args(["--auth-root-authentication-method=normal", "--skip-test-db"]);
        fs::write(data.join(FIRST), format!("CREATE DATABASE IF NOT EXISTS {DATABASE};\n"))?;
        Ok(Some(command))
    }

    fn serve(&self, data: &Path, port: u16) -> Result<Command> {
        let mut command = ours("mariadbd", data)?;
        command.args(["--bind-address=127.0.0.1", "--skip-name-resolve"]).arg(format!("--port={port}"));
        command.arg(format!("--init-file={}", data.join(FIRST).display()));
        // Beside the data, by a path that is short however long the folder's is.
        command.args(["--socket=socket", "--pid-file=pid"]);
        command.args(["--max-connections=500", "--innodb-flush-log-at-trx-commit=1", "--sync-binlog=1"]);
        Ok(command)
    }

    fn ready(&self) -> &'static str {
        "ready for connections"
    }

    fn stop(&self) -> Signal {
        Signal::TERM
    }

    fn url(&self, port: u16) -> String {
        format!("mysql://root@127.0.0.1:{port}/{DATABASE}")
    }
}

/// A program of it that reads no settings of this machine's.
fn ours(name: &str, data: &Path) -> Result<Command> {
    // Two that are made at the same time take the same names in the system's folder.
    let temporary = data.with_file_name("tmp");
    fs::create_dir_all(&temporary)?;
    let mut command = Command::new(program(name)?);
    command.env("TMPDIR", temporary).arg("--no-defaults").arg(format!("--datadir={}", data.display()));
    if programs::is_root() {
        command.arg("--user=root");
    }
    Ok(command)
}

fn program(name: &str) -> Result<PathBuf> {
    programs::find(&[name]).with_context(|| format!("{name} is missing"))
}
