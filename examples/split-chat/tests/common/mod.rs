//! The server on its two databases, and people who speak as the original's clients did.

use reqwest::Method;
use serde_json::{Value, json};
use testbed::people::{Line, PASSWORD, ask};
use testbed::services::{MongoJava, Mongod, Postgres, Service};
use testbed::system::System;

/// Two databases, with the data folder of the servers on them.
pub(crate) struct Base {
    pub(crate) data: tempfile::TempDir,
    services: Option<(Service, Service)>,
}

impl Base {
    /// Two files.
    pub(crate) fn files() -> Self {
        Self { data: tempfile::tempdir().expect("a folder"), services: None }
    }

    /// PostgreSQL and MongoDB, or what speaks like it.
    pub(crate) fn servers() -> Option<Self> {
        let people = Service::start_or_skip(&Postgres)?;
        let talk = Service::start(&Mongod).ok().or_else(|| Service::start_or_skip(&MongoJava))?;
        Some(Self { services: Some((people, talk)), ..Self::files() })
    }

    /// Each pair that is at hand.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        [Some(Self::files()), Self::servers()].into_iter().flatten()
    }

    pub(crate) fn start(&self) -> System {
        self.start_with(&[])
    }

    pub(crate) fn start_with(&self, more: &[(&str, &str)]) -> System {
        let urls = self.services.as_ref().map(|(people, talk)| (people.url(), talk.url()));
        let mut settings = vec![("CHAT_DATA_DIR", self.data.path().to_str().expect("text"))];
        if let Some((people, talk)) = &urls {
            settings.extend([("CHAT_ACCOUNTS_STORE", people.as_str()), ("CHAT_STORE", talk.as_str())]);
        }
        settings.extend(more);
        System::start(env!("CARGO_BIN_EXE_split-chat"), &settings).expect("it starts")
    }
}

/// Somebody who has registered and logged in.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) token: String,
    pub(crate) refresh: String,
}

/// What a registration says.
pub(crate) fn registration(name: &str) -> Value {
    json!({
        "username": name,
        "password": PASSWORD,
        "full_name": format!("{name} of Split"),
        "email": format!("{name}@example.org"),
    })
}

/// Asks, and looks whether the answer is in its envelope; gives status and data, or the message of what was refused.
pub(crate) async fn call(
    server: &System,
    method: Method,
    path: &str,
    token: Option<&str>,
    body: Option<Value>,
) -> (u16, Value) {
    let (status, answer) = ask(server, method, path, token, body).await;
    let object = answer.as_object().unwrap_or_else(|| panic!("{path}: {answer}"));
    assert_eq!(object.keys().collect::<Vec<_>>(), ["data", "message"], "{path}: {answer}");
    if status < 300 {
        assert_eq!(answer["message"], "success");
        (status, answer["data"].clone())
    } else {
        assert!(answer["data"].is_null() && answer["message"].is_string(), "{path}: {answer}");
        (status, answer["message"].clone())
    }
}

impl User {
    pub(crate) async fn register(server: &System, name: &str) -> Self {
        let (status, data) =
            call(server, Method::POST, "/user/v1/register", None, Some(registration(name))).await;
        assert_eq!(status, 201, "{data}");
        Self::log_in(server, name).await
    }

    pub(crate) async fn log_in(server: &System, name: &str) -> Self {
        let login = json!({ "username": name, "password": PASSWORD });
        let (status, data) = call(server, Method::POST, "/user/v1/login", None, Some(login)).await;
        assert_eq!(status, 200, "{data}");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        Self { token: text(&data["token"]), refresh: text(&data["refresh_token"]) }
    }

    pub(crate) async fn call(
        &self,
        server: &System,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        call(server, method, path, Some(&self.token), body).await
    }

    /// The messages of a page of history.
    pub(crate) async fn history(&self, server: &System, query: &str) -> Vec<Value> {
        let path = format!("/message/v1/history?{query}");
        let (status, data) = self.call(server, Method::GET, &path, None).await;
        assert_eq!(status, 200, "{data}");
        data.as_array().expect("an array").clone()
    }

    /// A socket.
    pub(crate) async fn connect(&self, server: &System) -> Line {
        let header = format!("Bearer {}", self.token);
        Line::open(server, "/ws/", &[("authorization", &header)]).await.expect("a socket").0
    }
}

/// Writes to somebody.
pub(crate) async fn say(line: &mut Line, to: &str, message: &str) {
    line.send(json!({ "to": to, "message": message }).to_string()).await;
}

/// The next message.
pub(crate) async fn heard(line: &mut Line) -> Value {
    let frame = line.until(|frame| frame.get("type").is_none() || frame["type"] == "error").await;
    assert_ne!(frame["type"], "error", "{frame}");
    frame
}

pub(crate) fn texts(messages: &[Value]) -> Vec<String> {
    messages.iter().map(|message| message["message"].as_str().expect("a text").to_owned()).collect()
}
