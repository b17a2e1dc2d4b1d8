//! The application as it was before the chat: people register, log in, log out and see who they are.
//!
//! What it leaves out is everything that an application is really about.

use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use serde::Deserialize;

use crate::App;
use crate::chat::session_of;
use crate::users::COOKIE_NAME;

/// The application's own routes.
pub fn routes(app: App) -> Router {
    Router::new()
        .route("/", get(who_am_i))
        .route("/register", post(register))
        .route("/login", post(log_in))
        .route("/logout", post(log_out))
        .with_state(app)
}

#[derive(Deserialize)]
struct Credentials {
    name: String,
    password: String,
}

async fn register(State(app): State<App>, Form(form): Form<Credentials>) -> Result<Response, Failure> {
    Ok(match app.users.register(form.name, form.password).await? {
        Some(id) => (StatusCode::CREATED, id.to_string()).into_response(),
        None => StatusCode::CONFLICT.into_response(),
    })
}

async fn log_in(State(app): State<App>, Form(form): Form<Credentials>) -> Result<Response, Failure> {
    Ok(match app.users.log_in(form.name, form.password).await? {
        Some(token) => {
            let cookie = format!("{COOKIE_NAME}={token}; Path=/; HttpOnly; SameSite=Lax");
            ([(SET_COOKIE, cookie)], StatusCode::NO_CONTENT).into_response()
        }
        None => StatusCode::UNAUTHORIZED.into_response(),
    })
}

async fn log_out(State(app): State<App>, headers: HeaderMap) -> Result<StatusCode, Failure> {
    if let Some(login) = app.users.login_of(&headers).await? {
        app.users.log_out(login).await?;
        app.chat.end_session(session_of(login));
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn who_am_i(State(app): State<App>, headers: HeaderMap) -> Result<String, Failure> {
    Ok(match app.users.login_of(&headers).await? {
        Some(login) => format!("you are user {}\n", login.user),
        None => "you are nobody\n".to_owned(),
    })
}

/// The database failed: told to nobody but the log.
pub(crate) struct Failure(anyhow::Error);

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        eprintln!("{:#}", self.0);
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}
