//! Runs a command beside a PostgreSQL of its own: `desk-postgres cargo test …`.

use desk_tests::Failure;
use desk_tests::cluster::Cluster;
use std::ffi::OsString;
use std::io::Write;
use std::process::{Command, ExitCode};

/// Where tests that can run on either database find it.
const VARIABLE: &str = "UNBIND_DESK_TEST_POSTGRES";

fn main() -> ExitCode {
    match run(std::env::args_os().skip(1).collect()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            // Nobody left to tell if stderr is gone.
            let _ = writeln!(std::io::stderr(), "desk-postgres: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// True when the command did well.
fn run(words: Vec<OsString>) -> Result<bool, Failure> {
    let (program, arguments) = words
        .split_first()
        .ok_or_else(|| Failure::new("name a command"))?;
    let cluster = Cluster::start()?;
    let status = Command::new(program)
        .args(arguments)
        .env(VARIABLE, cluster.url())
        .status()
        .map_err(Failure::at("start the command"))?;
    Ok(status.success())
}
