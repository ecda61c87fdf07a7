//! After the server was put back to a backup: what it says now counts, what it said before does not.

use crate::house::{Desk, office, server_fold};
use desk_domain::field::FieldKey;
use desk_domain::ids::{OfficeCode, OpId};
use desk_domain::outcome::{HeldWhy, Outcome};
use desk_store::{Acknowledged, JournalRow, OpState, Page, PageChange};
use std::collections::BTreeMap;

const HELD: Outcome = Outcome::Held {
    why: HeldWhy::MissingDependency,
};

fn receipt(rows: &[JournalRow], outcomes: Vec<(OpId, Outcome)>) -> Acknowledged {
    let (first, last) = (rows.first().unwrap(), rows.last().unwrap());
    Acknowledged {
        incarnation: last.incarnation,
        first_seq: first.seq,
        seq: last.seq,
        hash: last.hash,
        outcomes,
    }
}

fn refused() -> Outcome {
    Outcome::Refused {
        code: "case.wrong_state".to_owned(),
        params: BTreeMap::new(),
    }
}

fn page(changes: Vec<PageChange>) -> Page {
    Page {
        scope: office(),
        cursor: Some(1),
        fill: true,
        changes,
    }
}

fn told(desk: &Desk, op: OpId, outcome: Outcome) {
    let change = PageChange::Outcomes(vec![(op, outcome)]);
    desk.store.apply_page(&page(vec![change])).unwrap();
}

fn listed(desk: &Desk, op: OpId) -> Option<OpState> {
    let rows = desk.store.outbox_rows(10).unwrap();
    rows.into_iter()
        .find(|row| row.op_id == op)
        .map(|row| row.state)
}

#[test]
fn a_receipt_that_was_on_its_way_during_a_rewind_moves_nothing() {
    let desk = Desk::new();
    let case = desk.new_case();
    desk.set(case, FieldKey::RequestWords, "机器坏了").unwrap();
    let rows = desk.store.unsent(0, 10, usize::MAX).unwrap();
    let life = rows[0].incarnation;
    desk.store
        .acknowledge(&receipt(&rows[..1], vec![]))
        .unwrap();
    desk.store.rewind_acknowledged(life, 0).unwrap();
    let late = vec![(rows[1].op_id, Outcome::Applied { rev: 2 })];
    desk.store.acknowledge(&receipt(&rows[1..], late)).unwrap();
    assert_eq!(desk.store.heads().unwrap()[0].acknowledged_seq, 0);
    let again = desk.store.unsent(0, 10, usize::MAX).unwrap();
    assert_eq!(again, rows, "both are sent again, and told then");
}

#[test]
fn a_verdict_of_the_life_before_gives_way_to_the_first_word_of_the_new_one() {
    let desk = Desk::new();
    let case = desk.new_case();
    let rows = desk.store.unsent(0, 10, usize::MAX).unwrap();
    let op = rows[0].op_id;
    let applied = vec![(op, Outcome::Applied { rev: 1 })];
    desk.store.acknowledge(&receipt(&rows, applied)).unwrap();
    told(&desk, op, HELD);
    assert_eq!(
        desk.store.case_view(case).unwrap().unwrap().pending[0].state,
        OpState::Applied,
        "a verdict stands"
    );
    desk.store.doubt_verdicts().unwrap();
    told(&desk, op, HELD);
    assert_eq!(
        listed(&desk, op),
        Some(OpState::Held),
        "and is on the list again"
    );
    told(&desk, op, refused());
    told(&desk, op, Outcome::Applied { rev: 9 });
    assert_eq!(
        listed(&desk, op),
        Some(OpState::Refused),
        "the new word stands, too"
    );
}

#[test]
fn a_refusal_that_a_person_put_aside_stays_aside_when_it_is_told_once_more() {
    let desk = Desk::new();
    desk.new_case();
    let rows = desk.store.unsent(0, 10, usize::MAX).unwrap();
    let op = rows[0].op_id;
    desk.store
        .acknowledge(&receipt(&rows, vec![(op, refused())]))
        .unwrap();
    assert_eq!(listed(&desk, op), Some(OpState::Refused));
    desk.store.dismiss(op).unwrap();
    desk.store.doubt_verdicts().unwrap();
    told(&desk, op, refused());
    assert_eq!(listed(&desk, op), None);
}

#[test]
fn verdicts_on_strange_ops_are_passed_over() {
    let desk = Desk::new();
    let strange = OpId::new(crate::house::START, &*desk.chance);
    told(&desk, strange, HELD);
    assert_eq!(listed(&desk, strange), None);
}

#[test]
fn a_case_that_left_one_office_for_another_that_is_read_here_stays() {
    let desk = Desk::new();
    let case = desk.new_case();
    let rows = desk.store.unsent(0, 10, usize::MAX).unwrap();
    let mut moved = server_fold(None, &[&rows[0].bytes], &desk.agent).unwrap();
    moved.office = OfficeCode::parse("SH001").unwrap();
    let there = Page {
        scope: moved.office.clone(),
        ..page(vec![PageChange::Case {
            case: Box::new(moved),
            timeline: Vec::new(),
            outcomes: vec![(rows[0].op_id, Outcome::Applied { rev: 1 })],
        }])
    };
    desk.store.apply_page(&there).unwrap();
    let gone = || PageChange::CaseGone(case);
    desk.store.apply_page(&page(vec![gone()])).unwrap();
    assert!(desk.store.case_view(case).unwrap().is_some());
    let there = Page {
        scope: OfficeCode::parse("SH001").unwrap(),
        ..page(vec![gone()])
    };
    desk.store.apply_page(&there).unwrap();
    assert!(desk.store.case_view(case).unwrap().is_none());
}
