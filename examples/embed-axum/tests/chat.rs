//! Two people of the application talk: they log in with its form, and its cookie is all the chat ever sees.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

use std::net::SocketAddr;
use std::path::Path;

use embed_axum::App;
use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::header::{COOKIE, SET_COOKIE};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// The application, running.
struct Running {
    address: SocketAddr,
    end: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
}

impl Running {
    async fn start(folder: &Path) -> Self {
        let app = App::open(folder).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (end, ended) = oneshot::channel();
        let served = tokio::spawn(async move {
            let router = app.clone().router();
            chat_transport_ws::serve(listener, router, app.chat, async { drop(ended.await) }).await
        });
        Self { address, end, served }
    }

    async fn stop(self) {
        self.end.send(()).unwrap();
        self.served.await.unwrap().unwrap();
    }

    /// Registers somebody and logs him in, as a browser would.
    async fn sign_up(&self, name: &str) -> Person {
        let form = [("name", name), ("password", "correct horse")];
        let registered = Client::new().post(self.url("/register")).form(&form).send().await.unwrap();
        assert_eq!(registered.status(), StatusCode::CREATED);
        let id = registered.text().await.unwrap();
        let logged_in = Client::new().post(self.url("/login")).form(&form).send().await.unwrap();
        let cookie = logged_in.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
        Person { id, cookie }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn call(&self, who: &Person, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let mut request = Client::new().request(method, self.url(path)).header(COOKIE, &who.cookie);
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        (answer.status(), serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default())
    }

    async fn befriend(&self, one: &Person, other: &Person) {
        for (who, whom, act) in [(one, other, "request"), (other, one, "accept")] {
            let path = format!("/chat/v1/friends/{}/{act}", whom.id);
            let (status, body) = self.call(who, Method::PUT, &path, Value::Null).await;
            assert!(status.is_success(), "{status} {body}");
        }
    }

    async fn connect(&self, who: &Person) -> Socket {
        let mut request = format!("ws://{}/chat/v1/ws", self.address).into_client_request().unwrap();
        request.headers_mut().insert(COOKIE, who.cookie.parse().unwrap());
        Socket(connect_async(request).await.unwrap().0)
    }
}

struct Person {
    id: String,
    cookie: String,
}

struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// The next frame of this type; `None` when the server closes before.
    async fn next(&mut self, kind: &str) -> Option<Value> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => {
                    let frame: Value = serde_json::from_str(&text).unwrap();
                    if frame["type"] == kind {
                        return Some(frame);
                    }
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => return None,
            }
        }
    }
}

#[tokio::test]
async fn two_users_of_the_application_talk() {
    let folder = tempfile::tempdir().unwrap();
    let app = Running::start(folder.path()).await;
    let (ana, bo) = (app.sign_up("ana").await, app.sign_up("bo").await);
    assert_eq!((ana.id.as_str(), bo.id.as_str()), ("1", "2"), "the table's own integers");
    app.befriend(&ana, &bo).await;

    let mut of_bo = app.connect(&bo).await;
    assert_eq!(of_bo.next("hello").await.unwrap()["user"]["id"], "2");
    let mut of_ana = app.connect(&ana).await;
    let send = json!({"id": 1, "type": "message.send", "to": "2", "client_id": "one", "text": "hello"});
    of_ana.0.send(Message::text(send.to_string())).await.unwrap();
    let acked = of_ana.next("ok").await.unwrap();
    let entry = of_bo.next("entry").await.unwrap();
    assert_eq!((&entry["by"], &entry["message"]["text"]), (&json!("1"), &json!("hello")));
    assert_eq!(entry["message"]["id"], acked["message"]["id"]);

    let (status, list) = app.call(&bo, Method::GET, "/chat/v1/conversations", Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(list["items"][0]["with"]["username"], "ana", "{list}");
    assert_eq!(list["items"][0]["unread"], 1, "{list}");
    app.stop().await;
}

#[tokio::test]
async fn people_are_those_of_the_users_table() {
    let folder = tempfile::tempdir().unwrap();
    let app = Running::start(folder.path()).await;
    let (ana, bo) = (app.sign_up("ana").await, app.sign_up("bo").await);
    let (_, found) = app.call(&ana, Method::GET, "/chat/v1/users?query=b", Value::Null).await;
    assert_eq!(found["items"], json!([{"id": "2", "username": "bo"}]));
    let (_, found) = app.call(&ana, Method::GET, "/chat/v1/users?username=bo", Value::Null).await;
    assert_eq!(found, json!({"id": "2", "username": "bo"}));
    let (status, _) = app.call(&ana, Method::PUT, "/chat/v1/friends/3/request", Value::Null).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "nobody has this id");
    let (status, _) = app.call(&bo, Method::POST, "/chat/v1/accounts", json!({})).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "the chat has no accounts of its own");
    app.stop().await;

    let chat = rusqlite::Connection::open(folder.path().join("chat.db")).unwrap();
    let rows: i64 = chat.query_row("SELECT count(*) FROM chat_accounts", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 0, "the chat makes no user rows");
}

#[tokio::test]
async fn who_logs_out_of_the_application_is_out_of_the_chat() {
    let folder = tempfile::tempdir().unwrap();
    let app = Running::start(folder.path()).await;
    let ana = app.sign_up("ana").await;
    let mut socket = app.connect(&ana).await;
    socket.next("hello").await.unwrap();
    let (status, _) = app.call(&ana, Method::POST, "/logout", Value::Null).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(socket.next("closing").await.unwrap()["code"], 4401);
    let (status, _) = app.call(&ana, Method::GET, "/chat/v1/conversations", Value::Null).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    app.stop().await;
}

#[test]
fn the_chat_was_added_in_at_most_forty_lines() {
    let is_code = |line: &&str| {
        let line = line.trim();
        !line.is_empty() && !["//", "use "].iter().any(|beginning| line.starts_with(beginning))
    };
    let added = include_str!("../src/chat.rs").lines().filter(is_code).count();
    let others =
        [include_str!("../src/lib.rs"), include_str!("../src/main.rs"), include_str!("../src/pages.rs")];
    let others = others.iter().flat_map(|file| file.lines()).filter(is_code);
    let elsewhere = others.filter(|line| line.contains("chat")).count();
    println!("{} lines, imports and comments apart", added + elsewhere);
    assert!(added + elsewhere <= 40, "{added} lines in chat.rs and {elsewhere} elsewhere");
    assert!(!include_str!("../src/users.rs").contains("chat_"), "the users know nothing of it");
}

#[test]
fn the_readme_shows_this_code() {
    let (_, section) = include_str!("../../../README.md").split_once("\n## Embedding\n").unwrap();
    let (_, block) = section.split_once("```rust\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let sources = [include_str!("../src/chat.rs"), include_str!("../src/lib.rs")].concat();
    for line in block.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
        assert!(sources.contains(line), "{line}");
    }
}
