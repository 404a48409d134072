//! The hub seen from outside: the built binary, real sockets, real databases, real faults.
//!
//! Every sentence that touches the database is tested on SQLite and on PostgreSQL. Ada speaks JSON
//! and Bob MessagePack. The modules follow `PROTOCOL.md`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that meets a surprise must fail, and say what it met"
)]

#[path = "../support/mod.rs"]
mod support;

mod accounts;
mod api;
mod database_away;
mod door;
mod draining;
mod editing;
mod ephemeral;
mod forms;
mod gated;
mod greeting;
mod history;
mod hostile;
mod idempotence;
mod interop;
mod limits;
mod migrations;
mod notifications;
mod outside;
mod presence;
mod references;
mod refusals;
mod rest;
mod resuming;
mod rights;
mod silence;
mod slow_readers;
mod spellings;
mod storage;
mod storm;
mod subscribing;
mod tables;
mod tokens;
mod upgrade;
