//! Stores a server can be started on, each with a database that is its own and goes away with the value.

use std::path::Path;

use tempfile::TempDir;
use testbed::services::{Recipe, Service};
use tokio::process::Command;

use super::common::{Server, program, run};

/// A server's data folder, and where it keeps messages and accounts.
#[derive(Debug)]
pub(crate) struct Storage {
    /// What it is called where tests are counted.
    pub(crate) name: String,
    /// The data folder, and that of the other half.
    folders: Vec<TempDir>,
    messages: Option<String>,
    accounts: Option<String>,
    services: Vec<Service>,
}

impl Storage {
    /// A file in the data folder, as by default.
    pub(crate) fn sqlite() -> Self {
        let folders = vec![tempfile::tempdir().unwrap()];
        Self { name: "sqlite".to_owned(), folders, messages: None, accounts: None, services: Vec::new() }
    }

    /// A private server of this kind; `None` when it is not to be had.
    pub(crate) fn on(recipe: &'static dyn Recipe) -> Option<Self> {
        let service = Service::start_or_skip(recipe)?;
        let messages = Some(service.url());
        Some(Self { name: recipe.name().to_owned(), messages, services: vec![service], ..Self::sqlite() })
    }

    /// Accounts and friends in this one, messages in the other.
    pub(crate) fn split(people: Self, talk: Self) -> Self {
        let name = format!("{}+{}", people.name, talk.name);
        let (accounts, messages) = (Some(people.url()), Some(talk.url()));
        let folders = people.folders.into_iter().chain(talk.folders).collect();
        let services = talk.services.into_iter().chain(people.services).collect();
        Self { name, folders, messages, accounts, services }
    }

    /// Where messages are, also where that is the default.
    fn url(&self) -> String {
        let file = || format!("sqlite:{}", self.data().join("chat.db").display());
        self.messages.clone().unwrap_or_else(file)
    }

    /// The data folder.
    pub(crate) fn data(&self) -> &Path {
        self.folders[0].path()
    }

    /// The database server behind a store that has one.
    pub(crate) fn service(&mut self) -> &mut Service {
        self.services.first_mut().expect("a store on a server")
    }

    /// Lets messages be reached by another port of this machine.
    pub(crate) fn by(&mut self, port: u16) {
        self.messages = Some(self.service().url_by(port));
    }

    /// The program on this store, which does not mind how much a few people say.
    pub(crate) fn program(&self) -> Command {
        let mut command = program(self.data());
        command.env("CHAT_LIMIT", "messages_per_user_per_second=100000,frames_per_socket_per_second=100000");
        for (name, url) in [("CHAT_STORE", &self.messages), ("CHAT_ACCOUNTS_STORE", &self.accounts)] {
            command.envs(url.as_ref().map(|url| (name, url)));
        }
        command
    }

    /// A server on this store.
    pub(crate) async fn serve(&self) -> Server {
        Server::from(self.program()).await
    }

    /// Everything is as it should be, says the operator's command.
    pub(crate) async fn check(&self) {
        let mut command = self.program();
        command.arg("check");
        let checked = run(command, "").await;
        assert_eq!(checked.code, Some(0), "{checked:?}");
    }
}
