//! The database of several servers dies under work, and its standby takes over.
#![expect(clippy::unwrap_used, reason = "a test may end at once")]

use desk_domain::field::FieldKey;
use desk_domain::ids::{CaseId, OpId};
use desk_tests::bare_desk::BareDesk;
use desk_tests::cluster::Cluster;
use desk_tests::office::{BRANCH, Office};
use postgres::{Client, NoTls};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const PEOPLE: [&str; 3] = ["agent1", "agent2", "clerk1"];
/// Values that each person sets, one after the other.
const EDITS: usize = 150;

/// Both by name: whoever may be written to is the one.
fn address(primary: &Cluster, standby: &Cluster) -> String {
    let (one, other) = (primary.port(), standby.port());
    format!(
        "postgres://desk@127.0.0.1:{one},127.0.0.1:{other}/postgres?target_session_attrs=read-write"
    )
}

/// Types on; the ids of all that was typed.
fn typed(desk: &BareDesk, case: CaseId, done: &AtomicUsize) -> Vec<OpId> {
    let edit = |n: usize| {
        let row = desk.set(
            case,
            FieldKey::TerminalAddress,
            &format!("示例市样板路 {n} 号"),
        );
        done.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(20));
        row.unwrap().op_id
    };
    (0..EDITS).map(edit).collect()
}

#[test]
fn a_standby_takes_over_while_desks_push_and_nothing_is_lost_or_doubled() {
    let folder = tempfile::tempdir().unwrap();
    let mut primary = Cluster::start().unwrap();
    let standby = primary.standby().unwrap();
    primary.wait_for_standby().unwrap();
    let database = (
        "UNBIND_DESK_DATABASE".to_owned(),
        address(&primary, &standby).into(),
    );
    let office = Office::open_shared(&folder.path().join("server"), 1, vec![database]).unwrap();
    let desks = PEOPLE.map(|login| {
        let desk = BareDesk::enrol(&folder.path().join(login), &office, BRANCH, login).unwrap();
        let case = desk.new_case().unwrap();
        (desk, case)
    });
    let couriers = desks
        .each_ref()
        .map(|(desk, _)| desk.courier(office.url()).unwrap());
    let done = AtomicUsize::new(0);
    let done = &done;
    let written = std::thread::scope(|scope| {
        let writing = desks.map(|(desk, case)| {
            scope.spawn(move || {
                let ops = typed(&desk, case, done);
                (desk, case, ops)
            })
        });
        while done.load(Ordering::SeqCst) < EDITS * PEOPLE.len() / 3 {
            std::thread::sleep(Duration::from_millis(10));
        }
        primary.kill().unwrap();
        standby.promote().unwrap();
        writing.map(|one| one.join().unwrap())
    });
    for (desk, case, _) in &written {
        desk.until_drained(*case).unwrap();
    }
    for courier in couriers {
        courier.stop();
    }
    let mut client = Client::connect(&standby.url(), NoTls).unwrap();
    let rows = client
        .query("SELECT op_id FROM journal WHERE counted = 1", &[])
        .unwrap();
    let stored: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let once: BTreeSet<&String> = stored.iter().collect();
    assert_eq!(stored.len(), once.len(), "an op counts twice");
    let all: Vec<&OpId> = written.iter().flat_map(|(_, _, ops)| ops).collect();
    assert_eq!(all.len(), EDITS * PEOPLE.len());
    for op in all {
        assert!(once.contains(&op.to_string()), "{op} is lost");
    }
    // Every chain goes on to its head.
    office.admin(&["audit", "verify"]).unwrap();
}
