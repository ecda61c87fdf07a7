//! The server's log, judged once more from nothing: the same verdicts, the same cases, no forbidden step, no lost value.

use super::transitions;
use crate::rules::{Cases, truth};
use crate::server::{Entry, Rows, Step};
use crate::world::World;
use desk_domain::case::Case;
use desk_domain::ids::OpId;
use desk_domain::op::{Op, OpBody};
use desk_domain::outcome::Outcome;
use std::collections::BTreeMap;
use std::rc::Rc;

pub(super) fn check(world: &World) -> Vec<String> {
    let rows = &world.server.disk.synced;
    let mut found = verdicts(rows);
    let mut cases = Cases::new();
    for step in &rows.steps {
        match step {
            Step::Moved { case, to } => {
                if let Some(case) = cases.get_mut(case) {
                    let case = Rc::make_mut(case);
                    case.office = to.clone();
                    case.rev += 1;
                }
            }
            Step::Judged {
                op,
                session,
                outcome,
            } => {
                let bytes = rows.judged.get(op).and_then(|entry| entry.bytes.as_ref());
                let Some(op) = bytes.and_then(|bytes| Op::parse(bytes).ok()) else {
                    found.push(format!("{op} counts and has no body"));
                    continue;
                };
                let before = cases.get(&op.case).map(|case| case.state);
                let decision = truth(&world.cast, &cases, &op, *session);
                if decision.outcome != *outcome {
                    let again = decision.outcome;
                    found.push(format!(
                        "{}: stored {outcome:?}, replayed {again:?}",
                        op.op_id
                    ));
                }
                let Some(case) = decision.case else { continue };
                let role = world.cast.actors.get(&(op.device, op.actor));
                let held_from = case.held_from;
                found.extend(transitions::check(before, case.state, held_from, role, &op));
                cases.insert(op.case, Rc::new(case));
            }
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

/// Each op of the log has a verdict; only "held" was ever followed by another; the last one is what the log says.
fn verdicts(rows: &Rows) -> Vec<String> {
    let mut last: BTreeMap<OpId, &Outcome> = BTreeMap::new();
    let mut found = Vec::new();
    for step in &rows.steps {
        let Step::Judged { op, outcome, .. } = step else {
            continue;
        };
        let before = last.insert(*op, outcome);
        if before.is_some_and(|before| !matches!(before, Outcome::Held { .. })) {
            found.push(format!("{op} got a verdict after its verdict"));
        }
    }
    for entry in rows.journal.iter().filter(|entry| entry.counted) {
        if last.remove(&entry.op_id) != Some(&entry.outcome) {
            found.push(format!(
                "{} stands in the log with a verdict that nobody gave",
                entry.op_id
            ));
        }
    }
    found.extend(
        last.keys()
            .map(|op| format!("{op} was judged and is not in the log")),
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
