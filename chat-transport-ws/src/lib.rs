//! The chat engine over HTTP: a WebSocket for everything live and REST for everything else, as one axum [`Router`]
//! that nests under any prefix of a host's application.
//!
//! A transport only moves and translates. What somebody may do is decided in `chat-core`, and every door goes
//! through the same [`chat_core::Command`]; this crate owns the format on the wire (`wire`), the reading of what
//! clients send (`json`), the codes of failures (`problem`) and who a request is from ([`auth`]).
//!
//! ```no_run
//! # async fn host(chat: chat_core::Chat, login: impl chat_transport_ws::Authenticator) -> std::io::Result<()> {
//! use chat_transport_ws::{Options, router, serve};
//!
//! let app = axum::Router::new().nest("/chat", router(chat.clone(), Options::new(login)));
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! serve(listener, app, chat, std::future::pending()).await
//! # }
//! ```

pub mod auth;
#[cfg(feature = "client")]
pub mod client;
pub mod cookies;
mod cursor;
mod json;
pub mod limit;
mod options;
mod origin;
mod peer;
mod problem;
mod rest;
mod serve;
mod socket;
pub mod spec;
mod wire;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use chat_core::Chat;

pub use auth::{AuthError, Authenticator, Credentials, Identity};
pub use cookies::{CookieOptions, CookieSessions};
pub use options::Options;
pub use peer::address as peer_address;
pub use serve::{serve, serve_until};

use limit::Limiter;
use rest::Desk;
use socket::{Door, Meters};

/// A host's own routes, which pages of these origins may ask too, as they may ask those of [`router`].
pub fn allow_origins(routes: Router, origins: Vec<String>) -> Router {
    routes.layer(rest::cors(origins))
}

/// Every route, to be nested under any prefix of a host's application.
pub fn router(chat: Chat, options: Options) -> Router {
    let own = || Arc::new(Limiter::new(chat.limits(), Arc::clone(chat.clock())));
    let limiter = options.limiter.clone().unwrap_or_else(own);
    let door = Door::new(chat.clone(), &options, Arc::clone(&limiter), Arc::new(Meters::default()));
    let desk = Desk::new(chat, options, limiter);
    let routes =
        rest::routes(&desk).route("/v1/ws", get(move |request| socket::upgrade(Arc::clone(&door), request)));
    rest::finish(routes, &desk)
}
