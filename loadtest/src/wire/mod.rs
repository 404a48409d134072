//! The client's side of a socket, made to cost little: frames are masked with zeros, so what is sent
//! is what was encoded, and what comes in is looked at where it lies.

mod decoder;
mod frame;
mod handshake;
mod http;
mod link;
mod outbox;
mod scan;

pub(crate) use decoder::Decoder;
pub(crate) use http::{Ask, open as open_plain};
pub(crate) use link::{Address, Link, LinkError, Receiver};
pub(crate) use outbox::Outbox;
pub(crate) use scan::{Scanner, marked};
