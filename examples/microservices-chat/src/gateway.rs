//! The gateway: `/users`, `/friends` and `/messages` go to the service of that name without the prefix; everything else
//! goes to the messages service: `/socket.io`, our own protocol (`/v1`), the page. `/healthz` is its own, and `/readyz` says
//! whether every service is ready.
//!
//! It passes on what it gets: bodies as they come, sockets once they are upgraded, and who asked, in
//! `X-Forwarded-For`, which the services believe of this address alone (`--trusted-proxy`). It knows nobody and keeps
//! nothing.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, UPGRADE};
use axum::http::uri::{Authority, PathAndQuery, Scheme};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use chat_host::answer::Refused;
use chat_host::host;
use chat_host::signals::Signals;
use clap::Parser;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::Service;

/// Who asked a proxy.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// How long a service may take to take a connection.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// How long a service may take to begin an answer to what has no body. Socket.IO's polls wait for 25 s.
const ANSWER_MAX: Duration = Duration::from_mins(2);

/// The same with a body, which may be a file on a slow line; how slow, the service watches.
const UPLOAD_MAX: Duration = Duration::from_hours(1);

/// How long a service may take to say that it is ready.
const READY_MAX: Duration = Duration::from_secs(5);

/// How long a connection to a service is kept for the next request: less than a service keeps one.
const IDLE_MAX: Duration = Duration::from_secs(15);

/// One address for the services.
#[derive(Debug, Parser)]
#[command(name = "gateway-service", version)]
pub struct Flags {
    /// Address to listen on; port 0 picks a free one
    #[arg(long, env = "CHAT_LISTEN", value_name = "ADDRESS:PORT", default_value = "127.0.0.1:4000")]
    listen: SocketAddr,
    /// Where the users service is
    #[arg(long, env = "CHAT_USERS", value_name = "HOST:PORT", default_value = "127.0.0.1:5001")]
    users: Authority,
    /// Where the friends service is
    #[arg(long, env = "CHAT_FRIENDS", value_name = "HOST:PORT", default_value = "127.0.0.1:5002")]
    friends: Authority,
    /// Where the messages service is
    #[arg(long, env = "CHAT_MESSAGES", value_name = "HOST:PORT", default_value = "127.0.0.1:5003")]
    messages: Authority,
}

/// Runs the gateway until a signal ends it.
pub fn run(flags: &Flags) -> ExitCode {
    host::until_it_ends("gateway-service", || serve(flags))
}

async fn serve(flags: &Flags) -> anyhow::Result<()> {
    let signals = Signals::listen()?;
    let listener = host::listen(flags.listen).await?;
    host::announce(&listener)?;
    let app = Gateway::new(flags).routes();
    chat_transport_ws::serve_until(listener, app, signals.asked_to_drain(), async {}).await?;
    Ok(())
}

/// Where everything goes.
#[derive(Clone)]
struct Gateway {
    client: Client<HttpConnector, Body>,
    users: Authority,
    friends: Authority,
    messages: Authority,
}

impl Gateway {
    fn new(flags: &Flags) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_MAX));
        connector.set_nodelay(true);
        Self {
            client: Client::builder(TokioExecutor::new()).pool_idle_timeout(IDLE_MAX).build(connector),
            users: flags.users.clone(),
            friends: flags.friends.clone(),
            messages: flags.messages.clone(),
        }
    }

    fn routes(self) -> Router {
        let health = get(async || "ok");
        Router::new()
            .route("/healthz", health)
            .route("/readyz", get(ready))
            .fallback(pass_on)
            .with_state(self)
    }

    /// Whether a service says that it is ready.
    async fn is_ready(&self, service: &Authority) -> bool {
        let uri = Uri::builder().scheme(Scheme::HTTP).authority(service.clone()).path_and_query("/readyz");
        let Ok(uri) = uri.build() else { return false };
        let answer = tokio::time::timeout(READY_MAX, self.client.get(uri)).await;
        matches!(answer, Ok(Ok(answer)) if answer.status().is_success())
    }

    /// Where a path goes, and what it is there.
    fn target<'p>(&self, path: &'p str) -> (&Authority, &'p str) {
        let of = |service: Service| match service {
            Service::Users => &self.users,
            Service::Friends => &self.friends,
            Service::Messages => &self.messages,
        };
        for service in Service::ALL {
            let rest = path.strip_prefix(service.prefix()).filter(|rest| rest.starts_with('/'));
            if let Some(rest) = rest {
                return (of(service), rest);
            }
        }
        (&self.messages, path)
    }
}

async fn ready(State(gateway): State<Gateway>) -> Result<&'static str, Refused> {
    for (service, authority) in
        [("users", &gateway.users), ("friends", &gateway.friends), ("messages", &gateway.messages)]
    {
        if !gateway.is_ready(authority).await {
            let said = format!("the {service} service is not ready");
            return Err(Refused::new(StatusCode::SERVICE_UNAVAILABLE, said));
        }
    }
    Ok("ready")
}

async fn pass_on(
    State(gateway): State<Gateway>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
) -> Result<Response, Refused> {
    let (authority, path) = gateway.target(request.uri().path());
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let wanted = PathAndQuery::try_from(format!("{path}{query}")).map_err(Refused::bad)?;
    let uri = Uri::builder().scheme(Scheme::HTTP).authority(authority.clone()).path_and_query(wanted);
    let host = request.uri().authority().map(ToString::to_string);
    *request.uri_mut() = uri.build().map_err(Refused::bad)?;
    // The host that was asked for stays: by it a service knows its own pages.
    if let Some(host) = host.and_then(|host| HeaderValue::try_from(host).ok()) {
        request.headers_mut().entry(HOST).or_insert(host);
    }
    let forwarded = HeaderValue::try_from(peer.ip().to_string()).expect("an address is ASCII");
    request.headers_mut().append(FORWARDED_FOR, forwarded);
    let upgrade = take_upgrade(request.headers_mut());
    let near = upgrade.is_some().then(|| hyper::upgrade::on(&mut request));
    if let Some(protocol) = &upgrade {
        request.headers_mut().insert(UPGRADE, protocol.clone());
        request.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    }
    let away = |_| Refused::new(StatusCode::BAD_GATEWAY, "the service is not there");
    let max = if request.body().is_end_stream() { ANSWER_MAX } else { UPLOAD_MAX };
    let again = near.is_none().then(|| copy(&request)).flatten();
    let mut answer = tokio::time::timeout(max, gateway.client.request(request)).await;
    if let (Ok(Err(_)), Some(again)) = (&answer, again) {
        // A connection that was kept may have been closed just now: what only reads is asked once more.
        answer = tokio::time::timeout(max, gateway.client.request(again)).await;
    }
    let late = |_| Refused::new(StatusCode::GATEWAY_TIMEOUT, "the service does not answer");
    let mut answer = answer.map_err(late)?.map_err(away)?;
    match near {
        Some(near) if answer.status() == StatusCode::SWITCHING_PROTOCOLS => {
            let far = hyper::upgrade::on(&mut answer);
            tokio::spawn(async move {
                let (Ok(near), Ok(far)) = (near.await, far.await) else { return };
                let (mut near, mut far) = (TokioIo::new(near), TokioIo::new(far));
                // How it ends is for both sides to know.
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
        _ => drop(take_upgrade(answer.headers_mut())),
    }
    Ok(answer.map(Body::new).into_response())
}

/// The same request once more, where it only reads.
fn copy(request: &Request) -> Option<Request> {
    if !request.method().is_safe() || !request.body().is_end_stream() {
        return None;
    }
    let mut copy = Request::new(Body::empty());
    copy.method_mut().clone_from(request.method());
    copy.uri_mut().clone_from(request.uri());
    copy.headers_mut().clone_from(request.headers());
    Some(copy)
}

/// What one side wants its connection to become: the headers of one connection are not those of the next.
fn take_upgrade(headers: &mut HeaderMap) -> Option<HeaderValue> {
    headers.remove(CONNECTION);
    headers.remove(UPGRADE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_a_whole_word_and_does_not_go_on() {
        let gateway = Gateway::new(&Flags::parse_from(["gateway-service"]));
        for (path, expected) in [
            ("/users/auth/login", ("127.0.0.1:5001", "/auth/login")),
            ("/friends/manage/getFriends", ("127.0.0.1:5002", "/manage/getFriends")),
            ("/messages/msgs/x", ("127.0.0.1:5003", "/msgs/x")),
            ("/socket.io/", ("127.0.0.1:5003", "/socket.io/")),
            ("/v1/ws", ("127.0.0.1:5003", "/v1/ws")),
            ("/usersx/auth", ("127.0.0.1:5003", "/usersx/auth")),
            ("/users", ("127.0.0.1:5003", "/users")),
            ("/", ("127.0.0.1:5003", "/")),
        ] {
            let (authority, path_there) = gateway.target(path);
            assert_eq!((authority.as_str(), path_there), expected, "{path}");
        }
    }
}
