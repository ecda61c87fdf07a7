use crate::support::store::{Mood, SECRET, TestStore};
use crate::support::{HERE, Reply, TestOffice, call, office, office_at, shared};

fn readyz(office: &TestOffice, query: &str) -> Reply {
    call(office.addr(), "GET", &format!("/readyz{query}"), &[], b"")
}

#[test]
fn a_part_that_is_not_ready_is_named_and_the_others_can_be_asked_for_alone() {
    let store = TestStore::start();
    let office = office_at(true, store.location(), shared::database());
    assert_eq!(readyz(&office, "").status, 200);
    store.set(Mood::Down);
    office.clock.advance(4_000);
    assert_eq!(
        readyz(&office, "").status,
        200,
        "the last answer still counts"
    );
    office.clock.advance(1_000);
    let reply = readyz(&office, "");
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (503, "server.unavailable")
    );
    assert_eq!(reply.json()["params"]["not_ready"], "object_store");
    assert!(!reply.text().contains(SECRET) && !reply.text().contains("127.0.0.1"));
    assert_eq!(readyz(&office, "?only=database").status, 200);
    assert_eq!(readyz(&office, "?only=object_store").status, 503);
    let desk = office.desk(HERE, "agent");
    assert_eq!(
        desk.pull(HERE, 0, 0).status,
        200,
        "work without documents goes on"
    );
    store.set(Mood::Well);
    office.clock.advance(5_000);
    assert_eq!(readyz(&office, "").status, 200);
}

#[test]
fn a_clock_that_was_set_back_does_not_keep_an_old_answer() {
    let store = TestStore::start();
    let office = office_at(true, store.location(), shared::database());
    assert_eq!(readyz(&office, "").status, 200);
    store.set(Mood::Down);
    office.clock.advance(-3_600_000);
    assert_eq!(readyz(&office, "").status, 503);
}

#[test]
fn a_folder_that_is_gone_is_an_object_store_that_is_not_ready() {
    let office = office();
    assert_eq!(readyz(&office, "").status, 200);
    let incoming = office.dir.path().join("incoming");
    std::fs::rename(&incoming, office.dir.path().join("elsewhere")).unwrap();
    office.clock.advance(5_000);
    assert_eq!(
        readyz(&office, "").json()["params"]["not_ready"],
        "object_store"
    );
}

#[test]
fn a_question_about_an_unknown_part_is_refused() {
    let office = office();
    for query in ["?only=everything", "?only=", "?who=me"] {
        let reply = readyz(&office, query);
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (400, "request.bad_json"),
            "{query}"
        );
    }
}
