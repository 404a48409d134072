//! The embedded page and the JavaScript client that it uses.

use std::{collections::BTreeSet, io::Write as _};

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use flate2::{Compression, write::GzEncoder};
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "web/"]
struct Page;

#[derive(RustEmbed)]
#[folder = "clients/js/src/"]
struct Client;

/// What a page may do: run its own scripts, talk to its own hub, nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// `GET /…`: a file of the page, or of the client below `/client/`.
pub(super) async fn file(uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    match find(path) {
        Some(file) => answer(path, file, &headers),
        None => (StatusCode::NOT_FOUND, "there is nothing here\n").into_response(),
    }
}

fn find(path: &str) -> Option<EmbeddedFile> {
    match path.strip_prefix("client/") {
        Some(client) => Client::get(client),
        None => Page::get(if path.is_empty() { "index.html" } else { path }),
    }
}

fn answer(path: &str, file: EmbeddedFile, asked: &HeaderMap) -> Response {
    let squeezed = accepts_gzip(asked) && is_text(path);
    let tag = etag(&file, squeezed);
    let known = asked.get(header::IF_NONE_MATCH).is_some_and(|known| known == tag.as_str());
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        body(path, file, squeezed).into_response()
    };
    let headers = response.headers_mut();
    let mut set = |name, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    if squeezed {
        set(header::CONTENT_ENCODING, "gzip");
    }
    set(header::VARY, "accept-encoding");
    set(header::CONTENT_TYPE, content_type(path));
    set(header::ETAG, &tag);
    set(header::CACHE_CONTROL, "no-cache");
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    if is_document(path) {
        set(header::CONTENT_SECURITY_POLICY, POLICY);
        set(header::REFERRER_POLICY, "no-referrer");
    }
    response
}

/// The start page names every module in advance: browsers fetch them at once instead of one level of
/// imports after the other.
fn with_modules(html: &str) -> String {
    let hint = |path: &String| format!("<link rel=\"modulepreload\" href=\"/{path}\">");
    let hints: String = modules("app.js").iter().map(hint).collect();
    html.replacen("<!-- modules -->", &hints, 1)
}

/// A module and all that it imports, itself or by others.
fn modules(first: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![first.to_owned()];
    while let Some(path) = waiting.pop() {
        let Some(file) = find(&path) else { continue };
        if !found.insert(path.clone()) {
            continue;
        }
        let script = without_comments(&String::from_utf8_lossy(&file.data));
        waiting.extend(imports(&script).map(|name| resolved(&path, name)));
    }
    found
}

/// What stands after each `from` of a script.
fn imports(script: &str) -> impl Iterator<Item = &str> {
    script.split("from '").skip(1).filter_map(|rest| Some(rest.split_once('\'')?.0))
}

/// The path that a module's import names.
fn resolved(from: &str, name: &str) -> String {
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> =
        if name.starts_with('/') { Vec::new() } else { folder.split('/').collect() };
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.retain(|part| !part.is_empty());
    parts.join("/")
}

/// The file as it goes out. It is small, and browsers keep it: nothing is remembered here.
fn body(path: &str, file: EmbeddedFile, squeezed: bool) -> Vec<u8> {
    let bytes = file.data.into_owned();
    let lean = match String::from_utf8(bytes) {
        Ok(text) if path.ends_with(".js") => without_comments(&text).into_bytes(),
        Ok(text) if content_type(path).starts_with("text/html") => with_modules(&text).into_bytes(),
        Ok(text) => text.into_bytes(),
        Err(error) => error.into_bytes(),
    };
    if squeezed { gzip(&lean).unwrap_or(lean) } else { lean }
}

fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 2), Compression::default());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

/// A script without the comments that begin a line: half of ours is documentation, which browsers do
/// not need. Each line keeps its number.
fn without_comments(script: &str) -> String {
    let mut inside = false;
    let mut lean = String::with_capacity(script.len());
    for line in script.lines() {
        let trimmed = line.trim_start();
        inside |= trimmed.starts_with("/**");
        let kept = match (inside, trimmed.split_once("*/")) {
            (false, _) => line,
            (true, None) => "",
            (true, Some((_, after))) => {
                inside = false;
                after
            }
        };
        lean.push_str(kept);
        lean.push('\n');
    }
    lean
}

fn accepts_gzip(asked: &HeaderMap) -> bool {
    let accepted = asked.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|list| list.split(',').any(|coding| coding.trim() == "gzip"))
}

/// Whether a policy means anything to it: pages and workers have one, what they load has theirs.
fn is_document(path: &str) -> bool {
    path == "sw.js" || path.ends_with(".svg") || content_type(path).starts_with("text/html")
}

fn is_text(path: &str) -> bool {
    !path.ends_with(".png")
}

/// Each form of a file has a tag of its own.
fn etag(file: &EmbeddedFile, squeezed: bool) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let form = if squeezed { "-gz" } else { "" };
    format!("\"{}{form}\"", URL_SAFE_NO_PAD.encode(file.metadata.sha256_hash()))
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
    fn comments_go_and_every_line_keeps_its_number() {
        let script = "/**\n * What it is.\n */\nconst a = 1; /* stays */\n  /** @type {any} */ (b).c = '/**';\n";
        let lean = without_comments(script);
        assert_eq!(lean, "\n\n\nconst a = 1; /* stays */\n (b).c = '/**';\n");
    }

    #[test]
    fn the_start_page_names_the_modules_it_will_need() {
        let needed = modules("app.js");
        assert!(needed.contains("ui/dom.js"));
        assert!(needed.contains("client/client.js"));
        assert!(!needed.contains("client/react.js"));
        assert!(with_modules("<!-- modules -->").contains("href=\"/screens/board.js\""));
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
