//! The largest scan over a village's line, in real time: `cargo xtask line`.

use clap::Parser;
use desk_tests::Failure;
use desk_tests::carry::{Glance, LARGEST_PX, Trip, carry};
use desk_tests::proxy::{Slow, Stall};
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Parser)]
#[command(about = "Carries one scan over a slow line that loses and breaks, and tells every step")]
struct Arguments {
    /// Side of the scan in pixels, three bytes each.
    #[arg(long, default_value_t = LARGEST_PX)]
    side_px: u32,
    /// Bytes a second, both ways; 50 kbit/s.
    #[arg(long, default_value_t = Slow::VILLAGE.bytes_per_s)]
    bytes_per_s: u32,
    /// A loss, that is two seconds of silence, after so many bytes; 0: none.
    #[arg(long, default_value_t = 40_000)]
    loss_every: u64,
    /// The line is cut when so many percent have passed.
    #[arg(long, value_delimiter = ',', default_value = "30,70")]
    cuts: Vec<u64>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say(&format!("desk-line: {failure}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let folder = tempfile::tempdir().map_err(Failure::at("make a folder"))?;
    let stall = Some(Stall {
        every_bytes: arguments.loss_every,
        lasts: Duration::from_secs(2),
    });
    let trip = Trip {
        side_px: arguments.side_px,
        line: Slow {
            bytes_per_s: arguments.bytes_per_s,
            stall: stall.filter(|stall| stall.every_bytes > 0),
        },
        cuts_at_percent: &arguments.cuts,
    };
    let carried = carry(folder.path(), trip, step)?;
    let (size, up) = (carried.size_bytes, carried.counts.up);
    say(&format!(
        "arrived: {size} bytes in {} s, {up} bytes up ({} again or beside), {} cuts, {} connections",
        carried.took.as_secs(),
        up.saturating_sub(size),
        carried.counts.cuts,
        carried.counts.connections,
    ));
    Ok(())
}

fn step(glance: &Glance) {
    say(&format!(
        "{:>5} s  {:>3} %  {:>9} bytes confirmed, {:>9} passed  {} / {}",
        glance.at.as_secs(),
        glance.percent,
        glance.sent_bytes,
        glance.passed,
        glance.state,
        glance.badge,
    ));
}

fn say(text: &str) {
    // Nobody left to tell if stderr is gone.
    let _ = writeln!(std::io::stderr(), "{text}");
}
