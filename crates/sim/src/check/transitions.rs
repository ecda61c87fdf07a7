//! The table of `product.md` section 4, written down a second time: what `decide()` did must stand in it.

use desk_domain::case::CaseState;
use desk_domain::op::Op;
use desk_domain::people::{Actor, Role};

use CaseState::{
    Approved, Closed, Draft, Duplicate, ExecFailed, ExecUnknown, Executing, InReview, OnHold,
    Referred, Rejected, Resolved, Returned, Submitted, Unbound, Waiting, Withdrawn,
};
use Role::{Agent, Clerk, Operator, Reviewer, Supervisor, System};

type Step = (&'static [CaseState], CaseState, &'static [Role]);

const MAKERS: &[Role] = &[Agent, Clerk];
const STEPS: &[Step] = &[
    (&[Draft, Returned], Submitted, MAKERS),
    (&[Draft], Waiting, MAKERS),
    (&[Waiting], Draft, MAKERS),
    (&[Waiting], Withdrawn, &[System]),
    (&[Submitted], InReview, &[Reviewer]),
    (&[InReview], Returned, &[Reviewer]),
    (&[InReview], Rejected, &[Reviewer, Supervisor]),
    (&[InReview], Approved, &[Reviewer, Supervisor]),
    (&[Approved, ExecFailed], Executing, &[Operator, System]),
    (&[Executing, ExecUnknown], Unbound, &[Operator, System]),
    (&[Executing, ExecUnknown], ExecFailed, &[Operator, System]),
    (&[Executing], ExecUnknown, &[Operator, System]),
    (&[Unbound], Closed, &[Agent, Clerk, System]),
    (
        &[Draft, Returned, Submitted, InReview, Approved],
        Withdrawn,
        MAKERS,
    ),
    (&[Draft], Resolved, MAKERS),
    (&[Draft], Referred, MAKERS),
    (&[Draft], Duplicate, MAKERS),
    (&[Rejected, Closed, ExecFailed], InReview, &[Supervisor]),
];
const HOLDERS: &[Role] = &[Reviewer, Supervisor];

/// None when the step is allowed.
pub(super) fn check(
    before: Option<CaseState>,
    after: CaseState,
    held_from: Option<CaseState>,
    actor: Option<&Actor>,
    op: &Op,
) -> Option<String> {
    let holds_role = |roles: &[Role]| {
        actor.is_some_and(|actor| roles.iter().any(|role| actor.roles.contains(role)))
    };
    let allowed = match (before, after) {
        (None, Draft) => holds_role(MAKERS),
        (None, _) => false,
        (Some(from), to) if from == to => true,
        (Some(from), OnHold) => !from.is_final() && held_from == Some(from) && holds_role(HOLDERS),
        (Some(OnHold), to) => !to.is_final() && holds_role(HOLDERS),
        (Some(from), to) => STEPS
            .iter()
            .any(|(froms, into, roles)| froms.contains(&from) && *into == to && holds_role(roles)),
    };
    (!allowed).then(|| {
        format!(
            "{} ({}) went from {before:?} to {after:?}",
            op.op_id, op.kind
        )
    })
}
