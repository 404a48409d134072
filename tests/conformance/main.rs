//! One suite for every store: what `rowcast::store` promises, as sentences.
//!
//! [`harness`] says what a database must offer to be tested, [`bench`] holds the verbs, [`suite`]
//! the sentences; one module per database instantiates them all.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what a test does not expect must fail it"
)]

mod bench;
mod harness;
mod measure;
mod postgres;
mod postgres_only;
mod recorder;
#[path = "../support/postgres.rs"]
mod server;
mod sqlite;
mod suite;
mod types_postgres;
