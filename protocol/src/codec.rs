//! The two encodings of the same messages, chosen by WebSocket subprotocol.

use bytes::Bytes;
use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, DeserializeSeed as _},
};

use crate::{
    code::ErrorCode,
    draft::shown,
    head::Head,
    news::News,
    reply::{Reply, ServerMessage},
    request::{Ref, Request},
    scan::{self, Limits, Overrun},
};

/// How deep MessagePack is followed while a head is read, even of a message that a scan refused:
/// as deep as JSON. Bounds the stack.
const DEEPEST: usize = 128;

/// How messages become bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// JSON in text frames; subprotocol `rowcast.v1.json`.
    Json,
    /// MessagePack in binary frames; subprotocol `rowcast.v1.msgpack`.
    MsgPack,
}

impl Codec {
    /// Both.
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

    /// Decodes what a hub sent, without limits.
    ///
    /// # Errors
    /// If it is no reply and no news of this version of the protocol. The code is `unknown_type` if
    /// it may be a message of a later one, which clients ignore.
    pub fn decode_server(self, bytes: &[u8]) -> Result<ServerMessage, DecodeError> {
        self.headed(bytes, Ok(()), |kind| self.server_message(kind, bytes))
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
        let scanned = self.scan(bytes, limits);
        self.headed(bytes, scanned, |kind| within_ops(self.request(kind, bytes)?, limits))
    }

    /// The `ref` of a message that is not worked on, if it can be read. Builds nothing.
    #[must_use]
    pub fn reference(self, bytes: &[u8]) -> Option<Ref> {
        let mut head = Head::default();
        // A message that goes wrong further on may have told its `ref` before.
        let _ = self.head(bytes, &mut head);
        head.reference
    }

    /// Reads the head, then, if nothing was wrong with it nor found by a scan, the message; puts the
    /// `ref` into whatever error there is.
    fn headed<T>(
        self,
        bytes: &[u8],
        scanned: Result<(), DecodeError>,
        body: impl FnOnce(&str) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        let mut head = Head::default();
        let read = self.head(bytes, &mut head);
        scanned
            .and(read)
            .and_then(|()| body(head.kind.as_deref().ok_or_else(DecodeError::untyped)?))
            .map_err(|error| DecodeError { reference: head.reference, ..error })
    }

    fn head(self, bytes: &[u8], head: &mut Head) -> Result<(), DecodeError> {
        match self {
            Self::Json => head
                .deserialize(&mut serde_json::Deserializer::from_slice(bytes))
                .map_err(|error| DecodeError::malformed(error.to_string())),
            Self::MsgPack => {
                let mut decoder = rmp_serde::Deserializer::from_read_ref(bytes);
                decoder.set_max_depth(DEEPEST);
                head.deserialize(&mut decoder)
                    .map_err(|error| DecodeError::malformed(error.to_string()))
            }
        }
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
            Overrun::NotUtf8 => DecodeError::malformed("text must be UTF-8"),
            Overrun::Malformed => {
                DecodeError::malformed("not one MessagePack value without extension types")
            }
        })
    }

    fn request(self, kind: &str, bytes: &[u8]) -> Result<Request, DecodeError> {
        Ok(match kind {
            "hello" => Request::Hello(self.typed(bytes)?),
            "renew" => Request::Renew(self.typed(bytes)?),
            "subscribe" => {
                Request::Subscribe(self.typed(bytes).map_err(DecodeError::or_bad_cursor)?)
            }
            "unsubscribe" => Request::Unsubscribe(self.typed(bytes)?),
            "edit" => Request::Edit(self.typed(bytes)?),
            "state" => Request::State(self.typed(bytes)?),
            "signal" => Request::Signal(self.typed(bytes)?),
            "history" => Request::History(self.typed(bytes)?),
            "ping" => Request::Ping(self.typed(bytes)?),
            unknown => return Err(DecodeError::unknown("request", unknown)),
        })
    }

    fn server_message(self, kind: &str, bytes: &[u8]) -> Result<ServerMessage, DecodeError> {
        Ok(match kind {
            "welcome" | "renewed" | "subscribed" | "unsubscribed" | "ack" | "done" | "pong" => {
                ServerMessage::Reply(self.typed(bytes)?)
            }
            // What has values in it is not read by its tag: serde would keep it in a buffer first,
            // which holds numbers as doubles.
            "history_page" => ServerMessage::Reply(Reply::HistoryPage(self.typed(bytes)?)),
            "error" => ServerMessage::Reply(Reply::Error(self.typed(bytes)?)),
            "entries" => ServerMessage::News(News::Entries(self.typed(bytes)?)),
            "snapshot" => ServerMessage::News(News::Snapshot(self.typed(bytes)?)),
            "states" => ServerMessage::News(News::States(self.typed(bytes)?)),
            "signals" => ServerMessage::News(News::Signals(self.typed(bytes)?)),
            "presence" => ServerMessage::News(News::Presence(self.typed(bytes)?)),
            "part" | "snapshot_begin" | "snapshot_end" | "missed" | "removed"
            | "token_expiring" | "drain" | "degraded" | "schema" => {
                ServerMessage::News(self.typed(bytes)?)
            }
            unknown => return Err(DecodeError::unknown("reply or news", unknown)),
        })
    }

    /// Decodes; only if that fails, once more with an eye on where.
    fn typed<'a, T: Deserialize<'a>>(self, bytes: &'a [u8]) -> Result<T, DecodeError> {
        match self {
            Self::Json => serde_json::from_slice(bytes).map_err(|error| {
                let mut decoder = serde_json::Deserializer::from_slice(bytes);
                DecodeError::located::<T, _>(&mut decoder, &error)
            }),
            Self::MsgPack => rmp_serde::from_slice(bytes).map_err(|error| {
                let mut decoder = rmp_serde::Deserializer::from_read_ref(bytes);
                DecodeError::located::<T, _>(&mut decoder, &error)
            }),
        }
    }
}

fn within_ops(request: Request, limits: &Limits) -> Result<Request, DecodeError> {
    let Request::Edit(edit) = &request else { return Ok(request) };
    let ops = edit.edit.ops.len();
    if ops == 0 {
        let fault = DecodeError::malformed("an edit needs at least one operation");
        return Err(DecodeError { path: Some("ops".to_owned()), ..fault });
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

    fn unknown(kind: &str, name: &str) -> Self {
        Self::new(ErrorCode::UnknownType, format!("no {kind} has the type `{}`", shown(name)))
    }

    fn untyped() -> Self {
        let fault = Self::malformed("a message needs a member `type`, a text");
        Self { path: Some("type".to_owned()), ..fault }
    }

    /// A cursor that cannot be read is no fault of the message's form: it has a code of its own.
    fn or_bad_cursor(self) -> Self {
        if self.path.as_deref() == Some("cursor") {
            Self { code: ErrorCode::BadCursor, ..self }
        } else {
            self
        }
    }

    /// The error with the path to the member where it arose, which a second decoding finds.
    fn located<'a, T, D>(decoder: D, error: &dyn std::error::Error) -> Self
    where
        T: Deserialize<'a>,
        D: serde::Deserializer<'a>,
    {
        let path = serde_path_to_error::deserialize::<D, T>(decoder)
            .err()
            .map(|error| error.path().to_string())
            .filter(|path| path != ".");
        Self { path, ..Self::malformed(error.to_string()) }
    }
}
