//! `copy`: from one place into another, by the server that holds the source, or here.

use std::process::ExitCode;

use anyhow::ensure;
use chat_core::copy::{Copied, CopyError, Counts, Progress, copy};

use crate::admin::{self, Report, Request};
use crate::bar::Bar;
use crate::cli::CopyArgs;
use crate::settings::Settings;
use crate::store::{Opened, Place, Places};

/// `copy`.
///
/// # Errors
/// When there is nothing to copy, a place cannot be opened, or the target is not one for this source.
pub(crate) async fn run(settings: &Settings, arguments: CopyArgs) -> anyhow::Result<ExitCode> {
    let from = source(settings, &arguments)?;
    let to = target(&arguments.to, arguments.to_accounts.as_deref())?;
    let is_shared = from.all().any(|from| to.all().any(|to| from == to));
    ensure!(!is_shared, "the source and the target are the same");
    ensure!(from.all().all(|place| *place != Place::Memory), "there is nothing to copy in a store in memory");
    let request = Request::Copy { to: arguments.to, accounts: arguments.to_accounts };
    let bar = Bar::new();
    let report = match admin::ask_server(&from, &request, &|step| bar.show(&step)).await? {
        Some(report) => report,
        None => alone(&from, &to, &bar).await?,
    };
    bar.clear();
    admin::show(report)
}

/// What is copied: the places named, or those of the settings.
fn source(settings: &Settings, arguments: &CopyArgs) -> anyhow::Result<Places> {
    let Some(from) = &arguments.from else {
        ensure!(arguments.from_accounts.is_none(), "--from-accounts: --from is missing");
        return crate::store::places(settings);
    };
    let accounts = arguments.from_accounts.as_deref();
    let accounts = accounts.map(|url| Place::parse("--from-accounts", url)).transpose()?;
    Places::new(Place::parse("--from", from)?, accounts)
}

/// What is copied into.
///
/// # Errors
/// When it is none that keeps anything.
pub(crate) fn target(to: &str, accounts: Option<&str>) -> anyhow::Result<Places> {
    let accounts = accounts.map(|url| Place::parse("--to-accounts", url)).transpose()?;
    let places = Places::new(Place::parse("--to", to)?, accounts)?;
    ensure!(places.all().all(|place| *place != Place::Memory), "--to: a store in memory keeps nothing");
    Ok(places)
}

/// Copies in this process.
async fn alone(from: &Places, to: &Places, bar: &Bar) -> anyhow::Result<Report> {
    from.must_exist()?;
    let from = from.open().await?;
    let report = into(&from, to, &|progress| bar.show(&progress.into())).await;
    from.close().await?;
    Ok(report)
}

/// Copies what is open into these places, which are opened for it.
pub(crate) async fn into(from: &Opened, to: &Places, watch: &(dyn Fn(Progress) + Send + Sync)) -> Report {
    let to = match to.open().await {
        Ok(to) => to,
        Err(error) => return Report::Failed(format!("the target: {error:#}")),
    };
    let copied = copy(&*from.shared(), &*to.shared(), watch).await;
    match to.close().await {
        Ok(()) => report(copied),
        Err(error) => Report::Failed(format!("the target: {error:#}")),
    }
}

/// What has come of it. What can be gone on with, or must be looked at, is a finding; anything else is a failure.
fn report(copied: Result<Copied, CopyError>) -> Report {
    match copied {
        Ok(copied) => Report::Done(vec![format!("copied and compared: {}", counted(&copied.counts))]),
        Err(CopyError::Moving(parts)) => Report::Findings(vec![
            format!("copied, and the source has changed since: {parts}"),
            "stop the server and copy once more: only what is new is left".to_owned(),
        ]),
        Err(error @ CopyError::Differs(_)) => Report::Findings(vec![error.to_string()]),
        Err(error) => Report::Failed(format!("{:#}", anyhow::Error::new(error))),
    }
}

fn counted(counts: &Counts) -> String {
    format!(
        "{} conversations with {} entries, {} marks and {} members, {} friendships, {} accounts, {} logins",
        counts.conversations,
        counts.entries,
        counts.marks,
        counts.members,
        counts.pairs,
        counts.accounts,
        counts.logins
    )
}
