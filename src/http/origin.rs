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
    let named = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    named.is_some() && own_host(headers) == named
}

/// What a foreign page is told.
pub(super) const REFUSED: &str = "this Origin may not connect; list it in [server] origins, or, if it is \
                                  how browsers reach this hub, set [server] public_url";

/// The `Host` of a request where the settings name none: an address, or this machine. Any other name may be
/// somebody else's who lets it lead here.
fn own_host(headers: &HeaderMap) -> Option<&str> {
    let host = host(headers)?;
    let name = name_in(host);
    (is_this_machine(name) || address_of(name).is_some()).then_some(host)
}

fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok()
}

/// A host without its port.
pub(super) fn name_in(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn address_of(name: &str) -> Option<IpAddr> {
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    bare.parse().ok()
}

/// Whether a host's name stands for the machine that uses it.
pub(super) fn is_this_machine(name: &str) -> bool {
    let here = name == "localhost" || name.ends_with(".localhost");
    here || address_of(name).is_some_and(|address| address.to_canonical().is_loopback())
}

/// How browsers reach the hub: as the settings say, or as this one did if that is an address, or else where
/// the hub listens.
pub(super) fn public_url(headers: &HeaderMap, server: &ServerConfig) -> String {
    match (&server.public_url, own_host(headers)) {
        (Some(url), _) => url.trim_end_matches('/').to_owned(),
        (None, Some(host)) => format!("http://{host}"),
        (None, None) => format!("http://{}", server.listen),
    }
}

/// Whether a request comes from this machine, as far as anybody can tell: a proxy beside the hub connects from
/// here too, but it is in the settings, or it says for whom it asks, or it passes on the name by which it was
/// reached.
pub(super) fn is_local(peer: IpAddr, headers: &HeaderMap, server: &ServerConfig) -> bool {
    let no_proxy = server.public_url.is_none() && server.trusted_proxies.is_empty();
    let forwards = |name: &&str| headers.contains_key(*name);
    let direct = !FORWARDING.iter().any(forwards);
    let named = host(headers).is_some_and(|host| is_this_machine(name_in(host)));
    peer.is_loopback() && no_proxy && direct && named
}

/// Headers that proxies add.
const FORWARDING: [&str; 8] = [
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-real-ip",
    "cf-connecting-ip",
];

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
            let headers = headers(&[("host", "192.0.2.7:8080"), ("origin", origin)]);
            is_allowed(&headers, &server())
        };
        assert!(is_allowed(&headers(&[("host", "hub.example")]), &server()));
        assert!(allowed("http://192.0.2.7:8080"));
        assert!(allowed("https://board.example"));
        for foreign in [
            "https://evil.example",
            "https://board.example.evil.example",
            "https://board.exampl",
            "http://192.0.2.7",
            "null",
        ] {
            assert!(!allowed(foreign), "{foreign}");
        }
    }

    #[test]
    fn a_name_that_leads_here_is_not_the_hubs_own_unless_the_settings_say_so() {
        let own = |host: &'static str, origin| {
            is_allowed(&headers(&[("host", host), ("origin", origin)]), &server())
        };
        assert!(own("localhost:7070", "http://localhost:7070"));
        assert!(own("[::1]:7070", "http://[::1]:7070"));
        assert!(own("hub.localhost", "http://hub.localhost"));
        assert!(!own("evil.example:7070", "http://evil.example:7070"));
        assert!(!own("127.0.0.1.evil.example", "http://127.0.0.1.evil.example"));
        let told = ServerConfig { public_url: Some("http://evil.example:7070".into()), ..server() };
        let asked = headers(&[("host", "127.0.0.1"), ("origin", "http://evil.example:7070")]);
        assert!(is_allowed(&asked, &told));
    }

    #[test]
    fn links_name_no_host_that_somebody_else_chose() {
        let of = |host| public_url(&headers(&[("host", host)]), &server());
        assert_eq!(of("127.0.0.1:7171"), "http://127.0.0.1:7171");
        assert_eq!(of("evil.example"), "http://127.0.0.1:7070");
    }

    #[test]
    fn what_comes_through_a_proxy_is_not_local() {
        let here: IpAddr = "127.0.0.1".parse().unwrap();
        let local = |host| headers(&[("host", host)]);
        assert!(is_local(here, &local("localhost:7070"), &server()));
        assert!(!is_local("192.0.2.7".parse().unwrap(), &local("localhost:7070"), &server()));
        assert!(!is_local(here, &local("board.example"), &server()));
        let forwarded = headers(&[("host", "localhost"), ("x-forwarded-for", "192.0.2.7")]);
        assert!(!is_local(here, &forwarded, &server()));
        let public = ServerConfig { public_url: Some("https://b.example".into()), ..server() };
        assert!(!is_local(here, &local("localhost"), &public));
        let behind =
            ServerConfig { trusted_proxies: vec!["127.0.0.1/32".parse().unwrap()], ..server() };
        assert!(!is_local(here, &local("localhost"), &behind));
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
