//! How somebody comes in: who it is, by whichever way it was shown, and the session and greeting that he gets.
//!
//! A refused `Authorization` header is an HTTP answer. Every other way is a browser's, and a browser shows no status of
//! a failed handshake: there the socket opens and is closed with a code.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Query;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use chat_core::command::Who;
use chat_core::delivery::{Open, Resume, Session};
use chat_core::{ChatError, Profile, Refusal, SessionId};
use tokio::io::{AsyncRead, AsyncWrite};

use super::Door;
use super::close::{Close, Ending};
use super::frame::{Incoming, Opcode};
use super::stream::{FrameStream, Reading};
use crate::auth::{AuthError, Credentials, Identity};
use crate::limit::Full;
use crate::problem::{Code, Failure};
use crate::wire;

/// How long a socket may be open without telling who it is.
const AUTHENTICATION: Duration = Duration::from_secs(5);

/// What somebody shows to be let in.
pub(super) enum Claim {
    /// His request has told already.
    Known(Identity),
    /// A token among the subprotocols.
    Token(String),
    /// A ticket in the request's query. It is spent by looking at it, so that is done when the socket is open.
    Ticket(Box<Parts>),
    /// Nothing yet.
    FirstFrame,
    /// He cannot be let in, and is told when the socket is open.
    Hopeless(Close),
}

impl Claim {
    /// What a request shows. `token` is that of the subprotocols.
    ///
    /// # Errors
    /// When its `Authorization` is refused.
    pub(super) async fn of(door: &Door, parts: &Parts, token: Option<String>) -> Result<Self, Failure> {
        let authenticate = || door.authenticator.authenticate(Credentials::Request(parts));
        if parts.headers.contains_key(AUTHORIZATION) {
            return authenticate().await.map(Self::Known).map_err(|error| refused(&error));
        }
        if let Some(token) = token {
            return Ok(Self::Token(token));
        }
        if query(parts, "ticket").is_some() {
            return Ok(Self::Ticket(Box::new(parts.clone())));
        }
        // A host may know him by a cookie.
        Ok(match authenticate().await {
            Ok(identity) => Self::Known(identity),
            Err(AuthError::Missing) => Self::FirstFrame,
            Err(error) => Self::Hopeless(Close::from(&error)),
        })
    }
}

/// Whether `?resume=true` is said.
///
/// # Errors
/// When it is neither `true` nor `false`. Other parameters are the host's, whose authenticator may read them.
pub(super) fn resume(parts: &Parts) -> Result<Resume, Failure> {
    match query(parts, "resume").as_deref() {
        None | Some("false") => Ok(Resume::Live),
        Some("true") => Ok(Resume::AwaitSync),
        Some(_) => Err(Failure::invalid("?resume", "must be true or false")),
    }
}

fn query(parts: &Parts, name: &str) -> Option<String> {
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri).ok()?;
    pairs.into_iter().find(|(named, _)| named == name).map(|(_, value)| value)
}

/// Lets somebody in: afterwards his greeting is queued.
pub(super) async fn enter<Io: AsyncRead + AsyncWrite + Unpin>(
    door: &Arc<Door>,
    stream: &mut FrameStream<Io>,
    claim: Claim,
    resume: Resume,
) -> Result<(Session, Identity), Ending> {
    let now = |error: AuthError| Ending::Now(Close::from(&error));
    let (identity, resume, id) = match claim {
        Claim::Hopeless(close) => return Err(Ending::Now(close)),
        Claim::Known(identity) => (identity, resume, None),
        Claim::Token(token) => {
            let credentials = Credentials::Token(&token);
            (door.authenticator.authenticate(credentials).await.map_err(now)?, resume, None)
        }
        Claim::Ticket(parts) => {
            let credentials = Credentials::Request(&parts);
            (door.authenticator.authenticate(credentials).await.map_err(now)?, resume, None)
        }
        Claim::FirstFrame => {
            let first = tokio::time::timeout(AUTHENTICATION, first_frame(stream)).await;
            let (id, token, asked) = first.map_err(|_| Ending::Now(Close::Silent))??;
            let answer = door.authenticator.authenticate(Credentials::Token(&token)).await;
            let identity = answer.map_err(|error| deny(stream, id, &refused(&error), Close::from(&error)))?;
            let resume = if asked == wire::Resume::AwaitSync { Resume::AwaitSync } else { resume };
            (identity, resume, Some(id))
        }
    };
    match greet(door, identity, resume).await {
        Ok((session, hello)) => {
            if let Some(id) = id {
                stream.queue(Opcode::Text, &wire::done(id));
            }
            stream.queue(Opcode::Text, &hello);
            Ok((session, identity))
        }
        Err(error) => {
            let close = Close::from(&error);
            Err(id.map_or(Ending::Now(close), |id| deny(stream, id, &Failure::from(&error), close)))
        }
    }
}

/// Opens the session and says hello.
async fn greet(
    door: &Door,
    identity: Identity,
    resume: Resume,
) -> Result<(Session, bytes::Bytes), ChatError> {
    let open = Open::new(identity.user).resume(resume);
    let open = identity.session.into_iter().fold(open, Open::login);
    let session = door.chat.open_with(open).await?;
    let profile = match door.chat.actor(identity.user).user_profile(&Who::Id(identity.user)).await {
        Ok(profile) => profile,
        // A directory need not know everybody whom the authenticator lets in.
        Err(ChatError::Refused(Refusal::NotFound | Refusal::NotFoundAt { .. })) => {
            Profile::new(identity.user)
        }
        Err(error) => return Err(error),
    };
    let connection = session.connection();
    let hello = wire::hello(&wire::Hello {
        user: &profile,
        session: identity.session.unwrap_or(SessionId::from(connection)),
        connection,
        epoch: door.chat.epoch(),
        server_time: door.chat.now(),
        heartbeat: door.pulse.period(),
        limits: door.chat.limits(),
    });
    Ok((session, hello))
}

/// The first frame, which must be `auth`: its id, its token, and whether to wait for `sync`.
async fn first_frame<Io: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut FrameStream<Io>,
) -> Result<(u64, String, wire::Resume), Ending> {
    let request = loop {
        match stream.next().map_err(|fault| Ending::Now(fault.into()))? {
            Some(Incoming::Text(text)) => break wire::parse(text, None),
            Some(Incoming::Close(code)) => return Err(Ending::ByPeer(code)),
            Some(Incoming::Ping(payload)) => {
                let payload = payload.to_vec();
                stream.queue(Opcode::Pong, &payload);
            }
            Some(Incoming::Pong | Incoming::Fragment) => {}
            None => {
                while !stream.has_room() {
                    stream.turn(Reading::NotNow).await.map_err(|_| Ending::Gone)?;
                }
                stream.turn(Reading::Wanted).await.map_err(|_| Ending::Gone)?;
            }
        }
    };
    let (id, failure) = match request {
        Ok(wire::Request { id, what: Ok(wire::Incoming::Auth { token, resume }) }) => {
            return Ok((id, token, resume));
        }
        Ok(wire::Request { id, what: Ok(wire::Incoming::Command(_)) }) => {
            (Some(id), Failure::from(Refusal::Unauthenticated))
        }
        Ok(wire::Request { id, what: Err(failure) }) => (Some(id), failure),
        Err(malformed) => (None, Failure::new(Code::Malformed, malformed.reason)),
    };
    stream.queue(Opcode::Text, &wire::failure(id, &failure));
    Err(Ending::Now(Close::Unauthenticated))
}

/// Answers a request that could not be done and after which nothing more can be.
fn deny<Io: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut FrameStream<Io>,
    id: u64,
    failure: &Failure,
    close: Close,
) -> Ending {
    stream.queue(Opcode::Text, &wire::failure(Some(id), failure));
    Ending::Now(close)
}

/// What somebody who is not let in is told. What failed here is logged here.
pub(super) fn refused(error: &AuthError) -> Failure {
    if let AuthError::Unavailable(source) = error {
        tracing::warn!(source, "a login cannot be checked");
    }
    Failure::from(error)
}

impl From<&AuthError> for Close {
    fn from(error: &AuthError) -> Self {
        match error {
            AuthError::Missing | AuthError::Refused | AuthError::Expired | AuthError::CrossSite => {
                Self::Unauthenticated
            }
            AuthError::Unavailable(_) => Self::Overloaded,
        }
    }
}

impl From<&ChatError> for Close {
    fn from(error: &ChatError) -> Self {
        match error {
            ChatError::Refused(Refusal::LimitReached) => Self::TooMuch,
            ChatError::Refused(_) => Self::Unauthenticated,
            // Nothing answers: as with a full node, another one or a later time may help.
            _ => Self::Overloaded,
        }
    }
}

impl From<Full> for Close {
    fn from(full: Full) -> Self {
        match full {
            Full::Node => Self::Overloaded,
            Full::Address => Self::TooMuch,
        }
    }
}
