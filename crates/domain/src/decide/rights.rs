//! Who may do what, in which states. Guards come after; this is the table of `product.md` section 4 without them.

use super::{Context, Judge, Stop};
use crate::case::{Case, CaseState};
use crate::op::OpBody;
use crate::people::{Actor, Role};
use crate::refusal::{Code, Refusal};

use CaseState::{
    Approved, Closed, Draft, ExecFailed, ExecUnknown, Executing, InReview, OnHold, Rejected,
    Returned, Submitted, Unbound, Waiting,
};
use Role::{Agent, Auditor, Clerk, Operator, Reviewer, Supervisor, System};

/// Roles that may and states in which it may be done; `states` none means any.
struct Right {
    roles: &'static [Role],
    states: Option<&'static [CaseState]>,
}

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
const NOT_FINAL: &[CaseState] = &[
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
];

/// The command kinds, in the order in which a case meets them.
const COMMANDS: &[&str] = &[
    "case.submit",
    "case.wait",
    "case.resume",
    "case.withdraw",
    "case.finish",
    "review.take",
    "document.judge",
    "document.waive",
    "review.return",
    "review.reject",
    "review.approve",
    "case.hold",
    "case.unhold",
    "risk.clear",
    "execution.start",
    "execution.record",
    "case.close",
    "case.reopen",
];

const fn fact(roles: &'static [Role]) -> Right {
    Right {
        roles,
        states: None,
    }
}

const fn command(roles: &'static [Role], states: &'static [CaseState]) -> Right {
    Right {
        roles,
        states: Some(states),
    }
}

/// `agent` of the page stands for agents and for clerks, who are "the same in a branch".
fn right_of(kind: &str) -> Right {
    match kind {
        "case.create" | "conflict.resolve" | "document.detach" | "follow_up.record"
        | "identity.match" | "return.answer" => fact(&[Agent, Clerk]),
        "field.set" | "document.attach" | "evidence.record" | "risk.assess" => {
            fact(&[Agent, Clerk, System])
        }
        "call.log" | "note.add" => fact(&[Agent, Clerk, Reviewer, Operator, Supervisor, System]),
        "document.stored" => fact(&[System]),
        "notice.record" => fact(&[Agent, Clerk, Operator, System]),
        "audit.reveal" | "audit.open_document" => {
            fact(&[Agent, Clerk, Reviewer, Operator, Supervisor, Auditor])
        }
        "case.submit" => command(&[Agent, Clerk], &[Draft, Returned, Submitted, InReview]),
        "case.wait" | "case.finish" => command(&[Agent, Clerk], &[Draft]),
        "case.resume" => command(&[Agent, Clerk], &[Waiting]),
        "case.withdraw" => command(
            &[Agent, Clerk, System],
            &[Draft, Waiting, Returned, Submitted, InReview, Approved],
        ),
        "review.take" => command(&[Reviewer, Supervisor], &[Submitted, InReview]),
        "document.judge" | "review.return" => command(&[Reviewer], &[InReview]),
        "review.reject" | "review.approve" => command(&[Reviewer, Supervisor], &[InReview]),
        "document.waive" => command(
            &[Supervisor],
            &[Draft, Waiting, Returned, Submitted, InReview],
        ),
        "case.hold" => command(&[Reviewer, Supervisor, System], ACTIVE),
        "case.unhold" => command(&[Reviewer, Supervisor], &[OnHold]),
        "risk.clear" => command(&[Supervisor], NOT_FINAL),
        "execution.start" => command(&[Operator, System], &[Approved, ExecFailed]),
        "execution.record" => command(&[Operator, System], &[Executing, ExecUnknown]),
        "case.close" => command(&[Agent, Clerk, System], &[Unbound]),
        "case.reopen" => command(&[Supervisor], &[Rejected, Closed, ExecFailed]),
        _ => fact(&[]),
    }
}

/// Waiting cases are given up by the clock alone; everything else is given up by a person.
fn may_withdraw(actor: &Actor, state: CaseState) -> bool {
    if state == Waiting {
        actor.may(System)
    } else {
        actor.may(Agent) || actor.may(Clerk)
    }
}

/// A reviewer takes; a supervisor only takes out of somebody's hands.
fn may_take(actor: &Actor, state: CaseState) -> bool {
    actor.may(Reviewer) || (actor.may(Supervisor) && state == InReview)
}

/// Role, office and state; the guards of each op follow in its own handler.
pub(super) fn check(judge: &Judge<'_>, body: &OpBody, case: Option<&Case>) -> Result<(), Stop> {
    let actor = judge.ctx.actor;
    let right = right_of(body.kind());
    if !right.roles.iter().any(|role| actor.may(*role)) {
        return Err(Code::ActorRole.into());
    }
    let Some(case) = case else { return Ok(()) };
    if !in_scope(actor, case) {
        return Err(Code::ActorOffice.into());
    }
    if right
        .states
        .is_some_and(|states| !states.contains(&case.state))
    {
        return Err(wrong_state(case));
    }
    if body.kind() == "case.withdraw" && !may_withdraw(actor, case.state) {
        return Err(Code::ActorRole.into());
    }
    if body.kind() == "review.take" && !may_take(actor, case.state) {
        return Err(Code::ActorRole.into());
    }
    Ok(())
}

/// The server's own device serves every office.
pub(super) fn in_scope(actor: &Actor, case: &Case) -> bool {
    actor.may(System) || actor.offices.contains(&case.office)
}

pub(super) fn wrong_state(case: &Case) -> Stop {
    Stop::Refused(Refusal::from(Code::CaseWrongState).with("state", case.state.as_str()))
}

/// The maker of a case, in any of that person's accounts, decides nothing about it.
pub(super) fn is_maker(actor: &Actor, case: &Case) -> bool {
    case.makers.contains(&actor.user) || case.makers.contains(&actor.person)
}

/// Kinds of commands that this person could try now on this case. Guards may still refuse them with a reason.
pub fn allowed(case: &Case, ctx: &Context<'_>) -> Vec<&'static str> {
    let actor = ctx.actor;
    if !actor.active || !in_scope(actor, case) {
        return Vec::new();
    }
    let checks_others = |kind: &str| {
        kind.starts_with("review.")
            || matches!(kind, "document.judge" | "document.waive" | "risk.clear")
    };
    let may = |kind: &&str| {
        let right = right_of(kind);
        right.roles.iter().any(|role| actor.may(*role))
            && right
                .states
                .is_some_and(|states| states.contains(&case.state))
            && (*kind != "case.withdraw" || may_withdraw(actor, case.state))
            && (*kind != "review.take" || may_take(actor, case.state))
            && (*kind != "case.submit" || matches!(case.state, Draft | Returned))
            && !(checks_others(kind) && is_maker(actor, case))
    };
    COMMANDS.iter().copied().filter(may).collect()
}
