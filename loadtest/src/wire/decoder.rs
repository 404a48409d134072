//! Payloads become messages: parts are put together, messages of later versions passed over.

use rowcast_protocol::{Codec, ErrorCode, News, ServerMessage, Value, news::Part};

use super::LinkError;

/// Decodes what one socket receives.
#[derive(Debug)]
pub(crate) struct Decoder {
    codec: Codec,
    parts: Vec<u8>,
}

impl Decoder {
    pub(crate) fn new(codec: Codec) -> Self {
        Self { codec, parts: Vec::new() }
    }

    /// The message, or `None`: it is not whole yet, or of a later version of the protocol.
    pub(crate) fn message(&mut self, payload: &[u8]) -> Result<Option<ServerMessage>, LinkError> {
        match decode(self.codec, payload)? {
            Some(ServerMessage::News(News::Part(part))) => self.part(part),
            message => Ok(message),
        }
    }

    fn part(&mut self, part: Part) -> Result<Option<ServerMessage>, LinkError> {
        if part.part == 1 {
            self.parts.clear();
        }
        match part.data {
            Value::Text(text) => self.parts.extend_from_slice(text.as_bytes()),
            Value::Bytes(bytes) => self.parts.extend_from_slice(&bytes),
            other => return Err(LinkError::Undecodable(format!("a part holds {}", other.kind()))),
        }
        if part.part < part.of {
            return Ok(None);
        }
        decode(self.codec, &std::mem::take(&mut self.parts))
    }
}

/// Decodes a payload; `None`: of a later version of the protocol.
pub(super) fn decode(codec: Codec, payload: &[u8]) -> Result<Option<ServerMessage>, LinkError> {
    match codec.decode_server(payload) {
        Ok(message) => Ok(Some(message)),
        Err(error) if error.code == ErrorCode::UnknownType => Ok(None),
        Err(error) => Err(LinkError::Undecodable(error.message)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(codec: Codec, part: u32, data: &[u8]) -> Vec<u8> {
        let data = match codec {
            Codec::Json => Value::Text(String::from_utf8(data.to_vec()).unwrap()),
            Codec::MsgPack => Value::Bytes(data.to_vec()),
        };
        codec.encode(&News::Part(Part { part, of: 2, data })).to_vec()
    }

    #[test]
    fn parts_become_the_message_that_was_cut() {
        for codec in Codec::ALL {
            let whole = ServerMessage::News(News::Degraded(rowcast_protocol::news::Degraded {
                parts: vec!["store".to_owned()],
            }));
            let bytes = codec.encode(&whole);
            let (first, second) = bytes.split_at(9);
            let mut decoder = Decoder::new(codec);
            assert_eq!(decoder.message(&part(codec, 1, first)).unwrap(), None);
            assert_eq!(decoder.message(&part(codec, 2, second)).unwrap(), Some(whole));
        }
    }

    #[test]
    fn messages_of_a_later_version_are_passed_over() {
        let mut decoder = Decoder::new(Codec::Json);
        assert_eq!(decoder.message(b"{\"type\":\"weather\"}").unwrap(), None);
        assert!(decoder.message(b"{").is_err());
    }
}
