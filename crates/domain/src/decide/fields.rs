//! Field values: who saw what when writing decides, never a clock.

use super::guards::mark_maker;
use super::{Done, Judge, Judged, Kept, Stop, facts};
use crate::calendar::shanghai_day;
use crate::case::{Case, FieldConflict, FieldState, Provenance, ResolvedConflict, ReturnTarget};
use crate::field::{self, FieldKey, FieldValue};
use crate::ids::OpId;
use crate::op::OpBody;
use crate::outcome::HeldWhy;
use crate::refusal::{Code, Refusal};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn judge(judge: &Judge<'_>, body: &OpBody, case: &mut Case) -> Judged {
    if let OpBody::FieldSet {
        field,
        value,
        source,
        accepted,
    } = body
    {
        return set(
            judge,
            case,
            Written {
                key: *field,
                value,
                source: *source,
                accepted,
            },
        );
    }
    if let OpBody::ConflictResolve { conflict, value } = body {
        return resolve(judge, case, *conflict, value.as_ref());
    }
    Err(Stop::Held(HeldWhy::Internal))
}

/// What an author wants a field to be.
struct Written<'a> {
    key: FieldKey,
    value: &'a Option<FieldValue>,
    source: Provenance,
    accepted: &'a BTreeMap<String, String>,
}

fn set(judge: &Judge<'_>, case: &mut Case, written: Written<'_>) -> Judged {
    let key = written.key;
    check_value(judge, key, written.value.as_ref())?;
    for reason in written.accepted.values() {
        super::guards::harmless(reason)?;
    }
    if !case.effective_state().takes_facts() {
        if case
            .fields
            .get(&key)
            .is_some_and(|state| state.rev == judge.op.op_id)
        {
            return Err(Stop::Noop(judge.op.op_id));
        }
        return Ok(facts::late(case).with("field", key.as_str()));
    }
    let done = match case.fields.get(&key) {
        None => put(judge, case, &written, written.value.clone()),
        Some(state) if state.rev == judge.op.op_id => return Err(Stop::Noop(state.rev)),
        Some(state) if saw(judge, state) && state.value != *written.value => {
            put(judge, case, &written, written.value.clone())
        }
        Some(state) if state.value == *written.value => return same(judge, case, key, state.rev),
        Some(state) => match united(state.value.as_ref(), written.value.as_ref()) {
            Some(union) if state.value.as_ref() == Some(&union) => {
                return same(judge, case, key, state.rev);
            }
            Some(union) => put(judge, case, &written, Some(union)),
            None => differ(judge, case, &written),
        },
    };
    mark_maker(judge, case);
    Ok(facts::amends(case, done).with("field", key.as_str()))
}

/// The author knew the value that stands, by its own op or by one that said the same.
fn saw(judge: &Judge<'_>, state: &FieldState) -> bool {
    judge
        .op
        .base_rev
        .is_some_and(|base| base == state.rev || state.also.contains(&base))
}

fn put(
    judge: &Judge<'_>,
    case: &mut Case,
    written: &Written<'_>,
    value: Option<FieldValue>,
) -> Done {
    let op = judge.op;
    let state = FieldState {
        value,
        rev: op.op_id,
        by: op.actor,
        at: judge.at(),
        source: written.source,
        accepted: written.accepted.clone(),
        also: BTreeSet::new(),
    };
    let before = case.fields.insert(written.key, state);
    // What the register agreed to was the value before.
    if before.is_some_and(|state| state.value.is_some()) {
        case.identity.agreed.remove(&written.key);
    }
    answer_return(judge, case, written.key);
    Done::default()
}

/// The same value from another hand. The author is remembered, as a maker too: it is what they said.
fn same(judge: &Judge<'_>, case: &mut Case, key: FieldKey, rev: OpId) -> Judged {
    let op_id = judge.op.op_id;
    // Whoever settles on the canonical value takes the losing one back.
    let taken_back = judge
        .op
        .base_rev
        .is_some_and(|base| case.conflicts.remove(&base).is_some());
    let known = case
        .fields
        .get(&key)
        .is_some_and(|state| state.also.contains(&op_id));
    if known && !taken_back {
        return Err(Stop::Noop(rev));
    }
    if let Some(state) = case.fields.get_mut(&key) {
        state.also.insert(op_id);
    }
    mark_maker(judge, case);
    let verdict = if taken_back {
        Kept::Applied
    } else {
        Kept::Noop(rev)
    };
    Ok(Done {
        verdict,
        params: BTreeMap::from([("field".to_owned(), key.as_str().to_owned())]),
    })
}

fn united(standing: Option<&FieldValue>, said: Option<&FieldValue>) -> Option<FieldValue> {
    match (standing, said) {
        (Some(FieldValue::Set(left)), Some(FieldValue::Set(right))) => {
            Some(FieldValue::Set(left.union(right).cloned().collect()))
        }
        _ => None,
    }
}

/// Both values stay; the first one committed is canonical until a person chooses.
fn differ(judge: &Judge<'_>, case: &mut Case, written: &Written<'_>) -> Done {
    let op = judge.op;
    if let Some(base) = op.base_rev {
        // The same author went on from the losing value: one dispute, not two.
        let own = case
            .conflicts
            .get(&base)
            .is_some_and(|conflict| conflict.field == written.key);
        if own {
            case.conflicts.remove(&base);
        }
    }
    let conflict = FieldConflict {
        field: written.key,
        value: written.value.clone(),
        by: op.actor,
        at: judge.at(),
        source: written.source,
    };
    case.conflicts.insert(op.op_id, conflict);
    Done {
        verdict: Kept::Conflict,
        params: BTreeMap::new(),
    }
}

fn resolve(
    judge: &Judge<'_>,
    case: &mut Case,
    conflict: OpId,
    value: Option<&FieldValue>,
) -> Judged {
    let open = case
        .conflicts
        .get(&conflict)
        .map(|open| (open.field, open.source));
    let settled = case.resolved.get(&conflict).cloned();
    let (key, source) = match (&open, &settled) {
        (Some((key, source)), _) => (*key, *source),
        (None, Some(settled)) => (settled.field, Provenance::Typed),
        (None, None) => return Err(Stop::Held(HeldWhy::MissingDependency)),
    };
    check_value(judge, key, value)?;
    if let (None, Some(settled)) = (open, settled) {
        return resolve_again(judge, case, &settled, value);
    }
    if !case.effective_state().takes_facts() {
        return Ok(facts::late(case).with("field", key.as_str()));
    }
    let value = value.cloned();
    case.conflicts.remove(&conflict);
    case.resolved.insert(
        conflict,
        ResolvedConflict {
            field: key,
            by_op: judge.op.op_id,
        },
    );
    let accepted = BTreeMap::new();
    let done = put(
        judge,
        case,
        &Written {
            key,
            value: &value,
            source,
            accepted: &accepted,
        },
        value.clone(),
    );
    mark_maker(judge, case);
    Ok(facts::amends(case, done).with("field", key.as_str()))
}

/// Two people settled one conflict: the second word is not lost either.
fn resolve_again(
    judge: &Judge<'_>,
    case: &mut Case,
    settled: &ResolvedConflict,
    value: Option<&FieldValue>,
) -> Judged {
    let standing = case.value(settled.field);
    if settled.by_op == judge.op.op_id || standing == value {
        return Err(Stop::Noop(settled.by_op));
    }
    if case.conflicts.contains_key(&judge.op.op_id) {
        return Err(Stop::Noop(judge.op.op_id));
    }
    if !case.effective_state().takes_facts() {
        return Ok(facts::late(case).with("field", settled.field.as_str()));
    }
    let value = value.cloned();
    let accepted = BTreeMap::new();
    let written = Written {
        key: settled.field,
        value: &value,
        source: Provenance::Typed,
        accepted: &accepted,
    };
    let done = differ(judge, case, &written);
    mark_maker(judge, case);
    Ok(facts::amends(case, done).with("field", settled.field.as_str()))
}

/// A forged desk may send anything: only canonical values without secrets become part of a case.
fn check_value(judge: &Judge<'_>, key: FieldKey, value: Option<&FieldValue>) -> Result<(), Stop> {
    let Some(value) = value else { return Ok(()) };
    // Later than the op was captured, so that a date that was right on that day still is.
    let today = shanghai_day(judge.ctx.now);
    field::check_canonical(key, value, today).map_err(|reject| {
        let code = if reject.code.starts_with("secret.") {
            Code::FieldSecret
        } else {
            Code::FieldInvalid
        };
        Refusal::from(code)
            .with("field", key.as_str())
            .with("code", reject.code)
            .into()
    })
}

/// Mending a returned field answers its mark.
fn answer_return(judge: &Judge<'_>, case: &mut Case, key: FieldKey) {
    for item in case
        .returns
        .iter_mut()
        .filter(|item| item.answered.is_none())
    {
        if item.item.target == (ReturnTarget::Field { key }) {
            item.answered = Some(judge.op.op_id);
        }
    }
}
