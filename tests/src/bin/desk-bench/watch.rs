//! The only clock of the bench: wall time, CPU time of this thread, and CPU time and memory of other processes.

use desk_tests::Failure;
use rustix::time::{ClockId, clock_gettime};
use std::collections::BTreeSet;
use std::fs;

/// What a piece of work cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    pub wall_ms: f64,
    /// Of the calling thread alone: the store works on its caller's thread.
    pub cpu_ms: f64,
}

/// Does it and says what it cost.
pub fn measure<T>(work: impl FnOnce() -> T) -> (T, Spent) {
    let (wall, cpu) = (ms(ClockId::Monotonic), ms(ClockId::ThreadCPUTime));
    let done = work();
    let spent = Spent {
        wall_ms: ms(ClockId::Monotonic) - wall,
        cpu_ms: ms(ClockId::ThreadCPUTime) - cpu,
    };
    (done, spent)
}

/// Milliseconds of a clock that only goes forward.
pub fn monotonic_ms() -> f64 {
    ms(ClockId::Monotonic)
}

/// UTC milliseconds, for what a server compares with its own.
pub fn now() -> i64 {
    let time = clock_gettime(ClockId::Realtime);
    time.tv_sec * 1000 + time.tv_nsec / 1_000_000
}

#[expect(
    clippy::cast_precision_loss,
    reason = "seconds since the machine started and nanoseconds below one second fit"
)]
fn ms(clock: ClockId) -> f64 {
    let time = clock_gettime(clock);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

/// User and system time of a process so far, with the children it has waited for.
pub fn cpu_of(pid: u32) -> Result<f64, Failure> {
    let stat = stat_of(pid).ok_or_else(|| Failure::new(format!("process {pid} is gone")))?;
    Ok(stat.cpu_ms)
}

/// The process and everything below it.
pub fn tree_of(root: u32) -> BTreeSet<u32> {
    let mut tree = BTreeSet::from([root]);
    let Ok(entries) = fs::read_dir("/proc") else {
        return tree;
    };
    let pids = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let parents: Vec<(u32, u32)> = pids
        .filter_map(|pid| Some((pid, stat_of(pid)?.parent)))
        .collect();
    loop {
        let before = tree.len();
        for (pid, parent) in &parents {
            if tree.contains(parent) {
                tree.insert(*pid);
            }
        }
        if tree.len() == before {
            return tree;
        }
    }
}

/// CPU time of a whole tree so far.
pub fn tree_cpu(root: u32) -> f64 {
    let tree = tree_of(root);
    tree.into_iter()
        .filter_map(stat_of)
        .map(|stat| stat.cpu_ms)
        .sum()
}

/// Proportional memory of a whole tree, in MB: shared pages are divided among those who share them.
pub fn tree_pss(root: u32) -> f64 {
    tree_of(root).into_iter().filter_map(pss_kb).sum::<f64>() / 1024.0
}

fn pss_kb(pid: u32) -> Option<f64> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

/// The most memory that a process ever had (RSS), in MB, from its `status` file.
pub fn most_memory_mb(status: &std::path::Path) -> Result<f64, Failure> {
    let text = fs::read_to_string(status).map_err(Failure::at("read the memory"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kb = line.and_then(|line| {
        line.trim()
            .trim_end_matches("kB")
            .trim()
            .parse::<f64>()
            .ok()
    });
    kb.map(|kb| kb / 1024.0)
        .ok_or_else(|| Failure::new("no VmHWM"))
}

struct Stat {
    parent: u32,
    cpu_ms: f64,
}

fn stat_of(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in brackets and may hold anything: count from its end.
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u32>().ok());
    let ticks: u32 = (11..=14).filter_map(number).sum();
    let a_second = u32::try_from(rustix::param::clock_ticks_per_second()).ok()?;
    Some(Stat {
        parent: number(1)?,
        cpu_ms: f64::from(ticks) * 1000.0 / f64::from(a_second),
    })
}
