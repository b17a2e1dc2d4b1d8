//! REST: everything that is not live, and accounts.
//!
//! [`operations`] is the table, [`call`] carries one out, [`body`] reads what came with it, [`accounts`],
//! [`account_mail`] and [`account_settings`] are those that are no requests of the socket, [`files`] are bytes and no
//! JSON, [`service`] is for operators and readers, [`layers`] is what every answer has. What
//! an operation means is decided in the engine, as for every door.

mod account_mail;
pub(crate) mod account_models;
mod account_settings;
mod accounts;
mod body;
mod call;
mod files;
mod layers;
pub(crate) mod operations;
mod service;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::routing::on;
use chat_core::Chat;

use crate::limit::Limiter;
use crate::options::Options;
use operations::{ACCOUNT_OPERATIONS, OPERATIONS};

pub(crate) use layers::{cors, finish};

/// What all operations of a router share.
pub(crate) struct Desk {
    chat: Chat,
    options: Options,
    limiter: Arc<Limiter>,
    allowed_origins: Vec<String>,
}

impl Desk {
    /// The desk of `chat`. The limiter is shared with the other doors.
    pub(crate) fn new(chat: Chat, options: Options, limiter: Arc<Limiter>) -> Arc<Self> {
        let allowed_origins = options.origins();
        Arc::new(Self { chat, options, limiter, allowed_origins })
    }
}

/// The routes of `desk`.
pub(crate) fn routes(desk: &Arc<Desk>) -> Router {
    let accounts = if desk.options.accounts.is_some() { ACCOUNT_OPERATIONS } else { &[] };
    let router = OPERATIONS.iter().chain(accounts).fold(Router::new(), |router, operation| {
        let desk = Arc::clone(desk);
        let handler = move |request: Request| call::answer(Arc::clone(&desk), operation, request);
        router.route(&format!("/v1{}", operation.path), on(operation.verb.filter(), handler))
    });
    router.merge(files::routes(desk)).merge(service::routes(desk))
}
