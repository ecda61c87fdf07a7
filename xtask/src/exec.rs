//! Starting other programs and saying what happens.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A sentence for the person at the terminal.
#[derive(Debug)]
pub struct Failed(pub String);

impl Failed {
    pub fn because(what: &str, why: impl std::fmt::Display) -> Self {
        Self(format!("{what}: {why}"))
    }
}

/// One line to the terminal.
pub fn say(line: &str) {
    // A closed terminal is no reason to stop working.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// The root of the repository.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// A command that starts at the root.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// Cargo, linking with mold where it is installed.
pub fn cargo() -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    if !has("mold") {
        return command(cargo);
    }
    let mut with_mold = command("mold");
    with_mold.arg("-run").arg(cargo);
    with_mold
}

/// A program is on the PATH.
pub fn has(program: &str) -> bool {
    let Some(path) = std::env::var_os("PATH") else {
        return false;
    };
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Runs to the end, output shown.
pub fn run(what: &str, command: &mut Command) -> Result<(), Failed> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(|error| Failed::because(what, error))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failed::because(what, status))
    }
}

/// Runs to the end, output shown line by line and kept.
pub fn run_and_keep(command: &mut Command) -> Result<(bool, String), Failed> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| Failed::because("start", error))?;
    let errors = child.stderr.take();
    let watcher = std::thread::spawn(move || errors.map(follow).unwrap_or_default());
    let mut text = child.stdout.take().map(follow).unwrap_or_default();
    let status = child
        .wait()
        .map_err(|error| Failed::because("wait", error))?;
    text.push_str(&watcher.join().unwrap_or_default());
    Ok((status.success(), text))
}

fn follow(pipe: impl std::io::Read) -> String {
    let mut kept = String::new();
    let mut pipe = BufReader::new(pipe);
    let mut bytes = Vec::new();
    // By bytes: a line that is no text must not end the reading, or the writer dies of a closed pipe.
    while pipe.read_until(b'\n', &mut bytes).is_ok_and(|n| n > 0) {
        let line = String::from_utf8_lossy(&bytes);
        let line = line.trim_end_matches(['\n', '\r']);
        say(line);
        kept.push_str(line);
        kept.push('\n');
        bytes.clear();
    }
    kept
}
