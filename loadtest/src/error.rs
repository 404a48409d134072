//! Why a run did not come about, or found what must not be.

use std::{io, path::PathBuf};

use crate::wire::LinkError;

/// Why a run failed, for the person who started it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error("{0}")]
    Usage(String),
    #[error(
        "{needed} files must be open at once and this system allows {allowed} per process; ask for fewer sockets, for more --processes, or raise the limit (`ulimit -Hn`)"
    )]
    OpenFiles { needed: u64, allowed: u64 },
    #[error("no hub at {}: build it with `cargo build --release`, or name it with --hub", .0.display())]
    NoBinary(PathBuf),
    #[error("the hub could not be built; `cargo build --release` says why")]
    Build,
    #[error("`{command}` failed: {output}")]
    Command { command: String, output: String },
    #[error("the hub did not become ready; its log ends with:\n{0}")]
    NotReady(String),
    #[error("the hub ended during the run; its log ends with:\n{0}")]
    HubEnded(String),
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
    #[error("{what}: {error}")]
    Link { what: String, error: LinkError },
    #[error("{what}: {error}")]
    Io { what: String, error: io::Error },
    #[error("waited {seconds} s for {what}")]
    TooLong { what: String, seconds: u64 },
    #[error("{0}")]
    Lost(String),
    #[error("interrupted")]
    Interrupted,
}

impl LoadError {
    /// An error of a socket, with what was being done.
    pub(crate) fn link(what: impl Into<String>) -> impl FnOnce(LinkError) -> Self {
        |error| Self::Link { what: what.into(), error }
    }

    /// An error of the system, with what was being done.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        |error| Self::Io { what: what.into(), error }
    }
}
