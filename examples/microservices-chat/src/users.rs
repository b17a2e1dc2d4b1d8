//! The users service: accounts, logins in cookies, profiles.

use std::sync::Arc;

use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use chat_core::accounts::{Login, ProfilePatch, Registration};
use chat_core::message::Patch;
use chat_core::store::Account;
use chat_core::{Device, Limit, Profile, Refusal};
use chat_host::answer::{Asked, Refused, body};
use chat_host::{dates, pages};
use chat_transport_ws::AuthError;
use chat_transport_ws::limit::Act;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Desk;
use crate::caller::{Caller, account, user};
use crate::pictures;

/// What devices of this door are called.
const DEVICE: &str = "microservices-chat";

pub(crate) fn routes() -> Router<Arc<Desk>> {
    Router::new()
        .route("/auth/check-email", get(check_email))
        .route("/auth/check-username", get(check_username))
        .route("/auth/keep-alive", get(keep_alive))
        .route("/auth/login", post(log_in))
        .route("/auth/logout", post(log_out))
        .route("/crud/addUser", post(add))
        .route("/crud/deleteUser", post(delete))
        .route("/crud/fetchUserDetails", get(details))
        .route("/crud/updateUserDetails", post(update))
        .route("/crud/fetchAllUsers", get(everybody))
        .route("/crud/resolveUser", post(resolve))
        .route("/crud/resolveUserByUsername", post(resolve_by_username))
        .merge(pictures::routes())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Email {
    email: String,
}

async fn check_email(
    State(desk): State<Arc<Desk>>,
    Asked(Email { email }): Asked<Email>,
    parts: Parts,
) -> Result<Json<Value>, Refused> {
    exists(&desk, &parts, &email).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Username {
    username: String,
}

async fn check_username(
    State(desk): State<Arc<Desk>>,
    Asked(Username { username }): Asked<Username>,
    parts: Parts,
) -> Result<Json<Value>, Refused> {
    exists(&desk, &parts, &username).await
}

/// Anybody may ask, so it is counted as a login is: who asks often guesses.
async fn exists(desk: &Desk, parts: &Parts, name: &str) -> Result<Json<Value>, Refused> {
    desk.host.knock(parts, Act::Login)?;
    Ok(Json(json!({ "exists": account(desk, name).await?.is_some() })))
}

/// The login goes on: with the access token while that is good, else by exchanging the refresh token.
async fn keep_alive(State(desk): State<Arc<Desk>>, parts: Parts) -> Result<Response, Refused> {
    let alive = Json(json!({ "message": "Session is alive." }));
    if let Some(token) = desk.cookies.access_token(&parts.headers)
        && desk.host.accounts.authenticate(token.expose()).await.is_ok()
    {
        return Ok(alive.into_response());
    }
    match desk.cookies.renew(&desk.host.accounts, &parts).await {
        Ok((_, cookies)) => Ok((cookies, alive).into_response()),
        // The login may be good: it is only not known now.
        Err(AuthError::Unavailable(_)) => {
            Err(Refused::new(StatusCode::SERVICE_UNAVAILABLE, "try again later"))
        }
        Err(error) => {
            let refused = Refused::new(StatusCode::UNAUTHORIZED, error.to_string());
            Ok((desk.cookies.clear(), refused).into_response())
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    email: Option<String>,
    username: Option<String>,
    password: String,
}

async fn log_in(State(desk): State<Arc<Desk>>, request: Request) -> Result<Response, Refused> {
    let (parts, read) = request.into_parts();
    desk.host.knock(&parts, Act::Login)?;
    let Credentials { email, username, password } = body(read).await?;
    let (Some(name), None) = (email.clone().or(username.clone()), email.and(username)) else {
        return Err(Refused::bad("one of email and username is needed"));
    };
    let login = Login { name, password: password.into() };
    let tokens = desk.host.accounts.log_in(login, Device::new(DEVICE)).await?;
    let told = json!({ "message": "Login successful.", "userUuid": tokens.user.id.to_string() });
    Ok((desk.cookies.set(&tokens), Json(told)).into_response())
}

/// Also of who has nothing but a refresh token left, as after a while without a request.
async fn log_out(State(desk): State<Arc<Desk>>, mut parts: Parts) -> Result<Response, Refused> {
    let session = match Caller::from_request_parts(&mut parts, &desk).await {
        Ok(Caller(caller)) => caller.session,
        Err(refused) => match desk.cookies.renew(&desk.host.accounts, &parts).await {
            Ok((tokens, _)) => tokens.session,
            Err(AuthError::Unavailable(_)) => return Err(refused),
            Err(_) => return Ok((desk.cookies.clear(), refused).into_response()),
        },
    };
    desk.host.accounts.log_out(session).await?;
    Ok((desk.cookies.clear(), Json(json!({ "message": "Logged out." }))).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewUser {
    username: String,
    email: String,
    password: String,
    bio: Option<String>,
    profile_picture: Option<String>,
}

async fn add(State(desk): State<Arc<Desk>>, request: Request) -> Result<Response, Refused> {
    let (parts, read) = request.into_parts();
    desk.host.knock(&parts, Act::Registration)?;
    let NewUser { username, email, password, bio, profile_picture } = body(read).await?;
    if account(&desk, &email).await?.is_some() {
        return Err(Refusal::AlreadyExists { field: "/email" }.into());
    }
    let patch = ProfilePatch { bio: given(bio), picture: given(profile_picture), ..ProfilePatch::default() };
    desk.host.accounts.check_profile(&patch)?;
    let mut registration = Registration::new(username.clone(), password.clone());
    registration.email = Some(email);
    let made = desk.host.accounts.register(registration).await?;
    if !patch.bio.is_keep() || !patch.picture.is_keep() {
        desk.host.accounts.update(made.user, patch).await?;
    }
    let login = Login { name: username, password: password.into() };
    let tokens = desk.host.accounts.log_in(login, Device::new(DEVICE)).await?;
    let told = json!({
        "message": "User created.",
        "uuid": made.user.to_string(),
        "auth_token": tokens.access_token.expose(),
    });
    Ok((StatusCode::CREATED, desk.cookies.set(&tokens), Json(told)).into_response())
}

/// A field that is given, or not; empty takes it away.
pub(crate) fn given(text: Option<String>) -> Patch<String> {
    match text {
        None => Patch::Keep,
        Some(text) if text.is_empty() => Patch::Clear,
        Some(text) => Patch::Set(text),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Password {
    password: String,
}

/// Asks for the password: a cookie that somebody found must not be enough to delete what cannot be brought back.
async fn delete(
    State(desk): State<Arc<Desk>>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Refused> {
    let Password { password } = body(request.into_body()).await?;
    desk.host.accounts.delete(caller.user, &password.into()).await?;
    Ok((desk.cookies.clear(), Json(json!({ "message": "User deleted." }))).into_response())
}

async fn details(State(desk): State<Arc<Desk>>, Caller(caller): Caller) -> Result<Json<Value>, Refused> {
    Ok(Json(json!({ "user": own(&desk.host.accounts.me(caller.user).await?) })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    email: Option<String>,
    bio: Option<String>,
    profile_picture: Option<String>,
}

async fn update(
    State(desk): State<Arc<Desk>>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Json<Value>, Refused> {
    let Changes { email, bio, profile_picture } = body(request.into_body()).await?;
    if let Some(email) = &email
        && account(&desk, email).await?.is_some_and(|found| found.user != caller.user)
    {
        return Err(Refusal::AlreadyExists { field: "/email" }.into());
    }
    let (bio, picture) = (given(bio), given(profile_picture));
    let patch = ProfilePatch { email: given(email), bio, picture, ..ProfilePatch::default() };
    let account = desk.host.accounts.update(caller.user, patch).await?;
    Ok(Json(json!({ "message": "User updated.", "user": own(&account) })))
}

/// An account as its owner sees it.
fn own(account: &Account) -> Value {
    json!({
        "uuid": account.user.to_string(),
        "username": account.username,
        "email": account.email,
        "bio": account.bio,
        "profile_picture": account.picture,
        "created_at": dates::written(account.created_at),
        "updated_at": dates::written(account.particulars.updated_at.unwrap_or(account.created_at)),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Walk {
    after: Option<String>,
    limit: Option<String>,
}

/// Everybody, by id, a page at a time: `next` is where the next one goes on.
async fn everybody(
    State(desk): State<Arc<Desk>>,
    Caller(_): Caller,
    Asked(Walk { after, limit }): Asked<Walk>,
) -> Result<Json<Value>, Refused> {
    let after = after.as_deref().map(user).transpose()?;
    let limit = pages::limit(limit.as_deref(), Limit::MAX)?;
    let page = desk.host.accounts.everybody(after, limit).await?;
    let users: Vec<Value> = page.items.iter().map(shown).collect();
    Ok(Json(json!({ "users": users, "next": page.next.map(|id| id.to_string()) })))
}

/// Somebody as others see him.
pub(crate) fn shown(profile: &Profile) -> Value {
    json!({
        "uuid": profile.id.to_string(),
        "username": profile.username,
        "profile_picture": profile.picture,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Uuid {
    uuid: String,
}

async fn resolve(
    State(desk): State<Arc<Desk>>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Json<Value>, Refused> {
    let Uuid { uuid } = body(request.into_body()).await?;
    let found = desk.host.chat.actor(caller.user).profiles(&[user(&uuid)?]).await?;
    Ok(Json(shown(found.first().ok_or(Refusal::NotFound)?)))
}

async fn resolve_by_username(
    State(desk): State<Arc<Desk>>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Json<Value>, Refused> {
    let Username { username } = body(request.into_body()).await?;
    let who = chat_core::command::Who::Username(username);
    Ok(Json(shown(&desk.host.chat.actor(caller.user).user_profile(&who).await?)))
}
