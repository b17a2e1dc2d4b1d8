//! The routes of the original: sign up, log in, the socket, the history.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use chat_core::accounts::{Identity, Login, Registration};
use chat_core::{ConversationId, Device, Refusal};
use chat_host::Host;
use chat_host::answer::{Asked, Refused, bearer, beside, body};
use chat_host::names::named;
use chat_transport_ws::limit::Act;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::history::{self, Wanted};
use crate::socket;

/// What the public room is called in the engine.
const LOBBY: &str = "public";

/// What all requests share.
pub(crate) struct Desk {
    pub(crate) host: Host,
    /// The public room.
    pub(crate) lobby: ConversationId,
}

/// The routes, and those of the service (health, our own protocol) beside them.
pub(crate) async fn app(host: &Host) -> anyhow::Result<Router> {
    let lobby = host.chat.system().ensure_channel(LOBBY).await?;
    let desk = Arc::new(Desk { host: host.clone(), lobby });
    let own = Router::new()
        .route("/signup", post(sign_up))
        .route("/login", post(log_in))
        .route("/ws", get(socket::upgrade))
        .route("/messages", get(messages))
        .route("/messages/{username}", get(messages_with))
        .with_state(desk);
    let protocol = chat_transport_ws::router(host.chat.clone(), host.options());
    Ok(beside(own, protocol, Refused::into_response))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    username: String,
    password: String,
}

async fn sign_up(State(desk): State<Arc<Desk>>, request: Request) -> Result<Response, Refused> {
    let (parts, read) = request.into_parts();
    desk.host.knock(&parts, Act::Registration)?;
    let Credentials { username, password } = body(read).await?;
    desk.host.accounts.register(Registration::new(username, password)).await?;
    Ok((StatusCode::CREATED, Json(json!({ "message": "user created" }))).into_response())
}

async fn log_in(State(desk): State<Arc<Desk>>, request: Request) -> Result<Json<Value>, Refused> {
    let (parts, read) = request.into_parts();
    desk.host.knock(&parts, Act::Login)?;
    let Credentials { username, password } = body(read).await?;
    let login = Login { name: username, password: password.into() };
    let tokens = desk.host.accounts.log_in(login, Device::new("pubsub-chat")).await?;
    Ok(Json(json!({ "token": tokens.access_token.expose() })))
}

async fn messages(
    State(desk): State<Arc<Desk>>,
    Caller(caller): Caller,
    Asked(wanted): Asked<Wanted>,
) -> Result<Json<Value>, Refused> {
    match wanted.to.clone().filter(|to| !to.is_empty()) {
        Some(name) => history::with(&desk, caller.user, named(&desk.host, &name).await?, wanted).await,
        None => history::public(&desk, caller.user, wanted).await,
    }
}

async fn messages_with(
    State(desk): State<Arc<Desk>>,
    Caller(caller): Caller,
    Path(name): Path<String>,
    Asked(wanted): Asked<Wanted>,
) -> Result<Json<Value>, Refused> {
    history::with(&desk, caller.user, named(&desk.host, &name).await?, wanted).await
}

/// Who asks, by `Authorization: Bearer`.
pub(crate) struct Caller(pub(crate) Identity);

impl FromRequestParts<Arc<Desk>> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, desk: &Arc<Desk>) -> Result<Self, Refused> {
        let token = bearer(&parts.headers).ok_or(Refusal::Unauthenticated)?;
        Ok(Self(desk.host.accounts.authenticate(token).await?))
    }
}
