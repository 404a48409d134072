//! Rowcast: a real-time collaboration hub.

pub mod store;
