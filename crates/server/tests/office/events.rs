//! What headquarters is told of desks.

use crate::support::{HERE, NOON, TestOffice, office, outcomes};
use desk_domain::digest::{SHAPE, Sums};
use desk_domain::ids::Incarnation;
use desk_domain::op::ChainHash;
use desk_server::door::SystemChance;
use desk_server::repo::device_events::{self, DeviceEvent};
use serde_json::json;

fn events(office: &TestOffice) -> Vec<DeviceEvent> {
    let list = |conn: &_| device_events::newest(conn, 100);
    office.house().repo.read_blocking(list).unwrap()
}

#[test]
fn a_desk_that_works_without_trouble_is_no_event() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let (_, create) = desk.new_case();
    let batch = desk.chain(vec![create]);
    outcomes(&desk.push(&batch));
    outcomes(&desk.push(&batch));
    assert_eq!(events(&office), []);
}

#[test]
fn a_cloned_desk_is_told_of_once_and_counted() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let (case, create) = desk.new_case();
    desk.write(vec![create]);
    let mut clone = desk.clone();
    let mine = desk.note(case, "原件");
    desk.write(vec![mine]);
    let other = clone.note(case, "副本");
    let batch = clone.chain(vec![other.clone()]);
    for _ in 0..3 {
        assert_eq!(clone.push(&batch).code(), "sync.fork");
    }
    clone.incarnation = Incarnation::new(NOON, &SystemChance);
    (clone.seq, clone.prev) = (0, ChainHash::GENESIS);
    clone.write(vec![other]);
    let told = events(&office);
    let words: Vec<(&str, u64)> = told
        .iter()
        .map(|event| (event.what.as_str(), event.times))
        .collect();
    assert!(words.contains(&("desk.fork", 3)) && words.contains(&("desk.another_life", 1)));
    assert_eq!(words.len(), 2);
    assert!(told.iter().all(|event| event.device == desk.id.to_string()));
    assert_eq!(told[0].office.as_deref(), Some(HERE));
}

#[test]
fn a_desk_that_knows_of_ops_that_are_not_here_is_told_of() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let (case, create) = desk.new_case();
    desk.chain(vec![create]);
    let note = desk.note(case, "二");
    let batch = desk.chain(vec![note]);
    assert_eq!(desk.push(&batch).code(), "sync.gap");
    let told = events(&office);
    assert_eq!(
        (told[0].what.as_str(), told[0].params["expected"].as_str()),
        ("server.behind", "1")
    );
}

#[test]
fn cases_that_differed_on_a_desk_are_told_of() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let (_, create) = desk.new_case();
    desk.write(vec![create]);
    let cursor = desk.pull(HERE, 0, 0).json()["cursor"].clone();
    let nothing = json!({"for": "buckets", "hashes": Sums::default().hashes()});
    let body = json!({"scope": HERE, "cursor": cursor, "shape": SHAPE, "ask": nothing});
    desk.send("POST", "/v1/sync/digest", body.to_string().as_bytes());
    let told = events(&office);
    assert_eq!(told[0].what, "desk.cases_differed");
    assert_eq!(told[0].params["buckets"], "1");
    assert_eq!(told[0].incarnation, desk.incarnation.to_string());
}
