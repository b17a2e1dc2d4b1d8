//! The messages service: what was said, and whether it was read.
//!
//! The original kept one `read` flag for a message, whoever had read it. Here each member's reading is kept by itself:
//! a message is `read` when all its other readers have read it, and `readAt` is when the last of them did.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use chat_core::message::ClientId;
use chat_core::{
    ActingAs, Attachment, AttachmentId, ChatError, Content, ConversationId, Draft, Limit, Message, Refusal,
    Seq, Text, Timestamp, UserId,
};
use chat_host::answer::{Refused, body};
use chat_host::dates;
use chat_host::pages::Paging;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Desk;
use crate::caller::Caller;
use crate::conversations;

pub(crate) fn routes() -> Router<Arc<Desk>> {
    Router::new()
        .route("/msgs/fetchMessagesByConversationId", post(fetch))
        .route("/msgs/sendMessage", post(send))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Wanted {
    conversation_id: String,
    /// The `_id` of a message, its position, or a time.
    before: Option<String>,
    limit: Option<u64>,
}

async fn fetch(
    State(desk): State<Arc<Desk>>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Json<Value>, Refused> {
    let Wanted { conversation_id, before, limit } = body(request.into_body()).await?;
    let of = conversations::id(&conversation_id)?;
    let before = before.map(|before| match MessageId::parse(&before) {
        Some(MessageId { conversation, seq }) if conversation == of => seq.to_string(),
        _ => before,
    });
    let actor = desk.host.chat.actor(caller.user);
    let paging = Paging { before, limit: limit.map(|limit| limit.to_string()) };
    let messages = paging.read(&actor, of).await?;
    let read = Readers::of(&actor, of, &messages).await?;
    let shown: Vec<Value> = messages.iter().map(|message| shown(message, read.of_message(message))).collect();
    Ok(Json(json!({ "messages": shown })))
}

/// A message that somebody writes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Written {
    conversation_id: String,
    text: Option<String>,
    #[serde(default)]
    attachments: Vec<String>,
    /// A repeat with the same one is the same message.
    client_id: Option<String>,
}

async fn send(
    State(desk): State<Arc<Desk>>,
    Caller(caller): Caller,
    request: Request,
) -> Result<(StatusCode, Json<Value>), Refused> {
    let message = write(&desk, caller.user, body(request.into_body()).await?).await?;
    Ok((StatusCode::CREATED, Json(shown(&message, Reading::default()))))
}

/// Stores what was written.
pub(crate) async fn write(desk: &Desk, by: UserId, written: Written) -> Result<Message, Refused> {
    let Written { conversation_id, text, attachments, client_id } = written;
    let files: Result<Vec<AttachmentId>, _> = attachments.iter().map(|id| id.parse()).collect();
    let mut content = Content::default();
    content.text = text.map(Text::new).transpose()?;
    let mut draft = Draft::new(content).attachments(files.map_err(|_| Refusal::NotFound)?);
    draft.client_id = client_id.map(ClientId::new).transpose()?;
    Ok(desk.host.send(by, conversations::id(&conversation_id)?.into(), draft).await?)
}

/// What a message is called here: `<conversation>:<position>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MessageId {
    pub(crate) conversation: ConversationId,
    pub(crate) seq: Seq,
}

impl MessageId {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (conversation, seq) = text.split_once(':')?;
        Some(Self { conversation: conversation.parse().ok()?, seq: Seq::new(seq.parse().ok()?) })
    }
}

impl std::fmt::Display for MessageId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.conversation, self.seq.get())
    }
}

/// Whether all its readers have read a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    is_read: bool,
    /// When the last of them had, where that was kept.
    at: Option<Timestamp>,
}

/// A message as the original showed it.
pub(crate) fn shown(message: &Message, reading: Reading) -> Value {
    let (conversation, seq) = (message.conversation, message.seq);
    let mut shown = json!({
        "_id": MessageId { conversation, seq }.to_string(),
        "conversationId": conversation.to_string(),
        "senderUuid": message.sender.map(|sender| sender.to_string()),
        "text": message.text(),
        "timestamp": dates::written(message.created_at),
        "sent": true,
        "read": reading.is_read,
        "readAt": reading.at.map(dates::written),
    });
    if !message.content.attachments.is_empty() {
        shown["attachments"] = message.content.attachments.iter().map(file).collect();
    }
    shown
}

fn file(file: &Attachment) -> Value {
    let id = file.id.to_string();
    json!({
        "id": id,
        "name": file.name.as_str(),
        "contentType": file.file.content_type,
        "bytes": file.file.bytes,
        "url": format!("/v1/attachments/{id}"),
    })
}

/// Who has read how far, and when.
pub(crate) struct Readers {
    positions: HashMap<UserId, Seq>,
    /// Of each, when he had come how far; ascending.
    marks: HashMap<UserId, Vec<(Seq, Timestamp)>>,
}

impl Readers {
    /// Those of a page of messages. In a conversation of so many that no receipts are shown there are none.
    pub(crate) async fn of(
        actor: &ActingAs,
        of: ConversationId,
        messages: &[Message],
    ) -> Result<Self, ChatError> {
        let members = actor.members(of, None, Limit::MAX).await?.items;
        let positions: HashMap<UserId, Seq> =
            members.iter().filter_map(|member| Some((member.user.id, member.receipt?.read))).collect();
        let mut marks: HashMap<UserId, Vec<(Seq, Timestamp)>> = HashMap::new();
        if let (Some(first), false) = (messages.first(), positions.is_empty()) {
            let readers: Vec<UserId> = positions.keys().copied().collect();
            for mark in actor.reads(of, &readers, first.seq, Limit::MAX).await? {
                marks.entry(mark.user).or_default().push((mark.up_to, mark.at));
            }
        }
        Ok(Self { positions, marks })
    }

    /// Whether a message was read by all but its sender, who are at least one.
    pub(crate) fn of_message(&self, message: &Message) -> Reading {
        let others = || self.positions.iter().filter(|(user, _)| Some(**user) != message.sender);
        if others().count() == 0 || others().any(|(_, read)| *read < message.seq) {
            return Reading::default();
        }
        let when = |user| {
            let marks = self.marks.get(user).map_or(&[][..], Vec::as_slice);
            marks.iter().find(|(up_to, _)| *up_to >= message.seq).map(|(_, at)| *at)
        };
        let all: Option<Vec<Timestamp>> = others().map(|(user, _)| when(user)).collect();
        Reading { is_read: true, at: all.and_then(|all| all.into_iter().max()) }
    }
}
