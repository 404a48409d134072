//! The command line of Rowcast.

fn main() {}
