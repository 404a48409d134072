//! Addresses in settings: what cannot be read is answered with an example of what can.

use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use ipnet::IpNet;
use serde::{
    Deserialize as _, Deserializer,
    de::{Error, Unexpected},
};

use crate::network::canonical_net;

/// Reads an address and a port, both as numbers.
pub(super) fn listen<'de, D: Deserializer<'de>>(source: D) -> Result<SocketAddr, D::Error> {
    read(&String::deserialize(source)?, "an address and a port such as \"127.0.0.1:7070\"")
}

/// Reads a list of networks.
pub(super) fn networks<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(source)?;
    texts.iter().map(|text| network(text)).collect()
}

/// A network, or one address.
fn network<E: Error>(text: &str) -> Result<IpNet, E> {
    let net = match text.parse::<IpAddr>() {
        Ok(address) => address.into(),
        Err(_) => read(text, "addresses such as \"10.0.0.0/8\"")?,
    };
    Ok(canonical_net(net))
}

fn read<T: FromStr, E: Error>(text: &str, expected: &'static str) -> Result<T, E> {
    text.parse().map_err(|_| E::invalid_value(Unexpected::Str(text), &expected))
}
