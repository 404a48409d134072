//! What sessions use: handles to the layers below, and settings.

use std::{sync::Arc, time::Duration};

use parking_lot::RwLock;
use rowcast_protocol::{ErrorReply, Limits, News, Reply};

use super::{Places, rate::PersonRates};
use crate::{
    auth::{Access, Verifier},
    commit::{Checker, Committer},
    hub::{Hub, Socket},
    metrics::{CodeLabel, Metrics},
    reads::Turns,
};

/// The bounds of a session. Every one has a name in the settings.
#[derive(Debug, Clone)]
pub struct SessionSettings {
    /// Bounds on messages.
    pub limits: Limits,
    /// Channels one socket may follow.
    pub subscriptions: usize,
    /// Requests a second, averaged.
    pub requests_per_second: u32,
    /// Requests at once.
    pub requests_burst: u32,
    /// Frames of any kind a second, averaged.
    pub frames_per_second: u32,
    /// Bytes of messages a second, averaged.
    pub bytes_per_second: u64,
    /// Bytes that may wait to go out before the hub stops reading the socket.
    pub out_bytes: usize,
    /// States one session may hold in a channel.
    pub state_keys: usize,
    /// Bytes of the states of one session in a channel.
    pub state_bytes: usize,
    /// Bytes of all states in a channel.
    pub channel_state_bytes: usize,
    /// Bytes of what a person shows beside the name.
    pub presence_meta_bytes: usize,
    /// By when the greeting must come.
    pub greeting: Duration,
    /// By when a message that was begun must be finished.
    pub message: Duration,
    /// After how much silence the hub pings.
    pub ping: Duration,
    /// How long the answer to a ping may take.
    pub pong: Duration,
    /// How long a socket lives on after its token expired.
    pub token_grace: Duration,
    /// How long before a token expires the client is warned.
    pub token_warning: Duration,
}

/// What sessions use. One for all workers.
#[derive(Debug)]
pub struct Services {
    /// Bounds.
    pub settings: SessionSettings,
    /// Channels.
    pub hub: Hub,
    /// The way in for edits.
    pub committer: Committer,
    /// Whose lists and histories are being read.
    pub turns: Turns,
    /// The live tables.
    pub checker: Checker,
    /// Who a token names.
    pub verifier: Arc<Verifier>,
    /// Who may do what where.
    pub access: Arc<Access>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Places for the sockets of one person.
    pub people: Places<Arc<str>>,
    /// How much the sockets of one person may ask together.
    pub person_rates: PersonRates,
    /// What works less well at present; told to every session that greets.
    pub degraded: RwLock<Vec<String>>,
}

impl Services {
    /// Sends an error and counts it.
    pub fn send_error(&self, socket: &Arc<Socket>, error: ErrorReply) {
        self.metrics.errors.get_or_create(&CodeLabel { code: error.code.as_str() }).inc();
        socket.send(&Reply::Error(Box::new(error)));
    }

    /// What a session is told when it greets while something works less well.
    pub(super) fn degraded_news(&self) -> Option<News> {
        let parts = self.degraded.read().clone();
        (!parts.is_empty()).then_some(News::Degraded(rowcast_protocol::news::Degraded { parts }))
    }
}
