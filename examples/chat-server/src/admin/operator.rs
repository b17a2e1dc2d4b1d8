//! Carries out an operator's requests, in the server or in the command itself.

use std::path::Path;

use anyhow::{Context as _, bail};
use chat_core::accounts::{Accounts, Registration, SessionSummary};
use chat_core::copy::Progress;
use chat_core::{ChatError, Refusal, SessionId, Timestamp, UserId};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Report, Request};
use chat_host::key;

use crate::settings::Settings;
use crate::store::{Base, Opened, Places};
use crate::{copy, serve};

/// Who carries out requests: with the store, and the accounts in it.
pub(crate) struct Operator {
    /// The database that is backed up: the one that was asked for.
    base: Base,
    opened: Opened,
    accounts: Accounts,
}

impl Operator {
    /// In the server, for who asks beside this database.
    pub(crate) const fn new(base: Base, opened: Opened, accounts: Accounts) -> Self {
        Self { base, opened, accounts }
    }

    /// In a command: nobody else holds the databases, or they are servers.
    ///
    /// # Errors
    /// When a database cannot be opened.
    pub(crate) async fn alone(settings: &Settings, places: &Places) -> anyhow::Result<Self> {
        settings.make_data_dir()?;
        let keys = key::load_or_make(&settings.signing_key_file())?;
        let opened = places.open().await?;
        let accounts = serve::accounts(settings, keys, &opened, None);
        let base = opened.all().next().expect("there is at least one").clone();
        Ok(Self { base, opened, accounts })
    }

    /// Closes what [`Operator::alone`] has opened.
    ///
    /// # Errors
    /// When that fails.
    pub(crate) async fn end(&self) -> anyhow::Result<()> {
        self.opened.close().await
    }

    /// Carries it out; `watch` is told how far it has come.
    pub(crate) async fn perform(&self, request: Request, watch: &(dyn Fn(Progress) + Send + Sync)) -> Report {
        let done = match request {
            Request::Backup { path } => self.backup(&path).await,
            Request::Check => return self.check().await,
            Request::Copy { to, accounts } => match copy::target(&to, accounts.as_deref()) {
                Ok(places) => return copy::into(&self.opened, &places, watch).await,
                Err(error) => Err(error),
            },
            Request::Create { username, full_name, password } => {
                self.create(username, full_name, password).await
            }
            Request::Disable { username } => self.disable(&username).await,
            Request::Enable { username } => self.enable(&username).await,
            Request::Sessions { username } => self.sessions(&username).await,
            Request::Revoke { username, session } => self.revoke(&username, session).await,
        };
        match done {
            Ok(lines) => Report::Done(lines),
            Err(error) => Report::Failed(format!("{error:#}")),
        }
    }

    async fn backup(&self, path: &Path) -> anyhow::Result<Vec<String>> {
        anyhow::ensure!(!path.exists(), "there is a file {} already", path.display());
        self.base.backup(path).await.with_context(|| format!("cannot copy to {}", path.display()))?;
        Ok(vec![format!("copied to {}", path.display())])
    }

    async fn check(&self) -> Report {
        let mut found = Vec::new();
        for base in self.opened.all() {
            match base.check().await {
                Ok(more) => found.extend(more),
                Err(error) => return Report::Failed(format!("cannot check: {error:#}")),
            }
        }
        if found.is_empty() {
            Report::Done(vec!["nothing is wrong".to_owned()])
        } else {
            Report::Findings(found)
        }
    }

    async fn create(
        &self,
        username: String,
        full_name: Option<String>,
        password: String,
    ) -> anyhow::Result<Vec<String>> {
        let mut registration = Registration::new(username, password);
        registration.full_name = full_name;
        let account = self.accounts.register(registration).await.map_err(why)?;
        Ok(vec![format!("{} {}", account.user, account.username)])
    }

    async fn disable(&self, username: &str) -> anyhow::Result<Vec<String>> {
        self.accounts.disable(self.user(username).await?).await.map_err(why)?;
        Ok(vec![format!("{username} is disabled, and logged out everywhere")])
    }

    async fn enable(&self, username: &str) -> anyhow::Result<Vec<String>> {
        self.accounts.enable(self.user(username).await?).await.map_err(why)?;
        Ok(vec![format!("{username} is enabled")])
    }

    async fn sessions(&self, username: &str) -> anyhow::Result<Vec<String>> {
        let sessions = self.accounts.sessions(self.user(username).await?).await.map_err(why)?;
        Ok(sessions.iter().map(line).collect())
    }

    async fn revoke(&self, username: &str, session: Option<String>) -> anyhow::Result<Vec<String>> {
        let user = self.user(username).await?;
        let Some(session) = session else {
            self.accounts.end_all(user).await.map_err(why)?;
            return Ok(vec![format!("{username} is logged out everywhere")]);
        };
        let missing = || format!("{username} has no session {session}");
        let id: SessionId = session.parse().ok().with_context(missing)?;
        match self.accounts.end_session(user, id).await {
            Err(ChatError::Refused(Refusal::NotFound)) => bail!(missing()),
            ended => ended.map_err(why)?,
        }
        Ok(vec![format!("session {id} has ended")])
    }

    /// Whose name this is.
    async fn user(&self, username: &str) -> anyhow::Result<UserId> {
        let found = self.accounts.find(username).await.map_err(why)?;
        Ok(found.with_context(|| format!("there is no account {username}"))?.user)
    }
}

/// A session in a list.
fn line(session: &SessionSummary) -> String {
    let SessionSummary { id, device, created_at, last_seen_at, .. } = session;
    format!("{id}  since {}  last seen {}  {device}", rfc3339(*created_at), rfc3339(*last_seen_at))
}

fn rfc3339(at: Timestamp) -> String {
    let at = OffsetDateTime::from_unix_timestamp(at.millis().div_euclid(1000)).ok();
    at.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_else(|| "at no date".to_owned())
}

/// A refusal with the field it is about.
fn why(error: ChatError) -> anyhow::Error {
    match error.refusal().and_then(|refusal| refusal.field()) {
        Some(field) => anyhow::Error::new(error).context(field.trim_start_matches('/')),
        None => error.into(),
    }
}
