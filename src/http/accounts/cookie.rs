//! The cookie that keeps a browser signed in: out of reach of scripts, for the resources of signing
//! in alone, never sent from other sites.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::{accounts::SignedIn, config::ServerConfig, http::origin};

/// Its name.
const NAME: &str = "rowcast_refresh";

/// The refresh token in the cookie.
pub(super) fn token(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|all| all.to_str().ok());
    let mut pairs = cookies.flat_map(|all| all.split(';')).filter_map(|pair| pair.split_once('='));
    let (_, token) = pairs.find(|(name, _)| name.trim() == NAME)?;
    let token = token.trim();
    (!token.is_empty()).then(|| token.to_owned())
}

/// Keeps a session's refresh token.
pub(super) fn keeping(signed_in: &SignedIn, secure: bool) -> Option<HeaderValue> {
    written(&signed_in.refresh, signed_in.refresh_life.as_secs(), secure)
}

/// Forgets it.
pub(super) fn forgetting(secure: bool) -> Option<HeaderValue> {
    written("", 0, secure)
}

fn written(token: &str, seconds: u64, secure: bool) -> Option<HeaderValue> {
    let secure = if secure { "; Secure" } else { "" };
    let text = format!(
        "{NAME}={token}; Path=/api/v1/auth; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
    );
    HeaderValue::from_str(&text).ok()
}

/// Whether the cookie is for TLS alone: always, but for a hub that is reached without it on this
/// machine.
pub(super) fn is_secure(headers: &HeaderMap, server: &ServerConfig) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let url = server.public_url.clone().unwrap_or_else(|| format!("http://{host}"));
    let Some(host) = url.strip_prefix("http://") else { return true };
    !origin::is_this_machine(origin::name_in(host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn headers(name: header::HeaderName, text: &'static str) -> HeaderMap {
        [(name, HeaderValue::from_static(text))].into_iter().collect()
    }

    #[test]
    fn the_token_is_found_among_other_cookies() {
        let of = |text| token(&headers(header::COOKIE, text));
        assert_eq!(of("a=b; rowcast_refresh=x-y_z; c=d").as_deref(), Some("x-y_z"));
        assert_eq!(of("rowcast_refresh="), None);
        assert_eq!(of("not_rowcast_refresh=x"), None);
    }

    #[test]
    fn only_on_this_machine_it_goes_without_tls() {
        let mut server = Config::load(None, []).unwrap().server;
        let secure = |server: &ServerConfig, host| is_secure(&headers(header::HOST, host), server);
        for here in ["localhost", "localhost:7070", "127.0.0.1:7070", "[::1]:7070", "a.localhost"] {
            assert!(!secure(&server, here), "{here}");
        }
        for elsewhere in ["hub.example", "10.0.0.1:7070", "localhost.example:80"] {
            assert!(secure(&server, elsewhere), "{elsewhere}");
        }
        server.public_url = Some("https://localhost".to_owned());
        assert!(secure(&server, "localhost"));
    }
}
