//! Who a request is from: the one thing a host has to say.
//!
//! A host implements [`Authenticator`] over the login it already has. Credentials come with a request (a cookie, a
//! header, a ticket in the query) or as a bare token (a subprotocol, the first frame of a socket).

use async_trait::async_trait;
use axum::extract::Query;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use chat_core::accounts::{self, Accounts};
use chat_core::{ChatError, Refusal, SessionId, Timestamp, UserId};

/// What somebody shows to be let in.
#[derive(Clone, Copy, Debug)]
pub enum Credentials<'a> {
    /// A request with its headers and extensions.
    Request(&'a Parts),
    /// A token that came by itself: as a subprotocol, or in the first frame of a socket.
    Token(&'a str),
}

impl<'a> Credentials<'a> {
    /// The request they came with.
    ///
    /// # Errors
    /// [`AuthError::Missing`] for a bare token: a host that knows only cookies need not look at tokens.
    pub const fn request(self) -> Result<&'a Parts, AuthError> {
        match self {
            Self::Request(parts) => Ok(parts),
            Self::Token(_) => Err(AuthError::Missing),
        }
    }

    /// The bearer token: the bare one, or that of the `Authorization` header.
    ///
    /// # Errors
    /// [`AuthError::Missing`] when there is none.
    pub fn token(self) -> Result<&'a str, AuthError> {
        match self {
            Self::Request(parts) => bearer(parts).ok_or(AuthError::Missing),
            Self::Token(token) => Ok(token),
        }
    }
}

/// The token of `Authorization: Bearer …`; the scheme's case does not matter.
pub(crate) fn bearer(parts: &Parts) -> Option<&str> {
    let value = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// The person.
    pub user: UserId,
    /// His login, when the host can end one: `chat.end_session(id)` then closes its sockets.
    pub session: Option<SessionId>,
    /// When the token shown ends. A socket lives as long as its session and does not look at it.
    pub expires_at: Option<Timestamp>,
}

impl Identity {
    /// Somebody without a login that could be ended.
    pub fn new(user: impl Into<UserId>) -> Self {
        Self { user: user.into(), session: None, expires_at: None }
    }

    /// The same under this login.
    #[must_use]
    pub fn session(mut self, session: impl Into<SessionId>) -> Self {
        self.session = Some(session.into());
        self
    }

    /// The same until then.
    #[must_use]
    pub const fn expires_at(mut self, at: Timestamp) -> Self {
        self.expires_at = Some(at);
        self
    }
}

/// Why nobody was let in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// Nothing was shown.
    #[error("no credentials")]
    Missing,
    /// What was shown is not valid.
    #[error("the credentials are not valid")]
    Refused,
    /// What was shown was valid once.
    #[error("the token has expired")]
    Expired,
    /// What was shown came by itself, with a request that another page may have made.
    #[error("pages of this origin are not allowed")]
    CrossSite,
    /// It cannot be told now, since something this needs does not answer.
    #[error("the login cannot be checked now")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Tells who somebody is by what he shows.
///
/// Asked once for every REST request and once for every socket; a host caches what is expensive.
#[async_trait]
pub trait Authenticator: Send + Sync + 'static {
    /// Who shows these credentials.
    ///
    /// # Errors
    /// [`AuthError`]; which of `Missing` and `Refused` it is matters to nobody but the reader of a log.
    async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Identity, AuthError>;
}

impl From<accounts::Identity> for Identity {
    fn from(identity: accounts::Identity) -> Self {
        Self::new(identity.user).session(identity.session).expires_at(identity.expires_at)
    }
}

impl From<ChatError> for AuthError {
    fn from(error: ChatError) -> Self {
        match error {
            ChatError::Refused(Refusal::TokenExpired) => Self::Expired,
            ChatError::Refused(_) => Self::Refused,
            error => Self::Unavailable(Box::new(error)),
        }
    }
}

/// The accounts of our own: by the access token of the `Authorization` header, or by a ticket in the query.
#[async_trait]
impl Authenticator for Accounts {
    async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Identity, AuthError> {
        let identity = match credentials {
            Credentials::Token(token) => Self::authenticate(self, token).await?,
            Credentials::Request(parts) if parts.headers.contains_key(AUTHORIZATION) => {
                Self::authenticate(self, bearer(parts).ok_or(AuthError::Refused)?).await?
            }
            Credentials::Request(parts) => self.redeem(&ticket(parts).ok_or(AuthError::Missing)?).await?,
        };
        Ok(identity.into())
    }
}

fn ticket(parts: &Parts) -> Option<String> {
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri).ok()?;
    pairs.into_iter().find(|(name, _)| name == "ticket").map(|(_, ticket)| ticket)
}
