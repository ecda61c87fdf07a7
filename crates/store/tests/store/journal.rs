//! The journal keeps what was done, exactly, and nothing that the rules refuse.

use crate::house::{Desk, START, set_body};
use desk_domain::case::CaseState;
use desk_domain::field::FieldKey;
use desk_domain::ids::{CaseId, Incarnation, OfficeCode, OpId, UserId};
use desk_domain::op::{ChainHash, Op, OpBody};
use desk_domain::outcome::{HeldWhy, Outcome};
use desk_store::{Acknowledged, NewOp, OpState, Page, StoreError};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

fn keyed(db: &Path) -> rusqlite::Connection {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test damages the file behind the door's back"
    )]
    let conn = rusqlite::Connection::open(db).unwrap();
    conn.execute_batch(&format!("PRAGMA key = \"x'{}'\";", "07".repeat(32)))
        .unwrap();
    conn
}

/// Commit frames in the WAL: a frame header whose "database size after commit" is not zero.
fn commits_in_wal(db: &Path) -> usize {
    let wal = fs::read(db.with_extension("db-wal")).unwrap();
    let page = u32::from_be_bytes(wal[8..12].try_into().unwrap()) as usize;
    let salt = &wal[16..24];
    let frames = wal[32..].chunks_exact(24 + page);
    frames
        .filter(|frame| &frame[8..16] == salt && frame[4..8] != [0; 4])
        .count()
}

fn refused(desk: &Desk, case: CaseId) -> StoreError {
    let submit = desk.op(
        case,
        OpBody::Submit {
            digest: ChainHash::GENESIS,
        },
    );
    desk.store.append(&[submit], &[]).unwrap_err()
}

#[test]
fn a_refused_append_writes_nothing() {
    let desk = Desk::new();
    let case = desk.new_case();
    let before = (
        desk.store.heads().unwrap(),
        desk.store.case_view(case).unwrap(),
        desk.store.outbox().unwrap(),
    );
    let StoreError::Refused { code, .. } = refused(&desk, case) else {
        panic!("not refused")
    };
    assert!(!code.is_empty());
    assert_eq!(
        (
            desk.store.heads().unwrap(),
            desk.store.case_view(case).unwrap(),
            desk.store.outbox().unwrap()
        ),
        before
    );
}

#[test]
fn one_refused_op_takes_its_whole_group_with_it() {
    let desk = Desk::new();
    let case = desk.new_case();
    let name = desk.set_op(case, FieldKey::MerchantName, "示例商行");
    let submit = desk.op(
        case,
        OpBody::Submit {
            digest: ChainHash::GENESIS,
        },
    );
    desk.store
        .put_draft(case, FieldKey::MerchantName, "示例商")
        .unwrap();
    let answer = desk
        .store
        .append(&[name, submit], &[(case, FieldKey::MerchantName)]);
    assert_eq!(answer.unwrap_err().code(), "store.refused");
    assert!(!desk.case(case).fields.contains_key(&FieldKey::MerchantName));
    assert_eq!(
        desk.store.drafts(case).unwrap()[&FieldKey::MerchantName],
        "示例商"
    );
}

#[test]
fn the_same_op_is_not_written_twice() {
    let desk = Desk::new();
    let case = desk.new_case();
    let op = desk.set_op(case, FieldKey::MerchantName, "示例商行");
    desk.store.append(std::slice::from_ref(&op), &[]).unwrap();
    assert!(
        matches!(desk.store.append(std::slice::from_ref(&op), &[]), Err(StoreError::AlreadyWritten(id)) if id == op.op_id)
    );
}

#[test]
fn an_unknown_actor_writes_nothing() {
    let desk = Desk::new();
    let case = desk.new_case();
    let stranger = UserId::new(START, &*desk.chance);
    let op = NewOp {
        actor: stranger,
        ..desk.op(case, set_body(FieldKey::MerchantName, "示例"))
    };
    assert!(
        matches!(desk.store.append(&[op], &[]), Err(StoreError::UnknownActor(user)) if user == stranger)
    );
    assert_eq!(desk.store.heads().unwrap()[0].seq, 1);
}

#[test]
fn an_op_row_can_be_neither_changed_nor_removed() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::at(dir.path());
    desk.new_case();
    drop(desk);
    let conn = keyed(&dir.path().join("desk.db"));
    for sql in [
        "UPDATE op SET bytes = 'x'",
        "UPDATE op SET hash = zeroblob(32)",
        "UPDATE op SET seq = seq + 1",
        "DELETE FROM op",
    ] {
        let error = conn.execute(sql, []).unwrap_err().to_string();
        assert!(error.contains("immutable"), "{sql}: {error}");
    }
}

#[test]
fn the_chain_check_finds_one_flipped_bit() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::at(dir.path());
    let case = desk.new_case();
    for name in ["示例一店", "示例二店", "示例三店"] {
        desk.set(case, FieldKey::MerchantName, name).unwrap();
    }
    let sound = desk.store.verify_chain().unwrap();
    assert_eq!((sound.sound, sound.first_bad), (4, None));
    let incarnation = desk.identity.incarnation;
    let chance = desk.chance.clone();
    drop(desk);
    let conn = keyed(&dir.path().join("desk.db"));
    // Behind the triggers' back, as a fault of the medium would.
    conn.execute_batch("DROP TRIGGER op_is_never_changed; UPDATE op SET bytes = replace(bytes, '示例二店', '示例二庖') WHERE seq = 3;")
        .unwrap();
    drop(conn);
    let store = desk_store::Store::open(
        &crate::house::paths(dir.path()),
        &crate::house::key(),
        chance.clone(),
    )
    .unwrap();
    assert_eq!(
        store.verify_chain().unwrap().first_bad,
        Some((incarnation, 3))
    );
    drop(store);
    // After an unclean exit, the desk notices by itself.
    fs::write(dir.path().join("desk.lock"), b"open").unwrap();
    let error = desk_store::Store::open(
        &crate::house::paths(dir.path()),
        &crate::house::key(),
        chance,
    )
    .unwrap_err();
    assert_eq!(error.code(), "store.damaged");
}

#[test]
fn a_save_is_exactly_one_commit() {
    let desk = Desk::new();
    let case = desk.new_case();
    let ops: Vec<NewOp> = [
        (FieldKey::MerchantName, "示例商行"),
        (FieldKey::CallerName, "样例乙"),
        (FieldKey::RequestWords, "机器坏了"),
    ]
    .map(|(field, text)| desk.set_op(case, field, text))
    .into();
    desk.store
        .put_draft(case, FieldKey::MerchantName, "示例")
        .unwrap();
    let before = commits_in_wal(&desk.paths.db);
    desk.store
        .append(&ops, &[(case, FieldKey::MerchantName)])
        .unwrap();
    assert_eq!(commits_in_wal(&desk.paths.db), before + 1);
    assert!(desk.store.drafts(case).unwrap().is_empty());
}

#[test]
fn the_bytes_on_the_way_out_are_the_bytes_that_were_hashed() {
    let desk = Desk::new();
    let case = desk.new_case();
    desk.set(case, FieldKey::MerchantName, "示例商行").unwrap();
    let rows = desk.store.unsent(0, 100, usize::MAX).unwrap();
    let mut hash = ChainHash::GENESIS;
    for (row, seq) in rows.iter().zip(1..) {
        let op = Op::parse(&row.bytes).unwrap();
        assert_eq!((row.seq, op.seq, op.prev_hash), (seq, seq, hash));
        hash = ChainHash::after(hash, row.bytes.as_bytes());
        assert_eq!(row.hash, hash);
    }
    assert_eq!(rows.len(), 2);
}

#[test]
fn a_group_is_never_split_over_batches() {
    let desk = Desk::new();
    let case = desk.new_case();
    let group: Vec<NewOp> = [
        FieldKey::MerchantName,
        FieldKey::RequestWords,
        FieldKey::ReasonText,
    ]
    .map(|field| desk.set_op(case, field, "示例"))
    .into();
    desk.store.append(&group, &[]).unwrap();
    let lens = |after, ops, bytes| desk.store.unsent(after, ops, bytes).unwrap().len();
    assert_eq!(
        lens(0, 3, usize::MAX),
        1,
        "the group of three does not fit behind the first"
    );
    assert_eq!(lens(0, 4, usize::MAX), 4);
    assert_eq!(lens(1, 1, usize::MAX), 3, "a group alone is sent whole");
    assert_eq!(lens(1, 100, 10), 3);
    assert_eq!(lens(4, 100, usize::MAX), 0);
}

#[test]
fn a_receipt_moves_ops_on_and_a_foreign_one_is_a_fork() {
    let desk = Desk::new();
    let case = desk.new_case();
    let rows = desk.store.unsent(0, 10, usize::MAX).unwrap();
    let mut receipt = Acknowledged {
        first_seq: 1,
        incarnation: rows[0].incarnation,
        seq: 1,
        hash: ChainHash::GENESIS,
        outcomes: vec![(rows[0].op_id, Outcome::Applied { rev: 1 })],
    };
    assert!(matches!(
        desk.store.acknowledge(&receipt),
        Err(StoreError::Fork)
    ));
    assert_eq!(desk.store.outbox().unwrap().unsent, 1);
    receipt.hash = rows[0].hash;
    for _ in 0..2 {
        desk.store.acknowledge(&receipt).unwrap();
        assert_eq!(desk.store.outbox().unwrap().unsent, 0);
        let head = desk.store.heads().unwrap()[0];
        assert_eq!((head.acknowledged_seq, head.hash), (1, rows[0].hash));
        let view = desk.store.case_view(case).unwrap().unwrap();
        assert_eq!(view.pending[0].state, OpState::Applied);
        assert_eq!(
            view.case.state,
            CaseState::Draft,
            "the case stays in view until the feed brings it"
        );
    }
}

#[test]
fn a_verdict_once_given_stands() {
    let desk = Desk::new();
    let case = desk.new_case();
    let row = desk.store.unsent(0, 10, usize::MAX).unwrap().remove(0);
    let tell = |outcome: Outcome| {
        let outcomes = vec![(row.op_id, outcome)];
        let receipt = Acknowledged {
            first_seq: 1,
            incarnation: row.incarnation,
            seq: 1,
            hash: row.hash,
            outcomes,
        };
        desk.store.acknowledge(&receipt).unwrap();
        desk.store.case_view(case).unwrap().unwrap().pending[0]
            .outcome
            .clone()
            .unwrap()
    };
    let held = Outcome::Held {
        why: HeldWhy::MissingDependency,
    };
    assert_eq!(tell(held.clone()), held);
    let refused = Outcome::Refused {
        code: "case.exists".to_owned(),
        params: BTreeMap::new(),
    };
    assert_eq!(tell(refused.clone()), refused);
    assert_eq!(tell(Outcome::Applied { rev: 1 }), refused);
}

#[test]
fn a_parked_op_is_seen_and_stays_in_the_chain() {
    let desk = Desk::new();
    desk.new_case();
    let row = desk.store.unsent(0, 10, usize::MAX).unwrap().remove(0);
    desk.store.park(row.op_id, "push.malformed").unwrap();
    let outbox = desk.store.outbox().unwrap();
    assert_eq!((outbox.parked, outbox.unsent), (1, 0));
    assert_eq!(
        desk.store.outbox_rows(10).unwrap()[0].reason.as_deref(),
        Some("push.malformed")
    );
    assert!(desk.store.unsent(0, 10, usize::MAX).unwrap()[0].parked);
    let stranger = OpId::new(START, &*desk.chance);
    assert!(matches!(
        desk.store.park(stranger, "x"),
        Err(StoreError::UnknownOp(_))
    ));
}

#[test]
fn a_new_incarnation_takes_the_unsent_ops_along_with_their_ids() {
    let desk = Desk::new();
    let case = desk.new_case();
    let first = desk.store.unsent(0, 10, usize::MAX).unwrap().remove(0);
    let outcomes = vec![(first.op_id, Outcome::Applied { rev: 1 })];
    let receipt = Acknowledged {
        first_seq: 1,
        incarnation: first.incarnation,
        seq: 1,
        hash: first.hash,
        outcomes,
    };
    desk.store.acknowledge(&receipt).unwrap();
    let second = desk
        .set(case, FieldKey::MerchantName, "示例商行")
        .unwrap()
        .rows
        .remove(0);
    let fresh = Incarnation::new(START, &*desk.chance);
    assert_eq!(desk.store.begin_incarnation(fresh).unwrap(), 1);
    let moved = desk.store.unsent(0, 10, usize::MAX).unwrap();
    assert_eq!(
        (
            moved.len(),
            moved[0].seq,
            moved[0].op_id,
            moved[0].incarnation
        ),
        (1, 1, second.op_id, fresh)
    );
    assert_eq!(desk.store.verify_chain().unwrap().first_bad, None);
    let next = desk
        .set(case, FieldKey::CallerName, "样例乙")
        .unwrap()
        .rows
        .remove(0);
    assert_eq!((next.seq, next.incarnation), (2, fresh));
    let view = desk.store.case_view(case).unwrap().unwrap();
    assert_eq!(view.pending.len(), 3);
    assert_eq!(desk.store.outbox().unwrap().unsent, 2);
}

#[test]
fn a_server_that_was_restored_gets_the_ops_again() {
    let desk = Desk::new();
    let case = desk.new_case();
    desk.set(case, FieldKey::MerchantName, "示例商行").unwrap();
    let rows = desk.store.unsent(0, 10, usize::MAX).unwrap();
    let outcomes = rows
        .iter()
        .zip(1..)
        .map(|(row, rev)| (row.op_id, Outcome::Applied { rev }))
        .collect();
    let receipt = Acknowledged {
        first_seq: 1,
        incarnation: rows[0].incarnation,
        seq: 2,
        hash: rows[1].hash,
        outcomes,
    };
    desk.store.acknowledge(&receipt).unwrap();
    desk.store
        .rewind_acknowledged(rows[0].incarnation, 1)
        .unwrap();
    assert_eq!(desk.store.heads().unwrap()[0].acknowledged_seq, 1);
    assert_eq!(desk.store.outbox().unwrap().unsent, 1);
    let states: Vec<OpState> = desk
        .store
        .case_view(case)
        .unwrap()
        .unwrap()
        .pending
        .iter()
        .map(|op| op.state)
        .collect();
    assert_eq!(states, [OpState::Applied, OpState::Queued]);
}

#[test]
fn a_place_in_a_chain_is_known_by_its_hash_in_every_life() {
    let desk = Desk::new();
    desk.new_case();
    let row = desk.store.unsent(0, 10, usize::MAX).unwrap().remove(0);
    let fresh = Incarnation::new(START, &*desk.chance);
    desk.store.begin_incarnation(fresh).unwrap();
    let at = |life, seq| desk.store.hash_at(life, seq).unwrap();
    assert_eq!(at(row.incarnation, 1), Some(row.hash));
    assert_eq!(at(row.incarnation, 2), None);
    assert!(at(fresh, 1).is_some_and(|hash| hash != row.hash));
}

#[test]
fn an_office_is_known_while_something_of_it_stands_here() {
    let desk = Desk::new();
    desk.new_case();
    assert!(
        desk.store.known_scopes().unwrap().is_empty(),
        "what is only typed here came from no feed"
    );
    let scope = OfficeCode::parse("AB001").unwrap();
    let page = Page {
        scope: scope.clone(),
        cursor: Some(3),
        fill: true,
        changes: Vec::new(),
    };
    desk.store.apply_page(&page).unwrap();
    assert_eq!(
        desk.store.known_scopes().unwrap(),
        std::slice::from_ref(&scope)
    );
    desk.store.reset_scope(&scope).unwrap();
    assert!(desk.store.known_scopes().unwrap().is_empty());
}

#[test]
fn case_numbers_of_a_day_never_repeat_even_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::at(dir.path());
    let first: Vec<u32> = (0..3)
        .map(|_| desk.store.next_case_sequence("261102").unwrap())
        .collect();
    let desk = desk.reopened();
    assert_eq!(first, [1, 2, 3]);
    assert_eq!(desk.store.next_case_sequence("261102").unwrap(), 4);
    assert_eq!(desk.store.next_case_sequence("261103").unwrap(), 1);
}

#[test]
fn listeners_hear_what_a_write_touched() {
    let desk = Desk::new();
    let heard = desk.store.subscribe();
    let case = desk.new_case();
    let touched = heard.try_iter().last().unwrap();
    assert!(touched.outbox && touched.cases.contains(&case));
    assert_eq!(refused(&desk, case).code(), "store.refused");
    assert!(
        heard.try_iter().next().is_none(),
        "a refused append touches nothing"
    );
}
