//! What the processes say to each other, a line of JSON each.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use rowcast_protocol::ChannelName;
use serde::{Deserialize, Serialize};

use crate::wire::Address;

/// What one process is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Share {
    pub(super) address: Address,
    pub(super) codec: crate::cli::CodecName,
    /// The address to connect from.
    pub(super) source: Option<IpAddr>,
    /// The number of its first socket among all.
    pub(super) first: usize,
    pub(super) sockets: usize,
    /// How many are opened before they greet.
    pub(super) wave: usize,
    pub(super) channels: Vec<ChannelName>,
    pub(super) tokens: Vec<String>,
}

/// The port of a process's first socket; below, ports may belong to others.
const FIRST_PORT: usize = 11_000;

impl Share {
    /// Where the socket with this number connects from: a port of its own.
    pub(super) fn source_of(&self, number: usize) -> Option<SocketAddr> {
        let port = u16::try_from(FIRST_PORT + number.checked_sub(self.first)?).unwrap_or(0);
        Some(SocketAddr::new(self.source?, port))
    }
}

/// What a process tells.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Told {
    /// So many more sockets are subscribed or failed.
    Opened(u64),
    /// All are.
    Ready(Ready),
    /// How it was in the end.
    Held(Held),
}

/// Sockets by what became of them when they were opened.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Ready {
    pub(super) subscribed: u64,
    /// Seconds for connections and upgrades.
    pub(super) connecting: f64,
    /// Seconds for greetings and subscriptions.
    pub(super) subscribing: f64,
    pub(super) errors: BTreeMap<String, u64>,
}

/// Sockets by what became of them while they were idle.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Held {
    pub(super) alive: u64,
    pub(super) errors: BTreeMap<String, u64>,
}

/// An address of this machine for the process with this number, so that ports do not run out: each
/// address has some 28,000. Only towards a hub on this machine.
pub(super) fn source(hub: SocketAddr, number: usize) -> Option<IpAddr> {
    let IpAddr::V4(address) = hub.ip() else { return None };
    let last = u8::try_from(number % 250).ok()? + 2;
    address.is_loopback().then_some(IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_on_this_machine_have_addresses_of_their_own() {
        let hub = "127.0.0.1:7070".parse().unwrap();
        assert_eq!(source(hub, 0), Some("127.0.0.2".parse().unwrap()));
        assert_ne!(source(hub, 0), source(hub, 1));
        assert_eq!(source("10.0.0.5:7070".parse().unwrap(), 0), None);
    }
}
