//! Getting keys from the web: once for all who wait, within bounds, from where it is allowed.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::*;
use crate::auth::{
    fetch::{FetchError, Fetcher, MAX_BODY, is_public},
    remote::{RemoteKeys, Source},
};

/// A web server that gives every request the same answer and counts them.
struct Web {
    port: u16,
    asked: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Web {
    async fn answering(answer: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        let count = Arc::clone(&asked);
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                answer_one(stream, &answer).await;
            }
        });
        Self { port, asked, _tasks: tasks }
    }

    fn fetcher(&self) -> Fetcher {
        Fetcher::new(&format!("http://127.0.0.1:{}/jwks", self.port), true, None).unwrap()
    }
}

async fn answer_one(mut stream: TcpStream, answer: &str) {
    let mut question = [0; 1024];
    let read = stream.read(&mut question).await.unwrap();
    if read == 0 {
        return;
    }
    assert!(question[..read].starts_with(b"GET /jwks HTTP/1.1\r\n"));
    // The client may hang up in the middle of a document that is too large.
    let _gone = stream.write_all(answer.as_bytes()).await;
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_document_is_had_whole() {
    let web = Web::answering(ok("{\"keys\":[]}")).await;
    assert_eq!(web.fetcher().get().await.unwrap(), b"{\"keys\":[]}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let answer = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n";
    let web = Web::answering(answer.to_owned()).await;
    let error = web.fetcher().get().await.unwrap_err();
    assert!(matches!(error, FetchError::Status(status) if status.as_u16() == 302), "{error}");
    assert_eq!(web.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_document_that_is_too_large_or_breaks_off_is_refused() {
    let large = Web::answering(ok(&"x".repeat(MAX_BODY + 1))).await;
    assert!(matches!(large.fetcher().get().await, Err(FetchError::Body)));
    let broken = Web::answering("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{".to_owned()).await;
    assert!(broken.fetcher().get().await.is_err());
    let nonsense = Web::answering("220 smtp.example ready\r\n\r\n".to_owned()).await;
    assert!(matches!(nonsense.fetcher().get().await, Err(FetchError::Http(_))));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://127.0.0.1:{}/jwks", listener.local_addr().unwrap().port());
    let fetcher = Fetcher::new(&url, true, None).unwrap();
    assert!(matches!(fetcher.get().await, Err(FetchError::TooSlow)));
}

#[tokio::test]
async fn private_addresses_are_asked_only_if_allowed() {
    assert!(matches!(Fetcher::new("http://idp/", false, None), Err(FetchError::BadUrl)));
    assert!(matches!(Fetcher::new("file:///etc/passwd", true, None), Err(FetchError::BadUrl)));
    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:169.254.169.254]", "10.0.0.1"] {
        let fetcher = Fetcher::new(&format!("https://{host}/"), false, None).unwrap();
        assert!(matches!(fetcher.get().await, Err(FetchError::NotPublic)), "{host}");
    }
}

#[test]
fn only_addresses_of_the_internet_are_public() {
    for public in
        ["8.8.8.8", "193.0.6.139", "2606:4700::1111", "2001:4860:4860::8888", "::ffff:8.8.8.8"]
    {
        assert!(is_public(public.parse().unwrap()), "{public}");
    }
    for private in [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.31.0.1",
        "192.0.0.1",
        "192.168.1.1",
        "198.18.0.1",
        "203.0.113.5",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fd00::1",
        "ff02::1",
        "2001:db8::1",
        "2001::1",
        "2002:7f00:1::",
        "64:ff9b::7f00:1",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
    ] {
        assert!(!is_public(private.parse().unwrap()), "{private}");
    }
}

#[tokio::test]
async fn many_who_ask_at_once_share_one_fetch() {
    let idp = Idp::p256("one");
    let web = Web::answering(ok(&json!({ "keys": [idp.jwk] }).to_string())).await;
    let source = Source::Web(Box::new(web.fetcher()));
    let keys =
        RemoteKeys::new("idp".into(), source, vec![Algorithm::ES256], Duration::from_mins(9));
    let ask = |id| keys.find(Some(id), Algorithm::ES256);
    let found = futures_util::future::join_all((0..50).map(|_| ask("one"))).await;
    assert!(found.iter().all(Result::is_ok));
    let unknown = futures_util::future::join_all((0..50).map(|_| ask("two"))).await;
    assert!(
        unknown.iter().all(|answer| answer.as_ref().is_err_and(|e| *e == TokenError::UnknownKey))
    );
    assert_eq!(web.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_asker_who_goes_away_keeps_nobody_from_the_keys() {
    let idp = Idp::p256("one");
    let web = Web::answering(ok(&json!({ "keys": [idp.jwk] }).to_string())).await;
    let source = Source::Web(Box::new(web.fetcher()));
    let keys =
        RemoteKeys::new("idp".into(), source, vec![Algorithm::ES256], Duration::from_mins(9));
    {
        let mut gone = std::pin::pin!(keys.find(Some("two"), Algorithm::ES256));
        assert!(futures_util::poll!(&mut gone).is_pending());
    }
    assert!(keys.find(Some("one"), Algorithm::ES256).await.is_ok());
}

/// A web server that speaks TLS with this certificate, and answers once.
async fn secure(
    certified: &rcgen::CertifiedKey<rcgen::KeyPair>,
    answer: String,
) -> (u16, JoinSet<()>) {
    let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key.unwrap())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let Ok(mut stream) = acceptor.accept(stream).await else { return };
        let mut question = [0; 1024];
        assert!(stream.read(&mut question).await.unwrap() > 0);
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    (port, tasks)
}

#[tokio::test]
async fn over_tls_the_certificate_must_be_trusted() {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), certified.cert.pem()).unwrap();

    let (port, _task) = secure(&certified, ok("keys")).await;
    let url = format!("https://localhost:{port}/jwks");
    let trusting = Fetcher::new(&url, true, Some(file.path())).unwrap();
    assert_eq!(trusting.get().await.unwrap(), b"keys");

    let (port, _task) = secure(&certified, ok("keys")).await;
    let public = Fetcher::new(&format!("https://localhost:{port}/"), true, None).unwrap();
    assert!(matches!(public.get().await, Err(FetchError::Connection(_))));

    let (port, _task) = secure(&certified, ok("keys")).await;
    let other_name = format!("https://127.0.0.1:{port}/");
    let other_name = Fetcher::new(&other_name, true, Some(file.path())).unwrap();
    assert!(matches!(other_name.get().await, Err(FetchError::Connection(_))));
}

#[test]
fn a_file_without_certificates_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = Fetcher::new("https://idp/", false, Some(file.path())).unwrap_err();
    assert!(matches!(error, FetchError::BadCertificates(_)), "{error}");
}
