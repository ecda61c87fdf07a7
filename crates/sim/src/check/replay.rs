//! The server's log, judged once more from nothing: the same verdicts, the same cases, no forbidden step, no lost value.

use super::transitions;
use crate::rules::{Cases, truth};
use crate::server::{Entry, Rows};
use crate::world::World;
use desk_domain::case::Case;
use desk_domain::op::{Op, OpBody};
use desk_domain::outcome::Outcome;
use std::rc::Rc;

pub(super) fn check(world: &World) -> Vec<String> {
    let rows = &world.server.disk.synced;
    let mut cases = Cases::new();
    let mut found = Vec::new();
    for entry in rows.journal.iter().filter(|entry| entry.counted) {
        let Some(op) = entry.bytes.as_ref().and_then(|bytes| Op::parse(bytes).ok()) else {
            found.push(format!("{} counts and has no body", entry.op_id));
            continue;
        };
        let before = cases.get(&op.case).map(|case| case.state);
        let decision = truth(&world.cast, &cases, &op, entry.received_at);
        if decision.outcome != entry.outcome {
            found.push(format!(
                "{}: stored {:?}, replayed {:?}",
                op.op_id, entry.outcome, decision.outcome
            ));
        }
        if let Some(case) = decision.case {
            let role = world.cast.actors.get(&(op.device, op.actor));
            found.extend(transitions::check(
                before,
                case.state,
                case.held_from,
                role,
                &op,
            ));
            cases.insert(op.case, Rc::new(case));
        }
    }
    if cases != rows.cases {
        found.push("the replayed cases are not the stored ones".to_owned());
    }
    let conflicts = rows
        .journal
        .iter()
        .filter(|entry| matches!(entry.outcome, Outcome::Conflict { .. }));
    found.extend(
        conflicts
            .filter(|entry| entry.counted)
            .filter_map(|entry| lost_value(rows, entry)),
    );
    found
}

/// The losing value stands beside the canonical one until a person has chosen.
fn lost_value(rows: &Rows, entry: &Entry) -> Option<String> {
    let op = Op::parse(entry.bytes.as_ref()?).ok()?;
    let case = rows.cases.get(&op.case)?;
    let (OpBody::FieldSet { value, .. } | OpBody::ConflictResolve { value, .. }) =
        op.body().ok()?
    else {
        return Some(format!("{} cannot be in conflict", op.op_id));
    };
    let kept = case
        .conflicts
        .get(&op.op_id)
        .is_some_and(|conflict| conflict.value == value);
    let chosen = case.resolved.contains_key(&op.op_id) || went_on(rows, case, &op);
    (!kept && !chosen).then(|| format!("the losing value of {} is gone", op.op_id))
}

/// The same dispute was carried on, or taken back, by somebody who had seen this value.
fn went_on(rows: &Rows, case: &Case, lost: &Op) -> bool {
    let of_case = rows
        .journal
        .iter()
        .filter(|entry| entry.counted && entry.case == Some(case.id));
    of_case
        .filter_map(|entry| Op::parse(entry.bytes.as_ref()?).ok())
        .any(|op| op.base_rev == Some(lost.op_id))
}
