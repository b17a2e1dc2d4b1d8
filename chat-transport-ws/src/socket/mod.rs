//! The WebSocket: `GET /v1/ws`, from the handshake to the last byte.
//!
//! [`upgrade`] answers the request and starts one task, which lives as long as the socket: it lets somebody in
//! (`entrance`), serves him (`connection`) and parts from him so that he learns why (`close`). Frames are our own
//! (`frame`, `stream`); the bytes come from hyper's upgrade, so this runs in any host's server.

mod close;
mod connection;
mod entrance;
mod frame;
mod handshake;
mod meters;
mod pulse;
mod stream;
mod strikes;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::SEC_WEBSOCKET_VERSION;
use axum::response::{IntoResponse as _, Response};
use chat_core::Chat;
use chat_core::delivery::Resume;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use self::close::{Close, Ending};
use self::connection::Connection;
use self::entrance::Claim;
use self::frame::Opcode;
use self::handshake::Handshake;
pub(crate) use self::meters::Meters;
use self::pulse::Pulse;
use self::stream::{FrameStream, Peer};
use crate::auth::Authenticator;
use crate::limit::Limiter;
use crate::options::Options;
use crate::problem::{Code, Failure};
use crate::serve::{self, Running};
use crate::{origin, peer, wire};

/// How often the server pings, as `hello` tells.
const HEARTBEAT: Duration = Duration::from_secs(25);

/// What all sockets of a router share.
pub(crate) struct Door {
    chat: Chat,
    authenticator: Arc<dyn Authenticator>,
    allowed_origins: Vec<String>,
    trusted_proxies: Vec<IpAddr>,
    limiter: Arc<Limiter>,
    pulse: Arc<Pulse>,
    meters: Arc<Meters>,
}

impl Door {
    /// The door to `chat`. `limiter` and `meters` are shared with the other doors.
    pub(crate) fn new(
        chat: Chat,
        options: &Options,
        limiter: Arc<Limiter>,
        meters: Arc<Meters>,
    ) -> Arc<Self> {
        Arc::new(Self {
            authenticator: Arc::clone(&options.authenticator),
            allowed_origins: options.allowed_origins.iter().chain(&options.public_url).cloned().collect(),
            trusted_proxies: options.trusted_proxies.clone(),
            limiter,
            pulse: Pulse::new(HEARTBEAT),
            meters,
            chat,
        })
    }

    /// A number nobody can foresee.
    fn random(&self) -> u16 {
        let mut bytes = [0; 2];
        self.chat.ids().fill(&mut bytes);
        u16::from_be_bytes(bytes)
    }
}

/// Answers a request to open a socket.
pub(crate) async fn upgrade(door: Arc<Door>, request: Request) -> Response {
    match open(door, request).await {
        Ok(answer) => answer,
        Err(failure) => failure.into_response(),
    }
}

async fn open(door: Arc<Door>, request: Request) -> Result<Response, Failure> {
    let (mut parts, _) = request.into_parts();
    let handshake = match Handshake::read(&parts) {
        Ok(handshake) => handshake,
        Err(why) => {
            let mut answer = Failure::new(Code::Malformed, why).into_response();
            answer.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            return Ok(answer);
        }
    };
    if !origin::is_allowed(&parts, &door.allowed_origins) {
        return Err(Failure::new(Code::Forbidden, "pages of this origin are not allowed"));
    }
    let resume = entrance::resume(&parts)?;
    let upgrade = parts.extensions.remove::<OnUpgrade>();
    let upgrade =
        upgrade.ok_or_else(|| Failure::new(Code::Malformed, "this connection cannot be upgraded"))?;
    let server = parts.extensions.get::<Running>().cloned();
    let place = door.limiter.admit(peer::address(&parts, &door.trusted_proxies));
    let claim = match &place {
        Ok(_) => Claim::of(&door, &parts, handshake.token.clone()).await?,
        Err(full) => Claim::Hopeless((*full).into()),
    };
    let socket = {
        let server = server.clone();
        async move {
            // Without the upgrade there is nobody to tell anything.
            if let Ok(upgraded) = upgrade.await {
                converse(door, TokioIo::new(upgraded), claim, resume, server).await;
            }
            drop(place);
        }
    };
    serve::spawn(server.as_ref(), socket);
    Ok(handshake.answer())
}

/// The life of a socket.
async fn converse<Io>(door: Arc<Door>, io: Io, claim: Claim, resume: Resume, server: Option<Running>)
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    let frame_bytes_max = usize::try_from(door.chat.limits().frame_bytes_max).unwrap_or(usize::MAX);
    let mut stream = FrameStream::new(io, frame_bytes_max, Arc::clone(&door.meters));
    // On the heap, since what is needed for this moment would stay in the task for ever.
    let entered = Box::pin(async {
        tokio::select! {
            entered = entrance::enter(&door, &mut stream, claim, resume) => entered,
            () = serve::stopping(server.as_ref()) => Err(Ending::Now(Close::ShuttingDown)),
        }
    });
    let ending = match entered.await {
        Ok((session, identity)) => {
            let mut connection = Connection::new(Arc::clone(&door), stream, session, identity);
            let ending = connection.serve().await;
            stream = connection.into_stream();
            ending
        }
        Err(ending) => ending,
    };
    Box::pin(part(&door, stream, ending)).await;
}

/// Tells a peer why this is the end, as far as it can be told.
async fn part<Io: AsyncRead + AsyncWrite + Unpin>(door: &Door, mut stream: FrameStream<Io>, ending: Ending) {
    Meters::closed(ending.code());
    let peer = match ending {
        Ending::Gone => return,
        Ending::ByPeer(code) => {
            let payload = code.map(u16::to_be_bytes);
            stream.queue(Opcode::Close, payload.as_ref().map_or(&[], |code| &code[..]));
            Peer::IsDone
        }
        Ending::Answered(close) | Ending::Now(close) => {
            if close.is_announced() {
                let closing = wire::closing(close.code(), close.retry_after(door.random()));
                stream.queue(Opcode::Text, &closing);
            }
            stream.queue(Opcode::Close, &close.code().to_be_bytes());
            if close.still_decodes() { Peer::Answers } else { Peer::IsDone }
        }
    };
    stream.finish(peer).await;
}

#[cfg(test)]
mod tests;
