//! Replies: what the hub answers to one request, with the same `ref`.

use serde::{Deserialize, Serialize};

use crate::{
    code::ErrorCode,
    name::{ChannelName, EditId},
    news::News,
    position::{Epoch, Seq},
    request::Ref,
    schema::{Role, Schema},
    value::{Fields, Value},
};

/// Everything the hub answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Reply {
    /// To `hello`.
    Welcome(Box<Welcome>),
    /// To `renew`.
    Renewed(Renewed),
    /// To `subscribe`: from now on nothing of the channel is missed.
    Subscribed(Subscribed),
    /// To `unsubscribe`: nothing more of the channel follows.
    Unsubscribed(Unsubscribed),
    /// To `edit`: it is durable.
    Ack(Ack),
    /// To `state` and `signal` that carried a `ref`.
    Done(Done),
    /// To `history`.
    HistoryPage(HistoryPage),
    /// To `ping`.
    Pong(Pong),
    /// To any request that failed. Nothing of it was applied.
    Error(Box<ErrorReply>),
}

/// Everything a client may receive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ServerMessage {
    /// An answer.
    Reply(Reply),
    /// News.
    News(News),
}

/// The session has begun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Welcome {
    /// The `ref` of the request.
    #[serde(rename = "ref")]
    pub reference: Ref,
    /// This connection's name, as it stands in states and signals.
    pub session: String,
    /// Who this is.
    pub user: Person,
    /// When the token expires, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// The hub's clock, RFC 3339.
    pub time: String,
    /// The name and version of the hub.
    pub server: String,
    /// The live tables.
    pub schema: Schema,
    /// The limits a client should know.
    pub limits: WelcomeLimits,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The person's id.
    pub id: String,
    /// What others see.
    pub name: String,
}

/// The limits a client should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WelcomeLimits {
    /// The largest message a client may send, bytes.
    pub message_bytes: u64,
    /// How deep a message may be nested.
    pub depth: u64,
    /// How many operations one edit may hold.
    pub ops: u64,
    /// How many channels one socket may follow.
    pub subscriptions: u64,
    /// How many requests a second, averaged.
    pub requests_per_second: u64,
    /// After how many seconds of silence the hub pings.
    pub ping_seconds: u64,
}

/// The token was renewed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Renewed {
    /// The `ref` of the request.
    #[serde(rename = "ref")]
    pub reference: Ref,
    /// When the new token expires, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

/// How a subscription begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// With the entries after the cursor.
    Resume,
    /// With a snapshot.
    Snapshot,
}

/// Why a cursor could not be continued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotReason {
    /// The client sent no cursor.
    NoCursor,
    /// The cursor is of another history of this channel (restored, truncated, failed over).
    OtherHistory,
    /// The cursor lies after the newest entry.
    Ahead,
    /// The entries after the cursor are no longer kept.
    TooOld,
    /// A change too large for one entry lies after the cursor.
    Reset,
    /// The reader fell further behind than the hub reads back.
    FarBehind,
}

/// The subscription holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subscribed {
    /// The `ref` of the request.
    #[serde(rename = "ref")]
    pub reference: Ref,
    /// The channel.
    pub channel: ChannelName,
    /// What comes first.
    pub start: Start,
    /// Why a snapshot comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<SnapshotReason>,
    /// The incarnation of the log.
    pub epoch: Epoch,
    /// The newest entry just now: a client that has applied it is live.
    pub head: Seq,
    /// What the person may do here.
    pub role: Role,
}

/// The subscription is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unsubscribed {
    /// The `ref` of the request.
    #[serde(rename = "ref")]
    pub reference: Ref,
    /// The channel.
    pub channel: ChannelName,
}

/// An edit is durable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ack {
    /// The `ref` of the request.
    #[serde(rename = "ref")]
    pub reference: Ref,
    /// The edit.
    pub id: EditId,
    /// Its channel.
    pub channel: ChannelName,
    /// The incarnation of the log.
    pub epoch: Epoch,
    /// The entry in which the edit stands; if it changed nothing, the newest entry.
    pub seq: Seq,
    /// Whether this is the stored outcome of an earlier sending.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replayed: bool,
}

/// Done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// The `ref` of the request.
    #[serde(rename = "ref")]
    pub reference: Ref,
}

/// The past of a row, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryPage {
    /// The `ref` of the request.
    #[serde(rename = "ref")]
    pub reference: Ref,
    /// The channel.
    pub channel: ChannelName,
    /// The changes.
    pub changes: Vec<PastChange>,
    /// Whether there may be older ones.
    pub more: bool,
    /// Where they begin: before this entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Seq>,
}

/// One change in the past of a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PastChange {
    /// The entry.
    pub seq: Seq,
    /// When it was committed, RFC 3339.
    pub at: String,
    /// `insert`, `update`, `delete`, `enter` or `leave`.
    pub op: String,
    /// Who, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The edit, if the change was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edit: Option<EditId>,
    /// New values of the fields that changed; the whole row for `insert` and `enter`.
    #[serde(default, skip_serializing_if = "Fields::is_empty")]
    pub new: Fields,
    /// Old values of the same fields; the whole row for `delete` and `leave`.
    #[serde(default, skip_serializing_if = "Fields::is_empty")]
    pub old: Fields,
}

/// The connection lives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pong {
    /// The `ref` of the request.
    #[serde(rename = "ref")]
    pub reference: Ref,
    /// The hub's clock, RFC 3339.
    pub time: String,
}

/// A request failed; nothing of it was applied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErrorReply {
    /// The `ref` of the request, where it could be read.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<Ref>,
    /// Why.
    pub code: ErrorCode,
    /// What was wrong and what to do, for people.
    pub message: String,
    /// Whether the same request may succeed later without being changed.
    pub retry: bool,
    /// When to try again, milliseconds from now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The member of the message that was wrong, such as `ops[0].set`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The index of the operation that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub op: Option<u32>,
    /// The table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// The field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The constraint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constraint: Option<String>,
    /// The row as it is, when a guard failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<Fields>,
    /// The id of the edit, when an edit failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<EditId>,
    /// The channel, when the request named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelName>,
    /// What the limit is, when one was exceeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// The key of the row, when one row is to blame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Value>,
}

impl ErrorReply {
    /// An error with nothing but its code and words.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            reference: None,
            code,
            message: message.into(),
            retry: code.is_retryable(),
            retry_after_ms: None,
            path: None,
            op: None,
            table: None,
            field: None,
            constraint: None,
            row: None,
            id: None,
            channel: None,
            limit: None,
            key: None,
        }
    }
}
