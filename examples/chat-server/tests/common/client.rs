//! A small client of the wire protocol, for tests that must see every frame as it is.
//!
//! It knows nothing of the crates under test, so that a mistake which client and server share cannot hide.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

use std::collections::VecDeque;
use std::net::SocketAddr;

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::{Client, Method};
use serde_json::{Map, Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

/// The password of everybody.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// Somebody logged in.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) token: String,
}

/// Makes an account.
pub(crate) async fn register(server: SocketAddr, username: &str) {
    let account = json!({"username": username, "password": PASSWORD});
    let (status, body) = call(server, None, Method::POST, "/v1/accounts", &account).await;
    assert_eq!(status, 201, "{body}");
}

/// Logs in.
pub(crate) async fn log_in(server: SocketAddr, username: &str) -> Login {
    let credentials = json!({"username": username, "password": PASSWORD});
    let (status, body) = call(server, None, Method::POST, "/v1/sessions", &credentials).await;
    assert!(status == 200 || status == 201, "{status} {body}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Login { user: text(&body["user"]["id"]), token: text(&body["access_token"]) }
}

/// Makes two people friends.
pub(crate) async fn befriend(server: SocketAddr, one: &Login, other: &Login) {
    for (who, whom, act) in [(one, other, "request"), (other, one, "accept")] {
        let path = format!("/v1/friends/{}/{act}", whom.user);
        let (status, body) = call(server, Some(who), Method::PUT, &path, &Value::Null).await;
        assert!((200..300).contains(&status), "{status} {body}");
    }
}

/// Two new people, ana and bogdan, who are friends.
pub(crate) async fn two_friends(server: SocketAddr) -> [Login; 2] {
    for name in ["ana", "bogdan"] {
        register(server, name).await;
    }
    let both = [log_in(server, "ana").await, log_in(server, "bogdan").await];
    befriend(server, &both[0], &both[1]).await;
    both
}

/// Says something to somebody, the same again for the same number, and gives the answer.
pub(crate) async fn say(line: &mut Line, to: &Login, nth: u64) -> Value {
    let message =
        json!({"to": to.user, "client_id": format!("message-{nth}"), "text": format!("text {nth}")});
    line.ask("message.send", message).await.unwrap()
}

/// The one conversation somebody has, as it is listed.
pub(crate) async fn the_conversation(server: SocketAddr, login: &Login) -> Value {
    let (status, list) = call(server, Some(login), Method::GET, "/v1/conversations", &Value::Null).await;
    assert_eq!(status, 200, "{list}");
    list["items"][0].clone()
}

/// The head of it.
pub(crate) async fn head(server: SocketAddr, login: &Login) -> u64 {
    the_conversation(server, login).await["head"].as_u64().unwrap()
}

/// How a device that has this much of a conversation is told to go on.
pub(crate) async fn resumed(
    server: SocketAddr,
    login: &Login,
    epoch: &Value,
    conversation: &str,
    has: u64,
) -> Value {
    let mut line = Line::open(server, login, "?resume=true").await.unwrap();
    let sync = json!({"epoch": epoch, "conversations": {conversation: has}});
    line.ask("sync", sync).await.unwrap()["conversations"][conversation]["state"].clone()
}

/// Calls the REST API and gives the status with the answer, which is null when it is empty.
pub(crate) async fn call(
    server: SocketAddr,
    login: Option<&Login>,
    method: Method,
    path: &str,
    body: &Value,
) -> (u16, Value) {
    let mut request = Client::new().request(method, format!("http://{server}{path}"));
    if let Some(login) = login {
        request = request.bearer_auth(&login.token);
    }
    if !body.is_null() {
        request = request.json(body);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default())
}

/// A connected device.
#[derive(Debug)]
pub(crate) struct Line {
    socket: WebSocketStream<TcpStream>,
    hello: Value,
    next_id: u64,
    pushed: VecDeque<Value>,
}

impl Line {
    /// Connects; `query` is what follows the path, such as `?resume=true`. The `hello` is read already.
    pub(crate) async fn open(server: SocketAddr, login: &Login, query: &str) -> Result<Self, Error> {
        let mut request = format!("ws://{server}/v1/ws{query}").into_client_request()?;
        let bearer = HeaderValue::from_str(&format!("Bearer {}", login.token)).expect("tokens are ASCII");
        request.headers_mut().insert("authorization", bearer);
        let stream = TcpStream::connect(server).await.map_err(Error::Io)?;
        let (socket, _) = client_async(request, stream).await?;
        let mut line = Self { socket, hello: Value::Null, next_id: 0, pushed: VecDeque::new() };
        line.hello = line.frame().await?;
        // A server that cannot look up who this is, for now, says so and hangs up.
        if line.hello["type"] == "closing" && line.hello["code"] == 1013 {
            return Err(Error::ConnectionClosed);
        }
        assert_eq!(line.hello["type"], "hello", "{}", line.hello);
        Ok(line)
    }

    /// The server's first frame.
    pub(crate) fn hello(&self) -> &Value {
        &self.hello
    }

    /// Sends a request and gives its `id` without waiting for the answer.
    pub(crate) async fn send(&mut self, kind: &str, fields: Value) -> Result<u64, Error> {
        self.next_id += 1;
        let mut frame =
            Map::from_iter([("id".to_owned(), self.next_id.into()), ("type".to_owned(), kind.into())]);
        frame.append(&mut serde_json::from_value(fields).expect("an object"));
        self.socket.send(Message::text(Value::Object(frame).to_string())).await?;
        Ok(self.next_id)
    }

    /// Sends a request and waits for its answer, whatever it is; what is pushed meanwhile is kept.
    pub(crate) async fn answer(&mut self, kind: &str, fields: Value) -> Result<Value, Error> {
        let id = self.send(kind, fields).await?;
        loop {
            let frame = self.frame().await?;
            if frame["id"] == id {
                return Ok(frame);
            }
            self.pushed.push_back(frame);
        }
    }

    /// Sends a request and waits for its `ok`.
    pub(crate) async fn ask(&mut self, kind: &str, fields: Value) -> Result<Value, Error> {
        let answer = self.answer(kind, fields).await?;
        assert_eq!(answer["type"], "ok", "{kind}: {answer}");
        Ok(answer)
    }

    /// The next frame: what was kept, then what comes.
    pub(crate) async fn next(&mut self) -> Result<Value, Error> {
        match self.pushed.pop_front() {
            Some(frame) => Ok(frame),
            None => self.frame().await,
        }
    }

    /// The next frame from the socket.
    async fn frame(&mut self) -> Result<Value, Error> {
        loop {
            match self.socket.next().await.ok_or(Error::ConnectionClosed)?? {
                Message::Text(text) => return Ok(serde_json::from_str(&text).expect("the server sends JSON")),
                Message::Close(_) => return Err(Error::ConnectionClosed),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("the server sends text only: {other:?}"),
            }
        }
    }
}
