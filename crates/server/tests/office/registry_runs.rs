//! Runs: what is written, what is remembered, and the way back.

use crate::support::office;
use crate::support::register::{csv, identity, number, row, serial};
use crate::support::{HERE, TestOffice};
use desk_domain::ids::OfficeCode;
use desk_server::registry::{Mode, Registry};
use desk_server::repo::registry::{self, Run, RunState};
use desk_server::repo::{bindings, register};
use std::process::{Command, Stdio};

fn runs(office: &TestOffice) -> Vec<Run> {
    let found = office
        .house()
        .repo
        .read_blocking(|conn| registry::newest(conn, 100));
    found.unwrap()
}

/// Merchant numbers, begin and end of each binding of a terminal.
fn bound(office: &TestOffice, terminal: u32) -> Vec<(String, bool)> {
    let found = office
        .house()
        .repo
        .read_blocking(|conn| bindings::of_serial(conn, &serial(terminal)));
    found
        .unwrap()
        .into_iter()
        .map(|one| (one.merchant_no.unwrap(), one.until_at.is_none()))
        .collect()
}

#[test]
fn a_dry_run_shows_masked_changes_and_writes_nothing() {
    let office = office();
    office
        .import_rows("first.csv", &[row(1, 1), row(2, 2)])
        .run();
    let (position, before) = (office.position(), office.merchant(1).unwrap());
    let changed = row(1, 1)
        .replace("13000000001", "13100009999")
        .replace("P-100", "P-200");
    let file = office.put_file("second.csv", csv(&[changed, row(3, 2), row(4, 4)]));
    let done = office.import(&file, Mode::DryRun);
    let counts = done.counts();
    assert_eq!(
        (
            counts.merchants_new,
            counts.merchants_changed,
            counts.terminals_moved
        ),
        (2, 1, 1)
    );
    let told = done.told();
    assert!(told.contains("phone: 130****0001 -> 131****9999"), "{told}");
    assert!(told.contains("model 示例 P-100 -> 示例 P-200"), "{told}");
    assert!(told.contains(&format!("{} new", number(4))), "{told}");
    assert!(
        told.contains(&format!("terminal {}: leaves {}", serial(2), number(2))),
        "{told}"
    );
    for personal in ["13100009999", "样例甲", &identity()] {
        assert!(!told.contains(personal), "{told}");
    }
    assert_eq!((office.position(), runs(&office).len()), (position, 1));
    assert_eq!(office.merchant(1).unwrap(), before);
    assert!(office.merchant(4).is_none());
}

#[test]
fn one_refused_row_keeps_the_whole_file_out_unless_valid_rows_are_asked_for() {
    let office = office();
    let bad = row(3, 3).replace("13000000003", "12");
    let file = office.put_file("mixed.csv", csv(&[row(1, 1), row(2, 2), bad]));
    let position = office.position();
    let done = office.import(&file, Mode::AllOrNothing);
    assert!(done.error().contains("1 of 3"), "{}", done.error());
    assert_eq!((office.position(), runs(&office).len()), (position, 0));
    let done = office.import(&file, Mode::AcceptValid);
    let counts = done.counts();
    assert_eq!(
        (counts.rows, counts.merchants_new, counts.refused),
        (3, 2, 1)
    );
    assert_eq!(office.position(), position + 2);
    assert_eq!(runs(&office)[0].counts, counts);
}

#[test]
fn the_same_file_again_is_said_to_change_nothing() {
    let office = office();
    let rows = [row(1, 1), row(2, 2)];
    let first = office.import_rows("same.csv", &rows);
    let position = office.position();
    let again = office.import_rows("same.csv", &rows);
    assert!(again.counts().changed_nothing());
    assert!(
        again
            .told()
            .contains(&format!("the same file as run {}", first.run())),
        "{}",
        again.told()
    );
    assert_eq!(office.position(), position);
    let history = runs(&office);
    assert_eq!(history.len(), 2);
    assert_eq!(history[0].sha256, history[1].sha256);
    assert_eq!(history[0].run_by, "tester");
}

#[test]
fn a_terminal_that_moves_leaves_its_merchant_and_keeps_its_history() {
    let office = office();
    office
        .import_rows("first.csv", &[row(1, 1), row(1, 2)])
        .run();
    let done = office.import_rows(
        "second.csv",
        &[row(2, 2).replace("2025-01-02", "2026-03-04")],
    );
    assert_eq!(
        (done.counts().terminals_moved, done.counts().terminals_added),
        (1, 0)
    );
    assert_eq!(office.serials(1), [serial(1)]);
    assert_eq!(office.serials(2), [serial(2)]);
    assert_eq!(bound(&office, 2), [(number(1), false), (number(2), true)]);
    // The file names one terminal; the other is not removed by that.
    assert_eq!(bound(&office, 1), [(number(1), true)]);
}

#[test]
fn a_rollback_puts_back_what_the_run_changed() {
    let office = office();
    office
        .import_rows("first.csv", &[row(1, 1), row(1, 2)])
        .run();
    let before = office.merchant(1).unwrap();
    let changed = row(1, 1).replace("13000000001", "13100009999");
    let taken = row(2, 2).replace("2025-01-02", "2026-03-04");
    let second = office.import_rows("second.csv", &[changed, taken]);
    assert_eq!(office.serials(2), [serial(2)]);
    let position = office.position();
    let back = office.roll_back(second.run());
    assert_eq!(
        (back.counts().merchants_changed, back.counts().left),
        (2, 0)
    );
    let mut now = office.merchant(1).unwrap();
    assert!(now.version > before.version);
    now.version = before.version;
    assert_eq!(now, before);
    // Desks cannot forget a merchant: it keeps its number and nothing of anybody.
    let gone = office.merchant(2).unwrap();
    assert!(gone.terminals.is_empty() && gone.phone.is_empty() && gone.legal_id_no.is_empty());
    assert_eq!(bound(&office, 2), [(number(1), true), (number(2), false)]);
    assert!(office.position() >= position + 2);
    let history = runs(&office);
    assert_eq!(history[0].undoes, Some(second.run()));
    assert_eq!(history[1].state, RunState::RolledBack);
    assert!(office.roll_back(second.run()).error().contains("already"));
    assert!(office.roll_back(99).error().contains("no run 99"));
    // The way back has a way back.
    let again = office.roll_back(back.run());
    assert_eq!(again.counts().merchants_changed, 2);
    assert_eq!(office.merchant(2).unwrap().name, "示例商户2");
    assert_eq!(office.serials(2), [serial(2)]);
}

#[test]
fn a_rollback_leaves_what_somebody_changed_since() {
    let office = office();
    office
        .import_rows("first.csv", &[row(1, 1), row(2, 2)])
        .run();
    let rows = [
        row(1, 1).replace("P-100", "P-200"),
        row(2, 2).replace("P-100", "P-200"),
    ];
    let second = office.import_rows("second.csv", &rows);
    let mut record = office.merchant(1).unwrap();
    record.address = "示例市示例区虚构路9号".into();
    office
        .house()
        .repo
        .write_blocking(move |conn| register::import(conn, std::slice::from_ref(&record)))
        .unwrap();
    let back = office.roll_back(second.run());
    assert_eq!(
        (back.counts().merchants_changed, back.counts().left),
        (1, 1)
    );
    assert!(back.told().contains(&number(1)), "{}", back.told());
    assert_eq!(office.merchant(1).unwrap().terminals[0].model, "示例 P-200");
    assert_eq!(office.merchant(2).unwrap().terminals[0].model, "示例 P-100");
}

#[test]
fn a_terminal_is_never_given_back_to_two_merchants_nor_lost_between_them() {
    let office = office();
    office
        .import_rows("first.csv", &[row(1, 1), row(3, 3)])
        .run();
    // Terminal 1 goes from merchant 1 to 2, and merchant 2 is changed afterwards.
    let second = office.import_rows("second.csv", &[row(2, 1), row(4, 3)]);
    office
        .import_rows("third.csv", &[row(2, 1).replace("示例商户2", "示例商户二")])
        .run();
    let back = office.roll_back(second.run());
    assert_eq!(
        (back.counts().merchants_changed, back.counts().left),
        (2, 2)
    );
    assert_eq!(office.serials(2), [serial(1)]);
    assert!(office.serials(1).is_empty());
    assert_eq!(office.serials(3), [serial(3)]);
    assert!(office.serials(4).is_empty());
}

#[test]
fn records_from_before_there_were_bindings_get_theirs_and_can_be_taken_over() {
    let office = office();
    let house = office.house();
    office.import_rows("first.csv", &[row(1, 1)]).run();
    let record = office.merchant(1).unwrap();
    house
        .repo
        .write_blocking(move |conn| register::import(conn, std::slice::from_ref(&record)))
        .unwrap();
    assert_eq!(bound(&office, 1), [(number(1), true)]);
    let done = office.import_rows("second.csv", &[row(2, 1)]);
    assert_eq!(done.counts().terminals_moved, 1);
}

#[test]
fn two_imports_do_not_work_beside_each_other() {
    let office = office();
    let house = office.house();
    let _first = Registry::open(&house, office.dir.path()).unwrap();
    let second = Registry::open(&house, office.dir.path());
    assert!(second.err().unwrap().to_string().contains("another import"));
}

/// Merchants that a run has changed so far.
fn changed(office: &TestOffice, run: u64) -> usize {
    let house = office.house();
    let none = (String::new(), String::new());
    let changes = house
        .repo
        .read_blocking(|conn| registry::changes_after(conn, run, &none, 100_000));
    changes.unwrap().len()
}

/// The command ends itself, as by kill -9, when two portions are in.
fn killed_in_the_middle(office: &TestOffice, path: &std::path::Path, all: usize) {
    let order = office.put_file("order", "server.import.after_portion 1");
    let ended = Command::new(env!("CARGO_BIN_EXE_unbind-desk-server"))
        .args(["registry", "import", "--office", HERE, "--data"])
        .arg(office.dir.path())
        .envs(office.environment())
        .env(desk_failpoint::VARIABLE, &order)
        .arg(path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(ended.code().is_none(), "{ended}");
    assert!(order.with_extension(desk_failpoint::REACHED).exists());
    let done = changed(office, 1);
    assert!(done > 0 && done < all, "{done} of {all}");
}

#[test]
fn an_import_that_was_killed_between_portions_is_finished_by_the_same_file() {
    let office = office();
    let all = 1_500;
    let file = office.put_file(
        "large.csv",
        csv(&(0..all).map(|n| row(n, n)).collect::<Vec<_>>()),
    );
    let all = usize::try_from(all).unwrap();
    killed_in_the_middle(&office, &file, all);
    assert_eq!(runs(&office)[0].state, RunState::Applying);
    let other = office.import_rows("other.csv", &[row(1, 1)]);
    assert!(
        other.error().contains("run 1 was cut short"),
        "{}",
        other.error()
    );
    let done = office.import(&file, Mode::AllOrNothing);
    let counts = done.counts();
    assert_eq!(done.run(), 1);
    assert_eq!(
        (counts.merchants_new, counts.merchants_unchanged),
        (1_500, 0)
    );
    assert_eq!(counts.terminals_added, 1_500);
    assert_eq!((changed(&office, 1), runs(&office).len()), (all, 1));
    assert_eq!(runs(&office)[0].state, RunState::Done);
}

#[test]
fn an_import_that_was_killed_can_be_taken_back_instead() {
    let office = office();
    let file = office.put_file(
        "large.csv",
        csv(&(0..1_500).map(|n| row(n, n)).collect::<Vec<_>>()),
    );
    killed_in_the_middle(&office, &file, 1_500);
    let started = changed(&office, 1);
    let back = office.roll_back(1);
    assert_eq!(back.counts().merchants_changed, started as u64);
    assert_eq!(runs(&office)[1].state, RunState::RolledBack);
    let held = office.house().repo.read_blocking(|conn| {
        bindings::holder(conn, &OfficeCode::parse(HERE).unwrap(), &serial(0))
    });
    assert!(held.unwrap().is_none());
    office.import_rows("other.csv", &[row(1, 1)]).run();
}
