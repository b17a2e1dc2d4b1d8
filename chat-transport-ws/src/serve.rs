//! A server for a router: what a host with no HTTP server of its own calls.
//!
//! It supplies what a router cannot see by itself: the peers' addresses, time limits for request heads and bodies, and
//! an orderly end. A host that serves the router itself has these from its own server.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request};
use chat_core::Chat;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

/// How long a request head may take, and a connection wait for the next one.
const HEAD: Duration = Duration::from_secs(30);

/// How long a request body may take, and every further [`STEP`] of a long one.
const BODY: Duration = Duration::from_secs(30);

/// Bytes that buy a long body more time: a file on a slow line takes as long as it takes, a trickle does not.
const STEP: u64 = 1024 * 1024;

/// How long requests under way may take once the end has begun.
const DRAIN: Duration = Duration::from_secs(10);

/// How long to wait when no connection can be accepted, as when file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Connections that speak HTTP at the same time; more wait in the listener's queue. Sockets are counted by themselves.
const CONNECTIONS_MAX: usize = 8192;

/// Largest request head, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Serves `router` on `listener` until `shutdown` ends: then nothing more is accepted, requests under way are
/// finished, `chat` commits what is queued, and every socket is told to come back and closed with 1001.
///
/// # Errors
/// None that would not be gone a moment later; accepting goes on. The result is for callers that expect one.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    chat: Chat,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    serve_until(listener, router, shutdown, async { chat.shutdown().await }).await
}

/// The same for a router of any kind: `drain` is what is done between the last request and the end of the sockets.
///
/// # Errors
/// As [`serve`].
pub async fn serve_until(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send,
    drain: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let server = Server::new(router);
    tokio::select! {
        () = server.accept(&listener) => {}
        () = shutdown => {}
    }
    drop(listener);
    server.running.stop.cancel();
    server.connections.close();
    server.connections.wait().await;
    drain.await;
    server.running.sockets.close();
    server.running.sockets.wait().await;
    Ok(())
}

/// What one call of [`serve`] runs.
struct Server {
    router: Router,
    http: http1::Builder,
    running: Running,
    /// Connections that speak HTTP.
    connections: TaskTracker,
    places: Arc<Semaphore>,
}

impl Server {
    fn new(router: Router) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(HEAD_BYTES_MAX);
        Self {
            router,
            http,
            running: Running::default(),
            connections: TaskTracker::new(),
            places: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
        }
    }

    /// Accepts for ever.
    async fn accept(&self, listener: &TcpListener) {
        loop {
            let place = Arc::clone(&self.places).acquire_owned().await.expect("nobody closes it");
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let connection = self.connection(stream, peer);
                    self.connections.spawn(async move {
                        connection.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "no connection could be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// One connection, until it ends or becomes a socket.
    fn connection(&self, stream: TcpStream, peer: SocketAddr) -> impl Future<Output = ()> + Send + use<> {
        let (router, running) = (self.router.clone(), self.running.clone());
        let stop = running.stop.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(|body| Body::new(Timed::new(body)));
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(running.clone());
            router.clone().oneshot(request)
        });
        let http = self.http.clone();
        async move {
            // It only costs time if this fails.
            let _ = stream.set_nodelay(true);
            let connection = http.serve_connection(TokioIo::new(stream), service).with_upgrades();
            let mut connection = std::pin::pin!(connection);
            tokio::select! {
                // How a connection breaks is its peer's affair.
                _ = connection.as_mut() => return,
                () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
            }
            let _ = tokio::time::timeout(DRAIN, connection).await;
        }
    }
}

/// The server a request came through: an extension of the request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Running {
    sockets: TaskTracker,
    stop: CancellationToken,
}

/// Runs a socket: as a task that its server waits for, if it is ours.
pub(crate) fn spawn(server: Option<&Running>, socket: impl Future<Output = ()> + Send + 'static) {
    match server {
        Some(running) => running.sockets.spawn(socket),
        None => tokio::spawn(socket),
    };
}

/// Ends when the server is to end. Of a host's own server that is not known.
pub(crate) async fn stopping(server: Option<&Running>) {
    match server {
        Some(running) => running.stop.cancelled().await,
        None => std::future::pending().await,
    }
}

/// A request body that must come within [`BODY`] from when it is first waited for, or each [`STEP`] of it.
struct Timed<B> {
    body: B,
    /// How much of the present step has come.
    come: u64,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<B> Timed<B> {
    const fn new(body: B) -> Self {
        Self { body, come: 0, deadline: None }
    }
}

impl<B> HttpBody for Timed<B>
where
    B: HttpBody<Data = Bytes, Error: Into<axum::BoxError>> + Unpin,
{
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            if let Some(Ok(frame)) = &frame {
                self.come += frame.data_ref().map_or(0, |bytes| bytes.len() as u64);
            }
            if self.come >= STEP {
                self.come %= STEP;
                self.deadline = None;
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(axum::Error::new)));
        }
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(BODY)));
        ready!(deadline.as_mut().poll(cx));
        let error = io::Error::new(io::ErrorKind::TimedOut, "the body did not come in time");
        Poll::Ready(Some(Err(axum::Error::new(error))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt as _, stream};
    use http_body_util::{BodyExt as _, Full, StreamBody};
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_has_so_long_and_not_a_moment_more_for_coming_in_pieces() {
        let whole = Timed::new(Full::new(Bytes::from_static(b"whole")));
        assert_eq!(whole.collect().await.unwrap().to_bytes(), "whole");
        let trickle = stream::unfold((), |()| async {
            tokio::time::sleep(BODY / 4).await;
            Some((Ok::<_, io::Error>(Frame::data(Bytes::from_static(b"x"))), ()))
        });
        let start = Instant::now();
        let error = Timed::new(StreamBody::new(trickle.boxed())).collect().await.unwrap_err();
        assert!(error.to_string().contains("in time"), "{error}");
        assert!(start.elapsed() < BODY * 3 / 2, "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_body_has_as_long_again_for_every_step() {
        let step = Bytes::from(vec![0; usize::try_from(STEP).unwrap()]);
        let steps = stream::unfold(4, |left: u32| {
            let step = step.clone();
            async move {
                tokio::time::sleep(BODY * 3 / 4).await;
                (left > 0).then(|| (Ok::<_, io::Error>(Frame::data(step)), left - 1))
            }
        });
        let whole = Timed::new(StreamBody::new(steps.boxed())).collect().await.unwrap().to_bytes();
        assert_eq!(whole.len() as u64, 4 * STEP);
    }
}
