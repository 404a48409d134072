//! Rowcast: a real-time collaboration hub.

pub mod accounts;
pub mod auth;
pub mod cli;
pub mod commit;
pub mod config;
pub mod http;
pub mod hub;
pub mod instant;
pub mod metrics;
pub mod planted;
pub mod reads;
pub mod server;
pub mod session;
pub mod stats;
pub mod store;
pub mod telemetry;
