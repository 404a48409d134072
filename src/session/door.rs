//! The door: whether a connection comes in. It takes places in all, of its network, and of those who have
//! not said who they are; the last is free again when its socket has greeted.
//!
//! A proxy is nobody's network: its connections count in all alone, and a socket behind it counts for the
//! network of its client, which stands in the request.

use parking_lot::Mutex;
use rowcast_protocol::ErrorCode;

use super::{Place, Places, Shares};
use crate::network::Network;

/// What part of all places is kept for sockets that have greeted: one of so many.
const KEPT: u32 = 4;

/// How many may come in.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Connections in all.
    pub connections: u32,
    /// Connections of one network; `None`: no limit, and then no network is held against another.
    pub of_network: Option<u32>,
    /// Connections that have not greeted.
    pub not_greeted: u32,
}

/// Why a connection is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// This node has no place left, for this network at least.
    Node,
    /// The network has as many connections as it may.
    Network,
    /// Too many have not greeted, of this network or in all.
    Waiting,
}

/// Who may come in.
#[derive(Debug)]
pub struct Door {
    all: Shares<Network>,
    networks: Option<Places<Network>>,
    waiting: Shares<Network>,
}

/// What a connection holds until it ends.
#[derive(Debug)]
pub struct Held {
    _all: Place,
    network: Mutex<Option<Place>>,
    waiting: Mutex<Option<Place>>,
}

impl Door {
    /// A door with this much room behind it.
    #[must_use]
    pub fn new(room: Room) -> Self {
        let kept = room.connections / KEPT;
        let waiting = room.not_greeted.min(room.connections - kept).max(1);
        Self {
            all: Shares::new(room.connections.into()),
            networks: room.of_network.map(Places::new),
            waiting: Shares::new(waiting.into()),
        }
    }

    /// Lets a connection in. `None`: it is a proxy's.
    ///
    /// # Errors
    /// If there is no place for it.
    pub fn enter(&self, network: Option<Network>) -> Result<Held, Full> {
        let all = self.all.take(self.counted(network), 1).ok_or(Full::Node)?;
        let held = Held { _all: all, network: Mutex::default(), waiting: Mutex::default() };
        self.count(&held, network)?;
        Ok(held)
    }

    /// Counts a connection of a proxy for the network of the client behind it from here on.
    ///
    /// # Errors
    /// If there is no place for it.
    pub fn count(&self, held: &Held, network: Option<Network>) -> Result<(), Full> {
        let (networks, counted) = (self.networks.as_ref(), self.counted(network));
        if let (Some(networks), Some(network)) = (networks, network) {
            *held.network.lock() = Some(networks.take(network).ok_or(Full::Network)?);
        }
        drop(held.waiting.lock().take());
        *held.waiting.lock() = Some(self.waiting.take(counted, 1).ok_or(Full::Waiting)?);
        Ok(())
    }

    fn counted(&self, network: Option<Network>) -> Option<Network> {
        network.filter(|_| self.networks.is_some())
    }
}

impl Full {
    /// What the client is told.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Node => "this node is full; try again later",
            Self::Network => {
                "too many connections from this address; close some, or try again later"
            }
            Self::Waiting => "too many connections that have not greeted; try again later",
        }
    }

    /// The code that goes with it.
    #[must_use]
    pub fn code(self) -> ErrorCode {
        match self {
            Self::Node => ErrorCode::Busy,
            Self::Network | Self::Waiting => ErrorCode::RateLimited,
        }
    }
}

impl Held {
    /// Its person is known: the place among those who are not is free again.
    pub fn greeted(&self) {
        drop(self.waiting.lock().take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(number: u32) -> Option<Network> {
        Some(Network::of(std::net::Ipv4Addr::from_bits(number).into()))
    }

    fn door(of_network: Option<u32>) -> Door {
        Door::new(Room { connections: 100, of_network, not_greeted: 1000 })
    }

    fn all_of(door: &Door, network: Option<Network>) -> Vec<Held> {
        std::iter::from_fn(|| door.enter(network).ok()).collect()
    }

    #[test]
    fn a_network_leaves_room_for_others() {
        let door = door(Some(1000));
        let greedy = all_of(&door, network(1));
        assert!(greedy.len() < 70, "{}", greedy.len());
        assert!(door.enter(network(2)).is_ok());
        let held = door.enter(network(3)).unwrap();
        held.greeted();
        assert!(door.enter(network(3)).is_ok());
    }

    #[test]
    fn whoever_has_greeted_makes_room_for_the_next() {
        let door = door(Some(1000));
        let mut held = Vec::new();
        for number in 0..75 {
            let one = door.enter(network(number % 5)).unwrap();
            one.greeted();
            held.push(one);
        }
        assert_eq!(held.len(), 75);
    }

    #[test]
    fn a_network_has_as_many_as_it_may() {
        let door = door(Some(3));
        let three = all_of(&door, network(1));
        assert_eq!(three.len(), 3);
        assert_eq!(door.enter(network(1)).err(), Some(Full::Network));
        let proxied = door.enter(None).unwrap();
        assert_eq!(door.count(&proxied, network(1)), Err(Full::Network));
        assert_eq!(door.count(&proxied, network(2)), Ok(()));
    }

    #[test]
    fn without_a_limit_one_address_may_have_everything() {
        let door = door(None);
        assert_eq!(all_of(&door, network(1)).len(), 75);
    }
}
