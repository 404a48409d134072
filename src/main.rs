//! The command line of Rowcast.

use std::{io, process::ExitCode};

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    rowcast::cli::run(std::env::args_os(), None, &mut io::stdout(), &mut io::stderr())
}
