//! `desk-sim --seeds N [--from S] [--mutant Mnn]`: the last line is a JSON summary.

use desk_sim::live;
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

struct Task {
    seeds: u64,
    from: u64,
    mutant: Option<Mutant>,
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

/// True when nothing was found.
fn run(task: &Task, out: &mut impl Write) -> std::io::Result<bool> {
    let mut tally = Tally::default();
    let (mut lived, mut ops) = (0_u64, 0_usize);
    let mut bad: Vec<u64> = Vec::new();
    for seed in task.from..task.from.saturating_add(task.seeds) {
        let history = live(seed, task.mutant);
        lived += 1;
        ops += history.ops;
        tally.add(&history.tally);
        if history.found.is_empty() {
            continue;
        }
        bad.push(seed);
        writeln!(out, "seed {seed}:")?;
        for finding in history.found.iter().take(MOST_FINDINGS) {
            writeln!(out, "  {finding}")?;
        }
        if bad.len() >= MOST_BAD_SEEDS {
            break;
        }
    }
    let faults: BTreeMap<&str, u64> = Kind::ALL
        .iter()
        .map(|kind| (kind.as_str(), tally.of(*kind)))
        .collect();
    // A run that is long enough and never met a class of faults has not shown anything about it.
    let long_enough = task.mutant.is_none() && lived >= ENOUGH_SEEDS;
    let never: Vec<&str> = faults
        .iter()
        .filter(|(_, count)| long_enough && **count == 0)
        .map(|(kind, _)| *kind)
        .collect();
    let good = bad.is_empty() && never.is_empty();
    let summary = serde_json::json!({
        "from": task.from,
        "seeds": lived,
        "ops": ops,
        "failed": bad.len(),
        "failed_seeds": bad,
        "mutant": task.mutant.map(Mutant::as_str),
        "never_happened": never,
        "faults": faults,
    });
    writeln!(out, "{summary}")?;
    Ok(good)
}
