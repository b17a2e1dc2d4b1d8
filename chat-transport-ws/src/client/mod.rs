//! A client: it reconnects, goes on where it was, and asks again what was not answered.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use chat_transport_ws::client::{Client, Event, Options, To};
//!
//! let (client, mut events) = Client::start(Options::new("ws://127.0.0.1:8080/v1/ws", "a token".to_owned()));
//! let sent = client.send(&To::user("7"), "hello").await?;
//! println!("stored as {}", sent.message.seq);
//! while let Some(event) = events.next().await {
//!     if let Event::Entry(entry) = event {
//!         println!("{} said {:?}", entry.by.unwrap_or_default(), entry.message);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! What is given out is complete and in order per conversation, whatever happens to lines and servers, or says so: an
//! [`Event::Reset`] where too much was missed, an [`Event::Fault`] where a server broke its promise. [`Events::position`]
//! is what to keep to go on after a restart.
//!
//! It leaves out the REST side, and TLS: `wss://` works as soon as the application enables a TLS feature of
//! `tokio-tungstenite`.

mod backoff;
mod driver;
mod event;
mod line;
mod model;
mod options;
mod position;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

pub use event::{Event, Fault, Over};
pub use model::{
    Conversation, Entry, Friendship, Hello, History, Message, Page, Presence, Profile, Receipt, Refused,
    Sent, Typing,
};
pub use options::{Last, NoToken, Options, Tokens};
pub use position::Position;

use driver::{Ask, Driver};

/// Events that may wait for the application. One more, and nothing is read from the server before one is taken.
const EVENTS_MAX: usize = 16 * 1024;

/// Requests that may wait for the driver.
const ASKS_MAX: usize = 64;

/// Why there is no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// The server said no.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The client does not go on, see [`Event::Over`]. Whether it was done is unknown.
    #[error("the client does not go on")]
    Over,
    /// The answer is not what was expected.
    #[error("the answer cannot be read: {0}")]
    Unreadable(String),
}

/// Where a message goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// To a conversation.
    Conversation(String),
    /// To the direct conversation with a user, which is made when it is not there.
    User(String),
}

impl To {
    /// To a conversation.
    pub fn conversation(id: impl Into<String>) -> Self {
        Self::Conversation(id.into())
    }

    /// To a user.
    pub fn user(id: impl Into<String>) -> Self {
        Self::User(id.into())
    }

    const fn field(&self) -> (&'static str, &String) {
        match self {
            Self::Conversation(id) => ("conversation", id),
            Self::User(id) => ("to", id),
        }
    }
}

/// Asks a server, over whichever line there is. Cheap to clone; the last one dropped ends the client.
#[derive(Clone, Debug)]
pub struct Client {
    asks: mpsc::Sender<Ask>,
}

impl Client {
    /// Begins to connect, and goes on until it is dropped or not let in. Must be called inside a tokio runtime.
    pub fn start(options: Options) -> (Self, Events) {
        let (asks, asked) = mpsc::channel(ASKS_MAX);
        let (tell, told) = mpsc::channel(EVENTS_MAX);
        let position = options.position.clone();
        tokio::spawn(Driver::new(options, asked, tell).run());
        (Self { asks }, Events { told, position })
    }

    /// Asks anything of the protocol: `kind` is its `type`, `fields` what else it takes.
    ///
    /// When the line is cut before the answer, it is asked again on the next one, in the order of the first time. So
    /// what adds something should carry a `client_id`.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn ask<T: DeserializeOwned>(&self, kind: &str, fields: impl Serialize) -> Result<T, AskError> {
        let unreadable = |error: serde_json::Error| AskError::Unreadable(error.to_string());
        let mut request = match serde_json::to_value(fields).map_err(unreadable)? {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        request.insert("type".to_owned(), json!(kind));
        let (answer, answered) = oneshot::channel();
        self.asks.send(Ask { request, answer }).await.map_err(|_| AskError::Over)?;
        let frame = answered.await.map_err(|_| AskError::Over)??;
        serde_json::from_str(&frame).map_err(unreadable)
    }

    /// Sends a message. It is stored once, however often the line is cut.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn send(&self, to: &To, text: &str) -> Result<Sent, AskError> {
        self.send_as(&Uuid::now_v7().to_string(), to, text).await
    }

    /// Sends a message under an id of one's own: repeated, also after a restart, it is stored once.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn send_as(&self, client_id: &str, to: &To, text: &str) -> Result<Sent, AskError> {
        let (field, id) = to.field();
        self.ask("message.send", json!({ field: id, "client_id": client_id, "text": text })).await
    }

    /// The last messages of a conversation, or those before a position.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn history(
        &self,
        conversation: &str,
        before: Option<u64>,
        limit: u32,
    ) -> Result<History, AskError> {
        let mut fields = json!({ "conversation": conversation, "limit": limit });
        if let Some(before) = before {
            fields["before"] = json!(before);
        }
        self.ask("history", fields).await
    }

    /// Tells that everything up to here has been read.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn read(&self, conversation: &str, seq: u64) -> Result<(), AskError> {
        self.done("receipt", json!({ "conversation": conversation, "read": seq })).await
    }

    /// Asks somebody to be a friend.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn request_friend(&self, user: &str) -> Result<(), AskError> {
        self.done("friend.request", json!({ "user": user })).await
    }

    /// Becomes a friend of somebody who has asked.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn accept_friend(&self, user: &str) -> Result<(), AskError> {
        self.done("friend.accept", json!({ "user": user })).await
    }

    /// One's friends, requests and blocks; `cursor` is the `next` of the page before.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn friends(&self, cursor: Option<&str>) -> Result<Page<Friendship>, AskError> {
        self.ask("friend.list", page(cursor)).await
    }

    /// One's conversations; `cursor` is the `next` of the page before.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn conversations(&self, cursor: Option<&str>) -> Result<Page<Conversation>, AskError> {
        self.ask("conversation.list", page(cursor)).await
    }

    async fn done(&self, kind: &str, fields: Value) -> Result<(), AskError> {
        self.ask::<serde::de::IgnoredAny>(kind, fields).await.map(drop)
    }
}

fn page(cursor: Option<&str>) -> Value {
    cursor.map_or_else(|| json!({}), |cursor| json!({ "cursor": cursor }))
}

/// What happens, in order. It must be taken: when too much waits, nothing more is read from the server, answers
/// included. Dropping this makes the client one that only asks.
#[derive(Debug)]
pub struct Events {
    told: mpsc::Receiver<Event>,
    position: Position,
}

impl Events {
    /// The next event; `None` after [`Event::Over`]. Cancel-safe.
    pub async fn next(&mut self) -> Option<Event> {
        let event = self.told.recv().await?;
        self.position.advance(&event);
        Some(event)
    }

    /// How far everything goes that was taken so far: a client that starts from here misses nothing.
    pub const fn position(&self) -> &Position {
        &self.position
    }
}
