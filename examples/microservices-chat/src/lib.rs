//! Users, friends and messages as three services behind a gateway, as Express once served them from MySQL and MongoDB.
//!
//! Each service is a router ([`users`], [`friends`], [`messages`]) over the same [`Desk`]; a binary is one of them with
//! a port, and `microservices-chat` is all of them in one process. They share the databases and the signing key, and
//! tell each other what is new by `--notify`. What they do is the engine's; the routes, the bodies and the cookies are
//! the original's, and the events of its Socket.IO ([`realtime`]).

mod caller;
mod conversations;
mod friends;
pub mod gateway;
mod messages;
mod pictures;
mod realtime;
pub mod start;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use chat_core::Files;
use chat_host::Host;
use chat_host::answer::Refused;
use chat_transport_ws::cookies::{CookieOptions, CookieSessions};
use tokio::sync::Semaphore;

/// How many pictures are taken in at once.
const PICTURES_AT_ONCE: usize = 8;

/// What the requests of a service share.
pub struct Desk {
    host: Host,
    cookies: CookieSessions,
    /// The pictures of people: in a place of their own, since who may see a file of a message is another matter.
    pictures: Arc<dyn Files>,
    /// How many pictures are taken in at once; each is in memory.
    easels: Semaphore,
}

impl Desk {
    /// The desk of a process.
    ///
    /// # Errors
    /// When there is no place for pictures.
    pub fn new(host: &Host) -> anyhow::Result<Arc<Self>> {
        let public_url = host.flags.public_url();
        let mut options = CookieOptions::default();
        // A developer's own machine has no TLS.
        options.secure = public_url.starts_with("https://");
        options.allowed_origins = host.flags.allowed_origin.iter().cloned().chain([public_url]).collect();
        let cookies = CookieSessions::new(options);
        let (pictures, easels) = (host.files_beside("pictures")?, Semaphore::new(PICTURES_AT_ONCE));
        Ok(Arc::new(Self { host: host.clone(), cookies, pictures, easels }))
    }
}

/// One of the services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Accounts and logins.
    Users,
    /// Friendships and requests.
    Friends,
    /// Conversations and messages, and everything live.
    Messages,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Users, Self::Friends, Self::Messages];

    /// Under which prefix the gateway has it.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Users => "/users",
            Self::Friends => "/friends",
            Self::Messages => "/messages",
        }
    }

    /// Its own routes, without the prefix.
    fn own(self, desk: &Arc<Desk>) -> Router {
        let routes = match self {
            Self::Users => users::routes(),
            Self::Friends => friends::routes(),
            Self::Messages => conversations::routes().merge(messages::routes()),
        };
        let refused = || async { Refused::new(StatusCode::METHOD_NOT_ALLOWED, "not a method of this") };
        desk.cookies.protect(routes.method_not_allowed_fallback(refused).with_state(Arc::clone(desk)))
    }
}

/// A service as a process of its own: its routes, health beside them, and what is live where that is its part.
pub fn service(of: Service, desk: &Arc<Desk>) -> Router {
    live(of == Service::Messages, of.own(desk), desk)
}

/// All of them in one process, under the prefixes of the gateway.
pub fn all(desk: &Arc<Desk>) -> Router {
    let nested = |router: Router, service: Service| router.nest(service.prefix(), service.own(desk));
    live(true, Service::ALL.into_iter().fold(Router::new(), nested), desk)
}

/// Our own protocol beside these routes, known by the same cookies; and Socket.IO around both.
fn live(with_socket_io: bool, routes: Router, desk: &Arc<Desk>) -> Router {
    let tokens = Arc::new(desk.host.accounts.clone());
    let doors = desk.host.doors(Arc::new(desk.cookies.authenticator(tokens)));
    let routes = routes.fallback_service(chat_transport_ws::router(desk.host.chat.clone(), doors));
    if with_socket_io { routes.layer(realtime::layer(desk)) } else { routes }
}
