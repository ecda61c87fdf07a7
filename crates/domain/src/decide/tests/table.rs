//! Every role × state × command against a table written from `product.md` section 4
//! and ADR 13.

use crate::case::{
    Case, CaseState, CloseWay, DocumentKind, Execution, ExecutionResult, Notice, NoticeChannel,
    Pause,
};
use crate::case::{FollowUpResult, ReturnItem, ReturnTarget, Verdict};
use crate::decide::decide;
use crate::field::FieldKey;
use crate::op::OpBody;
use crate::outcome::Outcome;
use crate::people::Role;
use crate::testkit::{self, DAY, MONDAY, Story};

use CaseState::{
    Approved, Closed, Draft, Duplicate, ExecFailed, ExecUnknown, Executing, InReview, OnHold,
    Referred, Rejected, Resolved, Returned, Submitted, Unbound, Waiting, Withdrawn,
};
use Role::{Agent, Clerk, Operator, Reviewer, Supervisor, System};

type Row = (
    &'static str,
    &'static [CaseState],
    &'static [Role],
    CaseState,
);

/// from → to | who. `agent` alone on the page stands for the clerk too, who is "the same in a branch".
const TRANSITIONS: &[Row] = &[
    ("submit", &[Draft, Returned], &[Agent, Clerk], Submitted),
    ("wait", &[Draft], &[Agent, Clerk], Waiting),
    ("resume", &[Waiting], &[Agent, Clerk], Draft),
    (
        "withdraw",
        &[Draft, Returned, Submitted, InReview, Approved],
        &[Agent, Clerk],
        Withdrawn,
    ),
    ("withdraw", &[Waiting], &[System], Withdrawn),
    ("resolved", &[Draft], &[Agent, Clerk], Resolved),
    ("referred", &[Draft], &[Agent, Clerk], Referred),
    ("duplicate", &[Draft], &[Agent, Clerk], Duplicate),
    ("take", &[Submitted], &[Reviewer], InReview),
    ("return", &[InReview], &[Reviewer], Returned),
    ("reject", &[InReview], &[Reviewer], Rejected),
    ("approve", &[InReview], &[Reviewer], Approved),
    (
        "start",
        &[Approved, ExecFailed],
        &[Operator, System],
        Executing,
    ),
    (
        "unbound",
        &[Executing, ExecUnknown],
        &[Operator, System],
        Unbound,
    ),
    (
        "failed",
        &[Executing, ExecUnknown],
        &[Operator, System],
        ExecFailed,
    ),
    ("unknown", &[Executing], &[Operator, System], ExecUnknown),
    ("close", &[Unbound], &[Agent, Clerk, System], Closed),
    (
        "reopen",
        &[Rejected, Closed, ExecFailed],
        &[Supervisor],
        InReview,
    ),
    // The system holds what the merchant of record has stopped (ADR 25).
    ("hold", ACTIVE, &[Reviewer, Supervisor, System], OnHold),
    ("unhold", &[OnHold], &[Reviewer, Supervisor], Draft),
];

const ACTIVE: &[CaseState] = &[
    Draft,
    Waiting,
    Submitted,
    InReview,
    Returned,
    Approved,
    Executing,
    ExecFailed,
    ExecUnknown,
    Unbound,
];

/// Commands that judge without moving the case.
const STAYS: &[(&str, &[CaseState], &[Role])] = &[
    ("judge", &[InReview], &[Reviewer]),
    // The lock of whoever took it is over after forty days.
    ("take", &[InReview], &[Reviewer, Supervisor]),
    (
        "waive",
        &[Draft, Waiting, Returned, Submitted, InReview],
        &[Supervisor],
    ),
    (
        "clear",
        &[
            Draft,
            Waiting,
            Submitted,
            InReview,
            Returned,
            Approved,
            Executing,
            ExecFailed,
            ExecUnknown,
            Unbound,
            OnHold,
        ],
        &[Supervisor],
    ),
    // The second of two submissions: kept in front of the reviewer.
    ("submit", &[Submitted, InReview], &[Agent, Clerk]),
];

const COMMANDS: &[&str] = &[
    "submit",
    "wait",
    "resume",
    "withdraw",
    "resolved",
    "referred",
    "duplicate",
    "take",
    "return",
    "reject",
    "approve",
    "start",
    "unbound",
    "failed",
    "unknown",
    "close",
    "reopen",
    "hold",
    "unhold",
    "judge",
    "waive",
    "clear",
];

/// A case on which every guard of every command holds, put into one state. Forty days have passed.
fn ready_in(state: CaseState) -> Story {
    let mut story = Story::judged();
    let at = story.now;
    let case = story.break_case();
    case.state = state;
    case.held_from = (state == OnHold).then_some(Draft);
    case.submitted_digest = None;
    case.identity.locked_until = Some(at);
    case.moments.pauses = vec![Pause {
        from: at,
        until: None,
    }];
    case.moments.approved_at = Some(at);
    case.moments.unbound_at = Some(at);
    case.moments.told_at = Some(at);
    case.follow_up = Some(FollowUpResult::RecordsSeen);
    case.follow_up_at = Some(at);
    let reminder = Notice {
        channel: NoticeChannel::Sms,
        template: "need_more".to_owned(),
        delivered: true,
        by: testkit::agent().user,
        at,
    };
    case.notices = vec![reminder.clone(), reminder];
    case.executions = vec![Execution {
        idempotency_key: "key-0".to_owned(),
        started_by: testkit::operator().user,
        started_at: at,
        result: (state == ExecUnknown).then_some(ExecutionResult::Unknown),
        reference: String::new(),
        evidence: String::new(),
        terminals: Vec::new(),
        finished_at: None,
    }];
    story.now = MONDAY + 40 * DAY;
    story
}

fn body_of(command: &str, case: &Case) -> OpBody {
    let why = || "because".to_owned();
    let finish = |way| OpBody::Finish {
        way,
        reason: why(),
        surviving: Some(testkit::case_no(2)),
    };
    match command {
        "submit" => OpBody::Submit {
            digest: case.content_digest(),
        },
        "wait" => OpBody::Wait {
            missing: vec!["invoice".to_owned()],
            promise_date: "2026-05-01".to_owned(),
        },
        "resume" => OpBody::Resume { note: why() },
        "withdraw" => OpBody::Withdraw {
            reason: why(),
            identity_checked: true,
        },
        "resolved" => finish(CloseWay::Resolved),
        "referred" => finish(CloseWay::Referred),
        "duplicate" => finish(CloseWay::Duplicate),
        "take" => OpBody::ReviewTake { note: why() },
        "return" => OpBody::ReviewReturn {
            items: vec![return_item()],
        },
        "reject" => OpBody::ReviewReject {
            code: "NOT_ENTITLED".to_owned(),
            appeal: why(),
        },
        "approve" => OpBody::ReviewApprove {
            digest: case.content_digest(),
        },
        "start" => OpBody::ExecuteStart {
            idempotency_key: "key-9".to_owned(),
        },
        "unbound" => testkit::requeried(ExecutionResult::Unbound),
        "failed" => testkit::requeried(ExecutionResult::Failed),
        "unknown" => testkit::requeried(ExecutionResult::Unknown),
        "close" => OpBody::Close { note: why() },
        "reopen" => OpBody::Reopen {
            reason: why(),
            new_evidence: why(),
        },
        "hold" => OpBody::Hold {
            reason: why(),
            review_date: "2026-05-01".to_owned(),
        },
        "unhold" => OpBody::Unhold { reason: why() },
        "judge" => testkit::verdict(1, Verdict::Accepted, None),
        "waive" => OpBody::DocumentWaive {
            kind: DocumentKind::Invoice,
            reason: why(),
        },
        "clear" => OpBody::RiskClear { reason: why() },
        other => panic!("{other}"),
    }
}

fn return_item() -> ReturnItem {
    ReturnItem {
        target: ReturnTarget::Field {
            key: FieldKey::MerchantName,
        },
        code: "VALUE_WRONG".to_owned(),
        text: String::new(),
    }
}

fn expected(command: &str, state: CaseState, role: Role) -> Option<CaseState> {
    let moves = TRANSITIONS.iter().find(|(name, from, who, _)| {
        *name == command && from.contains(&state) && who.contains(&role)
    });
    let stays = STAYS
        .iter()
        .any(|(name, from, who)| *name == command && from.contains(&state) && who.contains(&role));
    moves.map(|(_, _, _, to)| *to).or(stays.then_some(state))
}

#[test]
fn every_role_state_and_command_is_as_the_product_page_says() {
    let mut judged = 0;
    for state in CaseState::ALL {
        let story = ready_in(*state);
        for command in COMMANDS {
            for role in Role::ALL {
                let who = testkit::actor(90, role);
                let op = story.next_op(&who, &body_of(command, story.the_case()));
                let decision = decide(story.case.as_ref(), &op, &story.context(&who));
                let to = decision.case.as_ref().map(|case| case.state);
                assert_eq!(
                    to,
                    expected(command, *state, role),
                    "{role:?} {command} in {state:?}: {:?}",
                    decision.outcome
                );
                let applied = matches!(decision.outcome, Outcome::Applied { .. });
                assert_eq!(applied, to.is_some(), "{role:?} {command} in {state:?}");
                judged += 1;
            }
        }
    }
    assert_eq!(judged, 17 * 22 * 8);
}

#[test]
fn what_the_desk_offers_is_what_the_rules_allow() {
    for state in CaseState::ALL {
        let story = ready_in(*state);
        for role in Role::ALL {
            let who = testkit::actor(90, role);
            let offered = crate::decide::allowed(story.the_case(), &story.context(&who));
            for command in COMMANDS {
                let kind = body_of(command, story.the_case()).kind();
                if expected(command, *state, role)
                    .is_some_and(|to| to != *state || *command != "submit")
                {
                    assert!(offered.contains(&kind), "{role:?} {command} in {state:?}");
                }
            }
            let any = |kind: &str| {
                COMMANDS.iter().any(|command| {
                    body_of(command, story.the_case()).kind() == kind
                        && expected(command, *state, role).is_some()
                })
            };
            // The supervisor is the second voice of two commands of the reviewer.
            let second = |kind: &str| {
                role == Supervisor && matches!(kind, "review.approve" | "review.reject")
            };
            for kind in offered {
                assert!(
                    any(kind) || second(kind),
                    "{role:?} is offered {kind} in {state:?}"
                );
            }
        }
    }
}

#[test]
fn held_case_goes_back_to_where_it_was() {
    for state in ACTIVE {
        let mut story = ready_in(*state);
        let hold = body_of("hold", story.the_case());
        let unhold = body_of("unhold", story.the_case());
        assert!(matches!(
            story.send(&testkit::supervisor(), &hold),
            Outcome::Applied { .. }
        ));
        assert_eq!(story.the_case().state, OnHold);
        assert!(matches!(
            story.send(&testkit::supervisor(), &unhold),
            Outcome::Applied { .. }
        ));
        assert_eq!(story.the_case().state, *state);
        let running = story
            .the_case()
            .moments
            .pauses
            .last()
            .is_some_and(|pause| pause.until.is_none());
        assert_eq!(running, matches!(state, Waiting | Returned), "{state:?}");
    }
}
