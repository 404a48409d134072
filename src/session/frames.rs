//! Where frames begin and end in what comes in, without a look at their content.
//!
//! Between two messages nothing of a parser has to be kept; this knows when that is. It also counts
//! the frames before anything parses them, and refuses a frame by its first two bytes where they are
//! enough, so that nobody waits for the body of what cannot be a frame.

/// The longest header: two bytes, eight of length, four of mask.
const HEADER_BYTES: usize = 14;
/// The longest payload of a control frame.
const CONTROL_BYTES: u8 = 125;

/// Follows the frames of one socket.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// The beginning of a header whose rest has not come yet, and how long it is.
    header: [u8; HEADER_BYTES],
    held: usize,
    /// Bytes of a payload that have not come yet.
    left: u64,
    /// Whether a message goes on in further frames.
    fragmented: bool,
}

/// What some bytes hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Followed {
    /// How many frames begin in them.
    pub(super) frames: u64,
    /// How many of the bytes come before what cannot be a frame; all, if there is no such thing.
    pub(super) sound: usize,
}

/// What came of a header.
enum Header {
    /// It is whole, and this many bytes of it came now.
    Whole(usize),
    /// Its rest has not come yet.
    Begun,
    /// Nobody may send such a frame.
    Refused,
}

impl Frames {
    /// Whether something was begun that is not finished: a message, or a frame.
    pub(super) fn is_unfinished(&self) -> bool {
        self.fragmented || self.left > 0 || self.held > 0
    }

    /// Takes the next bytes.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> Followed {
        let (mut frames, mut place) = (0, 0);
        loop {
            let rest = bytes.get(place..).unwrap_or_default();
            let skipped = usize::try_from(self.left).unwrap_or(usize::MAX).min(rest.len());
            self.left -= skipped as u64;
            place += skipped;
            let rest = bytes.get(place..).unwrap_or_default();
            if rest.is_empty() {
                return Followed { frames, sound: bytes.len() };
            }
            match self.take_header(rest) {
                Header::Whole(taken) => {
                    frames += 1;
                    place += taken;
                }
                Header::Begun => return Followed { frames, sound: bytes.len() },
                Header::Refused => return Followed { frames: frames + 1, sound: place },
            }
        }
    }

    fn take_header(&mut self, bytes: &[u8]) -> Header {
        for (taken, byte) in (1..).zip(bytes) {
            if let Some(place) = self.header.get_mut(self.held) {
                *place = *byte;
                self.held += 1;
            }
            let [first, second, ..] = self.header;
            if self.held == 2 && !self.may_begin(first, second) {
                return Header::Refused;
            }
            if self.held >= 2 && self.held == header_bytes(second) {
                self.begin(first, second);
                return Header::Whole(taken);
            }
        }
        Header::Begun
    }

    /// Whether a client may send such a frame now (RFC 6455, section 5): masked, without reserved
    /// bits; a continuation where there is something to continue; control frames whole and short.
    fn may_begin(&self, first: u8, second: u8) -> bool {
        let (is_final, length) = (first & 0x80 != 0, second & 0x7f);
        let in_turn = match first & 0x0f {
            0 => self.fragmented,
            1 | 2 => !self.fragmented,
            8..=10 => is_final && length <= CONTROL_BYTES,
            _ => false,
        };
        in_turn && first & 0x70 == 0 && second & 0x80 != 0
    }

    fn begin(&mut self, first: u8, second: u8) {
        let extended = self.header.get(2..self.held - 4).unwrap_or_default();
        self.left = match extended {
            [] => u64::from(second & 0x7f),
            bytes => bytes.iter().fold(0, |length, byte| (length << 8) | u64::from(*byte)),
        };
        self.held = 0;
        if first & 0x08 == 0 {
            self.fragmented = first & 0x80 == 0;
        }
    }
}

/// How long a client's header is, by its second byte.
fn header_bytes(second: u8) -> usize {
    match second & 0x7f {
        126 => 8,
        127 => HEADER_BYTES,
        _ => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn followed(bytes: &[u8]) -> Followed {
        Frames::default().follow(bytes)
    }

    #[test]
    fn frames_are_counted_however_the_bytes_are_cut() {
        let ping = [0x89, 0x82, 0, 0, 0, 0, 1, 2];
        let long = [&[0x82, 0xfe, 1, 0, 0, 0, 0, 0][..], &[7; 256]].concat();
        let bytes = [&ping[..], &long, &ping].concat();
        assert_eq!(followed(&bytes), Followed { frames: 3, sound: bytes.len() });
        for cut in 0..bytes.len() {
            let mut frames = Frames::default();
            let begun = frames.follow(&bytes[..cut]).frames + frames.follow(&bytes[cut..]).frames;
            assert_eq!((begun, frames.is_unfinished()), (3, false), "cut at {cut}");
        }
    }

    #[test]
    fn what_cannot_be_a_frame_is_refused_by_its_first_two_bytes() {
        let fragment = [0x01, 0x80, 0, 0, 0, 0];
        for (what, bytes) in [
            ("a long ping", [0x89, 0xfe]),
            ("a longer ping", [0x89, 0xff]),
            ("a ping in fragments", [0x09, 0x80]),
            ("a reserved bit", [0xc1, 0x80]),
            ("an unknown opcode", [0x83, 0x80]),
            ("no mask", [0x81, 0x7e]),
            ("nothing to continue", [0x80, 0x80]),
        ] {
            assert_eq!(followed(&bytes), Followed { frames: 1, sound: 0 }, "{what}");
        }
        let again = [&fragment[..], &[0x81, 0x80]].concat();
        assert_eq!(followed(&again), Followed { frames: 2, sound: 6 }, "a message in a message");
    }
}
