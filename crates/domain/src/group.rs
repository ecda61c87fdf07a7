//! One action of one person: its ops share a group, and the group takes effect whole. ADR 7.
//!
//! Facts are kept whatever becomes of their neighbours: they were typed, and they are true without the rest.
//! A command moves a case only when every op of its group stands; otherwise all commands of the group fall together.
//! Both sides use this file: the server for the truth, the desk for its preview.

use crate::ids::OpId;
use crate::op::{Op, OpBody};
use crate::outcome::{HeldWhy, Outcome};
use crate::refusal::Code;
use std::collections::BTreeMap;

/// One op of a group, as the judgement of the whole sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seat {
    pub op: OpId,
    pub command: bool,
    /// It was judged before and that outcome stays.
    pub known: Option<Outcome>,
}

impl Seat {
    /// A seat for an op that waits for its judgement. A kind of the future is neither fact nor command here: it is held.
    pub fn of(op: &Op) -> Self {
        // Alone, an op falls with nobody: its body need not be read for this.
        let body = (op.group.len > 1).then(|| op.body().ok()).flatten();
        Self::read(op, body.as_ref())
    }
    /// The same, where the body was read before.
    pub fn read(op: &Op, body: Option<&OpBody>) -> Self {
        Self {
            op: op.op_id,
            command: op.group.len > 1 && body.is_some_and(OpBody::is_command),
            known: None,
        }
    }
    /// A seat of which the outcome is known already.
    #[must_use]
    pub fn known(self, outcome: Outcome) -> Self {
        Self {
            known: Some(outcome),
            ..self
        }
    }
}

/// True when the op has taken effect, if only as a conflict that a person will settle.
pub const fn stands(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Applied { .. } | Outcome::Noop { .. } | Outcome::Conflict { .. } => true,
        Outcome::Refused { .. } | Outcome::Held { .. } => false,
    }
}

/// True when a group may have to be undone: then the judge keeps what stood before.
pub fn may_fall(group: &[Seat]) -> bool {
    group.len() > 1 && group.iter().any(waits_as_command)
}

fn waits_as_command(seat: &Seat) -> bool {
    seat.command && seat.known.is_none()
}

/// Judges a group in order. `judge` judges the op at a place on what the ops before have made; `undo` takes back
/// everything that `judge` has changed. The outcomes are in the order of the group.
///
/// # Errors
/// Whatever `judge` or `undo` returned first.
pub fn judge_group<B, E>(
    bench: &mut B,
    group: &[Seat],
    mut judge: impl FnMut(&mut B, usize) -> Result<Outcome, E>,
    undo: impl FnOnce(&mut B) -> Result<(), E>,
) -> Result<Vec<Outcome>, E> {
    let mut first = Vec::with_capacity(group.len());
    for (at, seat) in group.iter().enumerate() {
        first.push(match &seat.known {
            Some(known) => known.clone(),
            None => judge(bench, at)?,
        });
    }
    if !may_fall(group) || first.iter().all(stands) {
        return Ok(first);
    }
    undo(bench)?;
    let mut outcomes = Vec::with_capacity(group.len());
    for (at, (seat, before)) in group.iter().zip(&first).enumerate() {
        let fact = !seat.command && seat.known.is_none();
        outcomes.push(if fact {
            judge(bench, at)?
        } else {
            before.clone()
        });
    }
    let culprit = culprit(group, &outcomes).or_else(|| culprit(group, &first));
    for (seat, outcome) in group.iter().zip(&mut outcomes) {
        if waits_as_command(seat) && !matches!(outcome, Outcome::Refused { .. }) {
            *outcome = fallen(culprit.as_ref(), outcome);
        }
    }
    Ok(outcomes)
}

/// The op because of which the group cannot stand: a refusal is for ever and comes before a wait.
fn culprit(group: &[Seat], outcomes: &[Outcome]) -> Option<(OpId, Outcome)> {
    let seats = || group.iter().zip(outcomes);
    let refused = seats().find(|(_, outcome)| matches!(outcome, Outcome::Refused { .. }));
    let found = refused.or_else(|| seats().find(|(_, outcome)| !stands(outcome)));
    found.map(|(seat, outcome)| (seat.op, outcome.clone()))
}

fn fallen(culprit: Option<&(OpId, Outcome)>, own: &Outcome) -> Outcome {
    match culprit {
        Some((op, Outcome::Refused { code, .. })) => Outcome::Refused {
            code: Code::GroupRefused.as_str().to_owned(),
            params: BTreeMap::from([
                ("op".to_owned(), op.to_string()),
                ("code".to_owned(), code.clone()),
            ]),
        },
        Some((_, Outcome::Held { why })) => match own {
            Outcome::Held { .. } => own.clone(),
            Outcome::Applied { .. }
            | Outcome::Noop { .. }
            | Outcome::Conflict { .. }
            | Outcome::Refused { .. } => Outcome::Held { why: *why },
        },
        Some((_, Outcome::Applied { .. } | Outcome::Noop { .. } | Outcome::Conflict { .. }))
        | None => Outcome::Held {
            why: HeldWhy::Internal,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::uuid;

    /// A bench of marks: each judged op that stands leaves its place.
    struct Marks {
        said: Vec<Outcome>,
        made: Vec<usize>,
        undone: u32,
    }

    fn op(n: usize) -> OpId {
        OpId::from_uuid(uuid(n as u128))
    }
    const APPLIED: Outcome = Outcome::Applied { rev: 1 };
    fn held() -> Outcome {
        Outcome::Held {
            why: HeldWhy::MissingDependency,
        }
    }
    fn refused(code: &str) -> Outcome {
        Outcome::Refused {
            code: code.to_owned(),
            params: BTreeMap::new(),
        }
    }
    fn fell(n: usize, code: &str) -> Outcome {
        Outcome::Refused {
            code: "group.refused".to_owned(),
            params: BTreeMap::from([
                ("op".to_owned(), op(n).to_string()),
                ("code".to_owned(), code.to_owned()),
            ]),
        }
    }

    /// `f` is a fact, `c` a command; capital letters were judged before.
    fn run(shape: &str, said: Vec<Outcome>) -> (Vec<Outcome>, Marks) {
        let seats: Vec<Seat> = shape
            .chars()
            .enumerate()
            .map(|(n, kind)| Seat {
                op: op(n),
                command: kind.eq_ignore_ascii_case(&'c'),
                known: kind.is_ascii_uppercase().then(|| said[n].clone()),
            })
            .collect();
        let mut marks = Marks {
            said,
            made: Vec::new(),
            undone: 0,
        };
        let outcomes = judge_group(
            &mut marks,
            &seats,
            |marks, at| {
                if stands(&marks.said[at]) {
                    marks.made.push(at);
                }
                Ok::<_, ()>(marks.said[at].clone())
            },
            |marks| {
                marks.made.clear();
                marks.undone += 1;
                Ok(())
            },
        );
        (outcomes.unwrap(), marks)
    }

    #[test]
    fn a_group_that_stands_is_judged_once() {
        let conflict = Outcome::Conflict { id: op(0) };
        let (outcomes, marks) = run("ffc", vec![APPLIED, conflict.clone(), APPLIED]);
        assert_eq!(outcomes, [APPLIED, conflict, APPLIED]);
        assert_eq!((marks.made, marks.undone), (vec![0, 1, 2], 0));
    }

    #[test]
    fn a_refused_command_takes_the_other_commands_with_it_and_leaves_the_facts() {
        let (outcomes, marks) = run("fcfc", vec![APPLIED, APPLIED, APPLIED, refused("x.y")]);
        assert_eq!(outcomes, [APPLIED, fell(3, "x.y"), APPLIED, refused("x.y")]);
        assert_eq!((marks.made, marks.undone), (vec![0, 2], 1));
    }

    #[test]
    fn a_refused_fact_takes_the_commands_with_it() {
        let (outcomes, _) = run("ffc", vec![APPLIED, refused("field.invalid"), APPLIED]);
        assert_eq!(
            outcomes,
            [APPLIED, refused("field.invalid"), fell(1, "field.invalid")]
        );
    }

    #[test]
    fn a_held_fact_makes_the_commands_wait_with_it() {
        let (outcomes, marks) = run("fcf", vec![APPLIED, APPLIED, held()]);
        assert_eq!(outcomes, [APPLIED, held(), held()]);
        assert_eq!(marks.made, [0]);
    }

    #[test]
    fn a_refusal_comes_before_a_wait() {
        let (outcomes, _) = run("fcc", vec![held(), held(), refused("x.y")]);
        assert_eq!(outcomes, [held(), fell(2, "x.y"), refused("x.y")]);
    }

    #[test]
    fn facts_alone_are_never_undone() {
        let (outcomes, marks) = run("fff", vec![APPLIED, refused("x.y"), held()]);
        assert_eq!(outcomes, [APPLIED, refused("x.y"), held()]);
        assert_eq!(marks.undone, 0);
    }

    #[test]
    fn what_was_judged_before_is_never_judged_again() {
        let (outcomes, marks) = run("Fc", vec![refused("x.y"), APPLIED]);
        assert_eq!(outcomes, [refused("x.y"), fell(0, "x.y")]);
        assert_eq!(marks.made, Vec::<usize>::new());
        let (outcomes, _) = run("fC", vec![refused("x.y"), APPLIED]);
        assert_eq!(outcomes, [refused("x.y"), APPLIED]);
    }
}
