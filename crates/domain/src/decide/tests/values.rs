//! Values of fields: revisions, conflicts, unions, and what is no value.

use super::code;
use crate::decide::decide;
use crate::field::{FieldKey, FieldValue};
use crate::ids::OpId;
use crate::op::{Op, OpBody};
use crate::outcome::{HeldWhy, Outcome};
use crate::people::{Actor, Role};
use crate::testkit::{self, Story, set, typed};
use std::collections::BTreeSet;

const KEY: FieldKey = FieldKey::TerminalModel;

fn text(value: &str) -> FieldValue {
    FieldValue::Text(value.to_owned())
}

fn second_agent() -> Actor {
    testkit::actor(70, Role::Agent)
}

/// A write whose author saw `base`.
fn write(story: &Story, by: &Actor, value: &str, base: Option<OpId>) -> Op {
    Op {
        base_rev: base,
        ..story.next_op(by, &typed(KEY, value))
    }
}

/// A draft in which the first agent has written one value.
fn written() -> (Story, OpId) {
    let story = Story::created().then(&testkit::agent(), &typed(KEY, "A8"));
    let rev = story.the_case().fields[&KEY].rev;
    (story, rev)
}

#[test]
fn value_built_on_what_stands_is_applied() {
    let (mut story, rev) = written();
    let op = write(&story, &second_agent(), "A9", Some(rev));
    assert!(matches!(
        story.send_op(&second_agent(), op),
        Outcome::Applied { .. }
    ));
    assert_eq!(story.the_case().value(KEY), Some(&text("A9")));
}

#[test]
fn equal_value_from_elsewhere_is_a_noop_on_which_its_author_may_build() {
    let (mut story, rev) = written();
    let same = write(&story, &second_agent(), "A8", None);
    let same_id = same.op_id;
    assert_eq!(
        story.send_op(&second_agent(), same.clone()),
        Outcome::Noop { same_as: rev }
    );
    let again = decide(story.case.as_ref(), &same, &story.context(&second_agent()));
    assert_eq!(
        (again.outcome, again.case),
        (Outcome::Noop { same_as: rev }, None)
    );
    let next = write(&story, &second_agent(), "A9", Some(same_id));
    assert!(matches!(
        story.send_op(&second_agent(), next),
        Outcome::Applied { .. }
    ));
    assert!(story.the_case().conflicts.is_empty());
    assert!(story.the_case().makers.contains(&second_agent().person));
}

#[test]
fn op_that_already_stands_is_a_noop() {
    let (mut story, rev) = written();
    let (op, who, ..) = story.log[1].clone();
    assert_eq!(op.op_id, rev);
    assert_eq!(story.send_op(&who, op), Outcome::Noop { same_as: rev });
}

#[test]
fn different_value_from_elsewhere_is_a_conflict_and_both_are_kept() {
    let (mut story, _) = written();
    let op = write(&story, &second_agent(), "A9", None);
    let id = op.op_id;
    assert_eq!(story.send_op(&second_agent(), op), Outcome::Conflict { id });
    let case = story.the_case();
    assert_eq!(case.value(KEY), Some(&text("A8")));
    assert_eq!(case.conflicts[&id].value, Some(text("A9")));
    assert_eq!(case.conflicts[&id].by, second_agent().user);
}

#[test]
fn later_word_of_the_losing_author_replaces_the_losing_value() {
    let (mut story, rev) = written();
    let first = write(&story, &second_agent(), "A9", None);
    let first_id = first.op_id;
    story.send_op(&second_agent(), first);
    let second = write(&story, &second_agent(), "A10", Some(first_id));
    let second_id = second.op_id;
    assert_eq!(
        story.send_op(&second_agent(), second),
        Outcome::Conflict { id: second_id }
    );
    assert_eq!(
        story.the_case().conflicts.keys().collect::<Vec<_>>(),
        [&second_id]
    );
    let back = write(&story, &second_agent(), "A8", Some(second_id));
    assert!(matches!(
        story.send_op(&second_agent(), back),
        Outcome::Applied { .. }
    ));
    assert!(story.the_case().conflicts.is_empty());
    assert_eq!(story.the_case().fields[&KEY].rev, rev);
}

#[test]
fn conflict_is_settled_by_a_person_and_a_second_settlement_is_not_lost() {
    let (mut story, _) = written();
    let losing = write(&story, &second_agent(), "A9", None);
    let id = losing.op_id;
    story.send_op(&second_agent(), losing);
    let settle = |value: &str| OpBody::ConflictResolve {
        conflict: id,
        value: Some(text(value)),
    };
    let mut story = story.then(&testkit::agent(), &settle("A9"));
    assert_eq!(story.the_case().value(KEY), Some(&text("A9")));
    assert!(story.the_case().conflicts.is_empty());
    let same = story.clone().send(&second_agent(), &settle("A9"));
    assert!(matches!(same, Outcome::Noop { .. }));
    let other = story.send(&second_agent(), &settle("A10"));
    assert!(matches!(other, Outcome::Conflict { .. }));
    assert_eq!(story.the_case().value(KEY), Some(&text("A9")));
    assert_eq!(story.the_case().conflicts.len(), 1);
    let unknown = OpBody::ConflictResolve {
        conflict: OpId::from_uuid(testkit::uuid(5)),
        value: None,
    };
    assert_eq!(
        story.send(&testkit::agent(), &unknown),
        Outcome::Held {
            why: HeldWhy::MissingDependency
        }
    );
}

#[test]
fn sets_from_two_desks_are_united() {
    let key = FieldKey::TerminalNumbers;
    let mut story = Story::created().then(&testkit::agent(), &typed(key, "00000751"));
    let op = Op {
        base_rev: None,
        ..story.next_op(&second_agent(), &typed(key, "A0000001"))
    };
    assert!(matches!(
        story.send_op(&second_agent(), op),
        Outcome::Applied { .. }
    ));
    let both = BTreeSet::from(["00000751".to_owned(), "A0000001".to_owned()]);
    assert_eq!(story.the_case().members(key), both);
    let subset = Op {
        base_rev: None,
        ..story.next_op(&second_agent(), &typed(key, "A0000001"))
    };
    assert!(matches!(
        story.send_op(&second_agent(), subset),
        Outcome::Noop { .. }
    ));
    // Who saw both may take one away.
    assert!(matches!(
        story.send(&testkit::agent(), &typed(key, "00000751")),
        Outcome::Applied { .. }
    ));
    assert_eq!(story.the_case().members(key).len(), 1);
}

#[test]
fn values_that_no_parser_made_are_refused() {
    for (key, value, expected) in [
        (FieldKey::MerchantNo, text("8222900701"), "field.invalid"),
        (
            FieldKey::TerminalSerial,
            text("n9qt00000001"),
            "field.invalid",
        ),
        (FieldKey::Channel, text("telepathy"), "field.invalid"),
        (FieldKey::EffectsTold, text("true"), "field.invalid"),
        (FieldKey::UnsettledFen, text("1.00"), "field.invalid"),
        (FieldKey::TerminalNumbers, text("00000751"), "field.invalid"),
        (
            FieldKey::RequestWords,
            text("6222020000000000000"),
            "field.secret",
        ),
        (
            FieldKey::RequestWords,
            text(&"字".repeat(501)),
            "field.invalid",
        ),
    ] {
        let outcome = Story::created().send(&testkit::agent(), &set(key, Some(value)));
        assert_eq!(code(&outcome), expected, "{key:?}");
    }
    let longest = text(&"字".repeat(500));
    let outcome = Story::created().send(
        &testkit::agent(),
        &set(FieldKey::RequestWords, Some(longest)),
    );
    assert!(matches!(outcome, Outcome::Applied { .. }));
}
