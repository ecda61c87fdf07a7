//! `desk-sim --seeds N [--from S] [--mutant Mnn]`: the last line is a JSON summary.

mod crew;

use desk_sim::fail::FailPoint;
use desk_sim::mutant::Mutant;
use desk_sim::nemesis::{Kind, Tally};
use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;

/// Findings printed of one seed.
const MOST_FINDINGS: usize = 8;
/// Bad seeds printed before the run ends early.
const MOST_BAD_SEEDS: usize = 20;
/// From so many seeds on, every class of faults must have happened.
const ENOUGH_SEEDS: u64 = 200;
/// From so many seeds on, a process must have died at every named place.
const ENOUGH_FOR_POINTS: u64 = 5_000;
/// Seeds that once failed.
const KEPT: &str = include_str!("../seeds.txt");

struct Task {
    seeds: u64,
    from: u64,
    mutant: Option<Mutant>,
}

/// What a run has come to.
#[derive(Default)]
struct Run {
    lived: u64,
    ops: usize,
    documents: usize,
    tally: Tally,
    bad: Vec<u64>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut out = std::io::stdout().lock();
    let ended = match read(&arguments) {
        Ok(task) => run(&task, &mut out),
        Err(wrong) => writeln!(
            out,
            "{wrong}\nusage: desk-sim [--seeds N] [--from S] [--mutant Mnn]"
        )
        .map(|()| false),
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) | Err(_) => ExitCode::FAILURE,
    }
}

fn read(arguments: &[String]) -> Result<Task, String> {
    let mut task = Task {
        seeds: 200,
        from: 0,
        mutant: None,
    };
    let mut rest = arguments.iter();
    while let Some(name) = rest.next() {
        let value = rest.next().ok_or_else(|| format!("{name} needs a value"))?;
        let number = || {
            value
                .parse::<u64>()
                .map_err(|_| format!("{name} {value}: a number is needed"))
        };
        match name.as_str() {
            "--seeds" => task.seeds = number()?,
            "--from" => task.from = number()?,
            "--mutant" => {
                let mutant = Mutant::parse(value);
                task.mutant = Some(mutant.ok_or_else(|| format!("no mutant is called {value}"))?);
            }
            _ => return Err(format!("{name} is not known")),
        }
    }
    Ok(task)
}

/// The seeds of the file first, then those asked for. A mutant is looked for only among those asked for.
fn seeds_of(task: &Task) -> Vec<u64> {
    let kept = KEPT
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter_map(|word| word.parse().ok())
        .filter(|_| task.mutant.is_none());
    kept.chain(task.from..task.from.saturating_add(task.seeds))
        .collect()
}

/// True when nothing was found or, with a mutant, when it was caught.
fn run(task: &Task, out: &mut impl Write) -> std::io::Result<bool> {
    let most = if task.mutant.is_some() {
        1
    } else {
        MOST_BAD_SEEDS
    };
    let mut run = Run::default();
    let mut written = Ok(());
    crew::live_all(&seeds_of(task), task.mutant, |history| {
        run.lived += 1;
        run.ops += history.ops;
        run.documents += history.documents;
        run.tally.add(&history.tally);
        if history.found.is_empty() {
            return true;
        }
        run.bad.push(history.seed);
        written = tell(out, history.seed, &history.found);
        written.is_ok() && run.bad.len() < most
    });
    written?;
    sum_up(task, &run, out)
}

fn tell(out: &mut impl Write, seed: u64, found: &[String]) -> std::io::Result<()> {
    writeln!(out, "seed {seed}:")?;
    for finding in found.iter().take(MOST_FINDINGS) {
        writeln!(out, "  {finding}")?;
    }
    Ok(())
}

fn sum_up(task: &Task, run: &Run, out: &mut impl Write) -> std::io::Result<bool> {
    let kinds = Kind::ALL.iter();
    let faults: BTreeMap<&str, u64> = kinds
        .map(|kind| (kind.as_str(), run.tally.of(*kind)))
        .collect();
    let points = FailPoint::ALL.iter();
    let points: BTreeMap<&str, u64> = points
        .map(|point| (point.as_str(), run.tally.at(*point)))
        .collect();
    // A run that is long enough and never met a class of faults has not shown anything about it.
    let honest = task.mutant.is_none();
    let missed = |counts: &BTreeMap<&'static str, u64>, enough: u64| -> Vec<&'static str> {
        let never = counts.iter().filter(|(_, count)| **count == 0);
        never
            .filter(|_| honest && run.lived >= enough)
            .map(|(name, _)| *name)
            .collect()
    };
    let mut never = missed(&faults, ENOUGH_SEEDS);
    never.extend(missed(&points, ENOUGH_FOR_POINTS));
    let good = if honest {
        run.bad.is_empty() && never.is_empty()
    } else {
        !run.bad.is_empty()
    };
    let summary = serde_json::json!({
        "from": task.from,
        "seeds": run.lived,
        "ops": run.ops,
        "documents": run.documents,
        "failed": run.bad.len(),
        "failed_seeds": run.bad,
        "mutant": task.mutant.map(Mutant::as_str),
        "caught_by": run.bad.first().filter(|_| !honest),
        "never_happened": never,
        "faults": faults,
        "fail_points": points,
    });
    writeln!(out, "{summary}")?;
    Ok(good)
}
