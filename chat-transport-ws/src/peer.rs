//! Where a request comes from.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::request::Parts;

/// The header in which proxies tell for whom they ask, one after the other.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address of whoever asks: that of the connection, or, where that is a `trusted` proxy, the last one that is none.
///
/// Known when the server supplies `ConnectInfo<SocketAddr>`, as [`serve`](crate::serve) does; without it there are no
/// limits by address.
pub fn address(parts: &Parts, trusted: &[IpAddr]) -> Option<IpAddr> {
    let ConnectInfo(peer) = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
    let mut address = peer.ip().to_canonical();
    let lines: Vec<_> = parts.headers.get_all(FORWARDED_FOR).into_iter().collect();
    let mut forwarded =
        lines.iter().rev().filter_map(|line| line.to_str().ok()).flat_map(|line| line.rsplit(','));
    while trusted.contains(&address) {
        // What cannot be read ends the chain: nothing before it is vouched for.
        match forwarded.next().map(|before| before.trim().parse::<IpAddr>()) {
            Some(Ok(before)) => address = before.to_canonical(),
            Some(Err(_)) | None => break,
        }
    }
    Some(address)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn seen(peer: &str, forwarded: &[&str], trusted: &[&str]) -> Option<String> {
        let mut request = Request::builder();
        for line in forwarded {
            request = request.header(FORWARDED_FOR, *line);
        }
        let mut parts = request.body(()).unwrap().into_parts().0;
        parts.extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 1)));
        let trusted: Vec<IpAddr> = trusted.iter().map(|proxy| proxy.parse().unwrap()).collect();
        address(&parts, &trusted).map(|address| address.to_string())
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        for (peer, forwarded, trusted, expected) in [
            ("192.0.2.1", &["203.0.113.9"][..], &[][..], "192.0.2.1"),
            ("192.0.2.1", &["203.0.113.9"], &["192.0.2.2"], "192.0.2.1"),
            ("192.0.2.1", &["203.0.113.9"], &["192.0.2.1"], "203.0.113.9"),
            ("::ffff:192.0.2.1", &["203.0.113.9"], &["192.0.2.1"], "203.0.113.9"),
            ("192.0.2.1", &["1.1.1.1, 203.0.113.9"], &["192.0.2.1"], "203.0.113.9"),
            ("192.0.2.1", &["1.1.1.1, 203.0.113.9,192.0.2.2"], &["192.0.2.1", "192.0.2.2"], "203.0.113.9"),
            ("192.0.2.1", &["1.1.1.1", "203.0.113.9"], &["192.0.2.1"], "203.0.113.9"),
            ("192.0.2.1", &["1.1.1.1, unknown"], &["192.0.2.1"], "192.0.2.1"),
            ("192.0.2.1", &[], &["192.0.2.1"], "192.0.2.1"),
        ] {
            assert_eq!(seen(peer, forwarded, trusted).unwrap(), expected, "{peer} {forwarded:?} {trusted:?}");
        }
    }

    #[test]
    fn without_a_server_that_tells_it_is_not_known() {
        assert_eq!(address(&Request::new(()).into_parts().0, &[]), None);
    }
}
