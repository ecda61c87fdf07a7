//! What may go goes only when everybody else has it; nothing else can be made to go.

use crate::house::{Desk, START};
use desk_domain::field::FieldKey;
use desk_domain::ids::Incarnation;
use desk_domain::outcome::Outcome;
use desk_store::{Acknowledged, JournalRow, Pruned, Retention};
use std::collections::BTreeMap;

const DAY: i64 = 24 * 60 * 60 * 1_000;
const KEEP: Retention = Retention {
    op_days: 90,
    copy_days: 30,
};
const LATER: i64 = START + 100 * DAY;

/// Ten ops, the first six with a verdict that is done with.
fn judged(desk: &Desk) -> Vec<JournalRow> {
    let case = desk.new_case();
    for i in 0..9 {
        desk.set(case, FieldKey::RequestWords, &format!("第{i}次"))
            .unwrap();
    }
    let rows = desk.store.unsent(0, 100, usize::MAX).unwrap();
    let noop = Outcome::Noop {
        same_as: rows[0].op_id,
    };
    acknowledge(desk, &rows, 6, noop);
    rows
}

fn acknowledge(desk: &Desk, rows: &[JournalRow], upto: usize, outcome: Outcome) {
    let last = &rows[upto - 1];
    let outcomes = rows[..upto].iter().map(|row| (row.op_id, outcome.clone()));
    desk.store
        .acknowledge(&Acknowledged {
            first_seq: 1,
            incarnation: last.incarnation,
            seq: last.seq,
            hash: last.hash,
            outcomes: outcomes.collect(),
        })
        .unwrap();
}

fn safe(desk: &Desk, seq: u64) {
    let safe = BTreeMap::from([(desk.identity.incarnation, seq)]);
    desk.store.note_backup_safe(&safe).unwrap();
}

fn prune(desk: &Desk, now: i64) -> u64 {
    let Pruned { ops, copies } = desk.store.prune(now, KEEP, 100).unwrap();
    assert_eq!(copies, 0);
    ops
}

#[test]
fn an_acknowledged_op_stays_until_a_backup_holds_it_and_it_is_old() {
    let desk = Desk::new();
    judged(&desk);
    assert_eq!(prune(&desk, LATER), 0, "no backup was reported");
    safe(&desk, 4);
    assert_eq!(prune(&desk, START + 80 * DAY), 0, "not old yet");
    assert_eq!(prune(&desk, LATER), 4, "the backup holds four");
    assert_eq!(prune(&desk, LATER), 0);
    let report = desk.store.verify_chain().unwrap();
    assert_eq!((report.sound, report.first_bad), (6, None));
    safe(&desk, 400);
    assert_eq!(
        prune(&desk, LATER),
        2,
        "never more than the server has acknowledged"
    );
    let desk = desk.reopened();
    assert_eq!(desk.store.verify_chain().unwrap().sound, 4);
    assert_eq!(desk.store.unsent(6, 100, usize::MAX).unwrap().len(), 4);
}

#[test]
fn pruning_goes_in_steps_and_the_unsent_chain_is_checked_across_the_hole() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::at(dir.path());
    judged(&desk);
    safe(&desk, 6);
    assert_eq!(desk.store.prune(LATER, KEEP, 2).unwrap().ops, 2);
    assert_eq!(desk.store.prune(LATER, KEEP, 100).unwrap().ops, 4);
    drop(desk);
    std::fs::write(dir.path().join("desk.lock"), b"open").unwrap();
    let chance = std::sync::Arc::new(crate::house::Counted::from(5));
    let store = desk_store::Store::open(
        &crate::house::paths(dir.path()),
        &crate::house::key(),
        chance,
    )
    .unwrap();
    assert_eq!(store.verify_chain().unwrap().sound, 4);
}

#[test]
fn an_op_that_a_person_has_to_see_stays_and_those_around_it_go() {
    let desk = Desk::new();
    let rows = judged(&desk);
    let refused = Outcome::Refused {
        code: "case.state".to_owned(),
        params: BTreeMap::new(),
    };
    let receipt = |seq: usize, outcome: &Outcome| Acknowledged {
        first_seq: 1,
        incarnation: rows[seq - 1].incarnation,
        seq: rows[seq - 1].seq,
        hash: rows[seq - 1].hash,
        outcomes: vec![(rows[seq - 1].op_id, outcome.clone())],
    };
    desk.store.acknowledge(&receipt(7, &refused)).unwrap();
    desk.store
        .acknowledge(&receipt(
            8,
            &Outcome::Noop {
                same_as: rows[0].op_id,
            },
        ))
        .unwrap();
    safe(&desk, 8);
    assert_eq!(prune(&desk, LATER), 7);
    assert_eq!(desk.store.outbox().unwrap().refused, 1);
    assert_eq!(desk.store.verify_chain().unwrap().first_bad, None);
    desk.store.dismiss(rows[6].op_id).unwrap();
    assert_eq!(prune(&desk, LATER), 1, "once it was seen it may go");
    let report = desk.store.verify_chain().unwrap();
    assert_eq!((report.sound, report.first_bad), (2, None));
}

#[test]
fn a_restored_server_that_lacks_pruned_ops_gets_the_rest_in_a_new_life() {
    let desk = Desk::new();
    judged(&desk);
    safe(&desk, 4);
    assert_eq!(prune(&desk, LATER), 4);
    let life = desk.identity.incarnation;
    assert!(!desk.store.rewind_acknowledged(life, 5).unwrap());
    assert!(
        desk.store.rewind_acknowledged(life, 2).unwrap(),
        "the chain cannot go on from there"
    );
    let fresh = Incarnation::new(START, &*desk.chance);
    assert_eq!(desk.store.begin_incarnation(fresh).unwrap(), 6);
    assert_eq!(desk.store.verify_chain().unwrap().first_bad, None);
}

#[test]
fn nobody_can_make_an_op_go_that_is_not_everywhere_else() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::at(dir.path());
    let rows = judged(&desk);
    desk.store.park(rows[8].op_id, "push.malformed").unwrap();
    safe(&desk, 6);
    drop(desk);
    #[expect(clippy::disallowed_methods, reason = "behind the door's back")]
    let conn = rusqlite::Connection::open(dir.path().join("desk.db")).unwrap();
    conn.execute_batch(&format!(
        "PRAGMA key = \"x'{}'\"; PRAGMA foreign_keys = OFF;",
        "07".repeat(32)
    ))
    .unwrap();
    // Even with a hole on record over the whole journal.
    conn.execute(
        "INSERT INTO journal_hole (incarnation, first_seq, last_seq, why) SELECT incarnation, 1, 99, 'pruned' FROM identity",
        [],
    )
    .unwrap();
    for seq in 7..=10 {
        let fate = conn.execute(
            "DELETE FROM op_fate WHERE ord = (SELECT ord FROM op WHERE seq = ?1)",
            [seq],
        );
        assert!(fate.unwrap_err().to_string().contains("is kept"), "{seq}");
        let op = conn.execute("DELETE FROM op WHERE seq = ?1", [seq]);
        assert!(op.unwrap_err().to_string().contains("immutable"), "{seq}");
    }
    conn.execute("UPDATE backup_safe SET seq = 3", []).unwrap();
    conn.execute(
        "DELETE FROM op_fate WHERE ord = (SELECT ord FROM op WHERE seq = 5)",
        [],
    )
    .unwrap();
    let op = conn.execute("DELETE FROM op WHERE seq = 5", []);
    assert!(op.unwrap_err().to_string().contains("immutable"));
}
