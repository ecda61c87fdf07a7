//! A desk that exists twice, and a desk that an old copy was put back of: real files, a real server, nothing lost, people told.
#![expect(clippy::unwrap_used, reason = "a story ends at the first surprise")]

use desk_tests::case_script;
use desk_tests::desk::{PASSPHRASE, TestDesk};
use desk_tests::office::{BRANCH, Office};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

struct House {
    folder: tempfile::TempDir,
    office: Office,
}

impl House {
    fn open() -> Self {
        let (folder, office) = Office::open_fresh(1).unwrap();
        case_script::import_merchant(&office, BRANCH, folder.path()).unwrap();
        Self { folder, office }
    }
    fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
    /// A desk with one case that the server knows.
    fn desk_with_case(&self, name: &str) -> (TestDesk, String) {
        let desk = TestDesk::open(&self.place(name)).unwrap();
        let code = self.office.enrol_code(BRANCH).unwrap();
        desk.enrol(self.office.url(), &code, "agent1").unwrap();
        let id = case_script::fill(&desk).unwrap();
        settled(&desk, &id);
        (desk, id)
    }
    fn unlocked(&self, name: &str) -> TestDesk {
        let desk = TestDesk::open(&self.place(name)).unwrap();
        desk.ask("unlock", json!({ "passphrase": PASSPHRASE, "user": null }))
            .unwrap();
        desk
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

fn settled(desk: &TestDesk, id: &str) -> Value {
    desk.ask("sync_now", json!({})).unwrap();
    desk.until("case_open", &json!({ "case": id }), |screen| {
        screen["sync"]["pending"] == 0
    })
    .unwrap()
}

fn note(desk: &TestDesk, id: &str, text: &str) {
    desk.ask("note_add", json!({ "case": id, "text": text }))
        .unwrap();
}

fn notes(screen: &Value) -> usize {
    let lines = screen["timeline"].as_array().unwrap();
    lines
        .iter()
        .filter(|line| line["kind"] == "note.add")
        .count()
}

/// Until this desk shows as many notes as were ever written, each once, and nothing waits any more.
fn all_notes(desk: &TestDesk, id: &str, wanted: usize) {
    desk.ask("sync_now", json!({})).unwrap();
    let screen = desk
        .until("case_open", &json!({ "case": id }), |screen| {
            notes(screen) >= wanted && screen["sync"]["pending"] == 0
        })
        .unwrap();
    assert_eq!(notes(&screen), wanted, "each note exactly once");
}

fn alerts(desk: &TestDesk) -> Vec<String> {
    let screen = desk.ask("sync_status", json!({})).unwrap();
    let alerts = screen["alerts"].as_array().unwrap();
    let codes = alerts.iter().map(|alert| alert["code"].as_str().unwrap());
    codes.map(str::to_owned).collect()
}

/// The lives of the journal that this desk knows.
fn lives(desk: &TestDesk) -> BTreeSet<String> {
    let told = desk.ask("sync_diagnostics", json!({})).unwrap();
    let text = told["text"].as_str().unwrap().to_owned();
    let heads = text.lines().filter_map(|line| line.strip_prefix("head: "));
    heads
        .map(|head| head.split(' ').next().unwrap().to_owned())
        .collect()
}

#[test]
fn two_living_copies_of_a_desk_both_get_everything_through_once() {
    let mut house = House::open();
    let (desk, id) = house.desk_with_case("one");
    note(&desk, &id, "拷贝之前");
    settled(&desk, &id);
    // An op that neither copy has sent yet: both will send it, and it counts once.
    house.office.stop();
    note(&desk, &id, "拷贝时尚未送达");
    desk.close();
    copy_folder(&house.place("one"), &house.place("two"));
    let (one, two) = (house.unlocked("one"), house.unlocked("two"));
    note(&one, &id, "第一台写的");
    note(&two, &id, "第二台写的");
    note(&two, &id, "第二台又写的");
    house.office.restart().unwrap();
    all_notes(&one, &id, 5);
    all_notes(&two, &id, 5);
    all_notes(&one, &id, 5);
    let told = [alerts(&one), alerts(&two)];
    assert!(
        told.iter().any(|codes| codes
            .iter()
            .any(|code| code == "desk.cloned" || code == "desk.restored")),
        "{told:?}"
    );
    assert!(
        lives(&one).len() + lives(&two).len() >= 3,
        "one of them lives on under a new number"
    );
    // Both go on side by side, and nobody is moved again.
    let before = [lives(&one), lives(&two)];
    note(&one, &id, "之后一");
    note(&two, &id, "之后二");
    all_notes(&one, &id, 7);
    all_notes(&two, &id, 7);
    assert_eq!([lives(&one), lives(&two)], before);
}

#[test]
fn an_old_file_put_back_is_noticed_before_anything_is_written() {
    let house = House::open();
    let (desk, id) = house.desk_with_case("desk");
    desk.close();
    let file = house.place("desk").join("desk/desk.db");
    let old = fs::read(&file).unwrap();
    let desk = house.unlocked("desk");
    note(&desk, &id, "在旧备份之后写的");
    note(&desk, &id, "又一条");
    settled(&desk, &id);
    let before = lives(&desk);
    desk.close();
    fs::write(&file, old).unwrap();
    let desk = house.unlocked("desk");
    assert_eq!(
        alerts(&desk),
        ["desk.restored"],
        "told before the server was asked"
    );
    assert!(lives(&desk).len() > before.len());
    note(&desk, &id, "恢复之后写的");
    all_notes(&desk, &id, 3);
    assert_eq!(alerts(&desk), ["desk.restored"]);
}

#[test]
fn an_old_copy_of_the_whole_folder_is_told_apart_by_the_server() {
    let house = House::open();
    let (desk, id) = house.desk_with_case("desk");
    desk.close();
    copy_folder(&house.place("desk"), &house.place("backup"));
    let desk = house.unlocked("desk");
    note(&desk, &id, "在旧备份之后写的");
    settled(&desk, &id);
    desk.close();
    fs::remove_dir_all(house.place("desk")).unwrap();
    copy_folder(&house.place("backup"), &house.place("desk"));
    let desk = house.unlocked("desk");
    note(&desk, &id, "恢复之后写的");
    all_notes(&desk, &id, 2);
    let codes = alerts(&desk);
    assert!(
        codes.len() == 1 && ["desk.restored", "desk.cloned"].contains(&codes[0].as_str()),
        "{codes:?}"
    );
}

#[test]
fn a_desk_whose_file_was_damaged_opens_tells_it_and_fills_up_again() {
    let house = House::open();
    let (desk, id) = house.desk_with_case("desk");
    note(&desk, &id, "已送达");
    settled(&desk, &id);
    desk.close();
    let file = house.place("desk").join("desk/desk.db");
    let mut bytes = fs::read(&file).unwrap();
    bytes[..4096].fill(0xee);
    fs::write(&file, &bytes).unwrap();
    let desk = house.unlocked("desk");
    assert_eq!(alerts(&desk), ["desk.recovered"]);
    note(&desk, &id, "修复之后写的");
    all_notes(&desk, &id, 2);
    let queue = json!({ "filter": "all", "after": null, "limit": 50 });
    desk.until("queue", &queue, |page| {
        page["rows"]
            .as_array()
            .is_some_and(|rows| rows.iter().any(|row| row["id"] == id.as_str()))
    })
    .unwrap();
}
