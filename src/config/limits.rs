//! `[limits]`: how much one client, one channel and one node may take.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::seconds::{millis, seconds};

/// How much of everything. Each limit is answered with a clear error when it is reached.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsConfig {
    /// Bytes of one message from a client.
    pub message_bytes: usize,
    /// How deep objects and lists in a message may be nested.
    pub depth: usize,
    /// Values in one message.
    pub values: usize,
    /// Operations in one edit.
    pub ops: usize,
    /// Channels that one socket may follow.
    pub subscriptions: usize,
    /// Requests a second of one socket, averaged.
    pub requests_per_second: u32,
    /// Requests that one socket may send at once after a pause.
    pub requests_burst: u32,
    /// Frames a second of one socket, averaged: messages, their fragments, pings and pongs.
    pub frames_per_second: u32,
    /// Bytes of messages a second of one socket, averaged.
    pub bytes_per_second: u64,
    /// Requests a second of all sockets of one person on a node, averaged; 0: no limit.
    pub person_requests_per_second: u32,
    /// Requests that all sockets of one person may send at once after a pause.
    pub person_requests_burst: u32,
    /// Bytes of messages a second of all sockets of one person on a node; 0: no limit.
    pub person_bytes_per_second: u64,

    /// Sockets of one person; 0: no limit.
    pub sockets_per_user: usize,
    /// Connections from one address (of IPv6: one /64), sockets and others; 0: no limit.
    pub sockets_per_address: usize,
    /// Connections of this node; 0: as many as the system lets the process open.
    pub sockets: usize,
    /// Connections of this node that have not greeted, HTTP included.
    pub sockets_not_greeted: usize,

    /// How long a connection may send nothing at first.
    #[serde(rename = "first_byte_seconds", with = "seconds")]
    pub first_byte: Duration,
    /// How long the head of an HTTP request may take.
    #[serde(rename = "header_seconds", with = "seconds")]
    pub header: Duration,
    /// How long an answer may wait for the client to read more of it.
    #[serde(rename = "write_seconds", with = "seconds")]
    pub write: Duration,
    /// How long a socket may take to greet.
    #[serde(rename = "greeting_seconds", with = "seconds")]
    pub greeting: Duration,
    /// How long a message that was begun may take.
    #[serde(rename = "message_seconds", with = "seconds")]
    pub message: Duration,
    /// After how much silence the hub pings.
    #[serde(rename = "ping_seconds", with = "seconds")]
    pub ping: Duration,
    /// How long the answer to a ping may take.
    #[serde(rename = "pong_seconds", with = "seconds")]
    pub pong: Duration,

    /// Bytes of replies and snapshots that wait for one socket before the hub stops reading it.
    pub out_bytes: usize,
    /// Bytes of a channel's newest entries kept in memory, in each encoding.
    pub tail_bytes: usize,
    /// States of one session in one channel.
    pub state_keys: usize,
    /// Bytes of the states of one session in one channel.
    pub state_bytes: usize,
    /// Bytes of all states in one channel.
    pub channel_state_bytes: usize,
    /// Signals of a channel kept for slow readers.
    pub signal_ring: usize,
    /// Bytes of these signals.
    pub signal_ring_bytes: usize,
    /// Snapshots that a node sends at a time.
    pub snapshots: usize,
    /// Snapshots that wait for others on a node.
    pub snapshots_waiting: usize,
    /// Bytes of what a person shows beside the name.
    pub presence_meta_bytes: usize,
    /// Row changes of one entry; more become a `reset`.
    pub entry_changes: usize,
    /// Bytes of one entry; more become a `reset`.
    pub entry_bytes: usize,
    /// Items of a list to which an edit adds.
    pub list_items: usize,
    /// Bytes of a row to which an edit adds items or writes large values.
    pub row_bytes: usize,
    /// How long the database may work on one edit.
    #[serde(rename = "edit_ms", with = "millis")]
    pub edit_time: Duration,
}

impl LimitsConfig {
    /// The limits that a message is scanned for before it is decoded.
    #[must_use]
    pub fn of_messages(&self) -> rowcast_protocol::Limits {
        rowcast_protocol::Limits {
            message_bytes: self.message_bytes,
            depth: self.depth,
            values: self.values,
            ops: self.ops,
        }
    }
}
