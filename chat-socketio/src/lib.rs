//! Socket.IO as a door to the chat: events of clients go to a [`Session`] of the engine, and its events go to clients.
//!
//! It is an adapter and no second engine. Who may do what, what is stored and who gets it is decided where it always
//! is; what events are called and look like is the host's, since every frontend that was written for Socket.IO has
//! names of its own: [`Dialect`]. Polling, upgrades, acknowledgements and reconnects are `socketioxide`'s.
//!
//! Order holds both ways: what a client emits is done in the order in which it came, and what the session gives is
//! emitted in its order. Nothing is dropped without a word: a client that takes nothing for [`TAKE_MAX`], or is too far
//! behind, is disconnected and reads what it missed. At the end of the server the transports are closed, after which
//! clients come again by themselves; whose login has ended is disconnected, and does not.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use chat_core::delivery::Open;
use chat_core::{Chat, ChatError, Ended, Event, Session};
use chat_transport_ws::limit::{Full, Limiter, Used};
use serde_json::Value;
use socketioxide::extract::{AckSender, Event as Name, SocketRef, TryData};
use socketioxide::handler::ConnectHandler as _;
use socketioxide::layer::SocketIoLayer;
use socketioxide::{SendError, SocketError, SocketIo};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep};

/// Where it is, as clients expect it.
const PATH: &str = "/socket.io";

/// How long a client may take nothing.
pub const TAKE_MAX: Duration = Duration::from_secs(30);

/// How often it is looked whether a client takes something again.
const GLANCE: Duration = Duration::from_millis(20);

/// How many events of a client may wait to be done; what it emits beyond is refused.
const WAITING_MAX: usize = 256;

/// How many packets may wait to be taken by a client.
const PACKETS_MAX: usize = 64;

/// How long whoever has knocked may take to say who he is.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// Largest payload of a client, in bytes.
const PAYLOAD_BYTES_MAX: u64 = 64 * 1024;

/// What events are called and look like, and who may come in.
pub trait Dialect: Clone + Send + Sync + 'static {
    /// Who opens a connection, by the request of its handshake and what was sent as `auth`.
    ///
    /// # Errors
    /// With what the client is told (`connect_error`).
    fn enter(&self, parts: &Parts, auth: &Value) -> impl Future<Output = Result<Open, String>> + Send;

    /// Does what an event asks, and gives what its acknowledgement says.
    ///
    /// # Errors
    /// With what the client is told: as an event `error`, and as the acknowledgement where one was asked for.
    fn take(
        &self,
        session: &Session,
        event: &str,
        data: Value,
    ) -> impl Future<Output = Result<Value, Value>> + Send;

    /// What a client is told that does too much; as [`Dialect::take`] tells it.
    fn too_often(&self, error: &ChatError) -> Value;

    /// What an event of the session is called here, and looks like; nothing, where it does not show.
    fn show(
        &mut self,
        session: &Session,
        event: &Event,
    ) -> impl Future<Output = Result<Option<(&'static str, Value)>, ChatError>> + Send;
}

/// Something that a client asks.
struct Asked {
    event: String,
    data: Value,
    ack: AckSender,
}

/// A connection that was let in, until it is served. The last one to take it serves it.
type Entered = Arc<Mutex<Option<(Session, mpsc::Receiver<Asked>)>>>;

/// What all connections share.
#[derive(Debug)]
#[non_exhaustive]
pub struct Options {
    /// Who has done how much of late, and how many sockets there are, at whatever door.
    pub limiter: Arc<Limiter>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
}

impl Options {
    /// With no proxy before it.
    pub fn new(limiter: Arc<Limiter>) -> Self {
        Self { limiter, trusted_proxies: Vec::new() }
    }
}

/// These routes, and around them what answers `/socket.io`.
pub fn around(routes: Router, chat: Chat, options: Options, dialect: impl Dialect) -> Router {
    let layer = layer(chat, Arc::clone(&options.limiter), dialect);
    routes.layer(layer).layer(middleware::from_fn_with_state(Arc::new(options), admit))
}

/// Gives whoever opens a connection a place, before it is known who that is. The connection keeps the request that opened
/// it, and the place with it, for as long as it is there.
async fn admit(State(options): State<Arc<Options>>, request: Request, next: Next) -> Response {
    let is_of_one = |query: &str| query.split('&').any(|pair| pair.starts_with("sid="));
    let opens = request.uri().path().starts_with(PATH) && !request.uri().query().is_some_and(is_of_one);
    if !opens {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    match options.limiter.admit(chat_transport_ws::peer_address(&parts, &options.trusted_proxies)) {
        Ok(place) => drop(parts.extensions.insert(Arc::new(place))),
        Err(Full::Address) => return StatusCode::TOO_MANY_REQUESTS.into_response(),
        Err(_) => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
    next.run(Request::from_parts(parts, body)).await
}

/// The layer that answers [`PATH`], around whatever answers everything else.
fn layer(chat: Chat, limiter: Arc<Limiter>, dialect: impl Dialect) -> SocketIoLayer {
    let (layer, io) = SocketIo::builder()
        .max_buffer_size(PACKETS_MAX)
        .max_payload(PAYLOAD_BYTES_MAX)
        .ws_max_message_size(usize::try_from(PAYLOAD_BYTES_MAX).unwrap_or(usize::MAX))
        .ws_max_frame_size(usize::try_from(PAYLOAD_BYTES_MAX).unwrap_or(usize::MAX))
        .connect_timeout(CONNECT_MAX)
        .req_path(PATH)
        .build_layer();
    let speaks = dialect.clone();
    let let_in = move |socket: SocketRef, TryData(auth): TryData<Value>| {
        let (chat, dialect) = (chat.clone(), dialect.clone());
        async move { enter(&chat, &dialect, &socket, auth.unwrap_or_default()).await }
    };
    let serve = move |io: SocketIo, socket: SocketRef| {
        let (dialect, limiter) = (speaks.clone(), Arc::clone(&limiter));
        async move {
            let entered = socket.extensions.get::<Entered>();
            let entered =
                entered.and_then(|entered| entered.lock().unwrap_or_else(PoisonError::into_inner).take());
            let why = match entered {
                Some((session, asked)) => {
                    let door = Door { socket: socket.clone(), dialect, limiter, used: Used::default() };
                    door.run(session, asked).await
                }
                None => Over::Client,
            };
            if why == Over::Shutdown {
                io.close().await;
            }
            // A client that takes nothing cannot be told so yet.
            while socket.connected() && socket.clone().disconnect().is_err() {
                sleep(GLANCE).await;
            }
        }
    };
    io.ns("/", serve.with(let_in));
    layer
}

/// Lets a connection in, or not. From here on what the client emits is kept, so that nothing of it is missed before it
/// is served.
async fn enter(chat: &Chat, dialect: &impl Dialect, socket: &SocketRef, auth: Value) -> Result<(), String> {
    let open = dialect.enter(socket.req_parts(), &auth).await?;
    let session = chat.open_with(open).await.map_err(|error| error.to_string())?;
    let (hand, asked) = mpsc::channel(WAITING_MAX);
    let busy = dialect.too_often(&ChatError::Overloaded { retry_after: GLANCE });
    // Called in the order in which events come; only what it gives back is done on a task of its own.
    socket.on_fallback(move |Name(event): Name, TryData(data): TryData<Value>, ack: AckSender| {
        let asked = Asked { event, data: data.unwrap_or_default(), ack };
        if let Err(TrySendError::Full(asked)) = hand.try_send(asked) {
            let _ = asked.ack.send(&busy);
        }
        std::future::ready(())
    });
    socket.extensions.insert::<Entered>(Arc::new(Mutex::new(Some((session, asked)))));
    Ok(())
}

/// Why a connection has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    /// It went, or does not keep up.
    Client,
    /// Its login has ended.
    Login,
    /// The server goes.
    Shutdown,
}

/// One connection.
struct Door<D> {
    socket: SocketRef,
    dialect: D,
    limiter: Arc<Limiter>,
    used: Used,
}

impl<D: Dialect> Door<D> {
    /// Serves it until either side has ended.
    async fn run(mut self, mut session: Session, mut asked: mpsc::Receiver<Asked>) -> Over {
        let gone = Arc::new(Notify::new());
        let went = Arc::clone(&gone);
        self.socket.on_disconnect(move || {
            went.notify_one();
            std::future::ready(())
        });
        while self.socket.connected() {
            let goes_on = tokio::select! {
                () = gone.notified() => false,
                asked = asked.recv() => match asked {
                    Some(asked) => self.answer(&session, asked).await,
                    None => false,
                },
                event = session.next() => match event {
                    // Too far behind to be told one by one.
                    Ok(Event::Reset { .. }) => false,
                    Ok(event) => self.pass_on(&session, &event).await,
                    Err(Ended::Shutdown) => return Over::Shutdown,
                    Err(_) => return Over::Login,
                }
            };
            if !goes_on {
                break;
            }
        }
        Over::Client
    }

    /// Shows an event; what cannot be shown now is tried again for a while. Whether the client is still there.
    async fn pass_on(&mut self, session: &Session, event: &Event) -> bool {
        let late = Instant::now() + TAKE_MAX;
        loop {
            match self.dialect.show(session, event).await {
                Ok(Some((name, data))) => return self.emit(name, &data).await,
                Ok(None) => return true,
                Err(error) if Instant::now() < late && self.socket.connected() => {
                    tracing::debug!(code = error.code(), "an event cannot be shown now");
                    sleep(GLANCE * 10).await;
                }
                Err(error) => {
                    tracing::warn!(code = error.code(), "an event could not be shown");
                    return false;
                }
            }
        }
    }

    /// Whether the client is still there.
    async fn answer(&mut self, session: &Session, Asked { event, data, ack }: Asked) -> bool {
        let done = match self.limiter.check_frame(&mut self.used) {
            Ok(()) => self.dialect.take(session, &event, data).await,
            Err(often) => Err(self.dialect.too_often(&often.into())),
        };
        match done {
            Ok(done) => ack.send(&done).is_ok(),
            Err(refused) => ack.send(&refused).is_ok() && self.emit("error", &refused).await,
        }
    }

    /// Waits while the client takes nothing, though not for ever. Whether it is still there.
    async fn emit(&self, name: &'static str, data: &Value) -> bool {
        let late = Instant::now() + TAKE_MAX;
        loop {
            match self.socket.emit(name, data) {
                Ok(()) => return true,
                Err(SendError::Socket(SocketError::InternalChannelFull)) if Instant::now() < late => {
                    sleep(GLANCE).await;
                }
                Err(_) => return false,
            }
        }
    }
}
