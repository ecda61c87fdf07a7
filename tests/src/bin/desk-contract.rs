//! Runs a program against a demo office on a PostgreSQL of its own (which takes offence at more than a file does), with a
//! person signed in: `desk-contract PROGRAM WORDS…`. In the words
//! `{url}` stands for the office's address and `{token}` for the session's token.

use desk_tests::Failure;
use desk_tests::cluster::Cluster;
use desk_tests::hand_desk::HandDesk;
use desk_tests::office::{BRANCH, Office};
use std::io::Write;
use std::process::{Command, ExitCode};

/// Collects, so that more routes let him in than a reviewer.
const WHO: &str = "agent1";

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            // Nobody left to tell if stderr is gone.
            let _ = writeln!(std::io::stderr(), "desk-contract: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// True when the program did well and the office still stands.
fn run(words: Vec<String>) -> Result<bool, Failure> {
    let (program, words) = words
        .split_first()
        .ok_or_else(|| Failure::new("name a program"))?;
    let folder = tempfile::tempdir().map_err(Failure::at("make a folder"))?;
    let cluster = Cluster::start()?;
    let database = ("UNBIND_DESK_DATABASE".to_owned(), cluster.url().into());
    let mut office = Office::open_shared(folder.path(), 3, vec![database])?;
    // Documents lie in a folder of each server here: one of them is enough.
    office.lose_one()?;
    let desk = HandDesk::enrol(&office, BRANCH, WHO, 7)?;
    let filled = words.iter().map(|word| {
        word.replace("{url}", office.url())
            .replace("{token}", &desk.token)
    });
    let status = Command::new(program)
        .args(filled)
        .status()
        .map_err(Failure::at(format!("start {program}")))?;
    Ok(status.success() && office.is_running())
}
