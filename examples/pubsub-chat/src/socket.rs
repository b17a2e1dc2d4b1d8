//! The socket: frames `{to?, content}` in, `{from, to, content, timestamp}` out.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::request::Parts;
use axum::response::Response;
use chat_core::accounts::Identity;
use chat_core::command::Destination;
use chat_core::delivery::{News, Open};
use chat_core::{ChatError, Draft, Event, Refusal, Session, What};
use chat_host::answer::Refused;
use chat_host::line::{self, Frames};
use chat_host::names::{Names, named};
use serde::Deserialize;
use serde_json::Value;

use crate::history::shown;
use crate::routes::Desk;

/// What a client sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    /// To whom; without it, or empty, to all.
    to: Option<String>,
    content: String,
}

/// Opens a socket for whoever shows a token.
pub(crate) async fn upgrade(
    State(desk): State<Arc<Desk>>,
    parts: Parts,
    socket: WebSocketUpgrade,
) -> Result<Response, Refused> {
    let place = desk.host.admit(&parts)?;
    let token = line::token(&parts.headers).ok_or(Refusal::Unauthenticated)?;
    let identity = desk.host.accounts.authenticate(&token).await?;
    desk.host.chat.system().add_to(desk.lobby, identity.user).await?;
    let open = Open::new(identity.user).login(identity.session).news(News::Entries);
    let session = desk.host.chat.open_with(open).await?;
    Ok(line::open(
        socket,
        &desk.clone().host,
        place,
        session,
        Wire { desk, identity, names: Names::default() },
    ))
}

/// What the original's clients speak.
struct Wire {
    desk: Arc<Desk>,
    identity: Identity,
    names: Names,
}

impl Frames for Wire {
    /// Passes on what is a message, new and not deleted since.
    async fn event(&mut self, event: &Event) -> Result<Option<Value>, ChatError> {
        let Event::Entry(entry) = event else { return Ok(None) };
        let What::Message(message) = &entry.what else { return Ok(None) };
        if message.deleted_at.is_some() {
            return Ok(None);
        }
        shown(&self.desk, &mut self.names, self.identity.user, message).await.map(Some)
    }

    /// Stores what was said. Whoever it is for, this socket included, gets it from the log.
    async fn frame(&mut self, _: &Session, text: &str) -> Result<Option<Value>, Refused> {
        let Said { to, content } = serde_json::from_str(text).map_err(Refused::bad)?;
        let to = match to.filter(|to| !to.is_empty()) {
            Some(name) => Destination::User(named(&self.desk.host, &name).await?),
            None => Destination::Conversation(self.desk.lobby),
        };
        self.desk.host.send(self.identity.user, to, Draft::text(content)?).await?;
        Ok(None)
    }
}
