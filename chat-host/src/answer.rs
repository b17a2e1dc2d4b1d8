//! What the routes of a system have in common: a body that is read, a token that is shown, and a refusal that becomes
//! a status and a text.
//!
//! A system that speaks our own protocol has none of this: that is `chat-transport-ws`. These are for clients written
//! for other servers, whose answers know no codes, only texts.

use axum::body::Body;
use axum::extract::{FromRequestParts, Query, Request};
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use chat_core::{ChatError, Refusal};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Longest body of a request, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// Something that was not done. As an answer it is `{"error": string}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The status of HTTP that says so.
    pub status: StatusCode,
    /// What people are told.
    pub said: String,
}

impl Refused {
    /// A refusal.
    pub fn new(status: StatusCode, said: impl Into<String>) -> Self {
        Self { status, said: said.into() }
    }

    /// What was asked is not of the form it must have.
    pub fn bad(said: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, said.to_string())
    }

    /// Nobody may know of what was asked for.
    pub fn is_not_found(&self) -> bool {
        self.status == StatusCode::NOT_FOUND
    }

    /// As a body, or as a frame.
    pub fn body(&self) -> Value {
        json!({ "error": self.said })
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.status, Json(self.body())).into_response()
    }
}

impl From<ChatError> for Refused {
    fn from(error: ChatError) -> Self {
        match &error {
            ChatError::Refused(refusal) => (*refusal).into(),
            ChatError::RateLimited { .. } => Self::new(StatusCode::TOO_MANY_REQUESTS, error.to_string()),
            ChatError::Overloaded { .. } | ChatError::Unavailable(_) => {
                tracing::warn!(code = error.code(), "not done");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "try again later")
            }
            _ => {
                tracing::error!(?error, "a request failed");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "something failed here")
            }
        }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal {
            Refusal::Unauthenticated | Refusal::TokenExpired => StatusCode::UNAUTHORIZED,
            Refusal::Forbidden | Refusal::NotAccepted { .. } => StatusCode::FORBIDDEN,
            Refusal::NotFound | Refusal::NotFoundAt { .. } => StatusCode::NOT_FOUND,
            Refusal::AlreadyExists { .. } | Refusal::Conflict | Refusal::ClientIdReused => {
                StatusCode::CONFLICT
            }
            Refusal::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::UnsupportedType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            _ => StatusCode::BAD_REQUEST,
        };
        let said = match refusal.field() {
            Some(field) => format!("{}: {refusal}", field.trim_start_matches('/')),
            None => refusal.to_string(),
        };
        Self::new(status, said)
    }
}

/// A system's own routes, and our own protocol where they have nothing.
///
/// Whatever refuses a request that is none of our protocol's says so as the system does everywhere (`shape`): the
/// framework's own refusals are texts, and no client of these servers knows problem details.
pub fn beside(own: Router, protocol: Router, shape: fn(Refused) -> Response) -> Router {
    let shaping = move |request: Request, next: Next| async move {
        let is_ours = OURS.iter().any(|ours| request.uri().path().starts_with(ours));
        let answer = next.run(request).await;
        if is_ours { answer } else { shaped(answer, shape).await }
    };
    own.fallback_service(protocol).layer(middleware::from_fn(shaping))
}

/// How the paths of our own protocol begin.
const OURS: [&str; 4] = ["/v1/", "/healthz", "/readyz", "/docs"];

/// An answer that refuses without being one of the system's, as one of these.
async fn shaped(answer: Response, shape: fn(Refused) -> Response) -> Response {
    let status = answer.status();
    let content_type = answer.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    if !(status.is_client_error() || status.is_server_error()) || content_type == Some(b"application/json") {
        return answer;
    }
    let is_problem = content_type == Some(b"application/problem+json");
    let (mut parts, body) = answer.into_parts();
    let text = axum::body::to_bytes(body, BODY_BYTES_MAX).await.unwrap_or_default();
    let problem = || serde_json::from_slice::<Value>(&text).ok()?["detail"].as_str().map(str::to_owned);
    let said = if is_problem { problem() } else { String::from_utf8(text.to_vec()).ok() };
    let usual = || status.canonical_reason().unwrap_or("refused").to_lowercase();
    let said = said.filter(|said| !said.is_empty()).unwrap_or_else(usual);
    let (new, body) = shape(Refused::new(status, said)).into_parts();
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.extend(new.headers);
    Response::from_parts(parts, body)
}

/// A body that is JSON of this shape, whatever it says to be.
///
/// # Errors
/// 413 for one that is too large, 400 for another shape.
pub async fn body<T: DeserializeOwned>(body: Body) -> Result<T, Refused> {
    let bytes = axum::body::to_bytes(body, BODY_BYTES_MAX).await;
    let bytes = bytes.map_err(|_| Refused::from(Refusal::TooLarge))?;
    serde_json::from_slice(&bytes).map_err(Refused::bad)
}

/// The query of a request.
///
/// # Errors
/// 400 for another shape.
pub fn query<T: DeserializeOwned>(parts: &Parts) -> Result<T, Refused> {
    Query::try_from_uri(&parts.uri).map(|Query(query)| query).map_err(Refused::bad)
}

/// A query as an argument of a handler.
#[derive(Clone, Copy, Debug)]
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        query(parts).map(Self)
    }
}

/// The token of `Authorization: Bearer`.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    authorization(headers)?.strip_prefix("Bearer ").map(str::trim).filter(|token| !token.is_empty())
}

/// The token of `Authorization`, with `Bearer` before it or without.
pub fn bearer_or_bare(headers: &HeaderMap) -> Option<&str> {
    let said = authorization(headers)?;
    let token = said.strip_prefix("Bearer ").unwrap_or(said).trim();
    (!token.is_empty() && !token.contains(' ')).then_some(token)
}

fn authorization(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, axum::http::HeaderValue::from_static(value))])
    }

    #[test]
    fn a_token_stands_after_bearer_or_alone() {
        for (value, strict, loose) in [
            ("Bearer abc", Some("abc"), Some("abc")),
            ("abc", None, Some("abc")),
            ("Bearer ", None, None),
            ("", None, None),
            ("Basic abc", None, None),
        ] {
            assert_eq!((bearer(&said(value)), bearer_or_bare(&said(value))), (strict, loose), "{value}");
        }
        assert_eq!(bearer(&HeaderMap::new()), None);
    }

    #[test]
    fn a_refusal_names_its_field_and_a_failure_hides_its_cause() {
        let refused = Refused::from(Refusal::AlreadyExists { field: "/username" });
        assert_eq!(
            (refused.status, refused.said.as_str()),
            (StatusCode::CONFLICT, "username: already there")
        );
        let failed = Refused::from(ChatError::Internal("secret"));
        assert_eq!(failed.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!failed.said.contains("secret"));
    }
}
