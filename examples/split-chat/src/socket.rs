//! The socket: frames `{from, message, date}` both ways, and typing, presence and reading as frames with a `type`.
//!
//! In: `{to or conversation, message}`; `{type: "typing", to or conversation, typing}`; `{type: "read", conversation,
//! seq}`; `{type: "watch", users}` asks to be told when these come and go, and is answered with who is there.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use chat_core::accounts::Identity;
use chat_core::command::{Presence, Typing};
use chat_core::delivery::{News, Open};
use chat_core::{ChatError, Command, Event, Refusal, Reply, Seq, Session, UserId, What};
use chat_host::Host;
use chat_host::answer::{Refused, bearer_or_bare};
use chat_host::dates;
use chat_host::line::{self, Frames};
use chat_host::names::{Names, named};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::envelope::Fail;
use crate::message::{Written, place, shown, write};

/// What a client sends that is no message.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
enum Said {
    Typing { to: Option<String>, conversation: Option<String>, typing: bool },
    Read { conversation: String, seq: u64 },
    Watch { users: Vec<String> },
}

/// Opens a socket for whoever shows a token: in `Authorization`, or, as browsers can, as a subprotocol.
pub(crate) async fn upgrade(
    State(host): State<Arc<Host>>,
    parts: Parts,
    socket: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Fail> {
    let socket = socket.map_err(|_| Refused::new(StatusCode::UPGRADE_REQUIRED, "this is a WebSocket"))?;
    let place = host.admit(&parts)?;
    let token = bearer_or_bare(&parts.headers).map(str::to_owned).or_else(|| line::token(&parts.headers));
    let identity = host.accounts.authenticate(&token.ok_or(Refusal::Unauthenticated)?).await?;
    let session =
        host.chat.open_with(Open::new(identity.user).login(identity.session).news(News::Entries)).await?;
    Ok(line::open(socket, &host.clone(), place, session, Wire { host, identity, names: Names::default() }))
}

/// What the original's clients speak.
struct Wire {
    host: Arc<Host>,
    identity: Identity,
    names: Names,
}

impl Frames for Wire {
    async fn event(&mut self, event: &Event) -> Result<Option<Value>, ChatError> {
        let frame = match event {
            Event::Entry(entry) => match &entry.what {
                What::Message(message) if message.deleted_at.is_none() => {
                    shown(&self.host, &mut self.names, message).await?
                }
                _ => return Ok(None),
            },
            Event::Typing(typing) if typing.user != self.identity.user => json!({
                "type": "typing",
                "from": self.names.of(&self.host, typing.user).await?,
                "conversation": typing.conversation.to_string(),
                "typing": typing.typing == Typing::Active,
            }),
            Event::Receipt(receipt) if receipt.receipt.read > Seq::ZERO => json!({
                "type": "read",
                "from": self.names.of(&self.host, receipt.user).await?,
                "conversation": receipt.conversation.to_string(),
                "seq": receipt.receipt.read.get(),
            }),
            Event::Presence(presence) => self.presence(presence).await?,
            _ => return Ok(None),
        };
        Ok(Some(frame))
    }

    async fn frame(&mut self, session: &Session, text: &str) -> Result<Option<Value>, Refused> {
        let frame: Value = serde_json::from_str(text).map_err(Refused::bad)?;
        if frame.get("type").is_none() {
            // Whoever it is for, this socket included, gets it from the log.
            let written: Written = serde_json::from_value(frame).map_err(Refused::bad)?;
            write(&self.host, self.identity, written).await?;
            return Ok(None);
        }
        let me = self.identity.user;
        match serde_json::from_value(frame).map_err(Refused::bad)? {
            Said::Typing { to, conversation, typing } => {
                let conversation = place(&self.host, me, to.as_deref(), conversation.as_deref()).await?;
                let typing = if typing { Typing::Active } else { Typing::Stopped };
                session.handle(Command::Typing { conversation, typing }).await?;
                Ok(None)
            }
            Said::Read { conversation, seq } => {
                let conversation = place(&self.host, me, None, Some(&conversation)).await?;
                let (read, delivered) = (Some(Seq::new(seq)), None);
                session.handle(Command::Receipt { conversation, read, delivered }).await?;
                Ok(None)
            }
            Said::Watch { users } => self.watch(session, &users).await.map(Some),
        }
    }

    fn refused(&self, refused: &Refused) -> Value {
        json!({ "type": "error", "message": refused.said, "data": null })
    }
}

impl Wire {
    async fn watch(&mut self, session: &Session, names: &[String]) -> Result<Value, Refused> {
        if names.len() as u64 > self.host.chat.limits().watched_users_max {
            return Err(Refusal::LimitReached.into());
        }
        let mut users: Vec<UserId> = Vec::new();
        for name in names {
            users.push(named(&self.host, name).await?);
        }
        let mut shown = Vec::new();
        if let Reply::Presence(all) = session.handle(Command::Watch { users }).await? {
            for presence in &all {
                shown.push(self.presence(presence).await?);
            }
        }
        Ok(json!({ "type": "watching", "users": shown }))
    }

    async fn presence(&mut self, presence: &Presence) -> Result<Value, ChatError> {
        Ok(json!({
            "type": "presence",
            "from": self.names.of(&self.host, presence.user).await?,
            "online": presence.online,
            "last_seen": presence.last_seen.map(dates::written),
        }))
    }
}
