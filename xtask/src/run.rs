//! `cargo xtask run`, `dev` and `screens`.

use crate::exec::{self, Failed, cargo, command, root, say};
use crate::setup;
use std::process::Command;

/// Where a headless run leaves its pictures and its summary.
const OUT: &str = "target/run";

/// Sets up, builds, and shows the desk on a demo office.
pub fn run(headless: bool, keep: bool) -> Result<(), Failed> {
    setup::everything()?;
    setup::pages()?;
    say("▸ building the desk and the server");
    exec::run(
        "cargo build",
        cargo().args(["build", "--workspace", "--bins"]),
    )?;
    let display =
        std::env::var_os("DISPLAY").is_some() || std::env::var_os("WAYLAND_DISPLAY").is_some();
    if headless || !display && cfg!(target_os = "linux") {
        let mut journey = window_journey(OUT);
        if keep {
            journey.arg("--keep");
        }
        return exec::run("the journey of one case", &mut journey);
    }
    exec::run("the desk", &mut program("desk-demo"))
}

/// The real window, driven through one whole case under a virtual display.
pub fn window_journey(out: &str) -> Command {
    let mut journey = command("xvfb-run");
    journey
        .args([
            "--auto-servernum",
            "--server-args=-screen 0 1440x900x24 -nolisten tcp",
        ])
        .arg(root().join("target/debug/desk-journey"))
        .args(["--out", out])
        .env("LANG", "zh_CN.UTF-8")
        .env("LANGUAGE", "zh_CN")
        .env("TZ", "Asia/Shanghai");
    journey
}

/// Live reload in a browser, over the loopback bridge.
pub fn dev() -> Result<(), Failed> {
    setup::everything()?;
    exec::run(
        "cargo build",
        cargo().args([
            "build",
            "--package",
            "desk-tests",
            "--package",
            "desk-server",
            "--package",
            "desk-media",
            "--bins",
        ]),
    )?;
    let mut host = program("desk-loopback");
    let mut host = host
        .args(["--listen", "127.0.0.1:4517"])
        .spawn()
        .map_err(|error| Failed::because("desk-loopback", error))?;
    let mut vite = command("npm");
    vite.args(["run", "dev"])
        .current_dir(root().join("ui"))
        .env("DESK_LOOPBACK", "http://127.0.0.1:4517");
    let ended = exec::run("vite", &mut vite);
    host.kill()
        .and_then(|()| host.wait())
        .map_err(|error| Failed::because("desk-loopback", error))?;
    ended
}

/// Screenshots of every screen by Playwright.
pub fn screens() -> Result<(), Failed> {
    setup::everything()?;
    setup::pages()?;
    exec::run(
        "cargo build",
        cargo().args(["build", "--workspace", "--bins"]),
    )?;
    let mut npm = command("npm");
    npm.args(["run", "screens", "--silent"])
        .current_dir(root().join("tests/ui"));
    exec::run("screens", &mut npm)?;
    say("screenshots are in target/screens");
    Ok(())
}

fn program(name: &str) -> Command {
    command(
        root()
            .join("target/debug")
            .join(format!("{name}{}", std::env::consts::EXE_SUFFIX)),
    )
}
