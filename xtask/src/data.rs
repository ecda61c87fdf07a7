//! `bench`, `sim`, `crash`, `types`, `demo-data`, `dist`, `notices`: other programs of the house, started with the right arguments.

use crate::exec::{self, Failed, cargo, command, root, say};
use crate::setup;
use std::path::PathBuf;

/// Our figures beside the limits of the same run; optimised, since ratios of unoptimised code mean nothing.
pub fn bench(rest: &[String]) -> Result<(), Failed> {
    setup::everything()?;
    setup::pages()?;
    let build = [
        "build",
        "--release",
        "--package",
        "unbind-desk",
        "--package",
        "desk-server",
        "--package",
        "desk-tests",
        "--package",
        "desk-media",
        "--bins",
    ];
    exec::run("cargo build", cargo().args(build))?;
    exec::run(
        "bench",
        command(root().join("target/release/desk-bench")).args(rest),
    )
}

/// The simulator. Its last line is a JSON summary.
pub fn sim(rest: &[String]) -> Result<(), Failed> {
    exec::run(
        "sim",
        cargo()
            .args(["run", "--quiet", "--release", "--package", "desk-sim", "--"])
            .args(rest),
    )
}

/// Kill -9, again and again. Debug builds: fail points are in no other. Its last line is a JSON summary.
pub fn crash(rest: &[String]) -> Result<(), Failed> {
    house_program("crash", "desk-crash", rest)
}

/// A scan of 20 MB over 50 kbit/s with loss and cuts, in real time.
pub fn line(rest: &[String]) -> Result<(), Failed> {
    house_program("line", "desk-line", rest)
}

fn house_program(name: &str, program: &str, rest: &[String]) -> Result<(), Failed> {
    setup::system()?;
    let build = [
        "build",
        "--quiet",
        "--package",
        "desk-server",
        "--package",
        "desk-tests",
        "--package",
        "desk-media",
        "--bins",
    ];
    exec::run("cargo build", cargo().args(build))?;
    exec::run(
        name,
        command(root().join("target/debug").join(program)).args(rest),
    )
}

/// TypeScript types of everything that crosses the bridge.
pub fn types() -> Result<(), Failed> {
    exec::run(
        "types",
        cargo().args([
            "run",
            "--quiet",
            "--package",
            "desk-tests",
            "--bin",
            "desk-types",
            "--",
            "ui/src/lib/types",
        ]),
    )
}

/// Photos, invoices and the pack of cases.
pub fn demo_data(cases: u32, out: Option<PathBuf>) -> Result<(), Failed> {
    setup::system()?;
    let out = out.unwrap_or_else(|| root().join("target/demo-data"));
    let cases = cases.to_string();
    let mut make = cargo();
    make.args([
        "run",
        "--quiet",
        "--package",
        "desk-server",
        "--bin",
        "unbind-desk-server",
        "--",
        "demo",
        "--cases",
        &cases,
        "--data",
    ])
    .arg(&out);
    exec::run("demo-data", &mut make)?;
    say(&format!("demo data is in {}", out.display()));
    demo_pack()
}

/// The pack that is built into the desk; the same sources give the same bytes.
fn demo_pack() -> Result<(), Failed> {
    let mut make = cargo();
    make.args([
        "run",
        "--quiet",
        "--package",
        "desk-tests",
        "--bin",
        "desk-demo-pack",
        "--",
    ])
    .arg(root().join("assets/demo/pack.json"));
    exec::run("demo pack", &mut make)
}

/// Installers by the bundler of the window toolkit.
pub fn dist() -> Result<(), Failed> {
    setup::everything()?;
    setup::pages()?;
    let mut tauri = command("npx");
    tauri.args(["--prefix", "ui", "tauri", "build", "--bundles", "deb,rpm"]);
    exec::run("tauri build", &mut tauri)
}

/// `docs/THIRD-PARTY.md` from the lock files, so that a notice is never forgotten.
pub fn notices() -> Result<(), Failed> {
    crate::notices::write()
}
