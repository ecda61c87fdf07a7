//! `cti-sim`: plays the calls of a telephone system to the address that `unbind-desk-server cti add` printed.

use clap::Parser;
use desk_tests::Failure;
use desk_tests::telephone::{Play, Telephone};
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Parser)]
#[command(
    name = "cti-sim",
    about = "Plays the calls of a telephone system to an office's server"
)]
struct Cli {
    /// The whole address, as https://host/hooks/cti/….
    url: String,
    /// How many calls.
    #[arg(long, default_value_t = 20)]
    calls: u32,
    /// The same seed plays the same calls.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The office's own number.
    #[arg(long, default_value = "95000")]
    to: String,
    /// Calls out of the house, as call-backs are.
    #[arg(long)]
    out: bool,
    /// The other side's number in every call.
    #[arg(long)]
    number: Option<String>,
    /// Whose telephone rings, by extension or login; may be given several times. Everybody's without it.
    #[arg(long = "user")]
    users: Vec<String>,
    /// Pause between two events.
    #[arg(long, default_value_t = 300)]
    pause_ms: u64,
    /// JSON in place of a form.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cti-sim: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let telephone = Telephone::new(Play {
        url: cli.url,
        calls: cli.calls,
        seed: cli.seed,
        to: cli.to,
        out: cli.out,
        number: cli.number,
        users: cli.users,
        pause: Duration::from_millis(cli.pause_ms),
        as_json: cli.json,
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(Failure::at("a runtime"))?;
    let played = runtime.block_on(telephone.play())?;
    let line = serde_json::json!({
        "events": played.events, "taken": played.taken, "refused": played.refused,
    });
    writeln!(std::io::stdout(), "{line}").map_err(Failure::at("say what came of it"))?;
    if played.refused == 0 {
        Ok(())
    } else {
        Err(Failure::new("some events were refused"))
    }
}
