//! A file that was damaged, and an old one that was put back: the desk opens, and says what happened.

use super::{Bench, PASSPHRASE};
use crate::commands::sync_status;
use crate::dto::Nothing;
use desk_domain::field::FieldKey;
use serde_json::json;
use std::path::PathBuf;

fn file(bench: &Bench) -> PathBuf {
    bench.dir.path().join("desk/desk.db")
}

fn unlocked(bench: Bench) -> Bench {
    bench.ask("unlock", json!({ "passphrase": PASSPHRASE }));
    bench
}

fn alerts(bench: &Bench) -> Vec<(String, Option<String>)> {
    let screen = sync_status(&bench.desk, Nothing {}).unwrap();
    let told = screen.alerts.into_iter();
    told.map(|alert| {
        (
            alert.code,
            alert
                .params
                .get("lost")
                .or(alert.params.get("missing"))
                .cloned(),
        )
    })
    .collect()
}

fn spoil(bench: &Bench, pages: std::ops::Range<usize>) {
    let mut bytes = std::fs::read(file(bench)).unwrap();
    bytes[pages.start * 4096..pages.end * 4096].fill(0xa5);
    std::fs::write(file(bench), bytes).unwrap();
}

#[test]
fn a_desk_with_a_damaged_file_opens_with_everything_and_says_so() {
    let bench = Bench::standalone();
    let case = bench.new_case();
    bench.set(&case, FieldKey::RequestWords, "机器开不了机");
    bench.ask(
        "draft_put",
        json!({ "case": case, "field": "reason.text", "raw": "还没写完" }),
    );
    let bench = bench.restarted();
    spoil(&bench, 0..1);
    let bench = unlocked(bench);
    assert_eq!(
        alerts(&bench),
        [("desk.recovered".to_owned(), Some("0".to_owned()))]
    );
    let field = bench.field(&case, FieldKey::RequestWords);
    assert!(format!("{field:?}").contains("机器开不了机"));
    assert!(format!("{:?}", bench.field(&case, FieldKey::ReasonText)).contains("还没写完"));
    bench.set(&case, FieldKey::ReasonText, "写完了");
    // Closed and opened again: told once, mended once.
    let bench = unlocked(bench.restarted());
    assert_eq!(alerts(&bench).len(), 1);
    let aside = std::fs::read_dir(bench.dir.path().join("desk")).unwrap();
    let names = aside.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| name.starts_with("damaged-")).count(), 1);
}

#[test]
fn a_file_of_which_nothing_is_left_says_how_much_was_lost() {
    let bench = Bench::standalone();
    let case = bench.new_case();
    bench.set(&case, FieldKey::RequestWords, "机器开不了机");
    let written = bench.desk.session().unwrap().store.heads().unwrap()[0].seq;
    let bench = bench.restarted();
    let pages = std::fs::metadata(file(&bench)).unwrap().len() / 4096;
    spoil(&bench, 0..usize::try_from(pages).unwrap());
    let bench = unlocked(bench);
    assert_eq!(
        alerts(&bench),
        [("desk.recovered".to_owned(), Some(written.to_string()))]
    );
    bench.new_case();
}

#[test]
fn an_old_file_put_back_begins_a_new_life_before_anything_is_written() {
    let bench = Bench::standalone();
    let case = bench.new_case();
    let bench = bench.restarted();
    let old = std::fs::read(file(&bench)).unwrap();
    let bench = unlocked(bench);
    bench.set(&case, FieldKey::RequestWords, "后来写的");
    let bench = bench.restarted();
    std::fs::write(file(&bench), old).unwrap();
    let bench = unlocked(bench);
    assert_eq!(
        alerts(&bench),
        [("desk.restored".to_owned(), Some("1".to_owned()))]
    );
    let heads = bench.desk.session().unwrap().store.heads().unwrap();
    assert_eq!(heads.len(), 2);
    bench.set(&case, FieldKey::RequestWords, "又写一遍");
    let bench = unlocked(bench.restarted());
    assert_eq!(alerts(&bench).len(), 1, "noticed once");
}
