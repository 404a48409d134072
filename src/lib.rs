//! Rowcast: a real-time collaboration hub.

pub mod auth;
pub mod cli;
pub mod commit;
pub mod config;
pub mod server;
pub mod store;
pub mod telemetry;
