//! People of the public room, over HTTP and sockets as the original's clients spoke.

use reqwest::Method;
use serde_json::{Value, json};
use testbed::people::{Line, PASSWORD, ask};
use testbed::system::System;

/// Starts a server with these settings and a data folder.
pub(crate) fn start(data: &tempfile::TempDir, settings: &[(&str, &str)]) -> System {
    let data = data.path().to_str().expect("a path is text");
    System::start(env!("CARGO_BIN_EXE_pubsub-chat"), &[&[("CHAT_DATA_DIR", data)], settings].concat())
        .expect("it starts")
}

/// Somebody who has signed up and logged in.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) token: String,
}

impl Person {
    pub(crate) async fn sign_up(server: &System, name: &str) -> Self {
        let account = json!({ "username": name, "password": PASSWORD });
        let (status, body) = ask(server, Method::POST, "/signup", None, Some(account)).await;
        assert_eq!(status, 201, "{body}");
        assert!(body["message"].is_string());
        Self::log_in(server, name).await
    }

    pub(crate) async fn log_in(server: &System, name: &str) -> Self {
        let account = json!({ "username": name, "password": PASSWORD });
        let (status, body) = ask(server, Method::POST, "/login", None, Some(account)).await;
        assert_eq!(status, 200, "{body}");
        Self { token: body["token"].as_str().expect("a token").to_owned() }
    }

    pub(crate) async fn get(&self, server: &System, path: &str) -> (u16, Value) {
        ask(server, Method::GET, path, Some(&self.token), None).await
    }

    /// The contents of a page of history.
    pub(crate) async fn contents(&self, server: &System, path: &str) -> Vec<String> {
        let (status, body) = self.get(server, path).await;
        assert_eq!(status, 200, "{body}");
        contents(body.as_array().expect("an array"))
    }

    pub(crate) async fn connect(&self, server: &System) -> Room {
        let protocols = format!("Bearer, {}", self.token);
        let (line, answer) =
            Line::open(server, "/ws", &[("sec-websocket-protocol", &protocols)]).await.expect("a socket");
        assert_eq!(answer["sec-websocket-protocol"], "Bearer", "and never the token");
        Room { line }
    }
}

pub(crate) fn contents(items: &[Value]) -> Vec<String> {
    items.iter().map(|item| item["content"].as_str().expect("a content").to_owned()).collect()
}

/// A socket in the room.
pub(crate) struct Room {
    pub(crate) line: Line,
}

impl Room {
    pub(crate) async fn say(&mut self, to: Option<&str>, content: &str) {
        let mut frame = json!({ "content": content });
        if let Some(to) = to {
            frame["to"] = to.into();
        }
        self.line.send(frame.to_string()).await;
    }

    /// The contents of the next frames, so many.
    pub(crate) async fn contents(&mut self, count: usize) -> Vec<String> {
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(self.line.next().await.expect("a frame"));
        }
        contents(&items)
    }
}
