//! Who asks: by the cookie of the access token, or by `Authorization: Bearer`.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use chat_core::accounts::{Identity, Secret};
use chat_core::store::Account;
use chat_core::{ChatError, Refusal, UserId};
use chat_host::answer::{Refused, bearer};
use serde::Deserialize;

use crate::Desk;

/// Who asks.
pub(crate) struct Caller(pub(crate) Identity);

impl FromRequestParts<Arc<Desk>> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, desk: &Arc<Desk>) -> Result<Self, Refused> {
        // Where a request says otherwise who asks, the cookie has not been judged, and is none.
        let says = parts.headers.contains_key(AUTHORIZATION);
        let cookie = desk.cookies.access_token(&parts.headers).filter(|_| !says);
        let token = bearer(&parts.headers).or(cookie.as_ref().map(Secret::expose));
        Ok(Self(desk.host.accounts.authenticate(token.ok_or(Refusal::Unauthenticated)?).await?))
    }
}

/// Somebody else, as a body names him.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Other {
    #[serde(rename = "friend_uuid")]
    uuid: Option<String>,
    #[serde(rename = "friend_email")]
    email: Option<String>,
    #[serde(rename = "friend_username")]
    username: Option<String>,
}

impl Other {
    /// Who that is.
    ///
    /// # Errors
    /// 400 when it is not one of the three, 404 when there is nobody.
    pub(crate) async fn find(&self, desk: &Desk) -> Result<UserId, Refused> {
        match (&self.uuid, &self.email, &self.username) {
            (Some(id), None, None) => Ok(user(id)?),
            (None, Some(name), None) | (None, None, Some(name)) => {
                Ok(account(desk, name).await?.ok_or(Refusal::NotFound)?.user)
            }
            _ => Err(Refused::bad("one of friend_uuid, friend_email and friend_username is needed")),
        }
    }
}

/// The user of an id; a text that cannot be one is one that does not exist.
pub(crate) fn user(id: &str) -> Result<UserId, Refusal> {
    id.parse().map_err(|_| Refusal::NotFound)
}

/// The account in use of a username or an address.
pub(crate) async fn account(desk: &Desk, name: &str) -> Result<Option<Account>, ChatError> {
    desk.host.accounts.find_by_login(name).await
}
