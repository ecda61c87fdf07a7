//! G14 and G15: from start to the first page, and memory, beside a bare window of the same webview and beside a
//! Chromium app window, both with a table of 50 rows. All of them on a display of their own that nobody sees.
//!
//! The desk's first page is its unlock page: what comes after it waits for a person.

use crate::figure::{Figure, Round, median};
use crate::screen::Screen;
use crate::{Plan, watch};
use desk_tests::Failure;
use desk_tests::desk::TestDesk;
use desk_tests::office::{BRANCH, Office};
use desk_tests::programs::{Running, program};
use rustix::process::{Pid, Signal, kill_process};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

/// The bare webview program of the distribution's own package.
const BARE: &str = "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser";
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// No more than one tick of CPU within this: the window has come to rest.
const REST_MS: f64 = 500.0;
const TICK_MS: f64 = 10.0;
const PATIENCE_MS: f64 = 30_000.0;
/// More memory than the bare window's that the desk may take.
const MORE_MB: f64 = 45.0;
const LATER_MS: f64 = 150.0;

/// What one window cost.
#[derive(Clone, Copy, Debug)]
struct Window {
    /// Until something stood on the page.
    wall_ms: f64,
    /// Of the whole tree until it came to rest.
    cpu_ms: f64,
    pss_mb: f64,
}

/// Measures the three in turn; no figure on a machine without the programs.
pub fn figures(plan: &Plan) -> Result<Vec<Figure>, Failure> {
    let folder = tempfile::tempdir().map_err(Failure::at("make a folder"))?;
    let profile = profile(folder.path())?;
    let table = table(folder.path())?;
    let desk = program("unbind-desk")?;
    let mut rounds = Vec::new();
    for round in 0..=plan.rounds {
        let mut ours = Command::new(&desk);
        ours.arg("--profile")
            .arg(&profile)
            .args(["--keystore", "file"]);
        let mut bare = Command::new(BARE);
        bare.args(["--geometry=1280x800"]).arg(&table);
        let own = folder.path().join(format!("chromium-{round}"));
        let mut chromium = Command::new("chromium");
        chromium
            .arg(format!("--user-data-dir={}", own.display()))
            .args([
                "--no-sandbox",
                "--no-first-run",
                "--disable-gpu",
                "--disable-sync",
            ])
            .args(["--window-size=1280,800", "--window-position=0,0"])
            .arg(format!("--app={table}"));
        let (ours, bare) = (open(&mut ours)?, open(&mut bare)?);
        let chromium = open(&mut chromium)?;
        // The first round reads everything from the disk and does not count.
        if round > 0 {
            rounds.push((ours, bare, chromium));
        }
    }
    Ok(judge(&rounds))
}

fn judge(rounds: &[(Window, Window, Window)]) -> Vec<Figure> {
    let beside_bare = |pick: fn(&Window) -> f64| -> Vec<Round> {
        let round = |(ours, bare, _): &(Window, Window, Window)| Round {
            ours: pick(ours),
            limit: pick(bare),
        };
        rounds.iter().map(round).collect()
    };
    let beside_chromium = |pick: fn(&Window) -> f64| -> Vec<Round> {
        let round = |(ours, _, chromium): &(Window, Window, Window)| Round {
            ours: pick(ours),
            limit: pick(chromium),
        };
        rounds.iter().map(round).collect()
    };
    let wall = |window: &Window| window.wall_ms;
    let cpu = |window: &Window| window.cpu_ms;
    let pss = |window: &Window| window.pss_mb;
    let more = |rounds: &[Round]| -> f64 {
        let more: Vec<f64> = rounds
            .iter()
            .map(|round| round.ours - round.limit)
            .collect();
        median(&more)
    };
    let later = more(&beside_bare(wall));
    let above = more(&beside_bare(pss));
    vec![
        Figure::of_rounds(
            "G14",
            "CPU to the unlock page / bare window (MiniBrowser)",
            "ms",
            1.25,
            &beside_bare(cpu),
        ),
        Figure::of_number(
            "G14",
            "wall to the unlock page, above the bare window",
            "ms",
            later,
            LATER_MS,
        ),
        Figure::of_rounds(
            "G14",
            "CPU to the unlock page / Chromium app window",
            "ms",
            1.0,
            &beside_chromium(cpu),
        ),
        Figure::of_rounds(
            "G14",
            "wall to the unlock page / Chromium app window",
            "ms",
            1.0,
            &beside_chromium(wall),
        ),
        Figure::of_rounds(
            "G15",
            "memory at rest (PSS) / Chromium app window",
            "MB",
            0.75,
            &beside_chromium(pss),
        ),
        Figure::of_number(
            "G15",
            "memory at rest (PSS), above the bare window",
            "MB",
            above,
            MORE_MB,
        ),
    ]
}

/// Starts it on a display of its own, waits until it rests, and ends its whole tree.
fn open(command: &mut Command) -> Result<Window, Failure> {
    let screen = Screen::start()?;
    let name = command.get_program().display().to_string();
    command
        .env("DISPLAY", screen.name())
        .env("WEBKIT_DISABLE_DMABUF_RENDERER", "1")
        // Without a bus of its own each window would start one, and leave it behind.
        .env("DBUS_SESSION_BUS_ADDRESS", "disabled:")
        .env("NO_AT_BRIDGE", "1")
        .env_remove("WAYLAND_DISPLAY")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let start = watch::monotonic_ms();
    let mut running = Running::start(command)?;
    let window = until_rest(&screen, running.pid(), start);
    end(&mut running);
    window.map_err(Failure::at(name))
}

fn until_rest(screen: &Screen, pid: u32, start: f64) -> Result<Window, Failure> {
    let mut painted = None;
    let mut busy = (0.0, start);
    loop {
        thread::sleep(LOOK_EVERY);
        let now = watch::monotonic_ms();
        let cpu_ms = watch::tree_cpu(pid);
        if painted.is_none() && screen.shows_a_page()? {
            painted = Some(now - start);
        }
        if cpu_ms > busy.0 + TICK_MS {
            busy = (cpu_ms, now);
        }
        if let (Some(wall_ms), true) = (painted, now - busy.1 > REST_MS) {
            return Ok(Window {
                wall_ms,
                cpu_ms,
                pss_mb: watch::tree_pss(pid),
            });
        }
        if now - start > PATIENCE_MS {
            return Err(Failure::new(format!(
                "void: painted {painted:?}, {cpu_ms} ms of CPU, and no rest in 30 s"
            )));
        }
    }
}

/// A window's helpers would outlive the process that was started.
fn end(running: &mut Running) {
    let pids = watch::tree_of(running.pid());
    running.kill();
    for pid in pids {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        // Most have gone with their parent.
        let _ = pid.map(|pid| kill_process(pid, Signal::KILL));
    }
}

/// An enrolled desk, closed again.
fn profile(folder: &Path) -> Result<PathBuf, Failure> {
    let office = Office::open(&folder.join("office"), 60)?;
    let profile = folder.join("desk");
    let desk = TestDesk::open(&profile)?;
    desk.enrol(office.url(), &office.enrol_code(BRANCH)?, "agent1")?;
    desk.close();
    Ok(profile)
}

/// A page with a table of 50 rows, as an address.
fn table(folder: &Path) -> Result<String, Failure> {
    let mut html = String::from("<!doctype html><meta charset=utf-8><title>50</title><table>");
    for row in 0..50 {
        let words = crate::words::words_of(row);
        // Writing to a String cannot fail.
        let _ = write!(
            html,
            "<tr><td>{}<td>{}<td>{}<td>{}</tr>",
            words.merchant, words.caller, words.request, words.serial
        );
    }
    html.push_str("</table>");
    let path = folder.join("table.html");
    std::fs::write(&path, html).map_err(Failure::at("write the table"))?;
    Ok(format!("file://{}", path.display()))
}
