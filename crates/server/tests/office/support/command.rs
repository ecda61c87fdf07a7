//! The admin's commands, run as an operator runs them: another process on the same office.

use super::TestOffice;
use std::io::Write;
use std::process::{Command, Output, Stdio};

/// Runs a command of the admin with these lines on stdin.
pub fn admin(office: &TestOffice, arguments: &[&str], typed: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_unbind-desk-server"))
        .args(arguments)
        .arg("--data")
        .arg(office.dir.path())
        .envs(office.environment())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that refuses before it reads has closed its end.
    let _ = child.stdin.take().unwrap().write_all(typed.as_bytes());
    child.wait_with_output().unwrap()
}

pub fn said(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The command fails, and its words hold these.
pub fn refuses(office: &TestOffice, arguments: &[&str], typed: &str, why: &str) {
    let output = admin(office, arguments, typed);
    let words = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(!output.status.success(), "{arguments:?}: {}", said(&output));
    assert!(words.contains(why), "{arguments:?}: {words}");
}
