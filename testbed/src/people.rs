//! People who use a server of ours: over HTTP with [`ask`], over a socket of any frames with [`Line`], and with our own
//! protocol as a [`Person`] who [talks](Talk).
//!
//! What cannot go on panics: these are for tests, where that says it best.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderMap, HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::system::System;

/// Long enough for anything that is going to happen at all.
pub const LONG: Duration = Duration::from_secs(30);

/// After which a token is good no more that was good for two seconds.
pub const EXPIRED: Duration = Duration::from_millis(3_500);

/// Everybody's password.
pub const PASSWORD: &str = "correct horse";

/// Asks, with `Authorization: Bearer` when there is a token; gives the status and the body, as text where it is no JSON.
pub async fn ask(
    server: &System,
    method: Method,
    path: &str,
    token: Option<&str>,
    body: Option<Value>,
) -> (u16, Value) {
    let mut request = Client::new().request(method, server.url(path));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    let answer = request.send().await.expect("an answer");
    let status = answer.status().as_u16();
    let text = answer.text().await.expect("a text");
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// A socket.
#[derive(Debug)]
pub struct Line(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Line {
    /// Opens one with these headers; gives those of the answer too.
    ///
    /// # Errors
    /// The status of an answer that is none.
    pub async fn open(
        server: &System,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<(Self, HeaderMap), u16> {
        let url = format!("ws://{}{path}", server.address());
        let mut request = url.into_client_request().expect("an address");
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).expect("a header");
            request.headers_mut().insert(HeaderName::from_static(name), value);
        }
        match tokio_tungstenite::connect_async(request).await {
            Ok((socket, answer)) => Ok((Self(socket), answer.headers().clone())),
            Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("no connection: {error}"),
        }
    }

    /// Sends a frame.
    pub async fn send(&mut self, frame: impl Into<String>) {
        self.0.send(Message::text(frame.into())).await.expect("it is sent");
    }

    /// The next frame that is not a ping.
    ///
    /// # Errors
    /// The code of a close, or nothing where the line just ended.
    pub async fn next(&mut self) -> Result<Value, Option<u16>> {
        let next = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).expect("JSON")),
                    Some(Ok(Message::Close(close))) => return Err(close.map(|close| close.code.into())),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Err(None),
                }
            }
        };
        timeout(LONG, next).await.expect("a frame was expected")
    }

    /// The next frame of which this is true; others are passed over.
    pub async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let frame = self.next().await.expect("a frame");
            if wanted(&frame) {
                return frame;
            }
        }
    }

    /// What is sent within this time, as far as it is sent at all.
    pub async fn within(&mut self, time: Duration) -> Option<Value> {
        timeout(time, self.next()).await.ok()?.ok()
    }
}

/// Somebody with an account, by our own protocol.
#[derive(Clone, Debug)]
pub struct Person {
    /// Who.
    pub id: String,
    /// His access token.
    pub token: String,
    /// His refresh token.
    pub refresh: String,
}

impl Person {
    /// Signs up and logs in.
    pub async fn register(server: &System, name: &str) -> Self {
        let account = json!({ "username": name, "password": PASSWORD });
        let (status, body) = ask(server, Method::POST, "/v1/accounts", None, Some(account)).await;
        assert_eq!(status, 201, "{body}");
        Self::log_in(server, name).await
    }

    /// Logs in.
    pub async fn log_in(server: &System, name: &str) -> Self {
        let login = json!({ "username": name, "password": PASSWORD });
        let (status, body) = ask(server, Method::POST, "/v1/sessions", None, Some(login)).await;
        assert_eq!(status, 201, "{body}");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        Self {
            id: text(&body["user"]["id"]),
            token: text(&body["access_token"]),
            refresh: text(&body["refresh_token"]),
        }
    }

    /// Asks.
    pub async fn ask(
        &self,
        server: &System,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        ask(server, method, path, Some(&self.token), body).await
    }

    /// Reads.
    pub async fn get(&self, server: &System, path: &str) -> (u16, Value) {
        self.ask(server, Method::GET, path, None).await
    }

    /// A socket, and its `hello`.
    pub async fn connect(&self, server: &System) -> (Talk, Value) {
        let header = format!("Bearer {}", self.token);
        let (mut line, _) =
            Line::open(server, "/v1/ws", &[("authorization", &header)]).await.expect("a socket");
        let hello = line.next().await.expect("a greeting");
        assert_eq!(hello["type"], "hello");
        (Talk { line, asked: 0 }, hello)
    }
}

/// A socket of our own protocol.
#[derive(Debug)]
pub struct Talk {
    /// Its frames.
    pub line: Line,
    asked: u64,
}

impl Talk {
    /// Asks, and gives the answer; events before it are passed over.
    pub async fn ask(&mut self, kind: &str, mut fields: Value) -> Value {
        self.asked += 1;
        fields["id"] = self.asked.into();
        fields["type"] = kind.into();
        self.line.send(fields.to_string()).await;
        let asked = self.asked;
        self.line.until(|frame| frame["id"] == asked).await
    }

    /// Writes to `("to", user)` or `("conversation", id)`, and gives the message that is stored.
    pub async fn say(&mut self, to: (&str, &str), text: &str) -> Value {
        let mut fields = json!({ "client_id": text.replace(' ', "-"), "text": text });
        fields[to.0] = to.1.into();
        let answer = self.ask("message.send", fields).await;
        assert_eq!(answer["type"], "ok", "{answer}");
        answer["message"].clone()
    }

    /// The next event of this type.
    pub async fn event(&mut self, kind: &str) -> Value {
        self.line.until(|frame| frame["type"] == kind).await
    }

    /// The text of the next message that is pushed.
    pub async fn hear(&mut self) -> String {
        let frame = self.line.until(|frame| frame["type"] == "entry" && frame["kind"] == "message").await;
        frame["message"]["text"].as_str().expect("a text").to_owned()
    }
}
