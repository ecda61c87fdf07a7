//! `desk-bench`: our figures beside the limits of the same run.
//!
//! Both sides take turns; a figure is the median ratio of the rounds, with the worst round beside it. CPU time is what
//! counts. Results are compared before anything is printed: a fast wrong run is an error, not a figure.

mod bulk;
mod chance;
mod crowd;
mod draining;
mod feeding;
mod figure;
mod fill;
mod floor;
mod grouping;
mod latency;
mod line;
mod lists;
mod moving;
mod office;
mod papers;
mod pushing;
mod raw;
mod same;
mod saving;
mod screen;
mod searching;
mod sharing;
mod signer;
mod station;
mod watch;
mod windows;
mod words;

use clap::{Parser, Subcommand};
use desk_tests::Failure;
use figure::Figure;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;

#[derive(Parser)]
#[command(about = "Measures the desk and its server beside the limits of this machine")]
struct Arguments {
    /// Print JSON instead of the table.
    #[arg(long)]
    json: bool,
    /// Only these goals, such as `G5,G6`.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Cases in the large file.
    #[arg(long, default_value_t = 100_000)]
    size: usize,
    /// Cases in the small file.
    #[arg(long, default_value_t = 1_000)]
    small: usize,
    /// Times that both sides take their turn; goals are stated for five and more.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Ops that wait on the desk that was away; one document of 4 MiB for every 200 of them.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1_000..))]
    backlog: u32,
    /// Desks of the crowd that comes back at once.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=2_000))]
    desks: u32,
    /// Ops that sixteen desks write while others read their feed.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1_000..))]
    feed_ops: u32,
    #[command(subcommand)]
    part: Option<Part>,
}

/// Pieces that the bench starts in processes of their own.
#[derive(Subcommand)]
enum Part {
    /// A bare HTTP server that commits one row a request.
    #[command(hide = true)]
    Floor { db: PathBuf, like: Option<PathBuf> },
    /// So many saves on a fresh file.
    #[command(hide = true)]
    Saves { many: usize },
    /// A desk with so many ops that wait, drained.
    #[command(hide = true)]
    Drain { backlog: usize },
}

/// How much is measured.
pub struct Plan {
    pub rounds: u32,
    /// Ops of the desk that was away.
    pub backlog: usize,
    /// Desks of the crowd.
    pub desks: u32,
    /// Ops that are written while their feed is read.
    pub feed_ops: usize,
}

/// `sync` are the figures of the courier that have no number of their own; `drain` is the long absence, `crowd` the
/// morning after it,
/// `feed` what readers miss of it.
const GOALS: [&str; 20] = [
    "G1", "G2", "G3", "G4", "G5", "G6", "G7", "G8", "G9", "G10", "G11", "G12", "G13", "G14", "G15",
    "G16", "sync", "drain", "crowd", "feed",
];

fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    match arguments.part {
        Some(Part::Floor { db, like }) => return floor::serve(&db, like.as_deref()),
        Some(Part::Saves { many }) => return saving::saves(many),
        Some(Part::Drain { backlog }) => return draining::drain(backlog),
        None => {}
    }
    let unknown = arguments
        .only
        .iter()
        .find(|goal| !GOALS.contains(&goal.as_str()));
    if let Some(goal) = unknown {
        return Err(Failure::new(format!("{goal}: one of {}", GOALS.join(", "))));
    }
    if arguments.small < 200 || arguments.size <= arguments.small {
        return Err(Failure::new(
            "--size must be above --small, --small at least 200",
        ));
    }
    let figures = measure(&arguments)?;
    print(&figures, arguments.json)
}

fn measure(arguments: &Arguments) -> Result<Vec<Figure>, Failure> {
    let wanted: BTreeSet<&str> = arguments.only.iter().map(String::as_str).collect();
    let wants = |goal: &str| wanted.is_empty() || wanted.contains(goal);
    let plan = Plan {
        rounds: arguments.rounds,
        backlog: usize::try_from(arguments.backlog).unwrap_or(usize::MAX),
        desks: arguments.desks,
        feed_ops: usize::try_from(arguments.feed_ops).unwrap_or(usize::MAX),
    };
    let mut figures = Vec::new();
    say(&conditions())?;
    if wants("G13") {
        say("G13: saves …")?;
        figures.extend(saving::figures(&plan)?);
    }
    if wants("G5") || wants("G6") {
        say(&format!(
            "files of {} and {} cases …",
            arguments.small, arguments.size
        ))?;
        let small = fill::kept(arguments.small)?;
        let large = fill::kept(arguments.size)?;
        if wants("G5") {
            say("G5: lists …")?;
            figures.extend(lists::figures(&plan, &small, &large)?);
        }
        if wants("G6") {
            say("G6: search …")?;
            figures.extend(searching::figures(&plan, &small, &large)?);
        }
    }
    if wants("G1") {
        say("G1: cases over HTTP …")?;
        figures.extend(office::figures(&plan)?);
    }
    if wants("G2") {
        say("G2: thirty-two at once …")?;
        figures.extend(grouping::figures(&plan)?);
    }
    if wants("G3") {
        say("G3: cases on PostgreSQL …")?;
        figures.extend(sharing::figures(&plan)?);
    }
    if wants("feed") {
        say(&format!(
            "feed: {} ops are written and read …",
            plan.feed_ops
        ))?;
        figures.extend(sharing::feed(&plan)?);
    }
    if wants("G4") {
        say("G4: what documents cost …")?;
        figures.extend(papers::figures(&plan)?);
    }
    if wants("G16") || wants("crowd") {
        say(&format!("G16: {} desks come back …", plan.desks))?;
        figures.extend(crowd::figures(&plan)?);
    }
    figures.extend(courier(&plan, arguments, &wants)?);
    if wants("G14") || wants("G15") {
        say("G14, G15: windows …")?;
        figures.extend(windows::figures(&plan)?);
    }
    Ok(figures)
}

/// What the courier and the office make of each other.
fn courier(
    plan: &Plan,
    arguments: &Arguments,
    wants: &impl Fn(&str) -> bool,
) -> Result<Vec<Figure>, Failure> {
    let mut figures = Vec::new();
    if wants("G7") || wants("G8") {
        say("G7, G8: ten thousand records …")?;
        figures.extend(pushing::figures(plan)?);
    }
    if wants("G8") {
        say("G8: ten thousand records on PostgreSQL …")?;
        figures.extend(bulk::figures(plan)?);
    }
    if wants("G9") || wants("G11") {
        say("G9, G11: feeds of two sizes …")?;
        figures.extend(feeding::figures(plan, arguments.small, arguments.size)?);
    }
    if wants("G9") || wants("G10") {
        say("G9, G10: bytes on the line …")?;
        figures.extend(line::figures(plan)?);
    }
    if wants("G12") || wants("sync") {
        say("G12: documents …")?;
        figures.extend(moving::figures(plan)?);
    }
    if wants("sync") {
        say("sync: one op under way …")?;
        figures.extend(latency::figures(plan)?);
    }
    if wants("drain") {
        say(&format!("drain: {} ops that wait …", plan.backlog))?;
        figures.extend(draining::figures(plan)?);
    }
    Ok(figures)
}

/// What else the machine was doing: whoever reads the figures must know.
fn conditions() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let build = if cfg!(debug_assertions) {
        "not optimised: ratios of our own code mean nothing"
    } else {
        "optimised"
    };
    format!("{cores} cores, load {}, {build}", load.trim())
}

fn print(figures: &[Figure], json: bool) -> Result<(), Failure> {
    let text = if json {
        serde_json::to_string_pretty(figures).map_err(Failure::at("write JSON"))?
    } else {
        let lines: Vec<String> = figures.iter().map(Figure::line).collect();
        lines.join("\n")
    };
    writeln!(std::io::stdout(), "{text}").map_err(Failure::at("print"))?;
    say(&conditions())
}

/// Progress goes beside the figures, so that `--json` stays JSON.
fn say(line: &str) -> Result<(), Failure> {
    writeln!(std::io::stderr(), "{line}").map_err(Failure::at("print"))
}
