//! Load against a hub.

fn main() {}
