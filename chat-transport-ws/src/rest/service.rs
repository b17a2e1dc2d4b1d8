//! Routes for operators and readers: whether it is alive, and the documents.

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chat_core::{Chat, ChatError};
use sha2::{Digest as _, Sha256};

use super::Desk;
use super::call::{json, told};
use super::operations::{ACCOUNT_OPERATIONS, OPERATIONS, Operation};
use crate::problem::{Code, Failure};
use crate::spec;
use crate::wire::events::EVENTS;
use crate::wire::requests::REQUESTS;

/// How long the store may take to say that it is there.
const READY: Duration = Duration::from_secs(5);

/// The routes.
pub(super) fn routes(desk: &Arc<Desk>) -> Router {
    let with_accounts = desk.options.accounts.is_some();
    let accounts = if with_accounts { ACCOUNT_OPERATIONS } else { &[] };
    let openapi = Bytes::from(if with_accounts { spec::openapi() } else { spec::openapi_without_accounts() });
    let asyncapi = Bytes::from(spec::asyncapi());
    let page = Bytes::from(page(OPERATIONS.iter().chain(accounts)));
    let chat = desk.chat.clone();
    Router::new()
        .route(
            "/healthz",
            get(|| async { json(StatusCode::OK, Bytes::from_static(br#"{"status":"alive"}"#)) }),
        )
        .route("/readyz", get(move || ready(chat.clone())))
        .route("/v1/openapi.json", get(move || async move { document("application/json", openapi.clone()) }))
        .route(
            "/v1/asyncapi.json",
            get(move || async move { document("application/json", asyncapi.clone()) }),
        )
        .route(
            "/docs",
            get(move || async move { read_only(document("text/html; charset=utf-8", page.clone())) }),
        )
}

async fn ready(chat: Chat) -> Response {
    let answer = tokio::time::timeout(READY, chat.ready()).await;
    match answer.unwrap_or(Err(ChatError::Unavailable(None))) {
        Ok(()) => json(StatusCode::OK, Bytes::from_static(br#"{"status":"ready"}"#)),
        Err(error) => Failure { code: Code::Unavailable, ..told(&error) }.into_response(),
    }
}

/// Something that is the same for everybody.
fn document(media_type: &'static str, body: Bytes) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, body).into_response()
}

/// A page that only shows: it loads nothing, runs nothing, and stands in nobody's frame.
fn read_only(mut page: Response) -> Response {
    static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
        let style = STANDARD.encode(Sha256::digest(STYLE));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        HeaderValue::from_str(&policy).expect("base64 is header text")
    });
    let mut header = |name: HeaderName, value: HeaderValue| page.headers_mut().insert(name, value);
    header(CONTENT_SECURITY_POLICY, POLICY.clone());
    header(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    page
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
    code{font:14px ui-monospace,monospace}td{padding:.2rem 1rem .2rem 0;vertical-align:top}";

/// All operations and frames, to be read without a script.
fn page<'o>(operations: impl Iterator<Item = &'o Operation>) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Chat</title><style>{STYLE}</style>\
         <h1>Chat</h1><p>In full: <a href=\"v1/openapi.json\">OpenAPI</a> of REST, \
         <a href=\"v1/asyncapi.json\">AsyncAPI</a> of the socket <code>v1/ws</code>.</p>"
    );
    let operations = operations
        .map(|operation| (format!("{} /v1{}", operation.verb.method(), operation.path), operation.about()));
    section(&mut page, "REST", operations);
    section(
        &mut page,
        "Requests of the socket",
        REQUESTS.iter().map(|kind| (kind.name.into(), kind.about.into())),
    );
    section(
        &mut page,
        "Pushed by the socket",
        EVENTS.iter().map(|kind| (kind.name.into(), kind.about.into())),
    );
    page
}

fn section(page: &mut String, title: &str, rows: impl Iterator<Item = (String, String)>) {
    let _ = write!(page, "<h2>{title}</h2><table>");
    for (name, about) in rows {
        let _ = write!(page, "<tr><td><code>{name}</code><td>{}", about.trim());
    }
    page.push_str("</table>");
}
