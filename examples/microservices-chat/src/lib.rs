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
use axum::response::IntoResponse as _;
use chat_core::Files;
use chat_host::Host;
use chat_host::answer::{Refused, beside};
use chat_transport_ws::cookies::{CookieOptions, CookieSessions};
use tokio::sync::{Mutex, Semaphore};

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
    /// Who hangs one in the place of another.
    nail: Mutex<()>,
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
        Ok(Arc::new(Self { host: host.clone(), cookies, pictures, easels, nail: Mutex::default() }))
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
        desk.cookies.protect(routes.with_state(Arc::clone(desk)))
    }
}

/// A service as a process of its own: its routes, health beside them, and what is live where that is its part.
pub fn service(of: Service, desk: &Arc<Desk>) -> Router {
    serve(of == Service::Messages, of.own(desk), desk)
}

/// All of them in one process, under the prefixes of the gateway.
pub fn all(desk: &Arc<Desk>) -> Router {
    let nested = |router: Router, service: Service| router.nest(service.prefix(), service.own(desk));
    serve(true, Service::ALL.into_iter().fold(Router::new(), nested), desk)
}

/// Our own protocol beside these routes, known by the same cookies; and around both, where what is live is, Socket.IO and
/// the page, to which the links of mails lead.
fn serve(is_live: bool, routes: Router, desk: &Arc<Desk>) -> Router {
    let tokens = Arc::new(desk.host.accounts.clone());
    let doors = desk.host.doors(Arc::new(desk.cookies.authenticator(tokens)));
    let protocol = chat_transport_ws::router(desk.host.chat.clone(), doors);
    if !is_live {
        return beside(routes, protocol, Refused::into_response);
    }
    let routes = realtime::around(routes.merge(chat_page::routes()).fallback_service(protocol), desk);
    beside(Router::new(), routes, Refused::into_response)
}
