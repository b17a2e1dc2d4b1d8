//! What every answer has: a request id, a span that holds no secret, CORS for allowed pages, `nosniff`; and the
//! answers to what is not there.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::header::{
    ACCEPT_RANGES, AUTHORIZATION, CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName,
    HeaderValue, IF_NONE_MATCH, RANGE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, Method};
use axum::middleware::{self, Next};
use axum::response::Response;
use chat_core::{Chat, Refusal};
use tower_http::cors::{AllowOrigin, CorsLayer};
use tracing::Instrument as _;

use super::Desk;
use crate::cookies::CSRF_HEADER;
use crate::origin;
use crate::problem::{Code, Failure};

/// How long a browser may remember what it is allowed.
const PREFLIGHT_AGE: Duration = Duration::from_hours(1);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The router with what every answer has.
pub(crate) fn finish(router: Router, desk: &Arc<Desk>) -> Router {
    let chat = desk.chat.clone();
    router
        .fallback(|| async { Failure::from(Refusal::NotFound) })
        .method_not_allowed_fallback(|| async {
            Failure::new(Code::MethodNotAllowed, "not a method of this resource")
        })
        .layer(cors(desk.allowed_origins.clone()))
        .layer(middleware::from_fn(move |request, next| observed(chat.clone(), request, next)))
}

/// Pages of allowed origins may ask, each by its name; cookies of a host go with what they ask.
pub(crate) fn cors(allowed: Vec<String>) -> CorsLayer {
    let is_allowed =
        move |_: &HeaderValue, parts: &axum::http::request::Parts| origin::is_allowed(parts, &allowed);
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(is_allowed))
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, IDEMPOTENCY_KEY, IF_NONE_MATCH, RANGE, CSRF_HEADER])
        .expose_headers([ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_RANGE, ETAG, RETRY_AFTER, REQUEST_ID])
        .max_age(PREFLIGHT_AGE)
}

/// One request in the log: method and route, no path and no query, since those hold ids and tickets.
async fn observed(chat: Chat, request: Request, next: Next) -> Response {
    let id = request_id(&chat, request.headers());
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let span = tracing::info_span!("request", method = %request.method(), route, id = ?id);
    let began = chat.clock().monotonic();
    let mut answer = next.run(request).instrument(span.clone()).await;
    let took = chat.clock().monotonic().saturating_sub(began);
    span.in_scope(|| tracing::debug!(status = answer.status().as_u16(), ?took, "answered"));
    answer.headers_mut().insert(REQUEST_ID, id);
    answer.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

/// The id a proxy gave the request, else one of our own.
fn request_id(chat: &Chat, headers: &HeaderMap) -> HeaderValue {
    let is_id = |value: &&HeaderValue| {
        (1..=64).contains(&value.len())
            && value.as_bytes().iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
    };
    headers.get(REQUEST_ID).filter(is_id).cloned().unwrap_or_else(|| {
        let id = chat.ids().uuid(chat.now()).hyphenated().to_string();
        HeaderValue::from_str(&id).expect("a UUID is a header value")
    })
}
