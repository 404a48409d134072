//! The embedded page and the JavaScript client that it uses.
//!
//! What the start page loads stands below `/v/{version}/`, and the version is a hash of all files. So
//! browsers keep these files without asking again, and a reload asks for the start page alone.

use std::{io::Write as _, sync::Arc};

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use dashmap::DashMap;
use flate2::{Compression, write::GzEncoder};
use parking_lot::RwLock;
use rust_embed::{EmbeddedFile, RustEmbed};
use sha2::{Digest as _, Sha256};

use super::WorkerApp;

mod modules;

#[derive(RustEmbed)]
#[folder = "web/"]
struct Page;

#[derive(RustEmbed)]
#[folder = "clients/js/src/"]
struct Client;

/// What a page may do: run its own scripts, talk to its own hub, nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Where files have addresses that change with them.
const VERSIONED: &str = "v/";

/// For files whose address changes when they do, and for all others.
const KEEP: (&str, &str) = ("public, max-age=31536000, immutable", "no-cache");

/// The files as they go out, each made when it is first asked for: workers have sockets to serve.
#[derive(Debug)]
pub(super) struct Files {
    prepared: DashMap<String, Arc<Prepared>>,
    /// Of all files, when the start page was asked for last.
    version: RwLock<Arc<str>>,
}

/// A file as it goes out.
#[derive(Debug)]
struct Prepared {
    /// What it was made from; in development files change.
    source: ([u8; 32], Arc<str>),
    plain: Form,
    squeezed: Option<Form>,
}

/// One form of a file; each has a tag of its own.
#[derive(Debug)]
struct Form {
    body: Bytes,
    tag: String,
}

impl Default for Files {
    fn default() -> Self {
        Self { prepared: DashMap::default(), version: RwLock::new(version()) }
    }
}

impl Files {
    /// The file, and whether what stands at this address never changes.
    fn at(&self, path: &str) -> Option<(Arc<Prepared>, bool)> {
        let Some((version, path)) = path.strip_prefix(VERSIONED).and_then(|p| p.split_once('/'))
        else {
            return Some((self.get(path)?, false));
        };
        // Another version is that of another node: its page gets what is here, for the moment.
        Some((self.get(path)?, **self.version.read() == *version))
    }

    fn get(&self, path: &str) -> Option<Arc<Prepared>> {
        let file = find(path)?;
        if is_start(path) {
            *self.version.write() = version();
        }
        let source = (file.metadata.sha256_hash(), Arc::clone(&self.version.read()));
        let known = self.prepared.get(path).map(|known| Arc::clone(known.value()));
        if let Some(known) = known.filter(|known| known.source == source) {
            return Some(known);
        }
        let made = Arc::new(Prepared::new(path, file, source));
        self.prepared.insert(path.to_owned(), Arc::clone(&made));
        Some(made)
    }
}

/// A hash of all files.
fn version() -> Arc<str> {
    let mut hash = Sha256::new();
    for path in Page::iter().chain(Client::iter()) {
        hash.update(path.as_bytes());
        let file = Page::get(&path).or_else(|| Client::get(&path));
        hash.update(file.map(|file| file.metadata.sha256_hash()).unwrap_or_default());
    }
    let hash = URL_SAFE_NO_PAD.encode(hash.finalize());
    hash.get(..12).unwrap_or_default().into()
}

impl Prepared {
    fn new(path: &str, file: EmbeddedFile, source: ([u8; 32], Arc<str>)) -> Self {
        let root = format!("/{VERSIONED}{}/", source.1);
        let lean = match String::from_utf8(file.data.into_owned()) {
            Ok(text) if path.ends_with(".js") => {
                modules::rooted(&modules::without_comments(&text), &root).into_bytes()
            }
            Ok(text) if is_start(path) => modules::with_modules(&text, &root).into_bytes(),
            Ok(text) => text.into_bytes(),
            Err(error) => error.into_bytes(),
        };
        let squeezed = is_text(path).then(|| gzip(&lean)).flatten().map(Form::new);
        Self { source, plain: Form::new(lean), squeezed }
    }
}

impl Form {
    fn new(body: Vec<u8>) -> Self {
        let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(Sha256::digest(&body)));
        Self { body: body.into(), tag }
    }
}

/// `GET /…`: a file of the page, or of the client below `/client/`.
pub(super) async fn file(
    State(worker): State<Arc<WorkerApp>>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let path = uri.path().trim_start_matches('/');
    match worker.app.files.at(path) {
        Some((file, is_fixed)) => answer(path, &file, &headers, is_fixed),
        None => (StatusCode::NOT_FOUND, "there is nothing here\n").into_response(),
    }
}

fn find(path: &str) -> Option<EmbeddedFile> {
    match path.strip_prefix("client/") {
        Some(client) => Client::get(client),
        None => Page::get(if path.is_empty() { "index.html" } else { path }),
    }
}

fn answer(path: &str, file: &Prepared, asked: &HeaderMap, is_fixed: bool) -> Response {
    let squeezed = file.squeezed.as_ref().filter(|_| accepts_gzip(asked));
    let form = squeezed.unwrap_or(&file.plain);
    let known = asked.get(header::IF_NONE_MATCH).is_some_and(|known| known == form.tag.as_str());
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        form.body.clone().into_response()
    };
    let headers = response.headers_mut();
    let mut set = |name, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    if squeezed.is_some() {
        set(header::CONTENT_ENCODING, "gzip");
    }
    set(header::VARY, "accept-encoding");
    set(header::CONTENT_TYPE, content_type(path));
    // What never changes is never asked for again: a tag for it would be weight.
    if !is_fixed {
        set(header::ETAG, &form.tag);
    }
    set(header::CACHE_CONTROL, if is_fixed { KEEP.0 } else { KEEP.1 });
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    if is_document(path) {
        set(header::CONTENT_SECURITY_POLICY, POLICY);
        set(header::REFERRER_POLICY, "no-referrer");
    }
    response
}

fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 2), Compression::default());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

fn accepts_gzip(asked: &HeaderMap) -> bool {
    let accepted = asked.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|list| list.split(',').any(|coding| coding.trim() == "gzip"))
}

/// Whether it is the page that loads all others.
fn is_start(path: &str) -> bool {
    path.is_empty() || path == "index.html"
}

/// Whether a policy means anything to it: pages and workers have one, what they load has theirs.
fn is_document(path: &str) -> bool {
    path == "sw.js" || path.ends_with(".svg") || content_type(path).starts_with("text/html")
}

fn is_text(path: &str) -> bool {
    !path.ends_with(".png")
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json") => "application/json",
        Some("png") => "image/png",
        Some("txt" | "md") => "text/plain; charset=utf-8",
        _ => "text/html; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_made_once_and_each_form_has_a_tag_of_its_own() {
        let files = Files::default();
        let (first, again) = (files.get("app.js").unwrap(), files.get("app.js").unwrap());
        assert!(Arc::ptr_eq(&first, &again));
        let squeezed = first.squeezed.as_ref().unwrap();
        assert_ne!(squeezed.tag, first.plain.tag);
        assert!(squeezed.body.len() < first.plain.body.len());
        assert!(files.get("no/such.js").is_none());
    }

    #[test]
    fn what_the_start_page_loads_never_changes_at_its_address() {
        let files = Files::default();
        let page = String::from_utf8(files.get("").unwrap().plain.body.to_vec()).unwrap();
        let (_, rest) = page.split_once("src=\"/v/").unwrap();
        let (version, _) = rest.split_once('/').unwrap();
        let (live, is_fixed) = files.at(&format!("v/{version}/live.js")).unwrap();
        assert!(is_fixed);
        let script = String::from_utf8(live.plain.body.to_vec()).unwrap();
        assert!(script.contains(&format!("from '/v/{version}/client/client.js'")));
        assert!(files.at(&format!("v/{version}/client/client.js")).unwrap().1);
        assert!(!files.at("v/another/live.js").unwrap().1);
        assert!(!files.at("").unwrap().1);
    }

    #[test]
    fn whoever_does_not_ask_for_gzip_gets_none() {
        let mut asked = HeaderMap::new();
        assert!(!accepts_gzip(&asked));
        asked.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("br, gzip, zstd"));
        assert!(accepts_gzip(&asked));
        asked.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip;q=0"));
        assert!(!accepts_gzip(&asked));
    }
}
