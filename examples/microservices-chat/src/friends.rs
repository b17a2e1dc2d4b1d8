//! The friends service: requests and friendships.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use chat_core::command::{Changed, Friend};
use chat_core::friendship::Action;
use chat_core::store::FriendFilter;
use chat_core::{Limit, Refusal, Relation, UserId};
use chat_host::answer::{Asked, Refused, body};
use chat_host::{dates, pages};
use chat_transport_ws::limit::Act;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::Desk;
use crate::caller::{Caller, Other, user};

pub(crate) fn routes() -> Router<Arc<Desk>> {
    Router::new()
        .route("/requests/sendRequest", post(send))
        .route("/requests/retractRequest", post(retract))
        .route("/requests/acceptRequest", post(accept))
        .route("/requests/rejectRequest", post(reject))
        .route("/requests/fetchSentRequests", get(sent))
        .route("/requests/fetchReceivedRequests", get(received))
        .route("/manage/getFriends", get(friends))
        .route("/manage/removeFriend", delete(remove))
}

async fn send(
    State(desk): State<Arc<Desk>>,
    Caller(caller): Caller,
    request: Request,
) -> Result<(StatusCode, Json<Value>), Refused> {
    let other = body::<Other>(request.into_body()).await?.find(&desk).await?;
    desk.host.limiter.check(Act::FriendRequest(caller.user)).map_err(chat_core::ChatError::from)?;
    let done = desk.host.chat.actor(caller.user).request_friend(other).await?;
    let told = match (done.changed, done.value.view.relation) {
        (Changed::Yes, Relation::Friends) => "You are friends now.",
        (Changed::Yes, _) => "Friend request sent.",
        (Changed::No, _) => return Err(Refusal::AlreadyExists { field: "" }.into()),
    };
    Ok((StatusCode::CREATED, Json(json!({ "message": told }))))
}

async fn retract(
    State(desk): State<Arc<Desk>>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Json<Value>, Refused> {
    act(&desk, caller.user, request, Action::Cancel, "Friend request retracted.").await
}

async fn accept(
    State(desk): State<Arc<Desk>>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Json<Value>, Refused> {
    act(&desk, caller.user, request, Action::Accept, "Friend request accepted.").await
}

async fn reject(
    State(desk): State<Arc<Desk>>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Json<Value>, Refused> {
    act(&desk, caller.user, request, Action::Reject, "Friend request rejected.").await
}

async fn remove(
    State(desk): State<Arc<Desk>>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Json<Value>, Refused> {
    act(&desk, caller.user, request, Action::Remove, "Friend removed.").await
}

/// Does something about what is between the two; where there is nothing of the kind, there was nothing to be found.
async fn act(
    desk: &Desk,
    me: UserId,
    request: Request,
    action: Action,
    told: &str,
) -> Result<Json<Value>, Refused> {
    let other = body::<Other>(request.into_body()).await?.find(desk).await?;
    let done = desk.host.chat.actor(me).befriend(other, action).await;
    match done {
        Ok(done) if done.changed == Changed::Yes => Ok(Json(json!({ "message": told }))),
        Err(error) if error.refusal() != Some(Refusal::Conflict) => Err(error.into()),
        _ => Err(Refusal::NotFound.into()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Walk {
    after: Option<String>,
    limit: Option<String>,
}

async fn sent(
    State(desk): State<Arc<Desk>>,
    Caller(caller): Caller,
    Asked(walk): Asked<Walk>,
) -> Result<Json<Value>, Refused> {
    list(&desk, caller.user, &walk, Relation::Requested, "sentRequests", |friend| {
        json!({ "receiver_uuid": id(friend), "username": friend.user.username, "created_at": at(friend) })
    })
    .await
}

async fn received(
    State(desk): State<Arc<Desk>>,
    Caller(caller): Caller,
    Asked(walk): Asked<Walk>,
) -> Result<Json<Value>, Refused> {
    list(&desk, caller.user, &walk, Relation::Incoming, "receivedRequests", |friend| {
        json!({ "requester_uuid": id(friend), "username": friend.user.username, "created_at": at(friend) })
    })
    .await
}

async fn friends(
    State(desk): State<Arc<Desk>>,
    Caller(caller): Caller,
    Asked(walk): Asked<Walk>,
) -> Result<Json<Value>, Refused> {
    list(&desk, caller.user, &walk, Relation::Friends, "friends", |friend| {
        json!({
            "uuid": id(friend),
            "username": friend.user.username,
            "profile_picture": friend.user.picture,
            "created_at": at(friend),
        })
    })
    .await
}

/// A page of a list under its name: 200 at most, or fewer where that is asked for, and `next` where there are more.
async fn list(
    desk: &Desk,
    me: UserId,
    walk: &Walk,
    of: Relation,
    name: &str,
    shown: impl Fn(&Friend) -> Value,
) -> Result<Json<Value>, Refused> {
    let after = walk.after.as_deref().map(user).transpose()?;
    let limit = pages::limit(walk.limit.as_deref(), Limit::MAX)?;
    let page = desk.host.chat.actor(me).friends(FriendFilter::Relation(of), after, limit).await?;
    let mut answer = Map::from_iter([(name.to_owned(), page.items.iter().map(shown).collect())]);
    if let Some(next) = page.next {
        answer.insert("next".to_owned(), next.to_string().into());
    }
    Ok(Json(answer.into()))
}

fn id(friend: &Friend) -> String {
    friend.user.id.to_string()
}

fn at(friend: &Friend) -> String {
    dates::written(friend.at)
}
