//! Rowcast: a real-time collaboration hub.

pub mod commit;
pub mod hub;
pub mod metrics;
pub mod store;
