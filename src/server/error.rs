//! Why a hub does not start.

use std::{io, net::SocketAddr};

use crate::{
    auth::{keys::KeyError, verifier::IssuerError},
    store::StoreError,
};

/// Why a hub does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Somebody else listens there, or the address is not ours.
    #[error("cannot listen on {address}: {source}; choose another with ROWCAST_SERVER__LISTEN")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The listening socket does not know its address.
    #[error("cannot learn the address that was bound: {0}")]
    Address(io::Error),
    /// Signals cannot be received.
    #[error("cannot receive signals: {0}")]
    Signals(io::Error),
    /// A thread or a runtime could not be made.
    #[error("cannot start a worker: {0}")]
    Worker(io::Error),
    /// The database is away or not fit.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The hub's own keys cannot be had.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// An issuer's keys cannot be had.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
}
