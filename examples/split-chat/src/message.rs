//! Messages: written, read in pages, and as the original showed them.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use chat_core::accounts::Identity;
use chat_core::command::Destination;
use chat_core::message::ClientId;
use chat_core::{
    Attachment, AttachmentId, ChatError, Content, ConversationId, Draft, Message, Pair, Refusal, Tenant,
    Text, UserId,
};
use chat_host::Host;
use chat_host::answer::{Refused, body};
use chat_host::dates;
use chat_host::names::{Names, named};
use chat_host::pages::Paging;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::envelope::{Asked, Caller, Fail, success};

/// Where a message goes, or where it is read: a user by name, or a conversation. By name alone: names may consist of
/// digits, as ids do, and what is meant for one must not go to another.
async fn destination(
    host: &Host,
    user: Option<&str>,
    conversation: Option<&str>,
) -> Result<Destination, Refused> {
    match (user, conversation) {
        (Some(user), None) => Ok(Destination::User(named(host, user).await?)),
        (None, Some(id)) => {
            Ok(Destination::Conversation(id.parse::<ConversationId>().map_err(|_| Refusal::NotFound)?))
        }
        _ => Err(Refused::bad("one of a user and a conversation is needed")),
    }
}

/// The conversation that is meant.
pub(crate) async fn place(
    host: &Host,
    me: UserId,
    user: Option<&str>,
    conversation: Option<&str>,
) -> Result<ConversationId, Refused> {
    match destination(host, user, conversation).await? {
        Destination::Conversation(id) => Ok(id),
        Destination::User(other) => {
            let pair = Pair::new(me, other).map_err(Refusal::from)?;
            Ok(ConversationId::direct(Tenant::default(), pair))
        }
    }
}

/// A message to be written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Written {
    to: Option<String>,
    conversation: Option<String>,
    message: Option<String>,
    /// As the original's clients send it: it must be the writer's own name.
    from: Option<String>,
    /// As they send it too; the time is ours.
    #[serde(rename = "date")]
    _date: Option<String>,
    #[serde(default)]
    attachments: Vec<String>,
    /// A repeat with the same one is the same message.
    client_id: Option<String>,
}

/// Stores what was written.
pub(crate) async fn write(host: &Host, by: Identity, written: Written) -> Result<Message, Refused> {
    let Written { to, conversation, message, from, attachments, client_id, .. } = written;
    if let Some(from) = from
        && named(host, &from).await.ok() != Some(by.user)
    {
        return Err(Refusal::Forbidden.into());
    }
    let to = destination(host, to.as_deref(), conversation.as_deref()).await?;
    let text = message.map(Text::new).transpose()?;
    let files: Result<Vec<AttachmentId>, _> = attachments.iter().map(|id| id.parse()).collect();
    let mut content = Content::default();
    content.text = text;
    let mut draft = Draft::new(content).attachments(files.map_err(|_| Refusal::NotFound)?);
    draft.client_id = client_id.map(ClientId::new).transpose()?;
    Ok(host.send(by.user, to, draft).await?)
}

pub(crate) async fn send(
    State(host): State<Arc<Host>>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Json<Value>, Fail> {
    let message = write(&host, caller, body(request.into_body()).await?).await?;
    Ok(success(shown(&host, &mut Names::default(), &message).await?))
}

/// Which page of history.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    with: Option<String>,
    conversation: Option<String>,
    before: Option<String>,
    limit: Option<String>,
}

pub(crate) async fn history(
    State(host): State<Arc<Host>>,
    Caller(caller): Caller,
    Asked(wanted): Asked<Wanted>,
) -> Result<Json<Value>, Fail> {
    let Wanted { with, conversation, before, limit } = wanted;
    let of = place(&host, caller.user, with.as_deref(), conversation.as_deref()).await?;
    let page = Paging { before, limit }.read(&host.chat.actor(caller.user), of).await;
    let messages = match page {
        // They have said nothing yet.
        Err(refused) if refused.is_not_found() && with.is_some() => Vec::new(),
        page => page?,
    };
    let mut names = Names::default();
    let mut items = Vec::new();
    for message in &messages {
        items.push(shown(&host, &mut names, message).await?);
    }
    Ok(success(Value::Array(items)))
}

/// A message as the original showed it, with where it stands.
pub(crate) async fn shown(host: &Host, names: &mut Names, message: &Message) -> Result<Value, ChatError> {
    let from = match message.sender {
        Some(sender) => names.of(host, sender).await?,
        None => String::new(),
    };
    let mut shown = json!({
        "from": from,
        "message": message.text().unwrap_or_default(),
        "date": dates::written(message.created_at),
        "conversation": message.conversation.to_string(),
        "seq": message.seq.get(),
    });
    if !message.content.attachments.is_empty() {
        shown["attachments"] = message.content.attachments.iter().map(file).collect();
    }
    Ok(shown)
}

/// What is known of a file, and where it is.
fn file(file: &Attachment) -> Value {
    let id = file.id.to_string();
    json!({
        "id": id,
        "name": file.name.as_str(),
        "content_type": file.file.content_type,
        "bytes": file.file.bytes,
        "url": format!("/v1/attachments/{id}"),
    })
}
