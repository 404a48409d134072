//! One suite for every store: what `rowcast::store` promises, as sentences.
//!
//! [`harness`] says what a database must offer to be tested, [`bench`] holds the verbs, [`suite`]
//! the sentences; one module per database instantiates them all.

mod bench;
mod harness;
mod postgres;
#[path = "../support/postgres.rs"]
mod server;
mod suite;
