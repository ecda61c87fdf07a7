//! The one front door for people and machines: `cargo xtask …`.
//!
//! It stays light, since it is the first thing a fresh machine builds: it installs, builds and starts the other
//! programs of the house, and knows none of their rules but the domain's parsers.

mod contract;
mod count;
mod data;
mod exec;
mod failures;
mod notices;
mod run;
mod setup;
mod test;
mod vectors;

use clap::{Parser, Subcommand};
use exec::Failed;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "Unbind Desk: set up, run, test, measure"
)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what is missing, build, start a demo office and open the desk on it.
    Run {
        /// Drive the real window through one whole case under a virtual display.
        #[arg(long)]
        headless: bool,
        /// Leave the server and its data for a look.
        #[arg(long)]
        keep: bool,
    },
    /// Everything CI runs. Ends with `N passed, N failed`.
    Test {
        /// Leave out the slow ones: Playwright, the real window.
        #[arg(long)]
        quick: bool,
        /// Only the steps whose name contains this.
        #[arg(long)]
        only: Option<String>,
    },
    /// Our figures beside the limits measured in the same run.
    Bench {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
    /// Deterministic simulation of desks, a server and everything that can go wrong between them.
    Sim {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
    /// Real processes, killed at every fail point and at random; looked at each time.
    Crash {
        /// `--cycles N [--from S]`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
    /// The largest scan over 50 kbit/s with loss and cuts: some 70 minutes.
    Line {
        /// `--side-px N --bytes-per-s N --loss-every N --cuts 30,70`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
    /// Made-up requests against a demo office, by its OpenAPI document; the programs must be built.
    Contract,
    /// Check a vector file of the shape of `crates/domain/tests/vectors.json` against the domain parsers.
    Vectors { file: PathBuf },
    /// Install what is missing and say what it is.
    Setup,
    /// The desk in a browser with live reload, over the loopback bridge.
    Dev,
    /// Write the TypeScript types of the bridge.
    Types,
    /// Write demo data: photos, invoices and the pack of cases.
    DemoData {
        #[arg(long, default_value_t = 60)]
        cases: u32,
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Screenshots of every screen, both themes, both languages.
    Screens,
    /// Installers for this platform.
    Dist,
    /// Third-party notices of everything that ships.
    Notices,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match act(arguments.task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed(message)) => {
            exec::say(&format!("\n✗ {message}"));
            ExitCode::FAILURE
        }
    }
}

fn act(task: Task) -> Result<(), Failed> {
    match task {
        Task::Run { headless, keep } => run::run(headless, keep),
        Task::Test { quick, only } => test::test(quick, only.as_deref()),
        Task::Bench { rest } => data::bench(&rest),
        Task::Sim { rest } => data::sim(&rest),
        Task::Crash { rest } => data::crash(&rest),
        Task::Line { rest } => data::line(&rest),
        Task::Contract => contract::check(),
        Task::Vectors { file } => vectors::check(&file),
        Task::Setup => setup::everything(),
        Task::Dev => run::dev(),
        Task::Types => data::types(),
        Task::DemoData { cases, out } => data::demo_data(cases, out),
        Task::Screens => run::screens(),
        Task::Dist => data::dist(),
        Task::Notices => data::notices(),
    }
}
