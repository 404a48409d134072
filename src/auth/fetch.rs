//! A small client that gets one document from the web, within bounds.
//!
//! It follows no redirect, takes no more than [`MAX_BODY`], waits no longer than [`DEADLINE`], and
//! connects only to public addresses unless the operator allowed others: the address that was
//! checked is the one it connects to.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, InvalidDnsNameError, ServerName, pem::PemObject as _},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

/// The largest document, in bytes.
pub const MAX_BODY: usize = 256 * 1024;

/// The longest that a document may take, name lookup included.
pub const DEADLINE: Duration = Duration::from_secs(5);

/// Why a document was not had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The URL is none that this client gets.
    #[error("the URL must be https://host/… or http://host/…")]
    BadUrl,
    /// The file with certificates cannot be used.
    #[error("the certificates cannot be used: {0}")]
    BadCertificates(String),
    /// The name stands for no address that may be asked.
    #[error("the host has no public address")]
    NotPublic,
    /// It took too long.
    #[error("no answer within {} s", DEADLINE.as_secs())]
    TooSlow,
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Connection(#[from] io::Error),
    /// What came was not HTTP.
    #[error("the answer is not HTTP: {0}")]
    Http(#[from] hyper::Error),
    /// Another status than 200; redirects are not followed.
    #[error("the answer has the status {0}; redirects are not followed")]
    Status(StatusCode),
    /// The body broke off or is too large.
    #[error("the document is larger than 256 KiB or broke off")]
    Body,
}

impl From<InvalidDnsNameError> for FetchError {
    fn from(_: InvalidDnsNameError) -> Self {
        Self::BadUrl
    }
}

/// Gets one document, again and again.
pub struct Fetcher {
    url: Uri,
    host: String,
    tls: Option<TlsConnector>,
    allow_private: bool,
}

impl std::fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fetcher({})", self.url)
    }
}

impl Fetcher {
    /// Prepares to get this document. `ca_file`: certificates to trust instead of the public ones.
    ///
    /// # Errors
    /// If the URL is no such URL, or the file holds no certificates.
    pub fn new(url: &str, allow_private: bool, ca_file: Option<&Path>) -> Result<Self, FetchError> {
        let url: Uri = url.parse().map_err(|_| FetchError::BadUrl)?;
        let host = url.host().ok_or(FetchError::BadUrl)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let tls = match url.scheme_str() {
            Some("https") => Some(connector(ca_file)?),
            Some("http") if allow_private => None,
            _ => return Err(FetchError::BadUrl),
        };
        Ok(Self { url, host, tls, allow_private })
    }

    /// The document.
    ///
    /// # Errors
    /// If it was not had whole and in time.
    pub async fn get(&self) -> Result<Vec<u8>, FetchError> {
        tokio::time::timeout(DEADLINE, self.connect_and_get())
            .await
            .map_err(|_| FetchError::TooSlow)?
    }

    async fn connect_and_get(&self) -> Result<Vec<u8>, FetchError> {
        let stream = self.connect().await?;
        let Some(tls) = &self.tls else { return self.request(stream).await };
        let name = ServerName::try_from(self.host.clone())?;
        self.request(tls.connect(name, stream).await?).await
    }

    async fn connect(&self) -> Result<TcpStream, FetchError> {
        let port = self.url.port_u16().unwrap_or(if self.tls.is_some() { 443 } else { 80 });
        let found = tokio::net::lookup_host((self.host.as_str(), port)).await?;
        let addresses: Vec<SocketAddr> =
            found.filter(|address| self.allow_private || is_public(address.ip())).collect();
        if addresses.is_empty() {
            return Err(FetchError::NotPublic);
        }
        Ok(TcpStream::connect(&*addresses).await?)
    }

    async fn request<S>(&self, stream: S) -> Result<Vec<u8>, FetchError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let exchange = async move {
            let response = sender.send_request(self.question()?).await?;
            if response.status() != StatusCode::OK {
                return Err(FetchError::Status(response.status()));
            }
            let body = Limited::new(response.into_body(), MAX_BODY).collect().await;
            Ok(body.map_err(|_| FetchError::Body)?.to_bytes().to_vec())
        };
        tokio::pin!(connection, exchange);
        tokio::select! {
            biased;
            answer = &mut exchange => answer,
            ended = &mut connection => {
                ended?;
                exchange.await
            }
        }
    }

    fn question(&self) -> Result<Request<Empty<Bytes>>, FetchError> {
        let authority = self.url.authority().ok_or(FetchError::BadUrl)?;
        let path = self.url.path_and_query().map_or("/", |path| path.as_str());
        Request::get(path)
            .header(header::HOST, authority.as_str())
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, concat!("rowcast/", env!("CARGO_PKG_VERSION")))
            .header(header::CONNECTION, "close")
            .body(Empty::new())
            .map_err(|_| FetchError::BadUrl)
    }
}

fn connector(ca_file: Option<&Path>) -> Result<TlsConnector, FetchError> {
    let bad = |error: String| FetchError::BadCertificates(error);
    let mut roots = RootCertStore::empty();
    match ca_file {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            let certificates = CertificateDer::pem_file_iter(path);
            for certificate in certificates.map_err(|error| bad(error.to_string()))? {
                let certificate = certificate.map_err(|error| bad(error.to_string()))?;
                roots.add(certificate).map_err(|error| bad(error.to_string()))?;
            }
        }
    }
    if roots.is_empty() {
        return Err(bad("there is none".to_owned()));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| bad(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Whether an address is one of the public internet.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => {
            if let Some(inner) = address.to_ipv4_mapped() {
                return is_public_v4(inner);
            }
            // Global unicast is 2000::/3; in it lie documentation, Teredo and 6to4, which hide
            // other addresses.
            let [first, second, ..] = address.segments();
            (first & 0xe000) == 0x2000
                && !(first == 0x2001 && (second < 0x0200 || second == 0x0db8))
                && first != 0x2002
                && first != 0x3fff
        }
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let shared = first == 100 && (64..128).contains(&second);
    let protocol = first == 192 && second == 0 && third == 0;
    let relay = first == 192 && second == 88 && third == 99;
    let benchmark = first == 198 && (18..20).contains(&second);
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || shared
        || protocol
        || relay
        || benchmark
        || first == 0
        || first >= 224)
}
