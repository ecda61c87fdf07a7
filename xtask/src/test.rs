//! `cargo xtask test`: everything CI runs, in the order in which a mistake is cheapest to find.

use crate::count::{self, Count};
use crate::exec::{self, Failed, cargo, command, root, say};
use crate::{run, setup};
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
        let counted = perform(step)?;
        if counted.failed > 0 {
            broken.push(name);
        }
        total.add(counted);
    }
    if !broken.is_empty() {
        say(&format!("\nfailed: {}", broken.join(", ")));
    }
    say(&format!("{} passed, {} failed", total.passed, total.failed));
    if total.failed == 0 {
        Ok(())
    } else {
        Err(Failed("not green".to_owned()))
    }
}

fn perform(step: Step) -> Result<Count, Failed> {
    say(&format!("\n━━ {}", step.name));
    let mut sum = Count::default();
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
        sum.add(counted);
    }
    Ok(sum)
}

fn steps() -> Vec<Step> {
    let step = |name, slow, counts, commands| Step {
        name,
        slow,
        commands,
        counts,
    };
    vec![
        step(
            "format",
            false,
            false,
            vec![with(cargo_plain(), &["fmt", "--all", "--check"])],
        ),
        step(
            "interface: types and accessibility",
            false,
            false,
            vec![npm("check")],
        ),
        step("interface: lint", false, false, vec![npm("lint")]),
        step("interface: unit", false, true, vec![npm("test")]),
        step(
            "clippy",
            false,
            false,
            vec![with(
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
            )],
        ),
        step(
            "programs",
            false,
            false,
            vec![with(
                cargo(),
                &["build", "--workspace", "--bins", "--quiet"],
            )],
        ),
        step(
            "rooms and whole house",
            false,
            true,
            vec![with(
                cargo(),
                &["test", "--workspace", "--no-fail-fast", "--quiet"],
            )],
        ),
        step(
            "simulator smoke",
            false,
            false,
            vec![with(
                cargo(),
                &[
                    "run",
                    "--quiet",
                    "--package",
                    "desk-sim",
                    "--",
                    "--seeds",
                    "200",
                ],
            )],
        ),
        step("pages in Chromium with axe", true, true, vec![playwright()]),
        step(
            "real window",
            true,
            false,
            vec![run::window_journey("target/run")],
        ),
    ]
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
