//! A desk that was away for long: a hundred thousand ops and two gigabytes of documents, in a process of their own so
//! that its memory is nobody else's.

use crate::figure::Figure;
use crate::station::{Station, moved, unsent};
use crate::{Plan, fill, watch};
use desk_tests::Failure;
use desk_tests::office::Office;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Ops of one action: a case, its fields and notes. A desk numbers at most 9,999 cases a day.
const GROUP: usize = 20;
const DOCUMENT_BYTES: usize = 4 * 1024 * 1024;
const MEMORY_MB: f64 = 200.0;
/// The window's own questions while it drains.
const LIST_MS: f64 = 50.0;

/// Measures one long absence of `plan.backlog` ops and one document for every 200 of them.
pub fn figures(plan: &Plan) -> Result<Vec<Figure>, Failure> {
    let own = std::env::current_exe().map_err(Failure::at("find the bench"))?;
    let child = Command::new(own)
        .args(["drain", &plan.backlog.to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(Failure::at("start the draining desk"))?;
    let text = String::from_utf8_lossy(&child.stdout).into_owned();
    let numbers: Vec<f64> = text
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    let [seconds, memory, list] = numbers.as_slice() else {
        return Err(Failure::new(format!(
            "void: the draining desk said «{text}»"
        )));
    };
    let documents = plan.backlog / 200;
    let name = format!(
        "{} ops and {documents} documents of 4 MiB drained",
        plan.backlog
    );
    Ok(vec![
        Figure::of_number(
            "sync",
            format!("{name}: seconds"),
            "s",
            *seconds,
            f64::INFINITY,
        ),
        Figure::of_number(
            "sync",
            "the same: most memory of the desk (RSS)",
            "MB",
            *memory,
            MEMORY_MB,
        ),
        Figure::of_number(
            "sync",
            "the same: a list of 50 meanwhile, wall p99",
            "ms",
            *list,
            LIST_MS,
        ),
    ])
}

/// The child: prints seconds, the most memory in MB, and the p99 of the lists asked meanwhile in ms.
pub fn drain(backlog: usize) -> Result<(), Failure> {
    let folder = fill::folder()?;
    let office = Office::open(&folder.path().join("office"), 1)?;
    let mut desk = Station::enrol(&folder.path().join("desk"), &office)?;
    for number in 0..backlog / GROUP {
        let made = desk.new_case(GROUP - 1)?;
        if number % (200 / GROUP) == 0 {
            desk.attach(made, DOCUMENT_BYTES)?;
        }
        if number % 1_000 == 999 {
            desk.bare
                .store
                .upkeep(10_000)
                .map_err(Failure::at("upkeep"))?;
        }
    }
    if unsent(&desk.bare.store)? == 0 {
        return Err(Failure::new("void: nothing to drain"));
    }
    let start = watch::monotonic_ms();
    desk.start(office.url())?;
    let mut lists = Vec::new();
    desk.until("all is drained", |store, _| {
        let (page, spent) = watch::measure(|| crate::lists::first_page(store));
        page?;
        lists.push(spent.wall_ms);
        moved(store)
    })?;
    let seconds = (watch::monotonic_ms() - start) / 1e3;
    desk.stop();
    let most = watch::most_memory_mb(Path::new("/proc/self/status"))?;
    let list = crate::figure::quantile(&lists, 0.99);
    writeln!(std::io::stdout(), "{seconds} {most} {list}").map_err(Failure::at("print"))
}
