//! Decoding once what many devices receive.
//!
//! The hub sends the same bytes to every subscriber at the same place, so the devices of a run share
//! what they decoded. That keeps this program cheaper than the hub.

use std::rc::Rc;

use rowcast_protocol::{Codec, ServerMessage};

use crate::wire::{Decoder, LinkError};

/// Messages that are remembered.
const SLOTS: usize = 256;
/// Bytes at the end that tell messages apart: the cursor stands there.
const TAIL: usize = 32;
/// Shorter messages are private mostly, and cheap.
const SHORT: usize = 180;

#[derive(Debug, Clone)]
struct Known {
    payload: Vec<u8>,
    message: Rc<ServerMessage>,
}

/// Shared by all devices.
#[derive(Debug)]
pub(super) struct Decoding {
    slots: Vec<Option<Known>>,
}

impl Default for Decoding {
    fn default() -> Self {
        Self { slots: vec![None; SLOTS] }
    }
}

impl Decoding {
    /// The message, decoded or remembered.
    pub(super) fn message(
        &mut self,
        decoder: &mut Decoder,
        payload: &[u8],
    ) -> Result<Option<Rc<ServerMessage>>, LinkError> {
        if payload.len() < SHORT {
            return Ok(decoder.message(payload)?.map(Rc::new));
        }
        let Some(slot) = self.slots.get_mut(slot(payload)) else { return Ok(None) };
        if let Some(known) = slot.as_ref().filter(|known| known.payload == payload) {
            return Ok(Some(Rc::clone(&known.message)));
        }
        let Some(message) = decoder.message(payload)?.map(Rc::new) else { return Ok(None) };
        // What was put together from parts is not what this payload says.
        if !is_part(payload) {
            *slot = Some(Known { payload: payload.to_vec(), message: Rc::clone(&message) });
        }
        Ok(Some(message))
    }
}

fn slot(payload: &[u8]) -> usize {
    let tail = payload.get(payload.len().saturating_sub(TAIL)..).unwrap_or(payload);
    let hash = tail.iter().fold(payload.len(), |hash, byte| {
        (hash ^ usize::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash ^ hash >> 24) % SLOTS
}

fn is_part(payload: &[u8]) -> bool {
    const NAMED: usize = 24;
    let head = payload.get(..NAMED).unwrap_or(payload);
    [b"\"part\"".as_slice(), b"\xa4part"]
        .iter()
        .any(|name| memchr::memmem::find(head, name).is_some())
}

/// A decoder of one device.
pub(super) fn decoder(codec: Codec) -> Decoder {
    Decoder::new(codec)
}

#[cfg(test)]
mod tests {
    use rowcast_protocol::{
        News, Value,
        news::{Degraded, Part},
    };

    use super::*;

    fn long(codec: Codec, end: &str) -> (ServerMessage, Vec<u8>) {
        let message = ServerMessage::News(News::Degraded(Degraded {
            parts: vec!["x".repeat(300), end.to_owned()],
        }));
        let bytes = codec.encode(&message).to_vec();
        (message, bytes)
    }

    #[test]
    fn equal_bytes_are_decoded_once_and_others_anew() {
        let (mut decoding, mut one) = (Decoding::default(), decoder(Codec::Json));
        let ((first, bytes), (second, others)) = (long(Codec::Json, "a"), long(Codec::Json, "b"));
        let before = decoding.message(&mut one, &bytes).unwrap().unwrap();
        let again = decoding.message(&mut decoder(Codec::Json), &bytes).unwrap().unwrap();
        assert!(Rc::ptr_eq(&before, &again));
        assert_eq!(*before, first);
        assert_eq!(*decoding.message(&mut one, &others).unwrap().unwrap(), second);
    }

    #[test]
    fn equal_parts_of_two_devices_are_put_together_by_each() {
        for codec in Codec::ALL {
            let (whole, bytes) = long(codec, "end");
            let (first, last) = bytes.split_at(200);
            let part = |part, data: &[u8]| {
                let data = match codec {
                    Codec::Json => Value::Text(String::from_utf8(data.to_vec()).unwrap()),
                    Codec::MsgPack => Value::Bytes(data.to_vec()),
                };
                codec.encode(&News::Part(Part { part, of: 2, data }))
            };
            let mut decoding = Decoding::default();
            for mut device in [decoder(codec), decoder(codec)] {
                assert!(decoding.message(&mut device, &part(1, first)).unwrap().is_none());
                let got = decoding.message(&mut device, &part(2, last)).unwrap().unwrap();
                assert_eq!(*got, whole);
            }
        }
    }
}
