//! The envelope of every answer, `{"message": string, "data": any|null}`, and who asks.

use std::sync::Arc;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use chat_core::accounts::Identity;
use chat_core::{ChatError, Refusal};
use chat_host::Host;
use chat_host::answer::{Refused, bearer_or_bare, query};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Something was done.
#[expect(clippy::needless_pass_by_value, reason = "what is answered is made for that")]
pub(crate) fn success(data: Value) -> Json<Value> {
    Json(json!({ "message": "success", "data": data }))
}

/// Something was not done.
#[derive(Debug)]
pub(crate) struct Fail(Refused);

impl IntoResponse for Fail {
    fn into_response(self) -> Response {
        (self.0.status, Json(json!({ "message": self.0.said, "data": null }))).into_response()
    }
}

impl From<Refused> for Fail {
    fn from(refused: Refused) -> Self {
        Self(refused)
    }
}

impl From<ChatError> for Fail {
    fn from(error: ChatError) -> Self {
        Self(error.into())
    }
}

impl From<Refusal> for Fail {
    fn from(refusal: Refusal) -> Self {
        Self(refusal.into())
    }
}

/// A query, refused in the envelope.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Arc<Host>> for Asked<T> {
    type Rejection = Fail;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Host>) -> Result<Self, Fail> {
        Ok(Self(query(parts)?))
    }
}

/// Who asks, by `Authorization`, with `Bearer` or without.
pub(crate) struct Caller(pub(crate) Identity);

impl FromRequestParts<Arc<Host>> for Caller {
    type Rejection = Fail;

    async fn from_request_parts(parts: &mut Parts, host: &Arc<Host>) -> Result<Self, Fail> {
        let token = bearer_or_bare(&parts.headers).ok_or(Refusal::Unauthenticated)?;
        Ok(Self(host.accounts.authenticate(token).await?))
    }
}
