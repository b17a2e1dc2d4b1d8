//! Signing up, logging in and out, and renewing a login.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use chat_core::accounts::{Login, Registration};
use chat_core::{Device, Refusal, UserId};
use chat_host::Host;
use chat_host::answer::{bearer_or_bare, body};
use chat_host::dates;
use chat_transport_ws::limit::Act;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::envelope::{Asked, Caller, Fail, success};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewUser {
    username: String,
    password: String,
    full_name: String,
    email: String,
}

pub(crate) async fn register(
    State(host): State<Arc<Host>>,
    request: Request,
) -> Result<(StatusCode, Json<Value>), Fail> {
    let (parts, read) = request.into_parts();
    host.knock(&parts, Act::Registration)?;
    let NewUser { username, password, full_name, email } = body(read).await?;
    let mut registration = Registration::new(username, password);
    (registration.full_name, registration.email) = (Some(full_name), Some(email));
    let account = host.accounts.register(registration).await?;
    let made = dates::written(account.created_at);
    let data = json!({
        "ID": id(account.user),
        "CreatedAt": made,
        "UpdatedAt": made,
        "username": account.username,
        "password": "",
        "full_name": account.full_name,
    });
    Ok((StatusCode::CREATED, success(data)))
}

/// An integer, as the original's; as it is, of an account that came from elsewhere.
fn id(user: UserId) -> Value {
    let integer = user.as_integer().and_then(|integer| u64::try_from(integer).ok());
    integer.map_or_else(|| user.to_string().into(), Value::from)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    username: String,
    password: String,
}

pub(crate) async fn log_in(State(host): State<Arc<Host>>, request: Request) -> Result<Json<Value>, Fail> {
    let (parts, read) = request.into_parts();
    host.knock(&parts, Act::Login)?;
    let Credentials { username, password } = body(read).await?;
    let login = Login { name: username, password: password.into() };
    let tokens = host.accounts.log_in(login, Device::new("split-chat")).await?;
    Ok(success(json!({
        "username": tokens.user.username,
        "full_name": tokens.user.full_name,
        "token": tokens.access_token.expose(),
        "refresh_token": tokens.refresh_token.expose(),
    })))
}

/// Which logins end.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    #[serde(default)]
    all: bool,
}

pub(crate) async fn log_out(
    State(host): State<Arc<Host>>,
    Caller(caller): Caller,
    Asked(Which { all }): Asked<Which>,
) -> Result<Json<Value>, Fail> {
    if all {
        host.accounts.end_all(caller.user).await?;
    } else {
        host.accounts.log_out(caller.session).await?;
    }
    Ok(success(Value::Null))
}

pub(crate) async fn refresh(State(host): State<Arc<Host>>, headers: HeaderMap) -> Result<Json<Value>, Fail> {
    let token = bearer_or_bare(&headers).ok_or(Refusal::Unauthenticated)?;
    let tokens = host.accounts.refresh(token).await?;
    Ok(success(json!({
        "token": tokens.access_token.expose(),
        "refresh_token": tokens.refresh_token.expose(),
    })))
}
