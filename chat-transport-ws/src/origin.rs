//! Which web pages may use the API: cookies go with requests from any page, so the page's origin decides.

use axum::http::HeaderValue;
use axum::http::header::{HOST, HeaderName, ORIGIN};
use axum::http::request::Parts;

/// Whether a request comes from no page, from one of the same host, or from one of an allowed origin. Scheme, host and
/// port are compared exactly; a default port is the same as none.
pub(crate) fn is_allowed(parts: &Parts, allowed: &[String]) -> bool {
    let Some(origin) = parts.headers.get(ORIGIN) else { return true };
    let Some(origin) = origin.to_str().ok().and_then(Origin::parse) else { return false };
    let host = parts.headers.get(HOST).map(HeaderValue::to_str);
    let is_same_host = matches!(host, Some(Ok(host)) if origin.is_at(host));
    is_same_host
        || allowed.iter().filter_map(|allowed| Origin::parse(allowed)).any(|allowed| allowed == origin)
}

/// From where a request comes, by what the browser says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Site {
    /// From a page of the same origin, or of an allowed one.
    Ours,
    /// From any other page, or from none.
    Another,
    /// It is not said.
    Unsaid,
}

/// From where a request comes. Both headers are set by the browser alone; where both are there, both must agree.
pub(crate) fn site(parts: &Parts, allowed: &[String]) -> Site {
    let has_origin = parts.headers.contains_key(ORIGIN);
    if has_origin && !is_allowed(parts, allowed) {
        return Site::Another;
    }
    match parts.headers.get(FETCH_SITE).map(HeaderValue::as_bytes) {
        Some(b"same-origin") => Site::Ours,
        // A page of the same host, but of another scheme, is of another origin: only the list counts here.
        Some(b"same-site" | b"cross-site") if is_listed(parts, allowed) => Site::Ours,
        Some(_) => Site::Another,
        None if has_origin => Site::Ours,
        None => Site::Unsaid,
    }
}

/// How far the page that asks is from us; browsers send it with everything.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

fn is_listed(parts: &Parts, allowed: &[String]) -> bool {
    let origin = parts.headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()).and_then(Origin::parse);
    origin
        .is_some_and(|origin| allowed.iter().any(|allowed| Origin::parse(allowed).as_ref() == Some(&origin)))
}

/// `scheme://host[:port]`, in lower case, without a default port.
#[derive(Debug, PartialEq, Eq)]
struct Origin {
    scheme: Scheme,
    authority: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

impl Origin {
    fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return None,
        };
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let is_bare = !authority.is_empty() && !authority.contains(['/', '?', '#', '@']);
        is_bare.then(|| Self { scheme, authority: scheme.authority(authority) })
    }

    /// Whether this is the origin of pages of `host`, a `Host` header. That tells no scheme: whether TLS ends before
    /// us is not ours to know.
    fn is_at(&self, host: &str) -> bool {
        self.authority == self.scheme.authority(host)
    }
}

impl Scheme {
    /// The one way to write an authority under this scheme.
    fn authority(self, authority: &str) -> String {
        let default_port = match self {
            Self::Http => ":80",
            Self::Https => ":443",
        };
        authority.strip_suffix(default_port).unwrap_or(authority).to_ascii_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn allowed(origin: &str, host: &str, list: &[&str]) -> bool {
        let request = Request::builder().header("origin", origin).header("host", host).body(()).unwrap();
        let list: Vec<String> = list.iter().map(ToString::to_string).collect();
        is_allowed(&request.into_parts().0, &list)
    }

    #[test]
    fn pages_of_the_same_host_and_of_the_list_are_let_in() {
        assert!(is_allowed(&Request::new(()).into_parts().0, &[]));
        assert!(allowed("http://chat.example:8080", "chat.example:8080", &[]));
        assert!(allowed("https://Chat.Example", "chat.example", &[]));
        assert!(allowed("https://chat.example", "chat.example:443", &[]));
        assert!(allowed("http://[::1]:8080", "[::1]:8080", &[]));
        assert!(allowed(
            "https://app.example",
            "chat.example",
            &["https://other.example", "https://app.example/"]
        ));
    }

    #[test]
    fn everything_else_is_not() {
        for (origin, list) in [
            ("https://evil.example", &["https://app.example"][..]),
            ("http://app.example", &["https://app.example"]),
            ("https://app.example:8443", &["https://app.example"]),
            ("https://app.example.evil.example", &["https://app.example"]),
            ("https://chat.example:8443", &[]),
            ("http://chat.example:443", &[]),
            ("null", &["null"]),
            ("chat.example", &[]),
            ("https://chat.example@evil.example", &[]),
            ("", &[]),
        ] {
            assert!(!allowed(origin, "chat.example", list), "{origin}");
        }
    }
}
