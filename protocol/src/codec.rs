//! The two encodings of the same messages, chosen by WebSocket subprotocol.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    code::ErrorCode,
    request::{Ref, Request},
    scan::{self, Limits, Overrun},
};

/// How messages become bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// JSON in text frames; subprotocol `rowcast.v1.json`.
    Json,
    /// MessagePack in binary frames; subprotocol `rowcast.v1.msgpack`.
    MsgPack,
}

impl Codec {
    /// Both, in the order in which the hub prefers them when a client offers both.
    pub const ALL: [Self; 2] = [Self::MsgPack, Self::Json];

    /// The WebSocket subprotocol.
    #[must_use]
    pub fn subprotocol(self) -> &'static str {
        match self {
            Self::Json => "rowcast.v1.json",
            Self::MsgPack => "rowcast.v1.msgpack",
        }
    }

    /// The codec with this subprotocol.
    #[must_use]
    pub fn from_subprotocol(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.subprotocol() == name)
    }

    /// Encodes a message or a part of one.
    #[must_use]
    pub fn encode<T: Serialize>(self, message: &T) -> Bytes {
        let mut out = Vec::with_capacity(256);
        self.encode_into(message, &mut out);
        out.into()
    }

    /// Encodes onto the end of `out`.
    #[expect(clippy::expect_used, reason = "our messages have text keys and write to memory")]
    pub fn encode_into<T: Serialize>(self, message: &T, out: &mut Vec<u8>) {
        match self {
            Self::Json => serde_json::to_writer(out, message).expect("messages can be encoded"),
            Self::MsgPack => message
                .serialize(&mut rmp_serde::Serializer::new(out).with_struct_map())
                .expect("messages can be encoded"),
        }
    }

    /// Decodes anything, without limits: for clients and tests, which trust their hub.
    ///
    /// # Errors
    /// If the bytes are not such a message.
    pub fn decode<T: DeserializeOwned>(self, bytes: &[u8]) -> Result<T, DecodeError> {
        self.typed(bytes)
    }

    /// Decodes what a client sent, within limits.
    ///
    /// # Errors
    /// If the message exceeds a limit, or is none of the protocol's requests. The error carries the
    /// `ref` where it could be read, so that the client can be answered.
    pub fn decode_request(self, bytes: &[u8], limits: &Limits) -> Result<Request, DecodeError> {
        if bytes.len() > limits.message_bytes {
            return Err(DecodeError::limit(
                ErrorCode::TooLarge,
                format!(
                    "a message may have {} bytes, this one has {}",
                    limits.message_bytes,
                    bytes.len()
                ),
                limits.message_bytes,
            ));
        }
        self.scan(bytes, limits)?;
        let head: Head<'_> = self.typed(bytes)?;
        let reference = head.reference;
        self.body(&head.kind, bytes).and_then(|request| within_ops(request, limits)).map_err(
            |mut error| {
                error.reference = reference;
                error
            },
        )
    }

    fn scan(self, bytes: &[u8], limits: &Limits) -> Result<(), DecodeError> {
        let scanned = match self {
            Self::Json => scan::json(bytes, limits),
            Self::MsgPack => scan::msgpack(bytes, limits),
        };
        scanned.map_err(|overrun| match overrun {
            Overrun::Depth => DecodeError::limit(
                ErrorCode::TooDeep,
                format!("a message may be nested {} deep", limits.depth),
                limits.depth,
            ),
            Overrun::Values => DecodeError::limit(
                ErrorCode::TooMany,
                format!("a message may hold {} values", limits.values),
                limits.values,
            ),
            Overrun::Truncated => DecodeError::malformed("the message ends within a value"),
            Overrun::Malformed => {
                DecodeError::malformed("not one MessagePack value without extension types")
            }
        })
    }

    fn body(self, kind: &str, bytes: &[u8]) -> Result<Request, DecodeError> {
        Ok(match kind {
            "hello" => Request::Hello(self.typed(bytes)?),
            "renew" => Request::Renew(self.typed(bytes)?),
            "subscribe" => Request::Subscribe(self.typed(bytes)?),
            "unsubscribe" => Request::Unsubscribe(self.typed(bytes)?),
            "edit" => Request::Edit(self.typed(bytes)?),
            "state" => Request::State(self.typed(bytes)?),
            "signal" => Request::Signal(self.typed(bytes)?),
            "history" => Request::History(self.typed(bytes)?),
            "ping" => Request::Ping(self.typed(bytes)?),
            unknown => {
                let shown: String = unknown.chars().take(40).collect();
                return Err(DecodeError::new(
                    ErrorCode::UnknownType,
                    format!("no request has the type `{shown}`"),
                ));
            }
        })
    }

    fn typed<'a, T: Deserialize<'a>>(self, bytes: &'a [u8]) -> Result<T, DecodeError> {
        match self {
            Self::Json => {
                let mut decoder = serde_json::Deserializer::from_slice(bytes);
                let message = serde_path_to_error::deserialize(&mut decoder)
                    .map_err(|error| DecodeError::at(&error))?;
                decoder.end().map_err(|error| DecodeError::malformed(error.to_string()))?;
                Ok(message)
            }
            Self::MsgPack => {
                let mut decoder = rmp_serde::Deserializer::from_read_ref(bytes);
                serde_path_to_error::deserialize(&mut decoder)
                    .map_err(|error| DecodeError::at(&error))
            }
        }
    }
}

/// What every request begins with; read first, so that an error can name the `ref`.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(default, rename = "ref")]
    reference: Option<Ref>,
}

fn within_ops(request: Request, limits: &Limits) -> Result<Request, DecodeError> {
    let Request::Edit(edit) = &request else { return Ok(request) };
    let ops = edit.edit.ops.len();
    if ops == 0 {
        return Err(DecodeError::malformed("an edit needs at least one operation"));
    }
    if ops > limits.ops {
        return Err(DecodeError::limit(
            ErrorCode::TooMany,
            format!("an edit may hold {} operations, this one has {ops}", limits.ops),
            limits.ops,
        ));
    }
    Ok(request)
}

/// Why bytes are no message.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct DecodeError {
    /// Which kind of error.
    pub code: ErrorCode,
    /// What was wrong, for people.
    pub message: String,
    /// The member that was wrong, such as `ops[0].key`.
    pub path: Option<String>,
    /// The `ref` of the message, where it could be read.
    pub reference: Option<Ref>,
    /// The limit, if one was exceeded.
    pub limit: Option<u64>,
}

impl DecodeError {
    fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), path: None, reference: None, limit: None }
    }

    fn malformed(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::BadMessage, message)
    }

    fn limit(code: ErrorCode, message: String, limit: usize) -> Self {
        Self { limit: Some(limit as u64), ..Self::new(code, message) }
    }

    fn at<E: std::error::Error>(error: &serde_path_to_error::Error<E>) -> Self {
        let path = error.path().to_string();
        let path = (path != ".").then_some(path);
        Self { path, ..Self::malformed(error.inner().to_string()) }
    }
}
