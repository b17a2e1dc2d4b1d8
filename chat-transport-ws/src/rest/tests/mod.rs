//! REST over an engine with the store in memory, asked without a network.

mod accounts;
mod conversations;
mod files;
mod mail;
mod people;
mod refusals;
mod service;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use chat_core::memory::MemoryStore;
use chat_core::{Chat, UserId};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::auth::{AuthError, Authenticator, Credentials, Identity};
use crate::{Options, router};

const ANA: u64 = 1;
const BO: u64 = 2;
const CY: u64 = 3;

/// Whoever says a number is that user; `late` has an expired token, `down` cannot be told.
struct Numbers;

#[async_trait]
impl Authenticator for Numbers {
    async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Identity, AuthError> {
        match credentials.token()? {
            "late" => Err(AuthError::Expired),
            "down" => Err(AuthError::Unavailable("no database".into())),
            token => token.parse::<u64>().map(Identity::new).map_err(|_| AuthError::Refused),
        }
    }
}

/// An answer.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    /// The body of a success.
    #[track_caller]
    fn ok(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// Whether it is a problem of this kind.
    #[track_caller]
    fn refused(&self, status: u16, code: &str, field: Option<&str>) {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.headers["cache-control"], "no-store");
        assert_eq!(self.body["type"], "about:blank");
        assert_eq!(self.body["status"], status);
        assert_eq!(self.body["code"], code, "{}", self.body);
        assert_eq!(self.body["field"].as_str(), field, "{}", self.body);
        assert!(self.body["title"].is_string() && self.body["detail"].is_string());
    }
}

/// A router to be asked.
struct Rest(Router);

impl Rest {
    async fn new() -> Self {
        let chat = Chat::builder(MemoryStore::new()).build().await.unwrap();
        Self(router(chat, Options::new(Numbers)))
    }

    /// Ana and Bo are friends here.
    async fn with_friends() -> Self {
        let rest = Self::new().await;
        rest.put(ANA, "/v1/friends/2/request", None).await.ok(200);
        rest.put(BO, "/v1/friends/1/accept", None).await.ok(200);
        rest
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let answer = self.0.clone().oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| text());
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn ask(&self, user: u64, method: Method, path: &str, body: Option<Value>) -> Answer {
        let request =
            Request::builder().method(method).uri(path).header("authorization", format!("Bearer {user}"));
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_string().into()),
            None => request.body(Body::empty()),
        };
        self.send(request.unwrap()).await
    }

    async fn get(&self, user: u64, path: &str) -> Answer {
        self.ask(user, Method::GET, path, None).await
    }

    async fn post(&self, user: u64, path: &str, body: Value) -> Answer {
        self.ask(user, Method::POST, path, Some(body)).await
    }

    async fn put(&self, user: u64, path: &str, body: Option<Value>) -> Answer {
        self.ask(user, Method::PUT, path, body).await
    }

    async fn patch(&self, user: u64, path: &str, body: Value) -> Answer {
        self.ask(user, Method::PATCH, path, Some(body)).await
    }

    async fn delete(&self, user: u64, path: &str) -> Answer {
        self.ask(user, Method::DELETE, path, None).await
    }

    /// The path of the direct conversation between Ana and Bo.
    async fn direct(&self) -> String {
        let answer = self.put(ANA, "/v1/direct/2", None).await;
        format!("/v1/conversations/{}", answer.body["conversation"]["id"].as_str().unwrap())
    }
}

fn id(user: u64) -> String {
    UserId::from(user).to_string()
}
