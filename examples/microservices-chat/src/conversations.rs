//! The messages service: conversations.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};
use chat_core::command::{Changed, NewConversation, Summary, Update};
use chat_core::message::{ClientId, Patch};
use chat_core::store::AccountState;
use chat_core::{ChatError, ConversationId, EntryId, Kind, Limit, Refusal, Role, Timestamp, UserId};
use chat_host::answer::{Asked, Refused, body};
use chat_host::{dates, pages};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Desk;
use crate::caller::Caller;
use crate::users::given;

pub(crate) fn routes() -> Router<Arc<Desk>> {
    Router::new()
        .route("/conversation/fetchAllConversations", get(list))
        .route("/conversation/createConversation", post(create))
        .route("/conversation/updateConversation", put(update))
        .route("/conversation/deleteConversation", delete(remove))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Walk {
    /// The `_id` of the last one of the page before.
    after: Option<String>,
    limit: Option<String>,
}

/// Newest first, which is known when all are: there are as many as one user may have.
async fn list(
    State(desk): State<Arc<Desk>>,
    Caller(caller): Caller,
    Asked(Walk { after, limit }): Asked<Walk>,
) -> Result<Json<Value>, Refused> {
    let limit = pages::limit(limit.as_deref(), Limit::MAX)?;
    let actor = desk.host.chat.actor(caller.user);
    let mut all = Vec::new();
    let mut next = None;
    loop {
        let page = actor.conversations(next, Limit::MAX).await?;
        all.extend(page.items);
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    all.sort_by_key(|summary| std::cmp::Reverse((changed_at(summary), summary.id)));
    let from = match after {
        None => 0,
        Some(after) => {
            let after = id(&after)?;
            all.iter().position(|summary| summary.id == after).ok_or(Refusal::NotFound)? + 1
        }
    };
    let mut shown = Vec::new();
    for summary in all.iter().skip(from).take(limit.get()) {
        shown.push(as_shown(&desk, caller.user, summary).await?);
    }
    Ok(Json(json!({ "conversations": shown })))
}

fn changed_at(summary: &Summary) -> Timestamp {
    summary.last_message.as_ref().map_or(summary.created_at, |message| message.created_at)
}

/// A conversation of a text that is its id, or of nobody.
pub(crate) fn id(text: &str) -> Result<ConversationId, Refusal> {
    text.parse().map_err(|_| Refusal::NotFound)
}

/// A conversation as the original showed it. The participants of a large one are its first 200.
async fn as_shown(desk: &Desk, me: UserId, summary: &Summary) -> Result<Value, ChatError> {
    let members = desk.host.chat.actor(me).members(summary.id, None, Limit::MAX).await?.items;
    let mut participants: Vec<UserId> = members.iter().map(|member| member.user.id).collect();
    if let (Kind::Direct, Some(with)) = (summary.kind, &summary.with) {
        participants = vec![me, with.id];
    }
    let admin =
        members.iter().find(|member| member.role == Role::Owner).map(|owner| owner.user.id.to_string());
    let is_group = summary.kind != Kind::Direct;
    let last = summary.last_message.as_ref().map(|message| {
        let others = || members.iter().filter(|member| Some(member.user.id) != message.sender);
        let has_read = |read| read >= message.seq;
        let read = if message.sender == Some(me) {
            others().count() > 0
                && others().all(|one| one.receipt.is_some_and(|receipt| has_read(receipt.read)))
        } else {
            has_read(summary.standpoint.receipt.read)
        };
        json!({
            "text": message.text(),
            "read": read,
            "senderUuid": message.sender.map(|sender| sender.to_string()),
        })
    });
    Ok(json!({
        "_id": summary.id.to_string(),
        "participants": participants.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "isGroup": is_group,
        "admin": admin.filter(|_| is_group),
        "groupName": summary.name,
        "groupPicture": summary.picture,
        "lastMessage": last,
        "createdAt": dates::written(summary.created_at),
        "updatedAt": dates::written(changed_at(summary)),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct New {
    participant_usernames: Vec<String>,
    #[serde(default)]
    is_group: bool,
    group_name: Option<String>,
    group_picture: Option<String>,
}

async fn create(
    State(desk): State<Arc<Desk>>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Refused> {
    let New { participant_usernames, is_group, group_name, group_picture } =
        body(request.into_body()).await?;
    let others = people(&desk, caller.user, &participant_usernames).await?;
    let actor = desk.host.chat.actor(caller.user);
    let done = match (is_group, &others[..]) {
        (false, [other]) if group_name.is_none() && group_picture.is_none() => actor.direct(*other).await?,
        (false, _) => {
            return Err(Refused::bad("a conversation that is no group is between two, without a name"));
        }
        (true, _) => {
            let made_by = EntryId::from(desk.host.chat.ids().uuid(desk.host.chat.now()));
            let mut new = NewConversation::group(ClientId::from(made_by), others);
            (new.name, new.picture) = (group_name, group_picture);
            actor.create(new).await?
        }
    };
    let (status, told) = match done.changed {
        Changed::Yes => (StatusCode::CREATED, "Conversation created."),
        Changed::No => (StatusCode::OK, "Conversation already exists."),
    };
    let conversation = as_shown(&desk, caller.user, &done.value).await?;
    Ok((status, Json(json!({ "message": told, "conversation": conversation }))).into_response())
}

/// Who these are, beside oneself.
async fn people(desk: &Desk, me: UserId, names: &[String]) -> Result<Vec<UserId>, Refused> {
    if names.len() as u64 > desk.host.chat.limits().group_members_max {
        return Err(Refusal::TooManyMembers.into());
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let found = chat_core::Directory::find(&desk.host.accounts, &names).await;
    let found = found.map_err(|_| ChatError::Internal("the directory failed"))?;
    let mut ids: Vec<UserId> = found.iter().map(|profile| profile.id).collect();
    // Two ways to write one name are one; a name that nobody has is none.
    for name in names {
        let known = found.iter().any(|profile| {
            profile.username.as_deref().is_some_and(|known| known.to_lowercase() == name.to_lowercase())
        });
        if !known {
            let found = desk.host.accounts.find(name).await?;
            let not_found = || Refused::new(StatusCode::NOT_FOUND, "participantUsernames: not found");
            ids.push(found.filter(|found| found.state == AccountState::Active).ok_or_else(not_found)?.user);
        }
    }
    ids.sort_unstable();
    ids.dedup();
    ids.retain(|id| *id != me);
    Ok(ids)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Changes {
    conversation_id: String,
    group_name: Option<String>,
    group_picture: Option<String>,
}

async fn update(
    State(desk): State<Arc<Desk>>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Json<Value>, Refused> {
    let Changes { conversation_id, group_name, group_picture } = body(request.into_body()).await?;
    let name = group_name.map_or(Patch::Keep, Patch::Set);
    let update = Update { name, picture: given(group_picture), ..Update::default() };
    let done = desk.host.chat.actor(caller.user).update(id(&conversation_id)?, update, None).await?;
    let conversation = as_shown(&desk, caller.user, &done.value).await?;
    Ok(Json(json!({ "message": "Conversation updated.", "conversation": conversation })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Which {
    conversation_id: String,
}

/// A group goes for all, by its admin; what is between two is hidden from the one who asks.
async fn remove(
    State(desk): State<Arc<Desk>>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Json<Value>, Refused> {
    let Which { conversation_id } = body(request.into_body()).await?;
    desk.host.chat.actor(caller.user).close(id(&conversation_id)?, None).await?;
    Ok(Json(json!({ "message": "Conversation deleted." })))
}
