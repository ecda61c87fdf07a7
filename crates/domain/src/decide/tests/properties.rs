//! Whatever is sent, in whatever order, the rules hold still.

use crate::case::{
    CaseState, DocumentKind, EvidenceKind, ExecutionResult, NoticeChannel, ReturnItem,
    ReturnTarget, Verdict,
};
use crate::decide::{decide, fold};
use crate::field::{FieldKey, FieldValue};
use crate::op::{ChainHash, Op, OpBody};
use crate::outcome::Outcome;
use crate::people::Actor;
use crate::testkit::{self, Story, typed};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn people() -> Vec<Actor> {
    let mut both = testkit::reviewer();
    both.roles.extend(testkit::agent().roles);
    vec![
        testkit::agent(),
        testkit::reviewer(),
        testkit::second_reviewer(),
        testkit::operator(),
        testkit::supervisor(),
        testkit::system(),
        both,
    ]
}

fn facts() -> Vec<OpBody> {
    let why = || "why".to_owned();
    vec![
        OpBody::CaseCreate {
            case_no: testkit::case_no(1),
            office: testkit::office(),
            parent: None,
        },
        typed(FieldKey::LegalName, "张三"),
        typed(FieldKey::LegalName, "李四"),
        testkit::set(FieldKey::LegalName, None),
        typed(FieldKey::TerminalNumbers, "00000751"),
        typed(FieldKey::TerminalNumbers, "A0000001"),
        testkit::attach(1, DocumentKind::Invoice),
        testkit::attach(7, DocumentKind::IdCardBack),
        OpBody::DocumentStored {
            document: testkit::document_id(7),
        },
        OpBody::DocumentDetach {
            document: testkit::document_id(7),
            reason: why(),
        },
        testkit::evidence(EvidenceKind::CallBack),
        OpBody::IdentityMatch {
            merchant: None,
            agreed: BTreeSet::new(),
            differed: BTreeSet::from([FieldKey::LegalName]),
        },
        OpBody::RiskAssess {
            points: 75,
            signals: BTreeSet::from(["pressure".to_owned()]),
        },
        OpBody::RiskClear { reason: why() },
    ]
}

fn commands(story: &Story) -> Vec<OpBody> {
    let digest = story
        .case
        .as_ref()
        .map_or(ChainHash::GENESIS, crate::case::Case::content_digest);
    let why = || "why".to_owned();
    let item = ReturnItem {
        target: ReturnTarget::Field {
            key: FieldKey::LegalName,
        },
        code: "VALUE_WRONG".to_owned(),
        text: why(),
    };
    vec![
        OpBody::Submit { digest },
        OpBody::ReviewTake { note: why() },
        testkit::verdict(1, Verdict::Accepted, None),
        testkit::verdict(2, Verdict::Accepted, None),
        testkit::verdict(3, Verdict::Accepted, None),
        OpBody::DocumentWaive {
            kind: DocumentKind::Invoice,
            reason: why(),
        },
        OpBody::ReviewReturn { items: vec![item] },
        OpBody::ReturnAnswer {
            item: 0,
            text: why(),
        },
        OpBody::ReviewReject {
            code: "IMPERSONATION".to_owned(),
            appeal: why(),
        },
        OpBody::ReviewReject {
            code: "NOT_ENTITLED".to_owned(),
            appeal: why(),
        },
        OpBody::ReviewApprove { digest },
        OpBody::Hold {
            reason: why(),
            review_date: "2027-01-01".to_owned(),
        },
        OpBody::Unhold { reason: why() },
        OpBody::ExecuteStart {
            idempotency_key: format!("key-{}", story.log.len()),
        },
        testkit::executed(ExecutionResult::Unbound),
        testkit::executed(ExecutionResult::Unknown),
        OpBody::NoticeRecord {
            channel: NoticeChannel::Call,
            template: "done".to_owned(),
            delivered: true,
            note: why(),
        },
        OpBody::Close { note: why() },
        OpBody::Reopen {
            reason: why(),
            new_evidence: why(),
        },
        OpBody::Withdraw {
            reason: why(),
            identity_checked: true,
        },
    ]
}

fn bodies(story: &Story) -> Vec<OpBody> {
    facts().into_iter().chain(commands(story)).collect()
}

fn start(stage: usize) -> Story {
    match stage {
        0 => Story::new(),
        1 => Story::ready(),
        2 => Story::in_review(),
        _ => Story::executing(),
    }
}

/// Which person sends which body; `blind` ops were written by somebody who saw nothing.
fn moves() -> impl Strategy<Value = (usize, Vec<(usize, usize, bool)>)> {
    (
        0_usize..4,
        prop::collection::vec((0_usize..7, 0_usize..34, any::<bool>()), 1..60),
    )
}

fn play(stage: usize, moves: &[(usize, usize, bool)]) -> Story {
    let (mut story, people) = (start(stage), people());
    for (who, what, blind) in moves {
        let who = &people[who % people.len()];
        let bodies = bodies(&story);
        let mut op = story.next_op(who, &bodies[what % bodies.len()]);
        if *blind {
            op.base_rev = None;
        }
        story.send_op(who, op);
    }
    story
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_history_replays_to_the_same_case((stage, moves) in moves()) {
        let story = play(stage, &moves);
        let replay = fold(story.log.iter().map(|(op, who, now, _)| {
            let mut ctx = story.context(who);
            ctx.now = *now;
            (op, ctx)
        }));
        prop_assert_eq!(&replay, &story.case);
        if let Some(case) = replay {
            let json = serde_json::to_string(&case).unwrap();
            prop_assert_eq!(serde_json::from_str::<crate::case::Case>(&json).unwrap(), case);
        }
    }

    #[test]
    fn nobody_approves_what_they_wrote((stage, moves) in moves()) {
        let story = play(stage, &moves);
        if let Some(case) = &story.case {
            for approval in &case.approvals {
                let wrote_later = matches!(case.state, CaseState::InReview | CaseState::Submitted | CaseState::Returned);
                prop_assert!(wrote_later || !case.makers.contains(&approval.person), "{approval:?}");
            }
            let people: BTreeSet<_> = case.approvals.iter().map(|approval| approval.person).collect();
            prop_assert_eq!(people.len(), case.approvals.len());
        }
    }

    #[test]
    fn each_written_value_stands_or_is_beside_it(left in "[A-Z]{1,8}", right in "[A-Z]{1,8}") {
        let (first, second) = (testkit::agent(), testkit::actor(70, crate::people::Role::Agent));
        let mut story = Story::created().then(&first, &typed(FieldKey::TerminalModel, &left));
        let op = Op { base_rev: None, ..story.next_op(&second, &typed(FieldKey::TerminalModel, &right)) };
        story.send_op(&second, op);
        let case = story.the_case();
        let beside = case.conflicts.values().filter_map(|conflict| conflict.value.clone());
        let kept: BTreeSet<FieldValue> = case.value(FieldKey::TerminalModel).cloned().into_iter().chain(beside).collect();
        prop_assert_eq!(kept, BTreeSet::from([FieldValue::Text(left), FieldValue::Text(right)]));
    }

    #[test]
    fn writes_to_different_fields_commute(left in "[a-z]{1,8}", right in "[a-z]{1,8}") {
        let who = testkit::agent();
        let bodies = [typed(FieldKey::TerminalModel, &left), typed(FieldKey::TerminalAddress, &right)];
        let one = Story::created().then(&who, &bodies[0]).then(&who, &bodies[1]);
        let two = Story::created().then(&who, &bodies[1]).then(&who, &bodies[0]);
        prop_assert_eq!(one.the_case().content_digest(), two.the_case().content_digest());
    }

    #[test]
    fn arbitrary_bodies_never_make_it_fall_over(kind in 0_usize..40, body in "\\PC{0,80}|\\{\"[a-z_]{1,10}\":(\"\\PC{0,10}\"|[0-9]{1,9}|null)\\}") {
        let Ok(raw) = serde_json::value::RawValue::from_string(body) else { return Ok(()) };
        let story = Story::in_review();
        for who in people() {
            let mut op = story.next_op(&who, &OpBody::Close { note: String::new() });
            op.kind = OpBody::KINDS.get(kind).map_or("no.such", |kind| *kind).to_owned();
            op.body = raw.clone();
            let decision = decide(story.case.as_ref(), &op, &story.context(&who));
            let changed = matches!(decision.outcome, Outcome::Applied { .. } | Outcome::Conflict { .. });
            prop_assert_eq!(changed, decision.case.is_some());
        }
    }
}
