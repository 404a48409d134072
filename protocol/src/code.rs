//! The two closed tables: error codes in messages, close codes on the socket.

use serde::{Deserialize, Serialize};

macro_rules! error_codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal, $retry:literal;)+) => {
        /// Why a request failed. The table is closed: a client may match on all of it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum ErrorCode {
            $($(#[doc = $doc])+ #[serde(rename = $text)] $name,)+
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The code as it stands on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// Whether the same request may succeed later without being changed.
            #[must_use]
            pub fn is_retryable(self) -> bool {
                match self { $(Self::$name => $retry,)+ }
            }
        }
    };
}

error_codes! {
    /// Not a message of this protocol: syntax, a missing member, a wrong type of a member.
    BadMessage = "bad_message", false;
    /// A message `type` that this hub does not know.
    UnknownType = "unknown_type", false;
    /// The message, an edit or a value is larger than the limit named.
    TooLarge = "too_large", false;
    /// The message is nested deeper than the limit named.
    TooDeep = "too_deep", false;
    /// More items than the limit named: values in a message, operations, keys, subscriptions.
    TooMany = "too_many", false;
    /// The first message must be `hello`.
    NotGreeted = "not_greeted", false;
    /// A second `hello`.
    AlreadyGreeted = "already_greeted", false;
    /// No token, or one that is malformed, forged, for somebody else, or revoked.
    Unauthorized = "unauthorized", false;
    /// The token was good and has expired.
    TokenExpired = "token_expired", false;
    /// The person's role does not allow it.
    Forbidden = "forbidden", false;
    /// There is no such channel, or it is not for this person: both look the same.
    UnknownChannel = "unknown_channel", false;
    /// The request needs a subscription to the channel.
    NotSubscribed = "not_subscribed", false;
    /// A cursor that no hub gave out.
    BadCursor = "bad_cursor", false;
    /// The channel has no such live table.
    UnknownTable = "unknown_table", false;
    /// The table has no such field.
    UnknownField = "unknown_field", false;
    /// The field cannot hold this value, or not be used in this way.
    WrongType = "wrong_type", false;
    /// The field is set by the server alone.
    ReadonlyField = "readonly_field", false;
    /// A field that must have a value has none.
    NotNull = "not_null", false;
    /// Another row has this value already.
    Unique = "unique", false;
    /// A row that is referred to does not exist, or is still referred to.
    ForeignKey = "foreign_key", false;
    /// A check of the table forbids it.
    Check = "check", false;
    /// The database refused the edit for a reason of its own, given in the message.
    Refused = "refused", false;
    /// The channel has no row with this key.
    NotFound = "not_found", false;
    /// The fields named in `if` hold other values; the current row is in the error.
    GuardFailed = "guard_failed", false;
    /// The id was used for an edit with other content.
    EditConflict = "edit_conflict", false;
    /// Too many requests; the error says when to try again.
    RateLimited = "rate_limited", true;
    /// Somebody else holds a lock on the row or the table, or the node has too much to do.
    Busy = "busy", true;
    /// The database cannot be reached.
    Unavailable = "unavailable", true;
    /// The database takes no writes at present.
    ReadOnly = "read_only", true;
    /// The database's disk is full.
    StorageFull = "storage_full", true;
    /// This node is about to stop.
    Draining = "draining", true;
    /// A fault of the hub; the operator's log says more.
    Internal = "internal", true;
}

/// When to connect again after a close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reconnect {
    /// With backoff and jitter, the first time after 0–4 s.
    WithBackoff,
    /// After the time that the `drain` message named, else as `WithBackoff`.
    AsToldByDrain,
    /// Once there is a new token.
    WithNewToken,
    /// Not before the program or its configuration has changed.
    Never,
}

macro_rules! close_codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $number:literal, $reason:literal, $reconnect:ident;)+) => {
        /// Why the hub closed a socket. 4000–4499: connect again; 4500–4999: do not.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum CloseCode {
            $($(#[doc = $doc])+ $name = $number,)+
        }

        impl CloseCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The number in the close frame.
            #[must_use]
            pub fn number(self) -> u16 {
                self as u16
            }

            /// The reason in the close frame.
            #[must_use]
            pub fn reason(self) -> &'static str {
                match self { $(Self::$name => $reason,)+ }
            }

            /// When to connect again.
            #[must_use]
            pub fn reconnect(self) -> Reconnect {
                match self { $(Self::$name => Reconnect::$reconnect,)+ }
            }

            /// The code with this number.
            #[must_use]
            pub fn from_number(number: u16) -> Option<Self> {
                match number { $($number => Some(Self::$name),)+ _ => None }
            }
        }
    };
}

close_codes! {
    /// The client closed.
    Normal = 1000, "closed", WithBackoff;
    /// The bytes were not WebSocket.
    Protocol = 1002, "websocket protocol error", Never;
    /// Text on a MessagePack socket, binary on a JSON one.
    Unsupported = 1003, "wrong frame type for the subprotocol", Never;
    /// Text that is not UTF-8.
    NotText = 1007, "text must be utf-8", Never;
    /// A message above the size limit.
    TooBig = 1009, "message too big", Never;
    /// A fault of the hub.
    Internal = 1011, "internal error", WithBackoff;
    /// The node is about to stop; `drain` told when to come back.
    Draining = 4000, "draining", AsToldByDrain;
    /// No `hello` within the deadline.
    GreetingTimeout = 4001, "no greeting in time", WithBackoff;
    /// No answer to a ping.
    Silent = 4002, "no answer to ping", WithBackoff;
    /// The token expired and was not renewed within the grace period.
    TokenExpired = 4003, "token expired", WithNewToken;
    /// Too many sockets, for this person, this address or this node.
    Overloaded = 4004, "too many sockets", WithBackoff;
    /// A message was begun and not finished within the deadline.
    MessageTimeout = 4005, "message not finished in time", WithBackoff;
    /// Requests kept coming far above the rate limit.
    Flooding = 4006, "too many requests", WithBackoff;
    /// The token is no good.
    Unauthorized = 4500, "unauthorized", WithNewToken;
    /// The first message was not `hello`, or too many messages were malformed.
    BadMessages = 4501, "not this protocol", Never;
}
