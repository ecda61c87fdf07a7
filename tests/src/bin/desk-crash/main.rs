//! Real processes and kill -9: two desks and a server work, die at named places and at random, and are looked at each
//! time. `docs/SYNC.md`, "Crash harness and the cutting line", says how to read and replay it.

mod check;
mod desk;
mod dice;
mod house;
mod plan;
mod round;
mod script;
mod station;
mod tally;

use clap::{Parser, Subcommand};
use desk_tests::Failure;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    role: Option<Role>,
    /// How often something is killed.
    #[arg(long, default_value_t = 200)]
    cycles: u64,
    /// The seed of the first cycle. A failure names the one to start from.
    #[arg(long, default_value_t = 1)]
    from: u64,
}

#[derive(Subcommand)]
enum Role {
    /// Internal: one desk, working by a script until it is killed.
    #[command(hide = true)]
    Desk(desk::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.role {
        Some(Role::Desk(arguments)) => desk::work(&arguments),
        None => run(arguments.cycles, arguments.from),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nobody left to tell if stderr is gone.
            let _ = writeln!(std::io::stderr(), "desk-crash: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the cycles, house after house, and ends with one line of JSON.
fn run(cycles: u64, from: u64) -> Result<(), Failure> {
    if !cfg!(debug_assertions) {
        return Err(Failure::new(
            "fail points are not in a release build: run the debug build",
        ));
    }
    let mut tally = tally::Tally::new(cycles, from);
    let end = from.saturating_add(cycles);
    let mut first = from;
    while first < end {
        let next = end.min(first + house::CYCLES);
        let mut house = house::House::found()?;
        let done = round::live(&mut house, first..next, &mut tally);
        if done.is_err() || !tally.is_clean() {
            let kept: PathBuf = house.keep();
            say(&format!(
                "the house of seed {first} is kept in {}; replay: cargo xtask crash --from {first} --cycles {}",
                kept.display(),
                next - first
            ))?;
            for finding in tally.findings() {
                say(&finding)?;
            }
        }
        done?;
        if !tally.is_clean() {
            break;
        }
        first = next;
        if first < end {
            // So far: a long run that is ended early has still said something.
            say(&tally.summary())?;
        }
    }
    say(&tally.summary())?;
    if tally.is_clean() && tally.unreached().is_empty() {
        Ok(())
    } else {
        Err(Failure::new("not clean"))
    }
}

/// One line on stdout; a desk's words are promises, so they leave at once.
fn say(line: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .map_err(Failure::at("write to stdout"))
}
