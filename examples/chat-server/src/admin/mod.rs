//! What an operator does: a backup, a check, accounts.
//!
//! A database file belongs to one process at a time. While the server runs, a command asks it over a [`socket`]; when
//! nobody answers there, and where the database is a server of its own, the command opens the database itself. Both
//! ways end in [`Operator::perform`], so a command does the same with and without a server.

mod operator;
mod password;
mod socket;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::bar::Step;
use crate::cli::UserCommand;
use crate::settings::Settings;
use crate::store::{Place, Places};

pub(crate) use operator::Operator;
pub(crate) use socket::Listener;

/// What is asked for.
#[derive(Deserialize, Serialize)]
pub(crate) enum Request {
    Backup { path: PathBuf },
    Check,
    Copy { to: String, accounts: Option<String> },
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
    /// Not done yet, and how far it has come: told any number of times before one of the others.
    Going(Step),
}

/// `backup PATH`.
pub(crate) async fn backup(settings: &Settings, path: &Path) -> anyhow::Result<ExitCode> {
    // The server works in another folder than this command may have been started in.
    let path = std::path::absolute(path).with_context(|| format!("{}", path.display()))?;
    let places = crate::store::places(settings)?;
    ensure!(
        places.people.is_none(),
        "there are two databases: back up each with its own tool, or as --store alone"
    );
    if let Some(tool) = places.talk.backup_tool() {
        bail!("backup copies an SQLite file; for {} use {tool}", places.talk);
    }
    ask(settings, Existing::Required, Request::Backup { path }).await
}

/// `check`.
pub(crate) async fn check(settings: &Settings) -> anyhow::Result<ExitCode> {
    ask(settings, Existing::Required, Request::Check).await
}

/// `restored`. Positions beyond a backup were given out before and are given out again after it, so that what a client
/// remembers may be another message now: of another epoch it keeps nothing.
///
/// # Errors
/// While a server runs on a file: it remembers the epoch too.
pub(crate) async fn restored(settings: &Settings) -> anyhow::Result<ExitCode> {
    let places = crate::store::places(settings)?;
    let runs = ask_server(&places, &Request::Check, &|_| {}).await?.is_some();
    ensure!(!runs, "the server runs on this database: stop it, put the backup in place, and say this then");
    places.must_exist()?;
    let opened = places.open().await?;
    for base in opened.all() {
        base.renew_epoch().await?;
    }
    opened.close().await?;
    show(Report::Done(vec!["every client starts anew".to_owned()]))
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
    let places = crate::store::places(settings)?;
    let is_kept = places.all().any(|place| *place != Place::Memory);
    ensure!(is_kept, "there is nothing to work with in a store in memory");
    if let Some(report) = ask_server(&places, &request, &|_| {}).await? {
        return show(report);
    }
    if existing == Existing::Required {
        places.must_exist()?;
    }
    let operator = Operator::alone(settings, &places).await?;
    let report = operator.perform(request, &|_| {}).await;
    operator.end().await?;
    show(report)
}

/// Asks the server that holds one of these files; `None` when there is none. `watch` is told how far it has come.
///
/// # Errors
/// When there is one and it does not answer.
pub(crate) async fn ask_server(
    places: &Places,
    request: &Request,
    watch: &(dyn Fn(Step) + Sync),
) -> anyhow::Result<Option<Report>> {
    for file in places.files() {
        if let Some(report) = socket::ask(file, request, watch).await? {
            return Ok(Some(report));
        }
    }
    Ok(None)
}

/// Prints what came of it.
pub(crate) fn show(report: Report) -> anyhow::Result<ExitCode> {
    let (lines, code) = match report {
        Report::Done(lines) => (lines, ExitCode::SUCCESS),
        Report::Findings(lines) => (lines, ExitCode::FAILURE),
        Report::Failed(reason) => bail!(reason),
        Report::Going(_) => bail!("the running server went away before it was done"),
    };
    for line in lines {
        println!("{line}");
    }
    Ok(code)
}
