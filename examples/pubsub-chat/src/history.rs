//! What was said, as the original showed it.

use std::sync::Arc;

use axum::Json;
use chat_core::{ChatError, ConversationId, Message, Pair, Tenant, UserId};
use chat_host::answer::Refused;
use chat_host::dates;
use chat_host::names::Names;
use chat_host::pages::Paging;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::routes::Desk;

/// What may be asked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// With whom; where the path says it already it is not read.
    pub(crate) to: Option<String>,
    /// As of a [`Paging`].
    before: Option<String>,
    limit: Option<String>,
}

/// Of the public room.
pub(crate) async fn public(desk: &Arc<Desk>, user: UserId, wanted: Wanted) -> Result<Json<Value>, Refused> {
    page(desk, user, desk.lobby, wanted).await
}

/// Between two people; nothing, where they have said nothing.
pub(crate) async fn with(
    desk: &Arc<Desk>,
    user: UserId,
    other: UserId,
    wanted: Wanted,
) -> Result<Json<Value>, Refused> {
    let pair = Pair::new(user, other).map_err(|_| Refused::bad("that is yourself"))?;
    let direct = ConversationId::direct(Tenant::default(), pair);
    match page(desk, user, direct, wanted).await {
        Err(refused) if refused.is_not_found() => Ok(Json(json!([]))),
        page => page,
    }
}

async fn page(
    desk: &Arc<Desk>,
    user: UserId,
    of: ConversationId,
    Wanted { before, limit, .. }: Wanted,
) -> Result<Json<Value>, Refused> {
    let messages = Paging { before, limit }.read(&desk.host.chat.actor(user), of).await?;
    let mut names = Names::default();
    let mut items = Vec::new();
    for message in &messages {
        items.push(shown(desk, &mut names, user, message).await?);
    }
    Ok(Json(Value::Array(items)))
}

/// A message as the original showed it, and its position.
pub(crate) async fn shown(
    desk: &Desk,
    names: &mut Names,
    me: UserId,
    message: &Message,
) -> Result<Value, ChatError> {
    let from = match message.sender {
        Some(sender) => names.of(&desk.host, sender).await?,
        None => String::new(),
    };
    let to = if message.conversation == desk.lobby {
        String::new()
    } else if message.sender == Some(me) {
        names.other(&desk.host, me, message.conversation).await?
    } else {
        names.of(&desk.host, me).await?
    };
    Ok(json!({
        "from": from,
        "to": to,
        "content": message.text().unwrap_or_default(),
        "timestamp": dates::written(message.created_at),
        "seq": message.seq.get(),
    }))
}
