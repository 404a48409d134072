//! Rowcast: a real-time collaboration hub.

pub mod auth;
pub mod commit;
pub mod config;
pub mod store;
