//! The opening handshake of RFC 6455: what a request must be to become a socket, and the answer that makes it one.

use axum::body::Body;
use axum::http::header::{
    CONNECTION, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

/// The subprotocol we speak.
const PROTOCOL: &str = "chat.v1";
/// The subprotocol after whose name a token stands: browsers can set no other header.
const BEARER: &str = "Bearer";
/// The version of RFC 6455.
const VERSION: &str = "13";
/// Appended to a client's key, by RFC 6455.
const SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What a client asks for with its handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Handshake {
    accept: String,
    speaks_ours: bool,
    /// The token among the subprotocols.
    pub(super) token: Option<String>,
}

impl Handshake {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with the request, for people.
    pub(super) fn read(parts: &Parts) -> Result<Self, &'static str> {
        let headers = &parts.headers;
        if !names(headers, CONNECTION, "upgrade") || !names(headers, UPGRADE, "websocket") {
            return Err("this is for WebSocket only");
        }
        if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != VERSION) {
            return Err("the WebSocket version must be 13");
        }
        let key = headers.get(SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes).unwrap_or_default();
        if STANDARD.decode(key).map(|key| key.len()) != Ok(16) {
            return Err("Sec-WebSocket-Key must be 16 bytes in base64");
        }
        let mut offered = list(headers, SEC_WEBSOCKET_PROTOCOL);
        let speaks_ours = offered.clone().any(|protocol| protocol == PROTOCOL);
        let token = offered.find(|protocol| *protocol == BEARER).and_then(|_| offered.next());
        let accept = STANDARD.encode(Sha1::new().chain_update(key).chain_update(SUFFIX).finalize());
        Ok(Self { accept, speaks_ours, token: token.map(str::to_owned) })
    }

    /// The answer after which the connection is a socket. It never repeats a token.
    pub(super) fn answer(&self) -> Response<Body> {
        let mut answer = Response::builder()
            .status(StatusCode::SWITCHING_PROTOCOLS)
            .header(CONNECTION, "upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_ACCEPT, &self.accept);
        if self.speaks_ours {
            answer = answer.header(SEC_WEBSOCKET_PROTOCOL, PROTOCOL);
        }
        answer.body(Body::empty()).expect("base64 is a header value")
    }
}

/// The items of a header that is a list, over all its lines.
fn list(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> + Clone {
    let lines = headers.get_all(name).into_iter().collect::<Vec<_>>();
    lines.into_iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',')).map(str::trim)
}

/// Whether a list contains `item`, in any case.
fn names(headers: &HeaderMap, name: HeaderName, item: &str) -> bool {
    list(headers, name).any(|listed| listed.eq_ignore_ascii_case(item))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn parts(headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    const GOOD: [(&str, &str); 4] = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "WebSocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    #[test]
    fn the_key_is_answered_as_the_rfc_says() {
        let answer = Handshake::read(&parts(&GOOD)).unwrap().answer();
        assert_eq!(answer.status(), 101);
        assert_eq!(answer.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert!(!answer.headers().contains_key("sec-websocket-protocol"));
    }

    #[test]
    fn what_is_missing_or_wrong_is_refused() {
        for (wrong, (name, _)) in GOOD.iter().enumerate() {
            let mut headers = GOOD.to_vec();
            headers.remove(wrong);
            assert!(Handshake::read(&parts(&headers)).is_err(), "without {name}");
            headers.push((name, "c2hvcnQ="));
            assert!(Handshake::read(&parts(&headers)).is_err(), "wrong {name}");
        }
    }

    #[test]
    fn the_token_among_the_subprotocols_is_read_and_not_repeated() {
        let offers: [&[&str]; 2] = [&["chat.v1, Bearer, a.b-c_d"], &["chat.v1", "Bearer", "a.b-c_d"]];
        for lines in offers {
            let offered = lines.iter().map(|line| ("sec-websocket-protocol", *line));
            let headers: Vec<_> = GOOD.into_iter().chain(offered).collect();
            let handshake = Handshake::read(&parts(&headers)).unwrap();
            assert_eq!(handshake.token.as_deref(), Some("a.b-c_d"));
            let answer = handshake.answer();
            let chosen: Vec<_> = answer.headers().get_all("sec-websocket-protocol").iter().collect();
            assert_eq!(chosen, ["chat.v1"]);
        }
    }

    #[test]
    fn a_protocol_that_we_do_not_speak_is_not_confirmed() {
        let headers: Vec<_> = GOOD.into_iter().chain([("sec-websocket-protocol", "chat.v2")]).collect();
        let handshake = Handshake::read(&parts(&headers)).unwrap();
        assert_eq!(handshake.token, None);
        assert!(!handshake.answer().headers().contains_key("sec-websocket-protocol"));
    }
}
