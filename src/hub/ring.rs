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

impl EncodedSignal {
    fn bytes(&self, codec: Codec) -> Option<&Bytes> {
        match codec {
            Codec::Json => self.json.as_ref(),
            Codec::MsgPack => self.msgpack.as_ref(),
        }
    }
}

/// The latest signals of a channel.
#[derive(Debug, Default)]
pub struct Ring {
    /// The number of the oldest signal held.
    oldest: u64,
    signals: VecDeque<EncodedSignal>,
}

impl Ring {
    /// The number of the next signal.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.oldest + self.signals.len() as u64
    }

    /// Adds a signal and drops the oldest ones above `limit`.
    pub fn push(&mut self, signal: &SignalItem, codecs: CodecsInUse, limit: usize) {
        let encoded = EncodedSignal {
            json: codecs.json.then(|| Codec::Json.encode(signal)),
            msgpack: codecs.msgpack.then(|| Codec::MsgPack.encode(signal)),
        };
        self.signals.push_back(encoded);
        while self.signals.len() > limit.max(1) {
            self.signals.pop_front();
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
