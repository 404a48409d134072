//! Addresses of clients in one form, and the networks that limits count by.
//!
//! A listener for both families sees an IPv4 client as `::ffff:1.2.3.4`; [`canonical`] makes one address of
//! the two, once, where an address enters: at accept, out of `X-Forwarded-For`, and in the settings.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net};

/// Bits of an IPv4-mapped IPv6 address before the IPv4 address.
const MAPPED_BITS: u8 = 96;

/// The part of the net that limits count by: an IPv4 address, or the /64 around an IPv6 address, since
/// whoever has one address of it has all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Network(IpAddr);

impl Network {
    /// The network that an address is in.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) => {
                let bits = address.to_bits() & !u128::from(u64::MAX);
                Self(IpAddr::V6(Ipv6Addr::from_bits(bits)))
            }
            address @ IpAddr::V4(_) => Self(address),
        }
    }
}

/// The address with an IPv4-mapped IPv6 address as IPv4.
#[must_use]
pub fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// The net with one of IPv4-mapped IPv6 addresses as IPv4.
#[must_use]
pub fn canonical_net(net: IpNet) -> IpNet {
    let IpAddr::V4(address) = net.addr().to_canonical() else { return net };
    let bits = match net {
        IpNet::V4(_) => net.prefix_len(),
        // Wider than the mapped addresses: it holds others too.
        IpNet::V6(net) if net.prefix_len() < MAPPED_BITS => return IpNet::V6(net),
        IpNet::V6(net) => net.prefix_len() - MAPPED_BITS,
    };
    Ipv4Net::new(address, bits).map_or(net, IpNet::V4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_a_listener_for_both_families_is_the_ipv4_address() {
        let mapped = "[::ffff:1.2.3.4]:80".parse().unwrap();
        assert_eq!(canonical(mapped), "1.2.3.4:80".parse().unwrap());
        let six = "[2001:db8::1]:80".parse().unwrap();
        assert_eq!(canonical(six), six);
    }

    #[test]
    fn a_net_of_mapped_addresses_is_the_ipv4_net() {
        let of = |net: &str| canonical_net(net.parse().unwrap()).to_string();
        assert_eq!(of("::ffff:10.0.0.0/104"), "10.0.0.0/8");
        assert_eq!(of("10.0.0.0/8"), "10.0.0.0/8");
        assert_eq!(of("2001:db8::/32"), "2001:db8::/32");
    }

    #[test]
    fn limits_count_ipv4_addresses_and_sixty_fours_of_ipv6() {
        let of = |address: &str| Network::of(address.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:0:0:2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_ne!(of("1.2.3.4"), of("1.2.3.5"));
        assert_eq!(of("::ffff:1.2.3.4"), of("1.2.3.4"));
        assert_ne!(of("::ffff:1.2.3.4"), of("::ffff:1.2.3.5"));
    }
}
