//! Carrying out an operation: gather its fields, find out who asks, do it, answer.
//!
//! Judged in this order: shape, authentication, and then whatever the engine judges.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRequestParts as _, Query, RawPathParams, Request};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use chat_core::command::Changed;
use chat_core::{ChatError, Command, Refusal, Reply, UserId};
use futures_util::future::BoxFuture;

use super::operations::{Act, Body, Operation, Success, Verb};
use super::{Desk, body};
use crate::auth::{AuthError, Credentials, Identity};
use crate::json::Json;
use crate::limit::{self, RetryAfter};
use crate::problem::{Code, Failure};
use crate::wire::fields::{At, Fields, Source};
use crate::wire::frames::{self, bare};
use crate::wire::requests::Kind;
use crate::wire::{Asked, Incoming, Malformed};
use crate::{origin, peer};

/// The header by which a client says that two requests are the same.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Something whose shape is right, to be done for whoever turns out to ask.
pub(super) type Job =
    Box<dyn FnOnce(Arc<Desk>, Caller) -> BoxFuture<'static, Result<Response, Failure>> + Send>;

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller {
    identity: Option<Identity>,
    /// Where from, if the server tells.
    pub(super) address: Option<IpAddr>,
}

impl Caller {
    /// Who it is.
    ///
    /// # Errors
    /// `unauthenticated` when nobody asked who it is.
    pub(super) fn identity(&self) -> Result<Identity, Failure> {
        self.identity.ok_or_else(|| Refusal::Unauthenticated.into())
    }
}

/// The answer to a request for `operation`.
pub(super) async fn answer(desk: Arc<Desk>, operation: &'static Operation, request: Request) -> Response {
    match carry_out(desk, operation, request).await {
        Ok(answer) => answer,
        Err(failure) => told_of_query(failure, operation).into_response(),
    }
}

async fn carry_out(
    desk: Arc<Desk>,
    operation: &'static Operation,
    request: Request,
) -> Result<Response, Failure> {
    let (mut parts, body) = request.into_parts();
    if operation.verb != Verb::Get && !origin::is_allowed(&parts, &desk.allowed_origins) {
        return Err(Failure::new(Code::Forbidden, "pages of this origin are not allowed"));
    }
    let params = RawPathParams::from_request_parts(&mut parts, &()).await;
    let params = params.map_err(|_| Failure::from(Refusal::NotFound))?;
    let bytes = match operation.body {
        Body::Ignored => Bytes::new(),
        Body::Optional | Body::Needed => body::read(body, desk.chat.limits().frame_bytes_max).await?,
    };
    let identity = if operation.is_public() { None } else { Some(desk.identify(&parts).await) };
    let user = identity.as_ref().and_then(|known| known.as_ref().ok()).map(|identity| identity.user);
    let job = prepare(operation, &params, &parts, &bytes, user)?;
    let caller = Caller {
        identity: identity.transpose()?,
        address: peer::address(&parts, &desk.options.trusted_proxies),
    };
    job(desk, caller).await
}

/// Reads the shape of a request.
fn prepare(
    operation: &'static Operation,
    params: &RawPathParams,
    parts: &Parts,
    bytes: &Bytes,
    user: Option<UserId>,
) -> Result<Job, Failure> {
    let fields = gather(operation, params, parts, bytes, user)?;
    match operation.act {
        Act::Account(task) => (task.prepare)(fields),
        Act::Requests(names) => {
            let kind = kind_for(names, &fields);
            let takes_client_id = kind.names.contains(&"client_id");
            let fields = if takes_client_id { with_idempotency_key(fields, &parts.headers)? } else { fields };
            match (kind.read)(fields)? {
                Incoming::Command(command) => {
                    Ok(Box::new(move |desk, caller| Box::pin(perform(desk, caller, operation, command))))
                }
                Incoming::Auth { .. } => Err(Refusal::NotFound.into()),
            }
        }
    }
}

/// The fields of a request, from wherever they stand.
fn gather<'a>(
    operation: &Operation,
    params: &'a RawPathParams,
    parts: &Parts,
    bytes: &'a Bytes,
    user: Option<UserId>,
) -> Result<Fields<'a>, Failure> {
    let home = if operation.verb == Verb::Get { Source::Query } else { Source::Body };
    let mut fields = Fields::of(user, home);
    for (name, value) in params {
        fields = fields.with(name, Json::Text(value.into()), Source::Path);
    }
    for (name, value) in query(&parts.uri)? {
        if home != Source::Query {
            return Err(At::Field(&name, Source::Query).refuse("this takes no query"));
        }
        fields = fields.with(name, Json::Text(value.into()), Source::Query);
    }
    match operation.body {
        Body::Ignored => Ok(fields),
        Body::Optional if bytes.is_empty() => Ok(fields),
        Body::Optional | Body::Needed => fields.with_body(object(bytes, &parts.headers)?),
    }
}

fn query(uri: &Uri) -> Result<Vec<(String, String)>, Failure> {
    let Query(pairs) =
        Query::try_from_uri(uri).map_err(|_| Failure::new(Code::Malformed, "the query cannot be parsed"))?;
    Ok(pairs)
}

type Object<'a> = Vec<(Cow<'a, str>, Json<'a>)>;

fn object<'a>(bytes: &'a [u8], headers: &HeaderMap) -> Result<Object<'a>, Failure> {
    let malformed = |reason: Cow<'static, str>| Failure::from(Malformed { reason });
    if bytes.is_empty() {
        return Err(malformed("a body is needed".into()));
    }
    match Json::parse(body::json_text(bytes, headers)?) {
        Ok(Json::Object(object)) => Ok(object),
        Ok(_) => Err(malformed("the body must be an object".into())),
        Err(error) => Err(malformed(error.to_string().into())),
    }
}

/// Of several requests the first that knows all fields given, else the first.
fn kind_for(names: &[&str], fields: &Fields<'_>) -> &'static Kind {
    let knows_all = |kind: &&Kind| fields.names().all(|name| kind.names.contains(&name));
    let kinds = || names.iter().map(|name| Kind::named(name));
    kinds().find(knows_all).or_else(|| kinds().next()).expect("an operation has a request")
}

/// The fields with the key of the header as `client_id`, which may be in the body, too.
fn with_idempotency_key<'a>(fields: Fields<'a>, headers: &HeaderMap) -> Result<Fields<'a>, Failure> {
    let Some(key) = headers.get(IDEMPOTENCY_KEY) else { return Ok(fields) };
    // What is no text is no client id either, and is refused as that.
    let key = key.to_str().unwrap_or_default().to_owned();
    match fields.text("client_id") {
        Some(given) if given == key => Ok(fields),
        Some(_) => Err(Failure::invalid("/client_id", "differs from the header Idempotency-Key")),
        None => Ok(fields.with("client_id", Json::Text(key.into()), Source::Header)),
    }
}

async fn perform(
    desk: Arc<Desk>,
    caller: Caller,
    operation: &'static Operation,
    command: Command,
) -> Result<Response, Failure> {
    let user = caller.identity()?.user;
    if let Some(act) = limit::Act::of(user, &command) {
        desk.allow(act)?;
    }
    let asked = Asked::new(0, user, &command);
    let reply = desk.chat.actor(user).perform(command).await.map_err(|error| told(&error))?;
    let body = match (operation.verb, &reply) {
        (Verb::Get, Reply::User(profile)) => bare(profile),
        (Verb::Get, Reply::Conversation(done)) => bare(&done.value),
        _ => frames::body(&asked, &reply),
    };
    Ok(match (operation.success, &reply) {
        (_, Reply::Done) => nothing(),
        (Success::Created, reply) if !was_there(reply) => json(StatusCode::CREATED, body),
        _ => json(StatusCode::OK, body),
    })
}

fn was_there(reply: &Reply) -> bool {
    match reply {
        Reply::Sent(sent) => sent.duplicate,
        Reply::Conversation(done) => done.changed == Changed::No,
        _ => false,
    }
}

impl Desk {
    /// Who shows what this request shows.
    pub(super) async fn identify(&self, parts: &Parts) -> Result<Identity, Failure> {
        let known = self.options.authenticator.authenticate(Credentials::Request(parts)).await;
        known.map_err(|error| {
            if let AuthError::Unavailable(source) = &error {
                tracing::warn!(source, "a login cannot be checked");
            }
            Failure::from(&error)
        })
    }

    /// Counts something that may be done only so often.
    pub(super) fn allow(&self, act: limit::Act) -> Result<(), Failure> {
        self.limiter.check(act).map_err(|RetryAfter(after)| {
            metrics::counter!("chat_rate_limited_total").increment(1);
            Failure::new(Code::RateLimited, "too often").retry_after(after)
        })
    }
}

/// What is told of an error. What failed here is logged here.
pub(super) fn told(error: &ChatError) -> Failure {
    match error {
        ChatError::Store(source) => {
            tracing::error!(error = source as &dyn std::error::Error, "the store failed");
        }
        ChatError::Internal(what) => tracing::error!(what, "a request failed"),
        ChatError::Unavailable(_) => tracing::warn!("the store is unavailable"),
        _ => {}
    }
    Failure::from(error)
}

/// A failure about a field of the query says so, whoever found it.
fn told_of_query(mut failure: Failure, operation: &Operation) -> Failure {
    if operation.verb == Verb::Get
        && let Some(name) = failure.field.as_deref().and_then(|field| field.strip_prefix('/'))
        && !operation.parameters().any(|parameter| parameter == name)
    {
        failure.field = Some(format!("?{name}").into());
    }
    failure
}

/// An answer for one person.
pub(super) fn json(status: StatusCode, body: Bytes) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, body).into_response()
}

/// Done, and nothing to tell.
pub(super) fn nothing() -> Response {
    with_status(StatusCode::NO_CONTENT)
}

/// Nothing to tell but that.
pub(super) fn with_status(status: StatusCode) -> Response {
    (status, [(CACHE_CONTROL, HeaderValue::from_static("no-store"))]).into_response()
}
