//! Requests: what a client asks. Each carries a `ref` that its reply repeats.

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

pub use crate::edit::{Delete, Edit, EditRequest, Insert, Move, Op, Place, Update};
use crate::{
    name::ChannelName,
    position::{Cursor, Seq},
    value::Value,
};

/// The number by which a client matches a reply to its request.
pub type Ref = u64;

/// Everything a client may send.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    /// The first message on every socket.
    Hello(Hello),
    /// A new token for the same person, in place.
    Renew(Renew),
    /// Follow a channel.
    Subscribe(Subscribe),
    /// Stop following a channel.
    Unsubscribe(Unsubscribe),
    /// Change rows.
    Edit(EditRequest),
    /// Set or clear one's own state in a channel.
    State(SetState),
    /// Say something to whoever is there now.
    Signal(SendSignal),
    /// The past of one row.
    History(History),
    /// Ask whether the connection lives.
    Ping(Ping),
}

/// Greets the hub.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Hello {
    /// Repeated in the reply.
    #[serde(rename = "ref")]
    pub reference: Ref,
    /// The bearer token; may be absent if the upgrade request had an `Authorization` header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The name and version of the client, for the logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// The hash of the schema the client already knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
}

/// Renews the token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Renew {
    /// Repeated in the reply.
    #[serde(rename = "ref")]
    pub reference: Ref,
    /// The new token; it must name the same person.
    pub token: String,
}

/// Whether a subscriber sees who is there, and is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PresenceMode {
    /// Neither.
    #[default]
    Off,
    /// Sees, is not seen.
    Watch,
    /// Sees and is seen.
    Join,
}

impl<'de> Deserialize<'de> for PresenceMode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Option::<String>::deserialize(deserializer)?.as_deref() {
            None | Some("off") => Ok(Self::Off),
            Some("watch") => Ok(Self::Watch),
            Some("join") => Ok(Self::Join),
            Some(_) => Err(D::Error::custom("`presence` is `off`, `watch` or `join`")),
        }
    }
}

/// Follows a channel. On a channel already followed it starts again from the given place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subscribe {
    /// Repeated in the reply.
    #[serde(rename = "ref")]
    pub reference: Ref,
    /// The channel.
    pub channel: ChannelName,
    /// Where the client stands in the log; absent: it wants a snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
    /// Whether the client takes part in presence.
    #[serde(default)]
    pub presence: PresenceMode,
    /// What others see beside the person's name, with `presence: join`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Value>,
}

/// Stops following a channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unsubscribe {
    /// Repeated in the reply.
    #[serde(rename = "ref")]
    pub reference: Ref,
    /// The channel.
    pub channel: ChannelName,
}

/// Sets or clears one's own state in a channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetState {
    /// Repeated in the reply; absent: no reply unless it fails.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<Ref>,
    /// The channel.
    pub channel: ChannelName,
    /// Which state; its owner is this session.
    pub key: String,
    /// The latest value; null clears it.
    #[serde(default)]
    pub value: Value,
}

/// Says something to whoever is there now, at most once each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SendSignal {
    /// Repeated in the reply; absent: no reply unless it fails.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<Ref>,
    /// The channel.
    pub channel: ChannelName,
    /// What kind of signal.
    pub name: String,
    /// Anything.
    #[serde(default)]
    pub body: Value,
}

/// Asks for the past of one row, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Repeated in the reply.
    #[serde(rename = "ref")]
    pub reference: Ref,
    /// The channel.
    pub channel: ChannelName,
    /// The table.
    pub table: String,
    /// The row's key.
    pub key: Value,
    /// Only entries before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Seq>,
    /// How many changes at most: 1 to 100, 50 unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Asks whether the connection lives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ping {
    /// Repeated in the reply.
    #[serde(rename = "ref")]
    pub reference: Ref,
}
