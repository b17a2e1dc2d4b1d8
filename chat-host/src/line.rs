//! A socket of a system's own frames, around a session of the engine.
//!
//! What is the same on every such wire is here: events in the order of the session, frames one after the other, a
//! heartbeat, a client that does not take what it is sent, and a close that says why. What a frame looks like is the
//! system's: [`Frames`].

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::http::header::SEC_WEBSOCKET_PROTOCOL;
use axum::response::Response;
use chat_core::{ChatError, Ended, Event, Session};
use chat_transport_ws::limit::{Limiter, Place, Used};
use serde_json::Value;
use tokio::time::{interval, timeout};

use crate::Host;
use crate::answer::Refused;

/// The subprotocol beside which a token comes, and the one that is answered.
const BEARER: &str = "Bearer";

/// How long a frame may take to be taken.
const SEND_MAX: Duration = Duration::from_secs(30);

/// How often the other side is asked whether it is there; after two silent ones it is not.
const HEARTBEAT: Duration = Duration::from_secs(25);

/// Longest frame of a client, in bytes.
const FRAME_BYTES_MAX: usize = 64 * 1024;

/// What is read at once, in bytes: memory of every socket.
const READ_BYTES: usize = 4 * 1024;

/// What may wait to be written, in bytes: one of our frames, whatever it is.
const WRITE_BYTES_MAX: usize = 512 * 1024;

/// How a system speaks on a socket.
pub trait Frames: Send + 'static {
    /// What an event is on this wire; nothing, where it does not show.
    fn event(&mut self, event: &Event) -> impl Future<Output = Result<Option<Value>, ChatError>> + Send;

    /// Does what a frame says, and answers it, if it is answered.
    fn frame(
        &mut self,
        session: &Session,
        text: &str,
    ) -> impl Future<Output = Result<Option<Value>, Refused>> + Send;

    /// What a client is told whose frame was refused.
    fn refused(&self, refused: &Refused) -> Value {
        refused.body()
    }
}

/// Opens the socket at its place.
pub fn open(
    upgrade: WebSocketUpgrade,
    host: &Host,
    place: Place,
    session: Session,
    frames: impl Frames,
) -> Response {
    let (limiter, sockets) = (Arc::clone(&host.limiter), host.sockets.clone());
    upgrade
        .protocols([BEARER])
        .max_message_size(FRAME_BYTES_MAX)
        .max_frame_size(FRAME_BYTES_MAX)
        .read_buffer_size(READ_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BYTES_MAX)
        .on_upgrade(move |socket| {
            sockets.track_future(
                Line { socket, frames, limiter, used: Used::default(), _place: place }.run(session),
            )
        })
}

/// The token among the subprotocols: beside `Bearer`, which is what browsers can send and what is answered; alone; or
/// after `Bearer` and a space, which no browser sends. It is never echoed.
pub fn token(headers: &HeaderMap) -> Option<String> {
    let said = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    let offered: Vec<&str> = said.flat_map(|said| said.split(',')).map(str::trim).collect();
    let token = match offered[..] {
        [BEARER, token] => token,
        [alone] => alone.strip_prefix("Bearer ").unwrap_or(alone).trim(),
        _ => return None,
    };
    (!token.is_empty() && token != BEARER).then(|| token.to_owned())
}

/// One socket.
struct Line<F> {
    socket: WebSocket,
    frames: F,
    limiter: Arc<Limiter>,
    used: Used,
    /// Another may have it once this has ended.
    _place: Place,
}

/// The socket has ended, or must.
struct Over(Option<CloseFrame>);

impl<F: Frames> Line<F> {
    async fn run(mut self, mut session: Session) {
        let mut heartbeat = interval(HEARTBEAT);
        let mut silent = 0;
        let Over(close) = loop {
            let step = tokio::select! {
                event = session.next() => match event {
                    Ok(event) => self.pass_on(&event).await,
                    Err(ended) => Err(Over(Some(closing(ended)))),
                },
                frame = self.socket.recv() => {
                    silent = 0;
                    match frame {
                        Some(Ok(frame)) => self.take(&session, frame).await,
                        Some(Err(_)) | None => Err(Over(None)),
                    }
                }
                _ = heartbeat.tick() => {
                    silent += 1;
                    if silent > 2 { Err(Over(None)) } else { self.send(Message::Ping(Bytes::new())).await }
                }
            };
            if let Err(over) = step {
                break over;
            }
        };
        if let Some(close) = close {
            let _ = self.send(Message::Close(Some(close))).await;
        }
    }

    async fn pass_on(&mut self, event: &Event) -> Result<(), Over> {
        if let Event::Reset { .. } = event {
            // Too far behind to be told one by one: it is in the history, and nothing is left out without a word.
            return Err(Over(Some(close(1013, "too far behind, read the history"))));
        }
        match self.frames.event(event).await {
            Ok(Some(frame)) => self.say(&frame).await,
            Ok(None) => Ok(()),
            // It is in the history; a client that is closed asks for that.
            Err(_) => Err(Over(Some(close(1011, "try again")))),
        }
    }

    async fn take(&mut self, session: &Session, frame: Message) -> Result<(), Over> {
        let text = match &frame {
            Message::Text(text) => text,
            Message::Binary(_) => return Err(Over(Some(close(1003, "text only")))),
            Message::Close(_) => return Err(Over(None)),
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
        };
        let outcome = match self.limiter.check_frame(&mut self.used) {
            Ok(()) => self.frames.frame(session, text).await,
            Err(often) => Err(ChatError::from(often).into()),
        };
        match outcome {
            Ok(Some(answer)) => self.say(&answer).await,
            Ok(None) => Ok(()),
            Err(refused) => self.say(&self.frames.refused(&refused)).await,
        }
    }

    async fn say(&mut self, frame: &Value) -> Result<(), Over> {
        self.send(Message::Text(Utf8Bytes::from(frame.to_string()))).await
    }

    /// One stuck client holds up nobody but itself, and not for ever.
    async fn send(&mut self, frame: Message) -> Result<(), Over> {
        match timeout(SEND_MAX, self.socket.send(frame)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Over(None)),
        }
    }
}

fn close(code: u16, reason: &'static str) -> CloseFrame {
    CloseFrame { code, reason: Utf8Bytes::from_static(reason) }
}

fn closing(ended: Ended) -> CloseFrame {
    match ended {
        Ended::Shutdown => close(1001, "the server is going away"),
        Ended::Revoked => close(4401, "the login has ended"),
        _ => close(1011, "try again"),
    }
}
