//! The walls: what the child cannot do, and what the desk does when the child misbehaves.

use crate::common::docbox;
use desk_media::{Docbox, MediaError};
use std::path::PathBuf;
use std::time::Duration;

#[cfg(target_os = "linux")]
#[test]
fn the_child_can_open_nothing_reach_nobody_and_start_nothing() {
    let report = String::from_utf8(docbox().probe(0).unwrap()).unwrap();
    let expected = ["read", "write", "list", "tcp", "udp", "spawn", "thread"];
    let refused: Vec<String> = expected
        .iter()
        .map(|what| format!("{what} refused"))
        .collect();
    assert_eq!(report.lines().collect::<Vec<_>>(), refused);
}

#[test]
fn the_child_inherits_no_environment() {
    let names = String::from_utf8(docbox().probe(5).unwrap()).unwrap();
    let foreign: Vec<&str> = names.lines().filter(|name| *name != "SystemRoot").collect();
    assert!(foreign.is_empty(), "{foreign:?}");
}

#[test]
fn a_child_that_never_answers_is_ended() {
    let quick = docbox().with_max_wall(Duration::from_millis(400));
    assert_eq!(quick.probe(1), Err(MediaError::Timeout));
}

#[cfg(target_os = "linux")]
#[test]
fn a_child_that_takes_too_much_memory_is_told_apart() {
    assert_eq!(docbox().probe(2), Err(MediaError::OutOfMemory));
}

#[test]
fn a_child_that_crashes_is_told_apart() {
    assert_eq!(docbox().probe(3), Err(MediaError::BoxCrashed));
}

#[test]
fn an_answer_longer_than_allowed_is_not_read() {
    assert_eq!(docbox().probe(4), Err(MediaError::BoxCrashed));
}

#[test]
fn a_program_that_is_not_there_is_no_crash() {
    let none = Docbox::new(PathBuf::from("no-such-program-anywhere"));
    assert_eq!(none.probe(0), Err(MediaError::BoxUnavailable));
}

/// Any program that is not a docbox: its output is not taken for an answer.
#[cfg(unix)]
#[test]
fn another_program_in_its_place_is_not_believed() {
    let echo = Docbox::new(PathBuf::from("/bin/echo"));
    assert_eq!(echo.probe(0), Err(MediaError::BoxCrashed));
}
