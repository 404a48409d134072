//! Signals: a bounded ring per channel, with a cursor per reader. A reader that is overrun skips.

use std::collections::VecDeque;

use bytes::Bytes;
use rowcast_protocol::{Codec, SignalItem};

use super::tail::CodecsInUse;

/// A signal, encoded for the codecs in use.
#[derive(Debug)]
struct EncodedSignal {
    json: Option<Bytes>,
    msgpack: Option<Bytes>,
}

/// What is kept for slow readers.
#[derive(Debug, Clone, Copy)]
pub struct RingBounds {
    /// How many signals.
    pub signals: usize,
    /// Their bytes, in all encodings in use.
    pub bytes: usize,
}

impl EncodedSignal {
    fn bytes(&self, codec: Codec) -> Option<&Bytes> {
        match codec {
            Codec::Json => self.json.as_ref(),
            Codec::MsgPack => self.msgpack.as_ref(),
        }
    }

    /// What it costs in memory, about.
    fn size(&self) -> usize {
        let payload = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        payload(&self.json) + payload(&self.msgpack) + size_of::<Self>()
    }
}

/// The latest signals of a channel.
#[derive(Debug, Default)]
pub struct Ring {
    /// The number of the oldest signal held.
    oldest: u64,
    signals: VecDeque<EncodedSignal>,
    bytes: usize,
}

impl Ring {
    /// The number of the next signal.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.oldest + self.signals.len() as u64
    }

    /// Adds a signal and drops the oldest ones above the bounds. The newest always stays.
    pub fn push(&mut self, signal: &SignalItem, codecs: CodecsInUse, bounds: RingBounds) {
        let encoded = EncodedSignal {
            json: codecs.json.then(|| Codec::Json.encode(signal)),
            msgpack: codecs.msgpack.then(|| Codec::MsgPack.encode(signal)),
        };
        self.bytes += encoded.size();
        self.signals.push_back(encoded);
        while self.signals.len() > 1
            && (self.signals.len() > bounds.signals || self.bytes > bounds.bytes)
        {
            self.bytes -= self.signals.pop_front().map_or(0, |oldest| oldest.size());
            self.oldest += 1;
        }
    }

    /// How many signals from `number` on are gone.
    #[must_use]
    pub fn missed(&self, number: u64) -> u64 {
        self.oldest.saturating_sub(number)
    }

    /// The signals from `number` on that are still here.
    pub fn from(&self, number: u64, codec: Codec) -> impl Iterator<Item = &Bytes> {
        let skip = usize::try_from(number.saturating_sub(self.oldest)).unwrap_or(usize::MAX);
        self.signals.iter().skip(skip).filter_map(move |signal| signal.bytes(codec))
    }
}

#[cfg(test)]
mod tests {
    use rowcast_protocol::Value;

    use super::*;

    #[test]
    fn long_signals_are_kept_by_their_bytes_and_short_ones_by_their_number() {
        let both = CodecsInUse { json: true, msgpack: true };
        let bounds = RingBounds { signals: 10, bytes: 10_000 };
        let signal = |bytes: usize| SignalItem {
            session: "s".to_owned(),
            user: "u".to_owned(),
            name: "n".to_owned(),
            body: Value::from("x".repeat(bytes)),
        };
        let mut ring = Ring::default();
        (0..100).for_each(|_| ring.push(&signal(10), both, bounds));
        assert_eq!((ring.missed(0), ring.next()), (90, 100));
        (0..100).for_each(|_| ring.push(&signal(2_000), both, bounds));
        assert_eq!((ring.missed(0), ring.next()), (198, 200));
        ring.push(&signal(100_000), both, bounds);
        assert_eq!(ring.from(0, Codec::Json).count(), 1, "the newest stays");
        ring.push(&signal(10), both, bounds);
        assert!(ring.bytes < 1_000);
    }
}
