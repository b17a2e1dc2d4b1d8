//! `/metrics`, for Prometheus.
//!
//! The libraries only speak to the `metrics` facade; who records is decided here. With a token set, whoever shows it
//! is answered. Without one only direct requests from this machine are: what came through a proxy comes from
//! somewhere else, so a proxy's headers, and the name of another host, mean no.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, FORWARDED, HOST, HeaderName, WWW_AUTHENTICATE};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use subtle::ConstantTimeEq as _;
use tokio::time::interval;

/// The format of the answer.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How often what was measured is put together.
const UPKEEP: Duration = Duration::from_secs(5);

/// Upper bounds of what is measured in seconds: from a commit to a long wait.
const SECONDS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

/// Headers of a request that came through a proxy.
const PROXY_HEADERS: [HeaderName; 4] = [
    FORWARDED,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("via"),
];

/// Installs the recorder of the process.
///
/// # Errors
/// When there is one already.
pub fn install() -> anyhow::Result<PrometheusHandle> {
    let seconds = Matcher::Suffix("_seconds".to_owned());
    Ok(PrometheusBuilder::new().set_buckets_for_metric(seconds, &SECONDS)?.install_recorder()?)
}

/// Puts together now and then what was measured, so that it does not pile up while nobody asks for it.
pub async fn upkeep(recorder: PrometheusHandle) {
    let mut due = interval(UPKEEP);
    loop {
        due.tick().await;
        recorder.run_upkeep();
    }
}

/// The route. Without a token, what comes through one of these proxies is refused even where it does not say so.
pub fn routes(recorder: PrometheusHandle, token: Option<&str>, proxies: &[IpAddr]) -> Router {
    let access = match token {
        Some(token) => Access::Token(token.to_owned()),
        None => Access::Direct { proxies: proxies.to_vec() },
    };
    Router::new().route("/metrics", get(answer)).with_state((recorder, Arc::new(access)))
}

/// Who is answered.
#[derive(Debug)]
enum Access {
    /// Whoever shows this.
    Token(String),
    /// This machine itself, and nobody through it: not through these, and not through any proxy that says so.
    Direct { proxies: Vec<IpAddr> },
}

async fn answer(
    State((recorder, access)): State<(PrometheusHandle, Arc<Access>)>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    match access.judge(peer.ip(), &headers) {
        Ok(()) => ([(CONTENT_TYPE, TEXT)], recorder.render()).into_response(),
        Err(StatusCode::UNAUTHORIZED) => {
            (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")]).into_response()
        }
        Err(status) => status.into_response(),
    }
}

impl Access {
    /// Whether this request is answered, or with which status it is not.
    fn judge(&self, peer: IpAddr, headers: &HeaderMap) -> Result<(), StatusCode> {
        match self {
            Self::Token(token) => {
                let shown =
                    headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
                let right = shown.is_some_and(|shown| shown.ct_eq(token.as_bytes()).into());
                if right { Ok(()) } else { Err(StatusCode::UNAUTHORIZED) }
            }
            Self::Direct { proxies } => {
                let peer = peer.to_canonical();
                let proxied =
                    proxies.contains(&peer) || PROXY_HEADERS.iter().any(|name| headers.contains_key(name));
                let direct = peer.is_loopback() && !proxied && names_this_machine(headers);
                if direct { Ok(()) } else { Err(StatusCode::FORBIDDEN) }
            }
        }
    }
}

/// Whether `Host` is a name of the loopback address: it is another where a page of a foreign name, resolved to this
/// machine, makes a browser ask.
fn names_this_machine(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    host.is_some_and(|host| {
        let host = host.host().trim_matches(['[', ']']);
        host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(access: &Access, peer: &str, headers: &[(&'static str, &str)]) -> Option<u16> {
        let headers =
            headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        access.judge(peer.parse().unwrap(), &headers.collect()).err().map(|status| status.as_u16())
    }

    #[test]
    fn a_token_must_be_shown_from_wherever() {
        let access = Access::Token("secret".to_owned());
        assert_eq!(judged(&access, "192.0.2.1", &[("authorization", "Bearer secret")]), None);
        for shown in ["Bearer secre", "Bearer secret2", "Bearer ", "secret", "Basic secret"] {
            assert_eq!(judged(&access, "127.0.0.1", &[("authorization", shown)]), Some(401), "{shown}");
        }
        assert_eq!(judged(&access, "127.0.0.1", &[("host", "localhost")]), Some(401));
    }

    #[test]
    fn without_a_token_only_this_machine_itself_is_answered() {
        let access = Access::Direct { proxies: vec!["127.0.0.2".parse().unwrap()] };
        for host in ["127.0.0.1:8080", "localhost", "[::1]:8080"] {
            assert_eq!(judged(&access, "127.0.0.1", &[("host", host)]), None, "{host}");
        }
        assert_eq!(judged(&access, "::ffff:127.0.0.1", &[("host", "localhost")]), None);
        let refused = [
            ("192.0.2.1", &[("host", "localhost")][..]),
            ("127.0.0.2", &[("host", "localhost")]),
            ("127.0.0.1", &[]),
            ("127.0.0.1", &[("host", "chat.example.org")]),
            ("127.0.0.1", &[("host", "localhost"), ("x-forwarded-for", "192.0.2.1")]),
            ("127.0.0.1", &[("host", "localhost"), ("forwarded", "for=192.0.2.1")]),
            ("127.0.0.1", &[("host", "localhost"), ("x-real-ip", "192.0.2.1")]),
        ];
        for (peer, headers) in refused {
            assert_eq!(judged(&access, peer, headers), Some(403), "{peer} {headers:?}");
        }
    }
}
