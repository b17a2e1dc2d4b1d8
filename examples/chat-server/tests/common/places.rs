//! Databases of their own on the servers that the environment names, dropped with the value.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection as _};

/// A kind of server, by the variable that says where one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Postgres,
    MySql,
    MongoDb,
}

impl Kind {
    const fn variable(self) -> &'static str {
        match self {
            Self::Postgres => "CHAT_TEST_POSTGRES_URL",
            Self::MySql => "CHAT_TEST_MYSQL_URL",
            Self::MongoDb => "CHAT_TEST_MONGODB_URL",
        }
    }

    /// Its address; nothing when it is not there, which is said, or fails where all servers must be there.
    fn server(self) -> Option<String> {
        let variable = self.variable();
        let url = std::env::var(variable).ok().filter(|url| !url.is_empty());
        if url.is_none() {
            let required = std::env::var("CHAT_REQUIRE_BACKENDS").is_ok_and(|value| value == "1");
            assert!(!required, "{variable} must name a server");
            eprintln!("SKIPPED: {variable} names no server");
        }
        url
    }

    /// A new database; nothing when the server is not there.
    pub(crate) async fn place(self) -> Option<Place> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let server = self.server()?;
        let name = format!("chat_server_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let (address, query) = server.split_once('?').unwrap_or((&server, ""));
        let (scheme, rest) = address.split_once("://").unwrap();
        let host = rest.split('/').next().unwrap();
        let url = format!("{scheme}://{host}/{name}{}{query}", if query.is_empty() { "" } else { "?" });
        self.execute(&server, &format!("CREATE DATABASE {name}")).await;
        Some(Place { kind: self, server, url, name })
    }

    /// Says this to the server; MongoDB makes databases by itself.
    async fn execute(self, server: &str, text: &str) {
        let text = AssertSqlSafe(text.to_owned());
        match self {
            Self::Postgres => {
                let mut connection = sqlx::PgConnection::connect(server).await.unwrap();
                sqlx::raw_sql(text).execute(&mut connection).await.unwrap();
            }
            Self::MySql => {
                let mut connection = sqlx::MySqlConnection::connect(server).await.unwrap();
                sqlx::raw_sql(text).execute(&mut connection).await.unwrap();
            }
            Self::MongoDb => {}
        }
    }

    async fn drop_database(self, server: &str, name: &str) {
        match self {
            Self::Postgres => self.execute(server, &format!("DROP DATABASE {name} WITH (FORCE)")).await,
            Self::MySql => self.execute(server, &format!("DROP DATABASE {name}")).await,
            Self::MongoDb => {
                let client = mongodb::Client::with_uri_str(server).await.unwrap();
                client.database(name).drop().await.unwrap();
            }
        }
    }
}

/// A database of its own.
#[derive(Debug)]
pub(crate) struct Place {
    kind: Kind,
    server: String,
    name: String,
    /// For `--store`.
    pub(crate) url: String,
}

impl Place {
    /// The address with another login, which the server does not know.
    pub(crate) fn with_login(&self, login: &str) -> String {
        let (scheme, rest) = self.url.split_once("://").unwrap();
        let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
        format!("{scheme}://{login}@{rest}")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (kind, server, name) = (self.kind, self.server.clone(), self.name.clone());
        // A runtime cannot wait for itself.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(kind.drop_database(&server, &name));
        });
        assert!(dropped.join().is_ok() || std::thread::panicking(), "a database was not taken away");
    }
}
