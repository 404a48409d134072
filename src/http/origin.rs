//! Which pages may connect, and from which address a request really came.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, header};
use ipnet::IpNet;

use crate::{
    config::ServerConfig,
    planted::{self, Bug},
};

/// Whether a request's `Origin` may connect: none (no browser), the hub's own, or one that is
/// allowed, compared as whole texts.
pub(super) fn is_allowed(headers: &HeaderMap, server: &ServerConfig) -> bool {
    if planted::is(Bug::OriginUnchecked) {
        return true;
    }
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    if origins.next().is_some() {
        return false;
    }
    server.origins.iter().any(|allowed| allowed == origin) || is_own(origin, headers, server)
}

fn is_own(origin: &str, headers: &HeaderMap, server: &ServerConfig) -> bool {
    if let Some(own) = &server.public_url {
        return own.trim_end_matches('/') == origin;
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let named = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    host.is_some() && host == named
}

/// The client's address: the peer's, or behind trusted proxies the last one they vouch for. A hop that is
/// no address is passed by: whoever wrote it must not count as the proxy.
pub(crate) fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let mut address = peer;
    for hop in hops(headers).into_iter().rev() {
        if !is_trusted(address, trusted) {
            break;
        }
        address = hop;
    }
    address
}

/// Whether an address is that of a proxy whose word counts.
pub(crate) fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|net| net.contains(&address))
}

/// The addresses in `X-Forwarded-For`. Some proxies add a port.
fn hops(headers: &HeaderMap) -> Vec<IpAddr> {
    let values = headers.get_all("x-forwarded-for").iter();
    let hops = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    hops.filter_map(|hop| address_in(std::str::from_utf8(hop).ok()?.trim())).collect()
}

fn address_in(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')).unwrap_or(hop);
    let with_port = || Some(hop.parse::<SocketAddr>().ok()?.ip());
    bare.parse().ok().or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;
    use crate::config::Config;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(k, v)| (k.parse().unwrap(), HeaderValue::from_static(v))).collect()
    }

    fn server() -> ServerConfig {
        let mut server = Config::load(None, []).unwrap().server;
        server.origins = vec!["https://board.example".to_owned()];
        server
    }

    #[test]
    fn only_no_origin_the_own_and_the_listed_ones_may_connect() {
        let allowed = |origin| {
            let headers = headers(&[("host", "hub.example:8080"), ("origin", origin)]);
            is_allowed(&headers, &server())
        };
        assert!(is_allowed(&headers(&[("host", "hub.example")]), &server()));
        assert!(allowed("http://hub.example:8080"));
        assert!(allowed("https://board.example"));
        for foreign in [
            "https://evil.example",
            "https://board.example.evil.example",
            "https://board.exampl",
            "http://hub.example",
            "null",
        ] {
            assert!(!allowed(foreign), "{foreign}");
        }
    }

    #[test]
    fn forwarded_addresses_are_believed_of_trusted_proxies_alone() {
        let peer: IpAddr = "10.0.0.1".parse().unwrap();
        let headers = headers(&[("x-forwarded-for", "6.6.6.6, 1.2.3.4, 10.0.0.2")]);
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        assert_eq!(client_address(peer, &headers, &trusted).to_string(), "1.2.3.4");
        assert_eq!(client_address(peer, &headers, &[]), peer);
    }

    #[test]
    fn forwarded_addresses_have_one_form_and_what_is_none_is_passed_by() {
        let peer: IpAddr = "10.0.0.1".parse().unwrap();
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        for (given, address) in [
            (&b"::ffff:1.2.3.4"[..], "1.2.3.4"),
            (b"[2001:db8::1]", "2001:db8::1"),
            (b"[2001:db8::1]:4711", "2001:db8::1"),
            (b"1.2.3.4:4711", "1.2.3.4"),
            (b"\xff, 1.2.3.4", "1.2.3.4"),
            (b"1.2.3.4, \xff", "1.2.3.4"),
            (b"1.2.3.4, unknown", "1.2.3.4"),
        ] {
            let value = HeaderValue::from_bytes(given).unwrap();
            let headers = [("x-forwarded-for".parse().unwrap(), value)].into_iter().collect();
            assert_eq!(client_address(peer, &headers, &trusted).to_string(), address, "{given:?}");
        }
    }
}
