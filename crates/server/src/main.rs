//! The binary: reads the command line, starts logging, says what failed.

use std::process::ExitCode;

fn main() -> ExitCode {
    desk_server::cli::main()
}
