//! The binary: reads the command line, starts logging, says what failed.

use std::process::ExitCode;

/// Gives back what a crowd of desks took once it has gone: the C library's keeps it, for each thread that ever took some.
/// How soon stands in `.cargo/config.toml`, since it is built in.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static MEMORY: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    desk_server::cli::main()
}
