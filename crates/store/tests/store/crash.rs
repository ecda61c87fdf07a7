//! What was said to be kept is there after the process was killed.

use crate::house::{Counted, Desk, key, paths};
use desk_domain::field::FieldKey;
use desk_domain::ids::CaseId;
use desk_store::Store;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

const FOLDER: &str = "DESK_TEST_TYPIST_FOLDER";

/// Not a test by itself: the process that is killed. It types until somebody ends it, and says what it has kept.
#[test]
fn typist() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let desk = Desk::at(Path::new(&folder));
    let case = desk.new_case();
    for i in 0..1_000_000 {
        desk.store
            .put_draft(case, FieldKey::RequestWords, &format!("机器坏了 {i}"))
            .unwrap();
        let kept = desk
            .set(case, FieldKey::MerchantName, &format!("示例商行 {i}"))
            .unwrap();
        println!("KEPT {case} {i} {}", kept.rows[0].seq);
    }
}

#[test]
fn typed_text_and_ops_survive_kill_9() {
    for kept_before_kill in [1, 7, 40] {
        let dir = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::typist", "--nocapture"])
            .env(FOLDER, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map(Result::unwrap);
        let mut kept = lines.filter(|line| line.contains("KEPT"));
        let last = kept.nth(kept_before_kill).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let last = kept.last().unwrap_or(last);
        let last = last.split("KEPT ").nth(1).unwrap();
        let parts: Vec<&str> = last.split(' ').collect();
        check(
            dir.path(),
            CaseId::parse(parts[0]).unwrap(),
            parts[1].parse().unwrap(),
            parts[2].parse().unwrap(),
        );
    }
}

fn check(dir: &Path, case: CaseId, typed: u64, seq: u64) {
    let store = Store::open(&paths(dir), &key(), Arc::new(Counted::from(2))).unwrap();
    assert!(store.opened_after_unclean_exit());
    let report = store.verify_chain().unwrap();
    assert_eq!(report.first_bad, None);
    // One more may have become durable between the last word and the kill.
    assert!(
        report.sound == seq || report.sound == seq + 1,
        "{} of {seq}",
        report.sound
    );
    assert_eq!(store.heads().unwrap()[0].seq, report.sound);
    let draft = store
        .drafts(case)
        .unwrap()
        .remove(&FieldKey::RequestWords)
        .unwrap();
    let draft: u64 = draft.rsplit(' ').next().unwrap().parse().unwrap();
    assert!(draft == typed || draft == typed + 1, "{draft} of {typed}");
    let view = store.case_view(case).unwrap().unwrap();
    assert_eq!(view.case.rev, report.sound);
}

#[test]
fn a_second_process_is_refused_and_disturbs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::typist", "--nocapture"])
        .env(FOLDER, dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let mut kept = lines.filter(|line| line.contains("KEPT"));
    kept.next().unwrap();
    for _ in 0..3 {
        let refused = Store::open(&paths(dir.path()), &key(), Arc::new(Counted::from(2)));
        assert_eq!(refused.unwrap_err().code(), "store.in_use");
        kept.next().unwrap();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let store = Store::open(&paths(dir.path()), &key(), Arc::new(Counted::from(2))).unwrap();
    assert_eq!(store.verify_chain().unwrap().first_bad, None);
}

#[test]
fn drafts_are_kept_apart_by_case_and_field_and_cleared_by_their_op() {
    let desk = Desk::new();
    let (one, two) = (desk.new_case(), desk.new_case());
    desk.store
        .put_draft(one, FieldKey::MerchantNo, "822 1000")
        .unwrap();
    desk.store
        .put_draft(two, FieldKey::MerchantNo, "8")
        .unwrap();
    desk.store
        .put_draft(one, FieldKey::CallerName, "样")
        .unwrap();
    desk.store.put_draft(one, FieldKey::CallerName, "").unwrap();
    let name = desk.set_op(one, FieldKey::MerchantName, "示例商行");
    desk.store
        .append(&[name], &[(one, FieldKey::MerchantNo)])
        .unwrap();
    assert!(desk.store.drafts(one).unwrap().is_empty());
    let view = desk.store.case_view(two).unwrap().unwrap();
    assert_eq!(view.drafts[&FieldKey::MerchantNo], "8");
}

#[test]
fn a_preference_is_kept() {
    let desk = Desk::new();
    assert_eq!(desk.store.setting("ui.theme").unwrap(), None);
    desk.store.put_setting("ui.theme", "\"dark\"").unwrap();
    desk.store.put_setting("ui.theme", "\"light\"").unwrap();
    assert_eq!(
        desk.store.setting("ui.theme").unwrap().as_deref(),
        Some("\"light\"")
    );
}
