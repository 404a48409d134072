//! Finds the numbers of marked payloads in a frame without decoding it.
//!
//! A payload of this program begins with a marker and sixteen hexadecimal digits, which look the
//! same in JSON and in MessagePack. Subscribers at the same place receive the same bytes, so a frame
//! equal to the one before is not searched again.

use memchr::memmem::Finder;

const MARKER: &str = "#load:";
const DIGITS: usize = 16;

/// A payload of `length` bytes that carries a number.
pub(crate) fn marked(number: u64, length: usize) -> String {
    let mut payload = format!("{MARKER}{number:016x}");
    payload.extend(std::iter::repeat_n('.', length.saturating_sub(payload.len())));
    payload
}

/// Finds marked payloads.
#[derive(Debug)]
pub(crate) struct Scanner {
    /// Whether the order within a frame means nothing: an entry lists its rows in any order.
    unordered: bool,
    finder: Finder<'static>,
    last: Vec<u8>,
    found: Vec<u64>,
}

impl Scanner {
    /// Numbers come in the order of the frame, or, if that means nothing, in their own.
    pub(crate) fn new(unordered: bool) -> Self {
        let finder = Finder::new(MARKER);
        Self { unordered, finder, last: Vec::new(), found: Vec::new() }
    }

    /// The numbers in a frame's payload.
    pub(crate) fn scan(&mut self, payload: &[u8]) -> &[u64] {
        if self.last != payload {
            self.found.clear();
            self.found.extend(self.finder.find_iter(payload).filter_map(|at| number(payload, at)));
            if self.unordered {
                self.found.sort_unstable();
            }
            self.last.clear();
            self.last.extend_from_slice(payload);
        }
        &self.found
    }
}

fn number(payload: &[u8], at: usize) -> Option<u64> {
    let digits = payload.get(at + MARKER.len()..)?.get(..DIGITS)?;
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use rowcast_protocol::{ChannelName, Codec, News, SignalItem, Value, news::Signals};

    use super::*;

    fn signals(codec: Codec, numbers: std::ops::Range<u64>) -> Vec<u8> {
        let signal = |number| SignalItem {
            session: "s-1".to_owned(),
            user: "ada".to_owned(),
            name: "load".to_owned(),
            body: Value::Text(marked(number, 100)),
        };
        let channel = ChannelName::new("project:1").unwrap();
        let signals = numbers.map(signal).collect();
        codec.encode(&News::Signals(Signals { channel, signals })).to_vec()
    }

    #[test]
    fn every_payload_is_found_in_order_in_both_encodings() {
        for codec in Codec::ALL {
            let mut scanner = Scanner::new(false);
            assert_eq!(scanner.scan(&signals(codec, 7..71)), (7..71).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_frame_with_other_content_is_searched_anew() {
        let mut scanner = Scanner::new(false);
        assert_eq!(scanner.scan(&signals(Codec::Json, 1..2)), [1]);
        assert_eq!(scanner.scan(&signals(Codec::Json, 1..2)), [1]);
        assert_eq!(scanner.scan(&signals(Codec::Json, 2..3)), [2]);
        assert_eq!(scanner.scan(b"{\"type\":\"pong\"}"), [0; 0]);
    }

    #[test]
    fn where_order_means_nothing_numbers_come_in_their_own() {
        let frame = [3, 1, 2].map(|number| marked(number, 30)).concat();
        assert_eq!(Scanner::new(true).scan(frame.as_bytes()), [1, 2, 3]);
        assert_eq!(Scanner::new(false).scan(frame.as_bytes()), [3, 1, 2]);
    }

    #[test]
    fn a_payload_has_the_length_asked_for() {
        assert_eq!(marked(u64::MAX, 100).len(), 100);
        assert_eq!(marked(1, 0), "#load:0000000000000001");
    }
}
