//! Reads the fixtures, and decodes and encodes messages of all kinds alike.

use std::{fs, path::Path};

use rowcast_protocol::{Codec, Limits, Request, ServerMessage, codec::DecodeError};

/// A message of any kind.
#[derive(Debug, PartialEq)]
pub(crate) enum Message {
    FromClient(Box<Request>),
    FromHub(Box<ServerMessage>),
}

impl Message {
    pub(crate) fn encode(&self, codec: Codec) -> Vec<u8> {
        match self {
            Self::FromClient(request) => codec.encode(request).into(),
            Self::FromHub(message) => codec.encode(message).into(),
        }
    }
}

/// One fixture in both encodings.
#[derive(Debug)]
pub(crate) struct Fixture {
    pub(crate) name: String,
    pub(crate) json: Vec<u8>,
    pub(crate) msgpack: Vec<u8>,
}

impl Fixture {
    pub(crate) fn bytes(&self, codec: Codec) -> &[u8] {
        match codec {
            Codec::Json => &self.json,
            Codec::MsgPack => &self.msgpack,
        }
    }

    /// The type of the message, by the name of the file.
    pub(crate) fn kind(&self) -> &str {
        self.name.split('-').next().unwrap()
    }
}

/// The fixtures of a folder, in order of their names.
pub(crate) fn fixtures(folder: &str) -> Vec<Fixture> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(folder);
    let mut found: Vec<Fixture> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .map(|path| Fixture {
            name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
            json: fs::read(&path).unwrap().trim_ascii_end().to_vec(),
            msgpack: unhex(&fs::read_to_string(path.with_extension("msgpack.hex")).unwrap()),
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(!found.is_empty());
    found
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap()).collect()
}

/// Decodes what a client sent, within the default limits.
pub(crate) fn request(codec: Codec, bytes: &[u8]) -> Result<Request, DecodeError> {
    codec.decode_request(bytes, &Limits::default())
}

/// Decodes JSON text that a client sent.
pub(crate) fn json(text: &str) -> Result<Request, DecodeError> {
    request(Codec::Json, text.as_bytes())
}

/// Decodes a message whose kind nobody told.
pub(crate) fn decode_any(codec: Codec, bytes: &[u8]) -> Result<Message, DecodeError> {
    let from_hub = codec.decode_server(bytes).map(|message| Message::FromHub(Box::new(message)));
    from_hub
        .or_else(|_| request(codec, bytes).map(|request| Message::FromClient(Box::new(request))))
}
