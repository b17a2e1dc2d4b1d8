//! What is live, as the original's roadmap had it for Socket.IO.
//!
//! In: `join_conversation {conversationId}`, `send_message {conversationId, text}`, `mark_as_read {messageId}`,
//! `typing {conversationId, typing}`. Out: `receive_message`, `message_read {messageId, readerUuid, readAt}`, `typing
//! {conversationId, userUuid, typing}`, `presence {userUuid, online, lastSeen}`, `error {event, error}`. Whoever is
//! connected gets the messages of all his conversations; joining one asks for the presence of its members.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use chat_core::accounts::Identity;
use chat_core::command::{Presence, Typing};
use chat_core::delivery::{News, Open};
use chat_core::{
    ChatError, Command, ConversationId, Event, Limit, Refusal, Reply, Seq, Session, UserId, What,
};
use chat_host::answer::{Refused, bearer};
use chat_host::dates;
use chat_socketio::{Dialect, Options};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::Desk;
use crate::conversations;
use crate::messages::{MessageId, Reading, shown, write};

/// Answers `/socket.io`, around whatever answers everything else.
pub(crate) fn around(routes: Router, desk: &Arc<Desk>) -> Router {
    let host = &desk.host;
    let mut options = Options::new(Arc::clone(&host.limiter));
    options.trusted_proxies.clone_from(&host.flags.trusted_proxy);
    let events = Events { desk: Arc::clone(desk), told: HashMap::new() };
    chat_socketio::around(routes, host.chat.clone(), options, events)
}

/// The original's events.
#[derive(Clone)]
struct Events {
    desk: Arc<Desk>,
    /// How far who was told to have read, on this connection.
    told: HashMap<(ConversationId, UserId), Seq>,
}

/// How many of those are kept; who is forgotten is told of once more.
const TOLD_MAX: usize = 8_192;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Where {
    conversation_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Read {
    message_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Types {
    conversation_id: String,
    typing: bool,
}

impl Dialect for Events {
    /// By the cookie of the access token, which counts only for pages of ours, or by `auth: {token}`.
    async fn enter(&self, parts: &Parts, auth: &Value) -> Result<Open, String> {
        let identity = self.identity(parts, auth).await.map_err(|refused| refused.said)?;
        Ok(Open::new(identity.user).login(identity.session).news(News::Entries))
    }

    async fn take(&self, session: &Session, event: &str, data: Value) -> Result<Value, Value> {
        self.done(session, event, data)
            .await
            .map_err(|refused| json!({ "event": event, "error": refused.said }))
    }

    fn too_often(&self, error: &ChatError) -> Value {
        json!({ "error": error.to_string() })
    }

    async fn show(
        &mut self,
        session: &Session,
        event: &Event,
    ) -> Result<Option<(&'static str, Value)>, ChatError> {
        Ok(match event {
            Event::Entry(entry) => match &entry.what {
                What::Message(message) if message.deleted_at.is_none() => {
                    Some(("receive_message", shown(message, Reading::default())))
                }
                _ => None,
            },
            Event::Receipt(receipt) if receipt.receipt.read > Seq::ZERO => {
                let (conversation, seq) = (receipt.conversation, receipt.receipt.read);
                // What is received, and what is told again, was read before.
                if !self.rises(conversation, receipt.user, seq) {
                    return Ok(None);
                }
                let actor = self.desk.host.chat.actor(session.user());
                let one = Limit::new(1).expect("one is a limit");
                let marks = actor.reads(conversation, &[receipt.user], seq, one).await.unwrap_or_default();
                let at = marks.first().map_or_else(|| self.desk.host.chat.now(), |mark| mark.at);
                let told = json!({
                    "messageId": MessageId { conversation, seq }.to_string(),
                    "readerUuid": receipt.user.to_string(),
                    "readAt": dates::written(at),
                });
                Some(("message_read", told))
            }
            Event::Typing(typing) if typing.user != session.user() => {
                let told = json!({
                    "conversationId": typing.conversation.to_string(),
                    "userUuid": typing.user.to_string(),
                    "typing": typing.typing == Typing::Active,
                });
                Some(("typing", told))
            }
            Event::Presence(presence) => Some(("presence", told_presence(presence))),
            _ => None,
        })
    }
}

impl Events {
    fn rises(&mut self, conversation: ConversationId, user: UserId, seq: Seq) -> bool {
        let known = self.told.get(&(conversation, user)).copied();
        if known.is_some_and(|known| known >= seq) {
            return false;
        }
        if known.is_none() && self.told.len() >= TOLD_MAX {
            self.told.clear();
        }
        self.told.insert((conversation, user), seq);
        true
    }

    async fn identity(&self, parts: &Parts, auth: &Value) -> Result<Identity, Refused> {
        let accounts = &self.desk.host.accounts;
        if parts.headers.contains_key(AUTHORIZATION) {
            let token = bearer(&parts.headers).ok_or(Refusal::Unauthenticated)?;
            return Ok(accounts.authenticate(token).await?);
        }
        if let Some(token) = auth.get("token").and_then(Value::as_str) {
            return Ok(accounts.authenticate(token).await?);
        }
        let cookies = &self.desk.cookies;
        cookies.check_socket(parts).map_err(|error| Refused::bad(error.to_string()))?;
        let token = cookies.access_token(&parts.headers).ok_or(Refusal::Unauthenticated)?;
        Ok(accounts.authenticate(token.expose()).await?)
    }

    async fn done(&self, session: &Session, event: &str, data: Value) -> Result<Value, Refused> {
        match event {
            "join_conversation" => {
                let Where { conversation_id } = read(data)?;
                let id = conversations::id(&conversation_id)?;
                let actor = self.desk.host.chat.actor(session.user());
                let members = actor.members(id, None, Limit::MAX).await?.items;
                let mut users: Vec<UserId> = members.iter().map(|member| member.user.id).collect();
                users.retain(|user| *user != session.user());
                // Whoever watches as many as one may still joins.
                let presence = match session.handle(Command::Watch { users }).await {
                    Ok(Reply::Presence(all)) => all.iter().map(told_presence).collect(),
                    Err(error) if error.refusal() != Some(Refusal::LimitReached) => return Err(error.into()),
                    _ => Vec::new(),
                };
                Ok(json!({ "conversationId": conversation_id, "presence": presence }))
            }
            "send_message" => {
                let message = write(&self.desk, session.user(), read(data)?).await?;
                Ok(shown(&message, Reading::default()))
            }
            "mark_as_read" => {
                let Read { message_id } = read(data)?;
                let MessageId { conversation, seq } =
                    MessageId::parse(&message_id).ok_or(Refusal::NotFound)?;
                let (read, delivered) = (Some(seq), None);
                session.handle(Command::Receipt { conversation, read, delivered }).await?;
                Ok(json!({ "messageId": message_id }))
            }
            "typing" => {
                let Types { conversation_id, typing } = read(data)?;
                let typing = if typing { Typing::Active } else { Typing::Stopped };
                let conversation = conversations::id(&conversation_id)?;
                session.handle(Command::Typing { conversation, typing }).await?;
                Ok(json!({ "conversationId": conversation_id }))
            }
            _ => Err(Refused::bad("no such event")),
        }
    }
}

fn read<T: DeserializeOwned>(data: Value) -> Result<T, Refused> {
    serde_json::from_value(data).map_err(Refused::bad)
}

fn told_presence(presence: &Presence) -> Value {
    json!({
        "userUuid": presence.user.to_string(),
        "online": presence.online,
        "lastSeen": presence.last_seen.map(dates::written),
    })
}
