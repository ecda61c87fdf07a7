//! A desk is ordered to destroy what it holds: it sends what it has first, destroys keys before anything else, and tells
//! the server. Orders that are not its server's, or not for this desk, do nothing.
#![expect(clippy::unwrap_used, reason = "a story ends at the first surprise")]

use desk_tests::case_script;
use desk_tests::desk::{PASSPHRASE, PATIENCE, TestDesk, cheap_desk, open_fixture};
use desk_tests::office::{BRANCH, Office};
use desk_tests::papers::{PAPERS, draw_papers};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

struct House {
    folder: tempfile::TempDir,
    office: Office,
}

impl House {
    fn open() -> Self {
        let (folder, office) = Office::open_fresh(1).unwrap();
        draw_papers(&folder.path().join("papers")).unwrap();
        Self { folder, office }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn desk(&self, login: &str) -> TestDesk {
        let desk = TestDesk::open_cheap(&self.path(login), Arc::new(desk_app::door::SystemClock));
        let (desk, code) = (desk.unwrap(), self.office.enrol_code(BRANCH).unwrap());
        desk.enrol(self.office.url(), &code, login).unwrap();
        synced(&desk);
        desk
    }

    fn order(&self, device: &str, pace: &str) {
        let order = ["device", "wipe", device, "--reason", "示例：遗失", pace];
        self.office.admin(&order).unwrap();
    }

    fn listed(&self, device: &str) -> Value {
        let list = self.office.admin(&["device", "list", "--json"]).unwrap();
        let list: Value = serde_json::from_str(&list).unwrap();
        let all = list.as_array().unwrap().clone();
        all.into_iter().find(|one| one["id"] == device).unwrap()
    }

    /// Until the server has heard that the desk obeyed.
    fn until_told(&self, desk: &TestDesk, device: &str) {
        let mut seen = 0;
        for _ in 0..PATIENCE.as_secs() * 4 {
            if self.listed(device)["wipe"] == "wiped" {
                break;
            }
            if let Some(changed) = desk.desk().events_since(seen, Duration::from_millis(250)) {
                seen = changed.n;
            }
        }
        assert_eq!(self.listed(device)["wipe"], "wiped");
    }

    /// The server's database, asked or changed with the plain tool.
    fn sql(&self, words: &str) -> String {
        let output = Command::new("sqlite3")
            .arg(self.office.data().join("office.db"))
            .arg(words)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

/// Looks for news at once, unless it was quicker: a desk that has obeyed by itself is shut.
fn nudge(desk: &TestDesk) {
    drop(desk.try_ask("sync_now", json!({})));
}

fn synced(desk: &TestDesk) {
    let done =
        |status: &Value| status["sync"]["state"] == "synced" && status["sync"]["unsent"] == 0;
    desk.until("app_status", &json!({}), done).unwrap();
}

fn device_of(profile: &Path) -> String {
    let text = fs::read_to_string(profile.join("desk/desk.json")).unwrap();
    let profile: Value = serde_json::from_str(&text).unwrap();
    profile["device"].as_str().unwrap().to_owned()
}

fn phase(desk: &TestDesk) -> Value {
    desk.ask("app_status", json!({})).unwrap()["phase"].clone()
}

fn until_empty(desk: &TestDesk) {
    let gone = |status: &Value| status["phase"] == "first_run";
    desk.until("app_status", &json!({}), gone).unwrap();
}

/// Everything in the profile but what says that an order was obeyed.
fn left(profile: &Path) -> Vec<String> {
    let entries = fs::read_dir(profile).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "wiped.json" && name != "exports")
        .collect()
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn a_desk_sends_what_it_has_and_then_holds_nothing_any_more() {
    let mut house = House::open();
    let desk = house.desk("agent1");
    let profile = house.path("agent1");
    let device = device_of(&profile);
    house.office.stop();
    let case = case_script::fill(&desk).unwrap();
    case_script::attach(&desk, &case, &house.path("papers")).unwrap();
    let status = desk.ask("app_status", json!({})).unwrap();
    assert!(status["sync"]["unsent"].as_u64().unwrap() > 20, "{status}");
    house.order(&device, "--after-sync");
    // What a thief copied the day before, without the device secret: the wraps and the file.
    let stolen = house.path("stolen");
    copy_folder(&profile.join("desk"), &stolen);
    fs::remove_file(stolen.join("device.secret")).unwrap();

    house.office.restart().unwrap();
    nudge(&desk);
    until_empty(&desk);
    house.until_told(&desk, &device);

    let held = house.sql(&format!(
        "SELECT count(*) FROM case_file WHERE id = '{case}'"
    ));
    assert_eq!(held, "1", "the work went first");
    let papers = house.sql(&format!(
        "SELECT count(*) FROM document WHERE case_id = '{case}' AND stored_at IS NOT NULL"
    ));
    assert_eq!(papers, PAPERS.len().to_string());
    assert_eq!(left(&profile), Vec::<String>::new());
    let unlock = json!({ "passphrase": PASSPHRASE });
    assert_eq!(
        desk.try_ask("unlock", unlock).unwrap_err().code,
        "start.not_set_up"
    );
    assert!(
        open_fixture(&stolen, PASSPHRASE).is_err(),
        "the second factor of the file is gone"
    );
    assert_eq!(house.listed(&device)["status"], "revoked");
}

#[test]
fn an_order_at_once_does_not_wait_for_what_is_unsent() {
    let mut house = House::open();
    let desk = house.desk("agent1");
    let profile = house.path("agent1");
    let device = device_of(&profile);
    house.office.stop();
    let case = case_script::fill(&desk).unwrap();
    house.order(&device, "--at-once");
    house.office.restart().unwrap();
    nudge(&desk);
    until_empty(&desk);
    house.until_told(&desk, &device);
    assert_eq!(left(&profile), Vec::<String>::new());
    let held = house.sql(&format!(
        "SELECT count(*) FROM case_file WHERE id = '{case}'"
    ));
    assert_eq!(held, "0", "a desk that is put out sends nothing");
}

#[test]
fn an_order_that_is_not_the_servers_or_not_for_this_desk_does_nothing() {
    let house = House::open();
    let (one, other) = (house.desk("agent1"), house.desk("clerk1"));
    let (here, there) = (
        device_of(&house.path("agent1")),
        device_of(&house.path("clerk1")),
    );
    // Somebody who writes the database, but has not the key: made up, and another desk's order.
    house.order(&there, "--at-once");
    house.sql(&format!(
        "INSERT INTO wipe_order SELECT '{here}', nonce, pace, ordered_at, signature, NULL FROM wipe_order; \
         INSERT INTO wipe_order VALUES ('{here}', '00', 'at_once', 9e15, zeroblob(64), NULL)"
    ));
    nudge(&other);
    until_empty(&other);
    for _ in 0..3 {
        // Each of these is a hello that brings the order.
        one.ask("sync_now", json!({})).unwrap();
        synced(&one);
        let case = one
            .ask("case_new", json!({ "call_ref": null, "channel": "phone" }))
            .unwrap();
        assert!(case["id"].is_string());
        synced(&one);
        house.sql(&format!(
            "DELETE FROM wipe_order WHERE device = '{here}' AND nonce = '00'"
        ));
    }
    assert_eq!(phase(&one), "ready");
    one.desk().close();
    one.ask("unlock", json!({ "passphrase": PASSPHRASE }))
        .unwrap();
    assert_eq!(phase(&one), "ready", "keys and file are whole");
    assert!(!house.path("agent1").join("wiped.json").exists());
}

#[test]
fn what_was_cut_short_goes_on_at_the_next_start_and_the_server_is_told_then() {
    let mut house = House::open();
    let desk = house.desk("agent1");
    let profile = house.path("agent1");
    let device = device_of(&profile);
    desk.desk().close();
    let before = house.path("before");
    copy_folder(&profile, &before);
    desk.ask("unlock", json!({ "passphrase": PASSPHRASE }))
        .unwrap();
    house.order(&device, "--at-once");
    nudge(&desk);
    until_empty(&desk);
    house.until_told(&desk, &device);
    let deed: Value =
        serde_json::from_slice(&fs::read(profile.join("wiped.json")).unwrap()).unwrap();

    // The same, but the power went when the order was noted and the first keys were gone, and the server is away.
    house.sql("UPDATE wipe_order SET confirmed_at = NULL");
    house.office.stop();
    let mut begun = deed.clone();
    begun["is_told"] = json!(false);
    fs::write(before.join("wiping.json"), begun.to_string()).unwrap();
    fs::remove_dir_all(before.join("desk/wraps")).unwrap();
    let desk = TestDesk::open_cheap(&before, Arc::new(desk_app::door::SystemClock)).unwrap();
    assert_eq!(phase(&desk), "first_run");
    assert_eq!(left(&before), Vec::<String>::new());
    assert_eq!(house.listed(&device)["wipe"], "wipe ordered");
    house.office.restart().unwrap();
    let again = cheap_desk(&before, Arc::new(desk_app::door::SystemClock)).unwrap();
    desk_app::commands::dispatch(&again, "app_status", json!({})).unwrap();
    house.until_told(&desk, &device);
}

#[test]
fn a_second_factor_is_asked_for_at_the_desk_and_taken_once() {
    let house = House::open();
    house.office.admin(&["user", "totp", "agent1"]).unwrap();
    let desk = TestDesk::open_cheap(&house.path("agent1"), Arc::new(desk_app::door::SystemClock));
    let (desk, code) = (desk.unwrap(), house.office.enrol_code(BRANCH).unwrap());
    let refused = |totp: Value| {
        let arguments = json!({
            "server_url": house.office.url(), "enrol_code": code, "login": "agent1",
            "password": desk_tests::office::password("agent1"), "totp": totp, "passphrase": PASSPHRASE,
        });
        desk.try_ask("setup_server", arguments).unwrap_err().code
    };
    assert_eq!(refused(Value::Null), "auth.totp_required");
    assert_eq!(refused(json!("000000")), "auth.totp_wrong");
    house
        .office
        .admin(&["user", "totp", "agent1", "--remove"])
        .unwrap();
    desk.enrol(house.office.url(), &code, "agent1").unwrap();
    synced(&desk);
}
