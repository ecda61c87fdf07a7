//! How one op meets the cases: the product's own `decide()`, with what stands around it on either side.

use crate::cast::Cast;
use desk_domain::case::{Case, CaseState};
use desk_domain::case_no::CaseNo;
use desk_domain::decide::{Context, Decision, decide};
use desk_domain::field::FieldKey;
use desk_domain::ids::CaseId;
use desk_domain::op::Op;
use desk_domain::outcome::{HeldWhy, Outcome};
use desk_domain::people::Role;
use desk_domain::time::Millis;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Cases as they stand. Shared, because a crash copies whole disks.
pub type Cases = BTreeMap<CaseId, Rc<Case>>;

/// A body with this in it makes the server's rules fail inside.
pub const BREAKS: &str = "崩";
/// The version of a note's body that servers do not know before they are updated.
pub const FUTURE_NOTE: (&str, u16) = ("note.add", 2);

/// When an op is judged, and by which version of the rules.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Session {
    pub now: Millis,
    /// The version that knows the kinds of the future.
    pub learned: bool,
}

/// The truth: as the server judges in this session. The checker replays its log by the same door.
pub fn truth(cast: &Cast, cases: &Cases, op: &Op, session: Session) -> Decision {
    let Some(actor) = cast.actors.get(&(op.device, op.actor)) else {
        return verdict(Outcome::Held {
            why: HeldWhy::ActorRevoked,
        });
    };
    if op.body.get().contains(BREAKS) {
        return verdict(Outcome::Held {
            why: HeldWhy::Internal,
        });
    }
    let known = if session.learned {
        known(op)
    } else {
        Cow::Borrowed(op)
    };
    let case = cases.get(&op.case).map(Rc::as_ref);
    let sees = |case: &Case| actor.may(Role::System) || actor.offices.contains(&case.office);
    if case.is_some_and(|case| !sees(case)) {
        return verdict(Outcome::Held {
            why: HeldWhy::MissingDependency,
        });
    }
    let same_serial_open = case
        .filter(|_| op.kind == "case.submit")
        .and_then(|case| same_serial(cases, case));
    let context = Context {
        actor,
        policy: &cast.policy,
        calendar: &cast.calendar,
        now: session.now,
        same_serial_open,
        call_doubt: None,
    };
    decide(case, &known, &context)
}

/// An op as a version reads it that knows the kinds of the future.
fn known(op: &Op) -> Cow<'_, Op> {
    if (op.kind.as_str(), op.version) != FUTURE_NOTE {
        return Cow::Borrowed(op);
    }
    Cow::Owned(Op {
        version: 1,
        ..op.clone()
    })
}

/// The preview: as a desk judges what was done there.
pub fn preview(cast: &Cast, case: Option<&Case>, op: &Op) -> Decision {
    let Some(actor) = cast.actors.get(&(op.device, op.actor)) else {
        return verdict(Outcome::Held {
            why: HeldWhy::ActorRevoked,
        });
    };
    let context = Context {
        actor,
        policy: &cast.policy,
        calendar: &cast.calendar,
        now: op.captured_at,
        same_serial_open: None,
        call_doubt: None,
    };
    decide(case, &known(op), &context)
}

fn verdict(outcome: Outcome) -> Decision {
    Decision {
        outcome,
        case: None,
        timeline: Vec::new(),
    }
}

fn same_serial(cases: &Cases, case: &Case) -> Option<CaseNo> {
    let serial = case.text(FieldKey::TerminalSerial);
    let blocks = |other: &Case| {
        other.id != case.id
            && !other.state.is_final()
            && !matches!(
                other.state,
                CaseState::Draft | CaseState::Waiting | CaseState::Unbound
            )
            && other.text(FieldKey::TerminalSerial) == serial
    };
    let other = cases
        .values()
        .find(|other| !serial.is_empty() && blocks(other));
    other.map(|other| other.case_no.clone())
}
