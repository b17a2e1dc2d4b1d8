//! What an operator does: a backup, a check, accounts.
//!
//! A database file belongs to one process at a time. While the server runs, a command asks it over a [`socket`]; when
//! nobody answers there, the command opens the database itself. Both ways end in [`Operator::perform`], so a command
//! does the same with and without a server.

mod operator;
mod password;
mod socket;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::cli::UserCommand;
use crate::settings::Settings;
use crate::store::Place;

pub(crate) use operator::Operator;
pub(crate) use socket::Listener;

/// What is asked for.
#[derive(Deserialize, Serialize)]
pub(crate) enum Request {
    Backup { path: PathBuf },
    Check,
    Create { username: String, full_name: Option<String>, password: String },
    Disable { username: String },
    Enable { username: String },
    Sessions { username: String },
    Revoke { username: String, session: Option<String> },
}

/// What comes of it.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) enum Report {
    /// Done; what to show.
    Done(Vec<String>),
    /// Looked, and this is wrong.
    Findings(Vec<String>),
    /// Not done, and why.
    Failed(String),
}

/// `backup PATH`.
pub(crate) async fn backup(settings: &Settings, path: &Path) -> anyhow::Result<ExitCode> {
    // The server works in another folder than this command may have been started in.
    let path = std::path::absolute(path).with_context(|| format!("{}", path.display()))?;
    ask(settings, Existing::Required, Request::Backup { path }).await
}

/// `check`.
pub(crate) async fn check(settings: &Settings) -> anyhow::Result<ExitCode> {
    ask(settings, Existing::Required, Request::Check).await
}

/// `user …`.
pub(crate) async fn user(settings: &Settings, command: UserCommand) -> anyhow::Result<ExitCode> {
    let request = match command {
        UserCommand::Create { username, full_name } => {
            Request::Create { username, full_name, password: password::read()? }
        }
        UserCommand::Disable { username } => Request::Disable { username },
        UserCommand::Enable { username } => Request::Enable { username },
        UserCommand::Sessions { username } => Request::Sessions { username },
        UserCommand::Revoke { username, session } => Request::Revoke { username, session },
    };
    ask(settings, Existing::OrMade, request).await
}

/// Whether a command may make the database that it works with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Existing {
    Required,
    OrMade,
}

/// Has the request done, by the server that holds the database or here.
async fn ask(settings: &Settings, existing: Existing, request: Request) -> anyhow::Result<ExitCode> {
    let place = Place::of(settings)?;
    let Some(file) = place.file() else { bail!("there is nothing to work with in a store in memory") };
    if let Some(report) = socket::ask(file, &request).await? {
        return show(report);
    }
    ensure!(existing == Existing::OrMade || file.exists(), "there is no database {}", file.display());
    show(Operator::alone(settings).await?.perform(request).await)
}

/// Prints what came of it.
fn show(report: Report) -> anyhow::Result<ExitCode> {
    let (lines, code) = match report {
        Report::Done(lines) => (lines, ExitCode::SUCCESS),
        Report::Findings(lines) => (lines, ExitCode::FAILURE),
        Report::Failed(reason) => bail!(reason),
    };
    for line in lines {
        println!("{line}");
    }
    Ok(code)
}
