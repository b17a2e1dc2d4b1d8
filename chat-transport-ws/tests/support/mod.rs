//! A server on a port of its own.

use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use chat_core::{Chat, Limits, MemoryStore, Policies, SessionId};
use chat_transport_ws::{AuthError, Authenticator, Credentials, Identity, Options};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// Nothing here takes this long; a test that waits for it has failed.
const TOO_LONG: Duration = Duration::from_mins(1);

/// Waits for something that must happen.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(TOO_LONG, what).await.expect("this should have happened by now")
}

/// Tokens are `user` or `user/login`, both numbers; tickets begin with `ticket-`.
pub(crate) struct Tokens;

/// The login of this number.
pub(crate) fn login(number: u128) -> SessionId {
    Uuid::from_u128(number).into()
}

#[async_trait]
impl Authenticator for Tokens {
    async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Identity, AuthError> {
        let ticket = credentials.request().ok().and_then(|parts| parts.uri.query()).unwrap_or_default();
        let ticket = ticket.split('&').find_map(|pair| pair.strip_prefix("ticket=ticket-"));
        let token = credentials.token().or(ticket.ok_or(AuthError::Missing))?;
        match token {
            "expired" => return Err(AuthError::Expired),
            "down" => return Err(AuthError::Unavailable("no answer".into())),
            _ => {}
        }
        let (user, session) = token.split_once('/').map_or((token, None), |(user, of)| (user, Some(of)));
        let identity = Identity::new(user.parse::<u32>().map_err(|_| AuthError::Refused)?);
        Ok(match session {
            Some(number) => identity.session(login(number.parse().map_err(|_| AuthError::Refused)?)),
            None => identity,
        })
    }
}

/// A running server over a `MemoryStore`. Everybody may write to everybody.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) chat: Chat,
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(|_| (), |options| options).await
    }

    /// With other limits: those on messages are out of the way unless they are what is tested.
    pub(crate) async fn with(
        limits: impl FnOnce(&mut Limits),
        options: impl FnOnce(Options) -> Options,
    ) -> Self {
        let mut policies = Policies::default();
        policies.set("direct", "anyone").unwrap();
        let mut bounds = Limits::default();
        bounds.messages_per_user_per_second = 1_000_000;
        bounds.frames_per_socket_per_second = 1_000_000;
        limits(&mut bounds);
        let chat = Chat::builder(MemoryStore::new()).policies(policies).limits(bounds).build().await.unwrap();
        let router = chat_transport_ws::router(chat.clone(), options(Options::new(Tokens)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            let _ = stopped.await;
        };
        let task = tokio::spawn(chat_transport_ws::serve(listener, router, chat.clone(), shutdown));
        Self { address, chat, stop, task }
    }

    /// Begins to shut down. The task ends when everything has.
    pub(crate) fn stop(self) -> JoinHandle<std::io::Result<()>> {
        self.stop.send(()).unwrap();
        self.task
    }
}
