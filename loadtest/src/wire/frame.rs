//! WebSocket frames, as a client writes and reads them.

use rowcast_protocol::Codec;

/// The hub sends no frame with a longer payload.
const MAX_PAYLOAD: usize = 64 * 1024;

/// Opcodes of control frames.
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// A frame that came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    /// What kind of frame.
    pub(crate) opcode: u8,
    /// What it carries.
    pub(crate) payload: &'a [u8],
}

impl Frame<'_> {
    /// Whether it carries a message.
    pub(crate) fn is_message(self) -> bool {
        matches!(self.opcode, 1 | 2)
    }

    /// The close code and the reason of a close frame.
    pub(crate) fn close(self) -> (u16, String) {
        match self.payload.split_first_chunk::<2>() {
            Some((code, reason)) => {
                (u16::from_be_bytes(*code), String::from_utf8_lossy(reason).into_owned())
            }
            None => (1005, String::new()),
        }
    }
}

/// What a hub must not send.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("the hub sent a frame of {0} bytes; the protocol allows 65536")]
    TooLong(u64),
    #[error("the hub sent a masked, fragmented or compressed frame")]
    Unexpected,
}

/// Appends a message as a client's frame. Masked with zeros: the payload stays as it is.
pub(crate) fn push_message(out: &mut Vec<u8>, codec: Codec, payload: &[u8]) {
    let opcode = match codec {
        Codec::Json => 1,
        Codec::MsgPack => 2,
    };
    push_frame(out, opcode, payload);
}

/// Appends any client's frame.
#[expect(clippy::cast_possible_truncation, reason = "each branch knows its range")]
pub(crate) fn push_frame(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    out.push(0x80 | opcode);
    match payload.len() {
        length @ 0..=125 => out.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            out.push(0x80 | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
}

/// Cuts incoming bytes into frames; keeps only what is unfinished.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    rest: Vec<u8>,
}

impl Frames {
    /// Takes bytes and hands out each whole frame in them.
    pub(crate) fn feed(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(Frame<'_>),
    ) -> Result<(), FrameError> {
        if self.rest.is_empty() {
            let rest = each_frame(bytes, &mut each)?;
            self.rest.extend_from_slice(rest);
            return Ok(());
        }
        self.rest.extend_from_slice(bytes);
        let taken = self.rest.len() - each_frame(&self.rest, &mut each)?.len();
        self.rest.drain(..taken);
        Ok(())
    }
}

/// Hands out the whole frames and returns the bytes that are left.
fn each_frame<'a>(
    mut bytes: &'a [u8],
    each: &mut impl FnMut(Frame<'a>),
) -> Result<&'a [u8], FrameError> {
    while let Some((frame, rest)) = first_frame(bytes)? {
        each(frame);
        bytes = rest;
    }
    Ok(bytes)
}

fn first_frame(bytes: &[u8]) -> Result<Option<(Frame<'_>, &[u8])>, FrameError> {
    let Some(([first, second], rest)) = bytes.split_first_chunk::<2>() else { return Ok(None) };
    if first & 0xf0 != 0x80 || second & 0x80 != 0 {
        return Err(FrameError::Unexpected);
    }
    let Some((length, rest)) = length(*second, rest) else { return Ok(None) };
    let within = usize::try_from(length).ok().filter(|length| *length <= MAX_PAYLOAD);
    let length = within.ok_or(FrameError::TooLong(length))?;
    let cut = rest.split_at_checked(length);
    Ok(cut.map(|(payload, rest)| (Frame { opcode: first & 0x0f, payload }, rest)))
}

fn length(second: u8, rest: &[u8]) -> Option<(u64, &[u8])> {
    match second {
        126 => rest.split_first_chunk().map(|(n, rest)| (u16::from_be_bytes(*n).into(), rest)),
        127 => rest.split_first_chunk().map(|(n, rest)| (u64::from_be_bytes(*n), rest)),
        short => Some((short.into(), rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server_frame(payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        push_frame(&mut frame, 1, payload);
        let mask_at = frame.len() - payload.len() - 4;
        frame.drain(mask_at..mask_at + 4);
        frame[1] &= 0x7f;
        frame
    }

    #[test]
    fn frames_come_out_whole_however_they_are_cut() {
        let sent = [vec![b'a'; 3], vec![b'b'; 200], Vec::new(), vec![b'c'; 65_536]];
        let stream: Vec<u8> = sent.iter().flat_map(|payload| server_frame(payload)).collect();
        for step in [1, 2, 7, 100, 4_096, stream.len()] {
            let (mut frames, mut got) = (Frames::default(), Vec::new());
            for piece in stream.chunks(step) {
                frames.feed(piece, |frame| got.push(frame.payload.to_vec())).unwrap();
            }
            assert_eq!(got, sent, "in pieces of {step}");
            assert!(frames.rest.is_empty());
        }
    }

    #[test]
    fn a_frame_above_64_kib_is_an_error_before_its_payload_came() {
        let frame = server_frame(&[0; 65_537]);
        let fed = Frames::default().feed(&frame[..10], |_| panic!("not whole"));
        assert_eq!(fed, Err(FrameError::TooLong(65_537)));
    }

    #[test]
    fn a_masked_frame_is_an_error() {
        let mut frame = Vec::new();
        push_message(&mut frame, Codec::Json, b"{}");
        assert_eq!(Frames::default().feed(&frame, |_| {}), Err(FrameError::Unexpected));
    }

    #[test]
    fn what_a_client_sends_is_masked_with_zeros() {
        let mut frame = Vec::new();
        push_message(&mut frame, Codec::MsgPack, b"xy");
        assert_eq!(frame, [0x82, 0x82, 0, 0, 0, 0, b'x', b'y']);
    }

    #[test]
    fn a_close_frame_names_its_code() {
        let frame = Frame { opcode: CLOSE, payload: b"\x0f\xa4full" };
        assert_eq!(frame.close(), (4004, "full".to_owned()));
    }
}
