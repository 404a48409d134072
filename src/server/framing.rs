//! Requests whose framing or whose host is ambiguous are refused: what a proxy in front understands must be
//! what the hub understands.
//!
//! hyper takes `Transfer-Encoding` where there is `Content-Length` too, and drops the latter before anybody
//! sees it. So the heads are followed here as they come in.

use std::sync::Arc;

use http::{HeaderMap, Version, header};
use parking_lot::Mutex;

/// Bytes of a head that are looked at; hyper refuses longer ones.
const MOST: usize = 64 * 1024;

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Ambiguous {
    #[error("send one `Host` header")]
    Host,
    #[error("send `Content-Length` or `Transfer-Encoding`, not both")]
    Length,
}

/// Follows the heads of one connection. Its two halves are the stream and the service.
#[derive(Debug, Clone, Default)]
pub(super) struct Framing(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// What came since the last request's end.
    bytes: Vec<u8>,
    /// How much of the last request's body is still to come.
    body: u64,
    /// Whether the end of the last request is not known: it was sent in chunks.
    lost: bool,
}

impl Framing {
    /// Takes what came in.
    pub(super) fn read(&self, bytes: &[u8]) {
        let mut state = self.0.lock();
        if state.lost {
            return;
        }
        let skipped = usize::try_from(state.body).unwrap_or(usize::MAX).min(bytes.len());
        state.body -= skipped as u64;
        state.bytes.extend_from_slice(bytes.get(skipped..).unwrap_or_default());
        if state.bytes.len() > MOST {
            state.lose();
        }
    }

    /// Looks at the next request. Whether the connection may go on after it is the other half of the answer:
    /// where a body in chunks ends is not followed.
    pub(super) fn next(&self, version: Version, headers: &HeaderMap) -> Result<bool, Ambiguous> {
        let in_chunks = headers.contains_key(header::TRANSFER_ENCODING);
        let mut state = self.0.lock();
        if in_chunks && (state.lost || state.says_its_length()) {
            return Err(Ambiguous::Length);
        }
        if in_chunks {
            state.lose();
        } else {
            let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
            state.pass(length.and_then(|length| length.parse().ok()).unwrap_or(0));
        }
        one_host(version, headers)?;
        Ok(!state.lost)
    }
}

fn one_host(version: Version, headers: &HeaderMap) -> Result<(), Ambiguous> {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(_), None) => Ok(()),
        (None, None) if version < Version::HTTP_11 => Ok(()),
        _ => Err(Ambiguous::Host),
    }
}

impl State {
    fn lose(&mut self) {
        (self.lost, self.bytes) = (true, Vec::new());
    }

    /// Behind the empty line that ends the head.
    fn end_of_head(&self) -> usize {
        let begin = self.bytes.iter().position(|byte| !b"\r\n".contains(byte)).unwrap_or(0);
        let line_ends = self.bytes.iter().enumerate().skip(begin);
        let mut ends = line_ends.filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        let is_empty_line = |at: &usize| {
            let rest = self.bytes.get(*at..).unwrap_or_default();
            rest.starts_with(b"\r\n") || rest.starts_with(b"\n")
        };
        let end = ends.find(is_empty_line).unwrap_or(self.bytes.len());
        let rest = self.bytes.get(end..).unwrap_or_default();
        end + if rest.starts_with(b"\r\n") { 2 } else { rest.len().min(1) }
    }

    fn says_its_length(&self) -> bool {
        let head = self.bytes.get(..self.end_of_head()).unwrap_or_default();
        let mut lines = head.split(|byte| *byte == b'\n');
        lines.any(|line| {
            let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
            name.trim_ascii().eq_ignore_ascii_case(header::CONTENT_LENGTH.as_str().as_bytes())
        })
    }

    /// Goes on behind a request with a body of this length.
    fn pass(&mut self, length: u64) {
        if self.lost {
            return;
        }
        let came = self.bytes.split_off(self.end_of_head());
        let of_body = usize::try_from(length).unwrap_or(usize::MAX).min(came.len());
        self.body = length - of_body as u64;
        self.bytes = came.get(of_body..).unwrap_or_default().to_vec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &'static str)]) -> HeaderMap {
        let value = http::HeaderValue::from_static;
        pairs.iter().map(|(name, text)| (name.clone(), value(text))).collect()
    }

    fn chunked() -> HeaderMap {
        headers(&[(header::HOST, "hub"), (header::TRANSFER_ENCODING, "chunked")])
    }

    #[test]
    fn a_length_beside_chunks_is_seen_wherever_it_stands() {
        for head in [
            "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\ncontent-length: 3\r\n\r\n",
            "\r\nPOST / HTTP/1.1\nTransfer-Encoding: chunked\ncontent-length:3\n\nabc",
        ] {
            let framing = Framing::default();
            let (one, other) = head.as_bytes().split_at(20);
            framing.read(one);
            framing.read(other);
            assert_eq!(
                framing.next(Version::HTTP_11, &chunked()),
                Err(Ambiguous::Length),
                "{head}"
            );
        }
    }

    #[test]
    fn chunks_alone_are_taken_and_end_the_connection() {
        let framing = Framing::default();
        framing
            .read(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nContent-Length: 3");
        assert_eq!(framing.next(Version::HTTP_11, &chunked()), Ok(false));
    }

    #[test]
    fn the_length_of_an_earlier_request_is_not_that_of_the_next() {
        let framing = Framing::default();
        let sized = headers(&[(header::HOST, "hub"), (header::CONTENT_LENGTH, "3")]);
        framing.read(b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\na");
        assert_eq!(framing.next(Version::HTTP_11, &sized), Ok(true));
        framing.read(b"bcPOST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
        assert_eq!(framing.next(Version::HTTP_11, &chunked()), Ok(false));
    }

    #[test]
    fn there_is_one_host() {
        let of = |version, hosts: &[&'static str]| {
            let mut all = HeaderMap::new();
            for host in hosts {
                all.append(header::HOST, http::HeaderValue::from_static(host));
            }
            Framing::default().next(version, &all)
        };
        assert_eq!(of(Version::HTTP_11, &["hub"]), Ok(true));
        assert_eq!(of(Version::HTTP_11, &[]), Err(Ambiguous::Host));
        assert_eq!(of(Version::HTTP_11, &["hub", "hub"]), Err(Ambiguous::Host));
        assert_eq!(of(Version::HTTP_10, &[]), Ok(true));
    }
}
