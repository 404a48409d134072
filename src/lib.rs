//! Rowcast: a real-time collaboration hub.
//!
//! **A subscriber is a cursor over a log.** Every channel has a gapless log of entries; live delivery,
//! reconnecting, a slow reader and a late joiner are one operation: send what lies after the cursor.
//!
//! # The life of an edit
//!
//! 1. [`server`] accepts the connection, [`http`] answers the upgrade, [`session`] takes the stream over.
//! 2. The session decodes the message into the structs of `rowcast_protocol`, within their bounds.
//! 3. [`auth`] has said who that is; the rights in the channel are looked up.
//! 4. [`commit`] holds the edit against the live tables and queues it in the lane of its channel.
//! 5. [`store`] applies the lane's batch in one transaction: rows, records, one numbered entry per
//!    channel, the outcome of each edit.
//! 6. [`hub`] appends the entries to the tails of their channels and marks these dirty.
//! 7. The session gets the ack; each worker's flush loop writes to each subscriber what lies after its
//!    cursor.
//!
//! What others write with plain SQL is recorded by triggers; the poller of [`server`] has the store number
//! it, and it joins at step 6.
//!
//! # Reading order
//!
//! [`store`] (the contract first), [`commit`], [`hub`], [`session`], [`server`]; then [`auth`] and
//! [`accounts`], [`reads`] and [`http`]. [`config`] and [`cli`] stand around them.
//!
//! # What a layer must not know
//!
//! `session` names neither store nor SQL; `hub` neither axum nor a database nor who is allowed; `store` neither
//! hub nor sockets; `http` no store. Only the store gives out numbers, and only `config` reads the
//! environment. There are no globals: two hubs run in one process. `tests/layers.rs` checks what can be
//! checked of this; `docs/ARCHITECTURE.md` says why.

pub mod accounts;
pub mod auth;
pub mod cli;
pub mod commit;
pub mod config;
pub mod http;
pub mod hub;
pub mod instant;
pub mod metrics;
pub mod network;
pub mod planted;
pub mod reads;
pub mod server;
pub mod session;
pub mod stats;
pub mod store;
pub mod telemetry;
