//! From an edit as a client sent it to an edit that is durable.

pub mod check;
