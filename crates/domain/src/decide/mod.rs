//! The one place where a case changes. The desk runs it for the preview, the server for the truth.

mod execution;
mod facts;
mod fields;
mod guards;
mod intake;
mod review;
mod rights;
#[cfg(test)]
mod tests;

use crate::calendar::Calendar;
use crate::case::{Case, TimelineEntry};
use crate::case_no::CaseNo;
use crate::ids::OpId;
use crate::op::{Op, OpBody, OpError};
use crate::outcome::{HeldWhy, Outcome};
use crate::people::{Actor, Role};
use crate::policy::Policy;
use crate::refusal::{Code, Refusal};
use crate::time::Millis;
use std::borrow::Cow;
use std::collections::BTreeMap;

pub use execution::held_until;
pub use review::lock_of;
pub use rights::allowed;

/// What the rules may look at beside the case and the op.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    pub actor: &'a Actor,
    pub policy: &'a Policy,
    pub calendar: &'a Calendar,
    /// Server: when it received the op. Desk: when it was captured.
    pub now: Millis,
    /// Another open case with the same serial, if the judge knows of one.
    pub same_serial_open: Option<CaseNo>,
    /// What a telephone system has to say against the call that the op names. Only a server is told of calls.
    pub call_doubt: Option<CallDoubt>,
}

/// Why a call does not prove the call-back that names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallDoubt {
    /// No call out of the house with that id was reported.
    Unreported,
    Unanswered,
    /// Answered too long before the record of it, or after.
    OtherTime,
    /// The register has no number for this case to compare with.
    NoNumber,
    /// Another number was called than the registered one.
    OtherNumber,
    /// It counts for another case already.
    Used,
}

impl CallDoubt {
    /// Every one of them.
    pub const ALL: [Self; 6] = [
        Self::Unreported,
        Self::Unanswered,
        Self::OtherTime,
        Self::NoNumber,
        Self::OtherNumber,
        Self::Used,
    ];

    /// Its stable name, as it stands in the history of a case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreported => "unreported",
            Self::Unanswered => "unanswered",
            Self::OtherTime => "other_time",
            Self::NoNumber => "no_number",
            Self::OtherNumber => "other_number",
            Self::Used => "used",
        }
    }
}

/// What comes of one op: the verdict, the case after it, lines for the history.
///
/// `case` is there exactly when the case changed. A conflict changes it too, and so may a noop
/// (the case remembers that this op said the same), so callers store `case` whatever the outcome.
#[derive(Clone, PartialEq, Debug)]
pub struct Decision {
    pub outcome: Outcome,
    pub case: Option<Case>,
    pub timeline: Vec<TimelineEntry>,
}

/// Why a handler stops without a change.
enum Stop {
    Refused(Refusal),
    Held(HeldWhy),
    Noop(OpId),
}

impl From<Code> for Stop {
    fn from(code: Code) -> Self {
        Self::Refused(code.into())
    }
}
impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What a handler made of an op that changed the case.
#[derive(Default)]
struct Done {
    verdict: Kept,
    params: BTreeMap<String, String>,
}

#[derive(Default)]
enum Kept {
    #[default]
    Applied,
    Conflict,
    /// Only remembered as another voice for the value of this op.
    Noop(OpId),
}

impl Done {
    fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.params.insert(key.to_owned(), value.into());
        self
    }
}

type Judged = Result<Done, Stop>;

/// The op under judgement with what surrounds it.
struct Judge<'a> {
    op: &'a Op,
    ctx: &'a Context<'a>,
}

impl Judge<'_> {
    /// When it was done. A desk whose clock runs ahead does not write into the future.
    fn at(&self) -> Millis {
        self.op.captured_at.min(self.ctx.now)
    }
    fn is_system(&self) -> bool {
        self.ctx.actor.may(Role::System)
    }
}

/// Judges `op` against `case` (none before `case.create`). Pure: the same arguments give the same decision anywhere.
pub fn decide(case: Option<&Case>, op: &Op, ctx: &Context<'_>) -> Decision {
    decide_read(case, op, None, ctx)
}

/// [`decide`] for an op whose body was read before, if it could be.
pub fn decide_read(
    case: Option<&Case>,
    op: &Op,
    body: Option<&OpBody>,
    ctx: &Context<'_>,
) -> Decision {
    match judge(case, op, body, ctx) {
        Ok((case, done)) => settled(case, done, op),
        Err(Stop::Refused(refusal)) => unchanged(Outcome::Refused {
            code: refusal.code.as_str().to_owned(),
            params: refusal.params,
        }),
        Err(Stop::Held(why)) => unchanged(Outcome::Held { why }),
        Err(Stop::Noop(same_as)) => unchanged(Outcome::Noop { same_as }),
    }
}

/// Replays ops in order, each under its own context.
pub fn fold<'a>(ops: impl IntoIterator<Item = (&'a Op, Context<'a>)>) -> Option<Case> {
    ops.into_iter().fold(None, |case, (op, ctx)| {
        decide(case.as_ref(), op, &ctx).case.or(case)
    })
}

const fn unchanged(outcome: Outcome) -> Decision {
    Decision {
        outcome,
        case: None,
        timeline: Vec::new(),
    }
}

fn settled(mut case: Case, done: Done, op: &Op) -> Decision {
    case.rev = case.rev.saturating_add(1);
    let entry = TimelineEntry {
        op: op.op_id,
        case: op.case,
        at: op.captured_at,
        by: op.actor,
        kind: op.kind.clone(),
        params: done.params,
    };
    let (outcome, timeline) = match done.verdict {
        Kept::Applied => (Outcome::Applied { rev: case.rev }, vec![entry]),
        Kept::Conflict => (Outcome::Conflict { id: op.op_id }, vec![entry]),
        Kept::Noop(same_as) => (Outcome::Noop { same_as }, Vec::new()),
    };
    Decision {
        outcome,
        case: Some(case),
        timeline,
    }
}

fn judge(
    case: Option<&Case>,
    op: &Op,
    body: Option<&OpBody>,
    ctx: &Context<'_>,
) -> Result<(Case, Done), Stop> {
    let judge = Judge { op, ctx };
    if !ctx.actor.active {
        return Err(Stop::Held(HeldWhy::ActorRevoked));
    }
    let body = match body {
        Some(body) => Cow::Borrowed(body),
        None => Cow::Owned(read_body(op)?),
    };
    if op.actor != ctx.actor.user {
        return Err(Code::ActorMismatch.into());
    }
    let Some(case) = case else {
        rights::check(&judge, &body, None)?;
        return intake::create(&judge, &body);
    };
    if case.id != op.case {
        return Err(Stop::Held(HeldWhy::MissingDependency));
    }
    rights::check(&judge, &body, Some(case))?;
    let mut next = case.clone();
    let from = next.state;
    let done = dispatch(&judge, &body, &mut next)?;
    let done = if next.state == from {
        done
    } else {
        done.with("from", from.as_str())
            .with("to", next.state.as_str())
    };
    Ok((next, done))
}

/// A body of a shape that this version does not know is kept for a version that does.
fn read_body(op: &Op) -> Result<OpBody, Stop> {
    if op.body.get().trim() == "null" {
        return Err(Stop::Held(HeldWhy::BodyMissing));
    }
    op.body().map_err(|error| match error {
        OpError::Malformed(_) | OpError::UnknownKind(_) => Stop::Held(HeldWhy::UnknownKind),
        OpError::TooLarge(_) => Stop::Held(HeldWhy::Internal),
    })
}

fn dispatch(judge: &Judge<'_>, body: &OpBody, case: &mut Case) -> Judged {
    match body {
        OpBody::CaseCreate { .. } => intake::create_again(judge, case),
        OpBody::FieldSet { .. } | OpBody::ConflictResolve { .. } => {
            fields::judge(judge, body, case)
        }
        OpBody::CallLog { .. }
        | OpBody::IdentityMatch { .. }
        | OpBody::EvidenceRecord { .. }
        | OpBody::DocumentAttach { .. }
        | OpBody::DocumentStored { .. }
        | OpBody::DocumentDetach { .. }
        | OpBody::NoteAdd { .. }
        | OpBody::ReturnAnswer { .. }
        | OpBody::NoticeRecord { .. }
        | OpBody::FollowUpRecord { .. }
        | OpBody::RevealRecord { .. }
        | OpBody::DocumentOpen { .. }
        | OpBody::RiskAssess { .. } => facts::judge(judge, body, case),
        OpBody::Submit { .. }
        | OpBody::Wait { .. }
        | OpBody::Resume { .. }
        | OpBody::Withdraw { .. }
        | OpBody::Finish { .. } => intake::judge(judge, body, case),
        OpBody::ReviewTake { .. }
        | OpBody::DocumentJudge { .. }
        | OpBody::DocumentWaive { .. }
        | OpBody::ReviewReturn { .. }
        | OpBody::ReviewReject { .. }
        | OpBody::ReviewApprove { .. } => review::judge(judge, body, case),
        OpBody::Hold { .. }
        | OpBody::Unhold { .. }
        | OpBody::RiskClear { .. }
        | OpBody::ExecuteStart { .. }
        | OpBody::ExecuteRecord { .. }
        | OpBody::Close { .. }
        | OpBody::Reopen { .. } => execution::judge(judge, body, case),
    }
}
