//! People of relational-chat, on each database, and the SQL of those who write reports.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use reqwest::Method;
use serde_json::json;
use sqlx::{Connection as _, Row as _};
use testbed::people::Person;
use testbed::services::{MariaDb, Postgres, Recipe, Service};
use testbed::system::System;

/// A database, with the data folder of the servers on it.
pub(crate) struct Base {
    data: tempfile::TempDir,
    service: Option<Service>,
}

impl Base {
    /// A file.
    pub(crate) fn sqlite() -> Self {
        Self { data: tempfile::tempdir().unwrap(), service: None }
    }

    fn on(recipe: &'static dyn Recipe) -> Option<Self> {
        Some(Self { service: Some(Service::start_or_skip(recipe)?), ..Self::sqlite() })
    }

    /// One of each kind that is at hand.
    pub(crate) fn all() -> Vec<Self> {
        [Some(Self::sqlite()), Self::on(&Postgres), Self::on(&MariaDb)].into_iter().flatten().collect()
    }

    /// How several processes may share it: a file is one process's.
    pub(crate) const fn is_shared(&self) -> bool {
        self.service.is_some()
    }

    pub(crate) const fn is_sqlite(&self) -> bool {
        self.service.is_none()
    }

    pub(crate) fn is_mysql(&self) -> bool {
        self.service.as_ref().is_some_and(|service| service.url().starts_with("mysql"))
    }

    pub(crate) fn start(&self) -> System {
        self.start_with(&[])
    }

    pub(crate) fn start_with(&self, more: &[(&str, &str)]) -> System {
        let url = self.service.as_ref().map(Service::url);
        let mut settings = vec![("CHAT_DATA_DIR", self.data.path().to_str().unwrap())];
        if let Some(url) = &url {
            settings.push(("CHAT_STORE", url));
        }
        settings.extend(more);
        System::start(env!("CARGO_BIN_EXE_relational-chat"), &settings).unwrap()
    }

    /// The rows of a report, each column as text.
    pub(crate) async fn report(&self, sql: &'static str) -> Vec<Vec<Option<String>>> {
        let Some(service) = &self.service else { return self.report_of_file(sql) };
        let url = service.url();
        if url.starts_with("postgres") {
            let mut line = sqlx::PgConnection::connect(&url).await.unwrap();
            let rows = sqlx::query(sql).fetch_all(&mut line).await.unwrap();
            rows.iter().map(|row| (0..row.len()).map(|nth| row.get(nth)).collect()).collect()
        } else {
            let mut line = sqlx::MySqlConnection::connect(&url).await.unwrap();
            let rows = sqlx::query(sql).fetch_all(&mut line).await.unwrap();
            rows.iter().map(|row| (0..row.len()).map(|nth| row.get_unchecked(nth)).collect()).collect()
        }
    }

    fn report_of_file(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        let line = rusqlite::Connection::open(self.data.path().join("chat.db")).unwrap();
        let mut statement = line.prepare(sql).unwrap();
        let width = statement.column_count();
        let rows = statement.query_map([], |row| (0..width).map(|nth| row.get(nth)).collect()).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }
}

/// Makes a group that anybody may join who knows it; gives its id.
pub(crate) async fn group(person: &Person, server: &System, name: &str) -> String {
    let group = json!({ "kind": "group", "client_id": name, "name": name, "join": "open" });
    let (status, body) = person.ask(server, Method::POST, "/v1/conversations", Some(group)).await;
    assert_eq!(status, 201, "{body}");
    body["conversation"]["id"].as_str().unwrap().to_owned()
}

pub(crate) async fn join(person: &Person, server: &System, group: &str) {
    let path = format!("/v1/conversations/{group}/join");
    let (status, body) = person.ask(server, Method::POST, &path, None).await;
    assert_eq!(status, 200, "{body}");
}
