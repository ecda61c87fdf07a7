//! A telephone system, a real server and desks: a call rings where it should, becomes a case, and stops where it should.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that meets the unexpected must stop; how soon it rings is measured in real time"
)]

use desk_tests::desk::TestDesk;
use desk_tests::office::{BRANCH, Office};
use desk_tests::telephone::{Event, Play, Telephone};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// From the event of the telephone system to the desk's screen.
const SOON: Duration = Duration::from_secs(2);

struct House {
    office: Office,
    url: String,
    runtime: tokio::runtime::Runtime,
    _data: TempDir,
}

fn house() -> House {
    let data = tempfile::tempdir().unwrap();
    let office = Office::open(&data.path().join("office"), 0).unwrap();
    let added = office.admin(&["cti", "add", BRANCH, "--json"]).unwrap();
    let added: Value = serde_json::from_str(&added).unwrap();
    let url = format!("{}{}", office.url(), added["path"].as_str().unwrap());
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    House {
        office,
        url,
        runtime: runtime.enable_all().build().unwrap(),
        _data: data,
    }
}

impl House {
    fn desk(&self, profile: &Path, login: &str) -> TestDesk {
        let desk = TestDesk::open(&profile.join(login)).unwrap();
        let code = self.office.enrol_code(BRANCH).unwrap();
        desk.enrol(self.office.url(), &code, login).unwrap();
        desk.until("app_status", &json!({}), |status| {
            status["sync"]["state"] == "synced"
        })
        .unwrap();
        desk
    }

    fn telephone(&self, users: &[&str], as_json: bool) -> Telephone {
        Telephone::new(Play {
            url: self.url.clone(),
            calls: 3,
            seed: 5,
            to: "95000".to_owned(),
            out: false,
            number: None,
            users: users.iter().map(|&user| user.to_owned()).collect(),
            pause: Duration::ZERO,
            as_json,
        })
        .unwrap()
    }

    fn tell(&self, telephone: &Telephone, event: &'static str, id: &str, by: Option<&str>) {
        let event = Event {
            event,
            call_id: id.to_owned(),
            from: "13000000062".to_owned(),
            answering: by.map(str::to_owned),
            cause: None,
        };
        let status = self.runtime.block_on(telephone.send(&event)).unwrap();
        assert_eq!(status, 200);
    }
}

/// Waits until what rings at a desk is as it should be, and says how long that took.
fn until(desk: &TestDesk, holds: impl Fn(&Value) -> bool) -> Duration {
    let began = Instant::now();
    let status = |status: &Value| holds(&status["ringing"]);
    desk.until("app_status", &json!({}), status).unwrap();
    began.elapsed()
}

#[test]
fn a_call_rings_within_two_seconds_becomes_a_case_and_stops_where_it_is_answered_elsewhere() {
    let (house, profiles) = (house(), tempfile::tempdir().unwrap());
    let agent = house.desk(profiles.path(), "agent1");
    let other = house.desk(profiles.path(), "clerk1");
    let telephone = house.telephone(&[], false);
    house.tell(&telephone, "newCall", "T-1", None);
    for desk in [&agent, &other] {
        let took = until(desk, |ringing| ringing["call_ref"] == "T-1");
        assert!(took < SOON, "{took:?}");
    }
    let shown = agent.ask("app_status", json!({})).unwrap()["ringing"].clone();
    assert_eq!(shown["number"], "130****0062");
    assert_eq!(shown["demo"], false);
    house.tell(&telephone, "answer", "T-1", Some("agent1"));
    assert!(until(&other, Value::is_null) < SOON);
    assert!(until(&agent, |ringing| ringing["answered"] == true) < SOON);
    // Taken into a case, with the number and the id that the telephone system told.
    let new = json!({ "call_ref": "T-1", "channel": "phone" });
    let screen = agent.ask("case_new", new).unwrap();
    assert_eq!(screen["fields"]["caller.phone"]["display"], "130****0062");
    assert!(agent.ask("app_status", json!({})).unwrap()["ringing"].is_null());
    let calls = agent.ask("calls", json!({})).unwrap();
    assert_eq!(calls[0]["call_ref"], "T-1");
    assert_eq!(calls[0]["number"], "130****0062");
    assert_eq!(calls[0]["case"], screen["id"]);
    house.tell(&telephone, "hangup", "T-1", None);
    // The next one is for one person, and is missed.
    let for_one = house.telephone(&["clerk1"], true);
    house.tell(&for_one, "newCall", "T-2", None);
    assert!(until(&other, |ringing| ringing["call_ref"] == "T-2") < SOON);
    assert!(agent.ask("app_status", json!({})).unwrap()["ringing"].is_null());
    house.tell(&for_one, "hangup", "T-2", None);
    assert!(until(&other, Value::is_null) < SOON);
    agent.close();
    other.close();
}

#[test]
fn a_server_that_is_gone_rings_no_more_and_a_whole_play_leaves_nothing_ringing() {
    let (mut house, profiles) = (house(), tempfile::tempdir().unwrap());
    let agent = house.desk(profiles.path(), "agent1");
    let telephone = house.telephone(&["agent1"], false);
    let played = house.runtime.block_on(telephone.play()).unwrap();
    assert_eq!((played.refused, played.taken), (0, played.events));
    house.tell(&telephone, "newCall", "T-9", None);
    assert!(until(&agent, |ringing| ringing["call_ref"] == "T-9") < SOON);
    house.office.stop();
    until(&agent, Value::is_null);
    agent.close();
}
