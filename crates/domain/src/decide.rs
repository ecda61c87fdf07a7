//! The one place where a case changes. The desk runs it for the preview, the server for the truth.

use crate::calendar::Calendar;
use crate::case::{Case, TimelineEntry};
use crate::case_no::CaseNo;
use crate::op::Op;
use crate::outcome::Outcome;
use crate::people::Actor;
use crate::policy::Policy;
use crate::time::Millis;

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
}

/// What comes of one op: the verdict, the case after it (none when it did not change), lines for the history.
#[derive(Clone, PartialEq, Debug)]
pub struct Decision {
    pub outcome: Outcome,
    pub case: Option<Case>,
    pub timeline: Vec<TimelineEntry>,
}

/// Judges `op` against `case` (none before `case.create`). Pure: the same arguments give the same decision anywhere.
pub fn decide(case: Option<&Case>, op: &Op, ctx: &Context<'_>) -> Decision {
    let _ = (case, op, ctx);
    unimplemented!()
}
