//! How one op meets the cases: the product's own `decide()`, with what stands around it on either side.

use crate::cast::Cast;
use desk_domain::case::{Case, CaseState};
use desk_domain::case_no::CaseNo;
use desk_domain::decide::{Context, Decision, decide};
use desk_domain::field::FieldKey;
use desk_domain::ids::CaseId;
use desk_domain::op::{ChainHash, Op, OpError};
use desk_domain::outcome::{HeldWhy, Outcome};
use desk_domain::time::Millis;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Cases as they stand. Shared, because a crash copies whole disks.
pub type Cases = BTreeMap<CaseId, Rc<Case>>;

/// The truth: as the server judges at `now`. The checker replays its log by the same door.
pub fn truth(cast: &Cast, cases: &Cases, op: &Op, now: Millis) -> Decision {
    let Some(actor) = cast.actors.get(&(op.device, op.actor)) else {
        return verdict(Outcome::Held {
            why: HeldWhy::ActorRevoked,
        });
    };
    match op.body() {
        Ok(_) => {}
        Err(OpError::UnknownKind(_)) => {
            return verdict(Outcome::Held {
                why: HeldWhy::UnknownKind,
            });
        }
        Err(OpError::Malformed(_) | OpError::TooLarge(_)) => {
            return verdict(Outcome::Refused {
                code: "op.malformed".to_owned(),
                params: BTreeMap::new(),
            });
        }
    }
    let case = cases.get(&op.case).map(Rc::as_ref);
    if case.is_some_and(|case| !actor.offices.contains(&case.office)) {
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
        now,
        same_serial_open,
    };
    decide(case, op, &context)
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
    };
    decide(case, op, &context)
}

/// What an op says, without its place in a chain.
pub fn content_of(op: &Op) -> ChainHash {
    let said = (
        op.device,
        op.actor,
        op.case,
        &op.kind,
        op.version,
        &op.body,
        op.base_rev,
        op.captured_at,
    );
    let said = serde_json::to_string(&said).unwrap_or_default();
    ChainHash::after(ChainHash::GENESIS, said.as_bytes())
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
