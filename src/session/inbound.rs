//! The incoming half of a socket: bytes become messages, by tungstenite.
//!
//! tungstenite parses what comes in and makes the control frames that answer it; it never touches
//! the stream. It is there only while a message is under way: an idle socket holds no parser. Before
//! it sees anything the frames are counted: it is not asked to parse a flood.

use std::{
    io::{self, Read, Write},
    ops::RangeInclusive,
};

use bytes::Bytes;
use rowcast_protocol::{CloseCode, Codec};
use tungstenite::{
    Error, Message,
    error::{CapacityError, ProtocolError},
    protocol::{Role, WebSocketConfig, WebSocketContext},
};

use super::{frames::Frames, rate::FrameRate};

/// The least and the most that tungstenite reads at a time.
const PARSE_BYTES: RangeInclusive<usize> = 128..=64 * 1024;

/// Something that came in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    /// A whole message: text, which is JSON, or binary, which is MessagePack.
    Message(Codec, Bytes),
    /// A frame to be sent in answer.
    Control(Bytes),
    /// A sign of life without content.
    Heard,
    /// The other side closed; the frame answers it.
    Closed(Bytes),
    /// What came next cannot be taken: the socket must be closed.
    Broken(CloseCode),
}

/// Parses one socket's input.
#[derive(Debug)]
pub(super) struct Inbound {
    message_bytes: usize,
    frames: Frames,
    rate: FrameRate,
    /// There while something is unfinished.
    parser: Option<Box<WebSocketContext>>,
    early: Vec<u8>,
}

impl Inbound {
    pub(super) fn new(message_bytes: usize, rate: FrameRate) -> Self {
        let (frames, early) = (Frames::default(), Vec::new());
        Self { message_bytes, frames, rate, parser: None, early }
    }

    /// Keeps bytes that came with the upgrade for the first feeding.
    pub(super) fn keep_early(&mut self, bytes: Vec<u8>) {
        self.early = bytes;
    }

    /// Whether a message was begun that is not finished.
    pub(super) fn is_unfinished(&self) -> bool {
        self.frames.is_unfinished()
    }

    /// Takes bytes that came at a time, in milliseconds, and returns what is whole.
    pub(super) fn feed(&mut self, bytes: &[u8], now: u64) -> Vec<Incoming> {
        let early = std::mem::take(&mut self.early);
        let mut incoming = Vec::new();
        for bytes in [&early, bytes] {
            if !bytes.is_empty()
                && let Err(code) = self.take(bytes, now, &mut incoming)
            {
                incoming.push(Incoming::Broken(code));
                break;
            }
        }
        incoming
    }

    fn take(
        &mut self,
        bytes: &[u8],
        now: u64,
        incoming: &mut Vec<Incoming>,
    ) -> Result<(), CloseCode> {
        let followed = self.frames.follow(bytes);
        self.rate.take(followed.frames, now)?;
        let sound = bytes.get(..followed.sound).unwrap_or_default();
        if !sound.is_empty() {
            self.parse(sound, incoming)?;
        }
        if sound.len() < bytes.len() { Err(CloseCode::Protocol) } else { Ok(()) }
    }

    fn parse(&mut self, bytes: &[u8], incoming: &mut Vec<Incoming>) -> Result<(), CloseCode> {
        let mut parser = match self.parser.take() {
            Some(parser) => parser,
            None => new_parser(self.message_bytes, bytes.len()),
        };
        let mut pipe = Pipe { input: bytes, output: Vec::new() };
        let result = parse_all(&mut parser, &mut pipe, incoming);
        self.parser = self.frames.is_unfinished().then_some(parser);
        result
    }
}

fn parse_all(
    parser: &mut WebSocketContext,
    pipe: &mut Pipe<'_>,
    incoming: &mut Vec<Incoming>,
) -> Result<(), CloseCode> {
    loop {
        let read = parser.read(pipe);
        let answer = Bytes::from(std::mem::take(&mut pipe.output));
        if let Err(Error::ConnectionClosed) = read {
            incoming.push(Incoming::Closed(answer));
            return Ok(());
        }
        if !answer.is_empty() {
            // It answers what came before this.
            incoming.push(Incoming::Control(answer));
        }
        match read {
            Ok(Message::Text(text)) => {
                incoming.push(Incoming::Message(Codec::Json, text.into()));
            }
            Ok(Message::Binary(bytes)) => {
                incoming.push(Incoming::Message(Codec::MsgPack, bytes));
            }
            Ok(Message::Close(_)) => {}
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {
                if incoming.last() != Some(&Incoming::Heard) {
                    incoming.push(Incoming::Heard);
                }
            }
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(close_code(&error)),
        }
    }
}

fn new_parser(message_bytes: usize, at_hand: usize) -> Box<WebSocketContext> {
    let config = WebSocketConfig::default()
        .read_buffer_size(at_hand.clamp(*PARSE_BYTES.start(), *PARSE_BYTES.end()))
        .write_buffer_size(0)
        .max_write_buffer_size(1024)
        .max_message_size(Some(message_bytes))
        .max_frame_size(Some(message_bytes));
    Box::new(WebSocketContext::new(Role::Server, Some(config)))
}

fn close_code(error: &Error) -> CloseCode {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => CloseCode::TooBig,
        Error::Utf8(_) => CloseCode::NotText,
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) | Error::Io(_) => {
            CloseCode::Normal
        }
        _ => CloseCode::Protocol,
    }
}

/// What tungstenite takes for a stream: the bytes at hand, and a place for its answers.
struct Pipe<'a> {
    input: &'a [u8],
    output: Vec<u8>,
}

impl Read for Pipe<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.input.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.input.read(buffer)
    }
}

impl Write for Pipe<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client's frame, masked with zeros.
    fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame =
            vec![0x80 | opcode, 0x80 | u8::try_from(payload.len()).unwrap(), 0, 0, 0, 0];
        frame.extend_from_slice(payload);
        frame
    }

    fn text(message: &'static [u8]) -> Incoming {
        Incoming::Message(Codec::Json, Bytes::from_static(message))
    }

    fn json() -> Inbound {
        Inbound::new(1024, FrameRate::of(1000))
    }

    #[test]
    fn messages_come_whole_however_the_bytes_are_cut() {
        let bytes = [masked(1, b"{}"), masked(1, b"[1]")].concat();
        for cut in 0..bytes.len() {
            let mut inbound = json();
            let mut incoming = inbound.feed(&bytes[..cut], 0);
            incoming.extend(inbound.feed(&bytes[cut..], 0));
            let expected = [&b"{}"[..], b"[1]"].map(text);
            assert_eq!(incoming, expected);
        }
    }

    #[test]
    fn a_message_that_was_begun_is_known_to_be_unfinished() {
        let mut inbound = json();
        inbound.feed(&masked(1, b"{}")[..4], 0);
        assert!(inbound.is_unfinished());
        inbound.feed(&masked(1, b"{}")[4..], 0);
        assert!(!inbound.is_unfinished());
    }

    #[test]
    fn a_ping_between_two_fragments_finishes_nothing() {
        let mut first = masked(1, b"{");
        first[0] &= 0x7f;
        let mut inbound = json();
        assert_eq!(inbound.feed(&first, 0), []);
        assert_eq!(inbound.feed(&masked(9, b""), 0).len(), 2);
        assert!(inbound.is_unfinished());
        let whole = inbound.feed(&masked(0, b"}"), 0);
        assert_eq!(whole, [text(b"{}")]);
        assert!(!inbound.is_unfinished());
    }

    #[test]
    fn a_ping_is_answered_before_what_came_after_it() {
        let bytes = [masked(9, b"hi"), masked(1, b"{}")].concat();
        let pong = Incoming::Control(Bytes::from_static(&[0x8a, 2, b'h', b'i']));
        assert_eq!(json().feed(&bytes, 0), [Incoming::Heard, pong, text(b"{}")]);
    }

    #[test]
    fn an_idle_socket_holds_no_parser() {
        let mut inbound = json();
        inbound.feed(&masked(1, b"{}"), 0);
        assert!(inbound.parser.is_none());
        inbound.feed(&masked(1, b"{}")[..3], 0);
        assert!(inbound.parser.is_some());
        inbound.feed(&masked(1, b"{}")[3..], 0);
        assert!(inbound.parser.is_none());
    }

    #[test]
    fn a_ping_is_answered_and_a_close_too() {
        let mut inbound = json();
        let answer = inbound.feed(&masked(9, b"hi"), 0);
        assert_eq!(
            answer,
            [Incoming::Heard, Incoming::Control(Bytes::from_static(&[0x8a, 2, b'h', b'i']))]
        );
        let farewell = inbound.feed(&masked(8, &1000_u16.to_be_bytes()), 0);
        assert_eq!(farewell, [Incoming::Closed(Bytes::from_static(&[0x88, 2, 0x03, 0xe8]))]);
    }

    #[test]
    fn what_is_not_allowed_has_its_close_code() {
        let unmasked = [0x81, 2, b'{', b'}'];
        let terabyte = [0x81, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        for (bytes, code) in [
            (&unmasked[..], CloseCode::Protocol),
            (&masked(1, b"\xff"), CloseCode::NotText),
            (&terabyte, CloseCode::TooBig),
        ] {
            assert_eq!(json().feed(bytes, 0), [Incoming::Broken(code)]);
        }
    }

    #[test]
    fn what_came_whole_before_a_bad_frame_is_taken() {
        let bytes = [masked(1, b"{}"), masked(9, b"hi"), vec![0x89, 0xfe]].concat();
        let incoming = json().feed(&bytes, 0);
        assert_eq!(incoming[0], text(b"{}"));
        assert_eq!(incoming[3], Incoming::Broken(CloseCode::Protocol));
    }

    #[test]
    fn a_flood_of_frames_of_any_kind_is_not_parsed() {
        let mut fragment = masked(0, b"");
        fragment[0] = 0;
        for flood in [masked(10, b""), masked(9, b""), fragment] {
            let mut inbound = json();
            let mut start = masked(1, b"");
            start[0] = 1;
            if flood[0] == 0 {
                inbound.feed(&start, 0);
            }
            assert_ne!(
                inbound.feed(&flood.repeat(3_900), 0).last(),
                Some(&Incoming::Broken(CloseCode::Flooding))
            );
            let refused = [Incoming::Broken(CloseCode::Flooding)];
            assert_eq!(inbound.feed(&flood.repeat(200), 0), refused);
            assert_ne!(inbound.feed(&flood, 1000), refused);
        }
    }
}
