//! The protocol as others see it: fixtures, the examples of `PROTOCOL.md`, round trips, and bytes
//! that mean harm.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should fail on the spot"
)]

mod document;
mod fixtures;
mod hostile;
mod mistakes;
mod roundtrip;
mod samples;
mod strategies;
