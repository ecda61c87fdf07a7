//! `cargo xtask test`: everything CI runs, in the order in which a mistake is cheapest to find.

use crate::count::{self, Count};
use crate::exec::{self, Failed, cargo, command, root, say};
use crate::{failures, run, setup};
use std::process::Command;

/// One step: a name, the command, and whether it is one of the slow ones.
struct Step {
    name: &'static str,
    slow: bool,
    commands: Vec<Command>,
    /// Without test counts of its own it counts as one test.
    counts: bool,
}

/// Runs every step, goes on after a failure, and ends with the sum.
pub fn test(quick: bool, only: Option<&str>) -> Result<(), Failed> {
    setup::everything()?;
    setup::pages()?;
    let mut total = Count::default();
    let mut broken = Vec::new();
    for step in steps() {
        if (quick && step.slow) || only.is_some_and(|wanted| !step.name.contains(wanted)) {
            continue;
        }
        let name = step.name;
        let (counted, said) = perform(step)?;
        if counted.failed > 0 {
            broken.push((name, said));
        }
        total.add(counted);
    }
    for (name, said) in &broken {
        say(&format!("\n━━ failed: {name}"));
        for line in said {
            say(line);
        }
    }
    if !broken.is_empty() {
        let names: Vec<&str> = broken.iter().map(|(name, _)| *name).collect();
        say(&format!("\nfailed: {}", names.join(", ")));
    }
    say(&format!("{} passed, {} failed", total.passed, total.failed));
    if total.failed == 0 {
        Ok(())
    } else {
        Err(Failed("not green".to_owned()))
    }
}

/// The sum, and what is to be told again of the commands that failed.
fn perform(step: Step) -> Result<(Count, Vec<String>), Failed> {
    say(&format!("\n━━ {}", step.name));
    let mut sum = Count::default();
    let mut said = Vec::new();
    for mut command in step.commands {
        let (fine, text) = exec::run_and_keep(&mut command)?;
        let mut counted = if step.counts {
            count::read(&text)
        } else {
            Count::default()
        };
        if fine && counted.passed == 0 && !step.counts {
            counted.passed = 1;
        }
        // A runner that broke before its closing line has failed all the same.
        if !fine && counted.failed == 0 {
            counted.failed = 1;
        }
        // A runner that found nothing to run is a defect, not a success.
        if fine && step.counts && counted.passed == 0 {
            say("  no test ran");
            counted.failed = 1;
        }
        if counted.failed > 0 {
            said.extend(failures::told(&text));
        }
        sum.add(counted);
    }
    Ok((sum, said))
}

fn steps() -> Vec<Step> {
    let mut all = quick_checks();
    all.extend(programs_and_tests());
    all
}

fn step(name: &'static str, slow: bool, counts: bool, command: Command) -> Step {
    Step {
        name,
        slow,
        commands: vec![command],
        counts,
    }
}

fn quick_checks() -> Vec<Step> {
    vec![
        step(
            "format",
            false,
            false,
            with(cargo_plain(), &["fmt", "--all", "--check"]),
        ),
        step(
            "interface: types and accessibility",
            false,
            false,
            npm("check"),
        ),
        step("interface: lint", false, false, npm("lint")),
        step("interface: unit", false, true, npm("test")),
        step(
            "clippy",
            false,
            false,
            with(
                cargo(),
                &[
                    "clippy",
                    "--workspace",
                    "--all-targets",
                    "--quiet",
                    "--",
                    "-D",
                    "warnings",
                ],
            ),
        ),
    ]
}

fn programs_and_tests() -> Vec<Step> {
    vec![
        step(
            "programs",
            false,
            false,
            // With the tests in one go: by themselves the programs would be built with other features, once more.
            with(
                cargo(),
                &["build", "--workspace", "--bins", "--tests", "--quiet"],
            ),
        ),
        step(
            "rooms and whole house",
            false,
            true,
            with(
                cargo(),
                &["test", "--workspace", "--no-fail-fast", "--quiet"],
            ),
        ),
        step("the office on PostgreSQL", false, true, on_postgresql()),
        step(
            "simulator smoke",
            false,
            false,
            with(
                command(root().join("target/debug/desk-sim")),
                &["--seeds", "200"],
            ),
        ),
        step(
            "made-up requests by the OpenAPI document",
            true,
            false,
            with(this_program(), &["contract"]),
        ),
        step(
            "kill -9, two hundred times",
            true,
            false,
            with(
                command(root().join("target/debug/desk-crash")),
                &["--cycles", "200"],
            ),
        ),
        step("pages in Chromium with axe", true, true, playwright()),
        step(
            "real window",
            true,
            false,
            run::window_journey("target/run"),
        ),
    ]
}

/// This very program, for a task that is a step as well.
fn this_program() -> Command {
    command(std::env::current_exe().unwrap_or_else(|_| root().join("target/debug/xtask")))
}

/// The office's behaviours once more, on a database that several servers may share.
fn on_postgresql() -> Command {
    let mut beside = command(root().join("target/debug/desk-postgres"));
    let tests = cargo();
    beside
        .arg(tests.get_program())
        .args(tests.get_args())
        .args(["test", "--workspace", "--test", "office", "--quiet"]);
    beside
}

fn with(mut command: Command, arguments: &[&str]) -> Command {
    command.args(arguments);
    command
}

fn cargo_plain() -> Command {
    command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

fn npm(script: &str) -> Command {
    let mut npm = command("npm");
    npm.args(["run", script, "--silent"])
        .current_dir(root().join("ui"))
        .env("CI", "true");
    npm
}

fn playwright() -> Command {
    let mut npm = command("npm");
    npm.args(["test", "--silent"])
        .current_dir(root().join("tests/ui"))
        .env("CI", "true");
    npm
}
