//! One connection to a server: texts in, texts out.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::header::AUTHORIZATION;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, Uri};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

/// Largest frame a server sends, doubled for servers that send larger ones than ours.
const FRAME_BYTES_MAX: usize = 512 * 1024;
/// Buffers of a connection.
const BUFFER_BYTES: usize = 16 * 1024;
/// Bytes that may wait in a connection's buffer; more wait here.
const WAITING_BYTES_MAX: usize = 256 * 1024;

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoLine {
    /// The token is refused.
    Refused,
    /// Nobody answers, or not as a chat server does.
    NotNow,
}

/// What came.
#[derive(Debug)]
pub(super) enum Heard {
    Text(Utf8Bytes),
    /// A sign of life.
    Ping,
    /// The end, with the code of the server's close.
    End(Option<u16>),
}

/// A connection, and what is to be sent on it.
pub(super) struct Line {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    waiting: VecDeque<Message>,
    flushed: bool,
}

impl Line {
    /// Connects and shows `token`. Nothing is pushed before the first `sync`.
    pub(super) async fn open(url: &str, token: &str) -> Result<Self, NoLine> {
        let uri: Uri = url.parse().map_err(|_| NoLine::NotNow)?;
        let separator = if uri.query().is_some() { '&' } else { '?' };
        let mut request =
            format!("{url}{separator}resume=true").into_client_request().map_err(|_| NoLine::NotNow)?;
        let bearer = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| NoLine::Refused)?;
        request.headers_mut().insert(AUTHORIZATION, bearer);
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER_BYTES)
            .write_buffer_size(BUFFER_BYTES)
            .max_write_buffer_size(WAITING_BYTES_MAX)
            .max_message_size(Some(FRAME_BYTES_MAX))
            .max_frame_size(Some(FRAME_BYTES_MAX));
        match connect_async_with_config(request, Some(config), true).await {
            Ok((socket, _)) => Ok(Self { socket, waiting: VecDeque::new(), flushed: true }),
            Err(Error::Http(answer)) if answer.status() == StatusCode::UNAUTHORIZED => Err(NoLine::Refused),
            Err(_) => Err(NoLine::NotNow),
        }
    }

    /// Sends a frame with the next [`Self::next`].
    pub(super) fn send(&mut self, text: String) {
        self.waiting.push_back(Message::text(text));
    }

    /// Sends what waits until something comes. Cancel-safe.
    pub(super) async fn next(&mut self) -> Heard {
        poll_fn(|cx| self.poll_next(cx)).await.unwrap_or(Heard::End(None))
    }

    /// Says goodbye. Whether it is heard does not matter.
    pub(super) async fn close(mut self) {
        let _ = self.socket.close(None).await;
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Heard, Error>> {
        if let Poll::Ready(Err(error)) = self.poll_send(cx) {
            return Poll::Ready(Err(error));
        }
        loop {
            return Poll::Ready(Ok(match ready!(self.socket.poll_next_unpin(cx)).transpose()? {
                Some(Message::Text(text)) => Heard::Text(text),
                Some(Message::Ping(_)) => {
                    // Its pong is queued.
                    self.flushed = false;
                    Heard::Ping
                }
                Some(Message::Close(close)) => Heard::End(close.map(|close| close.code.into())),
                None => Heard::End(None),
                Some(Message::Binary(_) | Message::Pong(_) | Message::Frame(_)) => continue,
            }));
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while !self.waiting.is_empty() {
            ready!(self.socket.poll_ready_unpin(cx))?;
            let message = self.waiting.pop_front().expect("it is not empty");
            self.socket.start_send_unpin(message)?;
            self.flushed = false;
        }
        if !self.flushed {
            ready!(self.socket.poll_flush_unpin(cx))?;
            self.flushed = true;
        }
        Poll::Ready(Ok(()))
    }
}
