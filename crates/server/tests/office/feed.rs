use crate::support::{HERE, NOON, applied, office};
use desk_domain::ids::CaseId;
use desk_domain::op::Op;
use desk_server::door::SystemChance;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

const WRITERS: usize = 6;
const EACH: usize = 12;

#[test]
fn a_cursor_ahead_of_the_feed_is_invalid() {
    let office = office();
    let desk = office.desk(HERE, "agent");
    let reply = desk.pull(HERE, 1_000_000, 0);
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (409, "sync.cursor_invalid")
    );
    assert_eq!(
        desk.get("/v1/sync/snapshot?scope=HZ001&after=nonsense")
            .code(),
        "sync.cursor_invalid"
    );
    assert_eq!(
        desk.get("/v1/sync/pull?scope=HZ001").code(),
        "request.bad_json"
    );
}

#[test]
fn a_desk_too_old_to_read_may_still_send() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let bearer = format!("Bearer {}", desk.access);
    let old = [
        ("authorization", bearer.as_str()),
        ("x-desk-protocol", "0"),
        ("content-type", "application/json"),
    ];
    let path = "/v1/sync/pull?scope=HZ001&cursor=0";
    assert_eq!(
        crate::support::call(desk.addr, "GET", path, &old, b"").code(),
        "version.upgrade_required"
    );
    let (_, create) = desk.new_case();
    let batch = desk.chain(vec![create]);
    let body = desk.push_body(&batch);
    assert_eq!(
        crate::support::call(desk.addr, "POST", "/v1/sync/push", &old, body.as_bytes()).status,
        200
    );
}

#[test]
fn pages_and_the_first_fill_bring_the_same_cases() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    for _ in 0..7 {
        let (case, create) = desk.new_case();
        let note = desk.note(case, "记录");
        assert!(desk.write(vec![create, note]).iter().all(applied));
    }
    let mut pulled = BTreeSet::new();
    let (mut cursor, mut more) = (0, true);
    while more {
        let page = desk
            .get(&format!(
                "/v1/sync/pull?scope=HZ001&cursor={cursor}&limit=3"
            ))
            .json();
        pulled.extend(cases(&page));
        (cursor, more) = (page["cursor"].as_u64().unwrap(), page["more"] == true);
    }
    let mut filled = BTreeSet::new();
    let mut after = String::new();
    loop {
        let page = desk
            .get(&format!("/v1/sync/snapshot?scope=HZ001&limit=3{after}"))
            .json();
        filled.extend(cases(&page));
        assert_eq!(page["position"].as_u64().unwrap(), cursor);
        let Some(next) = page["next"].as_str() else {
            break;
        };
        after = format!("&after={next}");
    }
    assert_eq!((pulled.len(), &pulled), (7, &filled));
    let still = desk.pull(HERE, cursor, 0).json();
    assert_eq!(
        (
            still["changes"].as_array().unwrap().len(),
            still["cursor"].as_u64()
        ),
        (0, Some(cursor))
    );
}

#[test]
fn a_long_poll_wakes_when_another_desk_writes() {
    let office = office();
    let (mut writer, reader) = (office.desk(HERE, "agent"), office.desk(HERE, "clerk"));
    let cursor = reader.pull(HERE, 0, 0).json()["cursor"].as_u64().unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| reader.pull(HERE, cursor, 20_000));
        let (_, create) = writer.new_case();
        writer.write(vec![create]);
        assert_eq!(cases(&waiting.join().unwrap().json()).len(), 1);
    });
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the real time that a stop takes is what is measured"
)]
fn stopping_the_server_ends_long_polls_at_once() {
    let mut office = office();
    let reader = office.desk(HERE, "clerk");
    let cursor = reader.pull(HERE, 0, 0).json()["cursor"].as_u64().unwrap();
    let began = SystemTime::now();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| reader.pull(HERE, cursor, 50_000));
        while !waiting.is_finished() && began.elapsed().unwrap() < Duration::from_millis(300) {
            std::thread::yield_now();
        }
        office.restart();
        assert_eq!(waiting.join().unwrap().status, 200);
    });
    assert!(began.elapsed().unwrap() < Duration::from_secs(25));
}

/// The fault that this feed was built against: readers that skip what commits behind their cursor.
#[test]
fn readers_under_concurrent_writers_miss_nothing_and_see_every_line_of_history() {
    let office = office();
    let mut desks: Vec<_> = (0..WRITERS).map(|_| office.desk(HERE, "agent")).collect();
    let reader = office.desk(HERE, "clerk");
    let done = AtomicBool::new(false);
    let (written, (seen, lines)) = std::thread::scope(|scope| {
        let writers: Vec<_> = desks
            .iter_mut()
            .map(|desk| {
                scope.spawn(|| {
                    let mut mine = BTreeSet::new();
                    for _ in 0..EACH {
                        let (case, create) = desk.new_case();
                        let note = desk.note(case, "并发");
                        assert!(desk.write(vec![create, note]).iter().all(applied));
                        mine.insert(case.to_string());
                    }
                    mine
                })
            })
            .collect();
        let reading = scope.spawn(|| follow(&reader, &done));
        let written: BTreeSet<String> = writers
            .into_iter()
            .flat_map(|one| one.join().unwrap())
            .collect();
        done.store(true, Ordering::SeqCst);
        (written, reading.join().unwrap())
    });
    assert_eq!((written.len(), &written), (WRITERS * EACH, &seen));
    assert_eq!(lines.len(), 2 * WRITERS * EACH);
}

fn follow(
    reader: &crate::support::Desk,
    done: &AtomicBool,
) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut seen, mut lines, mut cursor) = (BTreeSet::new(), BTreeSet::new(), 0);
    loop {
        let last = done.load(Ordering::SeqCst);
        let page = reader
            .get(&format!(
                "/v1/sync/pull?scope=HZ001&cursor={cursor}&limit=5"
            ))
            .json();
        seen.extend(cases(&page));
        for change in page["changes"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|change| change["of"] == "case")
        {
            let entries = change["timeline"].as_array().unwrap();
            lines.extend(
                entries
                    .iter()
                    .map(|line| line["op"].as_str().unwrap().to_owned()),
            );
        }
        cursor = page["cursor"].as_u64().unwrap();
        if last && page["more"] == false {
            return (seen, lines);
        }
    }
}

fn cases(page: &serde_json::Value) -> Vec<String> {
    let changes = page["changes"].as_array().unwrap().iter();
    changes
        .filter(|change| change["of"] == "case")
        .map(|c| c["case"]["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Verdicts that a fill tells outside of cases, and the cases; two things on a page.
fn filled(desk: &crate::support::Desk) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut told, mut seen, mut after) = (BTreeSet::new(), BTreeSet::new(), String::new());
    loop {
        let path = format!("/v1/sync/snapshot?scope=HZ001&limit=2{after}");
        let page = desk.get(&path).json();
        seen.extend(cases(&page));
        let changes = page["changes"].as_array().unwrap().iter();
        let verdicts = changes.filter(|change| change["of"] == "outcomes");
        for verdict in verdicts.flat_map(|change| change["outcomes"].as_array().unwrap()) {
            assert_eq!(verdict["outcome"]["is"], "held");
            assert!(told.insert(verdict["op_id"].as_str().unwrap().to_owned()));
        }
        let Some(next) = page["next"].as_str() else {
            return (told, seen);
        };
        after = format!("&after={next}");
    }
}

#[test]
fn a_fill_ends_with_the_verdicts_that_no_case_tells() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let (case, create) = desk.new_case();
    assert!(desk.write(vec![create]).iter().all(applied));
    let nowhere = CaseId::new(NOON, &SystemChance);
    let waiting: Vec<Op> = (0..3).map(|_| desk.note(nowhere, "记录")).collect();
    let ids: BTreeSet<String> = waiting.iter().map(|op| op.op_id.to_string()).collect();
    desk.write(waiting);
    let (told, seen) = filled(&desk);
    assert_eq!(told, ids, "each once, over two pages");
    assert_eq!(seen, BTreeSet::from([case.to_string()]));
    let (told, _) = filled(&office.desk(HERE, "clerk"));
    assert!(told.is_empty(), "they are nobody else's business");
}
