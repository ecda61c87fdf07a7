//! What the office stands on fails under work: the database is gone, the object store turns everybody away, the disk is
//! full. Desks go on, nothing is lost, nothing is doubled, and it is said what is wrong.
#![expect(clippy::unwrap_used, reason = "a test may end at once")]

use desk_domain::field::FieldKey;
use desk_domain::ids::{CaseId, DocumentId, OpId};
use desk_store::Store;
use desk_sync::Courier;
use desk_tests::bare_desk::BareDesk;
use desk_tests::bucket::Bucket;
use desk_tests::cluster::Cluster;
use desk_tests::hand_desk::HandDesk;
use desk_tests::ledger::Ledger;
use desk_tests::office::{BRANCH, Office};
use postgres::{Client, NoTls};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

const PEOPLE: [&str; 3] = ["agent1", "agent2", "clerk1"];
/// Values that each person sets before, while and after the database is gone.
const EDITS: usize = 40;
/// How long it is gone; a minute when `UNBIND_DESK_TEST_GAP_S` says so.
const GAP_S: u64 = 8;

fn gap() -> Duration {
    let named = std::env::var("UNBIND_DESK_TEST_GAP_S").ok();
    Duration::from_secs(named.and_then(|text| text.parse().ok()).unwrap_or(GAP_S))
}

fn typed(desk: &BareDesk, case: CaseId, from: usize) -> Vec<OpId> {
    let edit = |n: usize| {
        let text = format!("示例市样板路 {n} 号");
        desk.set(case, FieldKey::TerminalAddress, &text)
            .unwrap()
            .op_id
    };
    (from..from + EDITS).map(edit).collect()
}

fn stored_once(stored: &[String], typed: &[OpId]) {
    let once: BTreeSet<&String> = stored.iter().collect();
    assert_eq!(stored.len(), once.len(), "an op counts twice");
    for op in typed {
        assert!(once.contains(&op.to_string()), "{op} is lost");
    }
}

#[test]
fn a_database_that_is_gone_for_a_while_costs_nobody_anything() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::start().unwrap();
    let database = ("UNBIND_DESK_DATABASE".to_owned(), cluster.url().into());
    let office = Office::open_shared(&folder.path().join("server"), 1, vec![database]).unwrap();
    let desks = PEOPLE.map(|login| {
        let desk = BareDesk::enrol(&folder.path().join(login), &office, BRANCH, login).unwrap();
        let case = desk.new_case().unwrap();
        (desk, case)
    });
    let couriers = desks
        .each_ref()
        .map(|(desk, _)| desk.courier(office.url()).unwrap());
    let asking = HandDesk::enrol(&office, BRANCH, "reviewer1", 9).unwrap();
    let mut all: Vec<OpId> = desks
        .iter()
        .flat_map(|(desk, case)| typed(desk, *case, 0))
        .collect();
    cluster.kill().unwrap();
    // People work on: what they type is on their own disk at once.
    all.extend(
        desks
            .iter()
            .flat_map(|(desk, case)| typed(desk, *case, EDITS)),
    );
    let told = asking.get("/readyz").unwrap();
    assert_eq!(
        (told.status, told.code().as_str()),
        (503, "server.unavailable")
    );
    assert_eq!(told.json()["params"]["not_ready"], "database");
    let refused = asking
        .get(&format!("/v1/sync/pull?scope={BRANCH}&cursor=0"))
        .unwrap();
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (503, "server.unavailable")
    );
    assert_eq!(
        asking.get("/livez").unwrap().status,
        200,
        "the process itself is well"
    );
    std::thread::sleep(gap());
    cluster.begin().unwrap();
    all.extend(
        desks
            .iter()
            .flat_map(|(desk, case)| typed(desk, *case, 2 * EDITS)),
    );
    for (desk, case) in &desks {
        desk.until_drained(*case).unwrap();
    }
    couriers.into_iter().for_each(Courier::stop);
    assert_eq!(asking.get("/readyz").unwrap().status, 200);
    let mut client = Client::connect(&cluster.url(), NoTls).unwrap();
    let rows = client
        .query("SELECT op_id FROM journal WHERE counted = 1", &[])
        .unwrap();
    let stored: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(all.len(), 3 * EDITS * PEOPLE.len());
    stored_once(&stored, &all);
    office.admin(&["audit", "verify"]).unwrap();
}

/// The server has every byte of a document, and the desk knows.
fn is_stored(store: &Store, case: CaseId, document: DocumentId) -> bool {
    let view = store.case_view(case).ok().flatten();
    view.is_some_and(|view| {
        let there = view.case.documents.get(&document);
        there.is_some_and(|there| there.stored)
    })
}

#[test]
fn an_object_store_that_answers_503_keeps_papers_waiting_and_no_word() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = Bucket::start().unwrap();
    let data = folder.path().join("server");
    std::fs::create_dir(&data).unwrap();
    let office = Office::open_with(&data, 1, "127.0.0.1:0", bucket.environment()).unwrap();
    let desk = BareDesk::enrol(&folder.path().join("agent1"), &office, BRANCH, "agent1").unwrap();
    let asking = HandDesk::enrol(&office, BRANCH, "reviewer1", 9).unwrap();
    let before = bucket.wholes().unwrap();
    bucket.turn_away(true);
    let case = desk.new_case().unwrap();
    let photo = desk.attach(case, &vec![5; 3_000_000]).unwrap();
    let courier = desk.courier(office.url()).unwrap();
    let words = typed(&desk, case, 0);
    // What was typed comes through; the photo stays on the desk, which comes again with it.
    desk.until_drained(case).unwrap();
    desk.until("the photo was offered", |_| bucket.turned_away() > 0)
        .unwrap();
    assert!(!is_stored(&desk.store, case, photo));
    let told = asking.get("/readyz").unwrap();
    assert_eq!(told.status, 503);
    assert_eq!(told.json()["params"]["not_ready"], "object_store");
    assert_eq!(asking.get("/readyz?only=database").unwrap().status, 200);
    assert_eq!(asking.get("/livez").unwrap().status, 200);
    let more = typed(&desk, case, EDITS);
    desk.until_drained(case).unwrap();
    bucket.turn_away(false);
    desk.until("the photo is stored", |store| is_stored(store, case, photo))
        .unwrap();
    courier.stop();
    assert_eq!(bucket.wholes().unwrap(), before + 1);
    let stored = Ledger::open(&data).unwrap().counted().unwrap();
    stored_once(&stored, &words);
    stored_once(&stored, &more);
    office.admin(&["audit", "verify"]).unwrap();
}

/// The size of the largest file that the server keeps, in KiB.
fn largest_kib(data: &Path) -> u32 {
    let files = desk_tests::programs::files_below(data).unwrap();
    let sizes = files
        .iter()
        .map(|file| file.metadata().map_or(0, |meta| meta.len()));
    u32::try_from(sizes.max().unwrap_or(0) / 1024).unwrap()
}

#[test]
fn a_disk_that_is_full_confirms_nothing_and_when_there_is_room_everything_arrives_once() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("server");
    std::fs::create_dir(&data).unwrap();
    let mut office = Office::open(&data, 1).unwrap();
    let desk = BareDesk::enrol(&folder.path().join("agent1"), &office, BRANCH, "agent1").unwrap();
    let mut hand = HandDesk::enrol(&office, BRANCH, "agent2", 8).unwrap();
    office.stop();
    office.limit_files(Some(largest_kib(&data) + 64));
    office.restart().unwrap();
    let case = desk.new_case().unwrap();
    let photo = desk.attach(case, &vec![5; 3_000_000]).unwrap();
    let courier = desk.courier(office.url()).unwrap();
    // Somebody writes until there is no room.
    let (mut confirmed, mut refused) = (Vec::new(), 0);
    for n in 0..2_000 {
        let (other, create) = hand.create_here().unwrap();
        let note = hand.note(other, &"长".repeat(3_000)).unwrap();
        let ids = [create.op_id, note.op_id];
        let batch = hand.chain(vec![create, note]).unwrap();
        let reply = hand.push(&batch).unwrap();
        if reply.status == 200 {
            confirmed.extend(ids);
            continue;
        }
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (503, "server.unavailable"),
            "push {n}"
        );
        refused += 1;
        break;
    }
    assert_eq!(refused, 1, "the disk never was full");
    assert!(office.is_running(), "a full disk ends no server");
    assert_eq!(hand.get("/livez").unwrap().status, 200);
    let typed_meanwhile = typed(&desk, case, 0);
    assert!(desk.store.outbox().unwrap().unsent > 0);
    office.stop();
    office.limit_files(None);
    office.restart().unwrap();
    desk.until_drained(case).unwrap();
    desk.until("the photo is stored", |store| is_stored(store, case, photo))
        .unwrap();
    courier.stop();
    let stored = Ledger::open(&data).unwrap().counted().unwrap();
    stored_once(&stored, &typed_meanwhile);
    stored_once(&stored, &confirmed);
    office.admin(&["audit", "verify"]).unwrap();
}
