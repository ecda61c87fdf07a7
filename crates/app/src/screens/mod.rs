//! What a front end is shown of a case: masked, with what may be done next.

pub(crate) mod compare;
pub(crate) mod offers;
pub(crate) mod papers;
pub(crate) mod parts;
pub(crate) mod rows;
pub(crate) mod show;
pub(crate) mod sync_centre;
mod sync_rows;

use crate::dto::{CaseScreen, CaseSync, DiagnosisView, DueView, MissingItem, StepView};
use crate::error::AppError;
use crate::session::{Rules, Session};
use crate::words::word;
use desk_domain::case::{Case, CaseState};
use desk_domain::case_no::CaseNo;
use desk_domain::checklist::{self, Missing};
use desk_domain::clocks;
use desk_domain::decide::held_until;
use desk_domain::field::FieldKey;
use desk_domain::ids::{CaseId, UserId};
use desk_domain::people::Actor;
use desk_domain::time::Millis;
use desk_store::{CaseView, OpState};
use offers::Offers;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Cases with one serial that are looked at for an open one; newest first.
const SAME_SERIAL_LOOKED_AT: usize = 20;

/// Paints screens for one person at one instant.
pub(crate) struct Painter<'a> {
    pub session: &'a Session,
    pub rules: Rules,
    pub now: Millis,
    actor: Actor,
    names: RefCell<BTreeMap<UserId, String>>,
}

impl<'a> Painter<'a> {
    pub(crate) fn new(session: &'a Session, now: Millis) -> Self {
        Self {
            session,
            rules: session.rules(),
            now,
            actor: session.actor(),
            names: RefCell::default(),
        }
    }

    /// One case, whole.
    pub(crate) fn case(&self, id: CaseId) -> Result<CaseScreen, AppError> {
        let view = self.session.view(id)?;
        Ok(self.paint(&view))
    }

    pub(crate) fn paint(&self, view: &CaseView) -> CaseScreen {
        let case = &view.case;
        let same_serial_open = self.same_serial_open(case);
        let offers = self.offers(same_serial_open.clone());
        let allowed = offers.allowed(case);
        let missing = missing_items(case, &offers);
        let steps = step_views(case, &offers);
        CaseScreen {
            id: case.id.to_string(),
            case_no: case.case_no.to_string(),
            state: word(&case.state),
            office: case.office.to_string(),
            rev: case.rev,
            created_at: case.moments.created_at,
            updated_at: last_touched(view),
            title: title(
                case.text(FieldKey::MerchantName),
                case.text(FieldKey::CallerName),
            ),
            dues: self.dues(case),
            sync: sync_of(view),
            fields: self.fields(view),
            next_action: next_action(case, &allowed, &missing),
            allowed,
            missing,
            steps,
            documents: self.documents(case),
            required: papers::required(case),
            identity: self.identity(case, &offers),
            diagnosis: diagnosis(case),
            returns: self.returns(case),
            conflicts: self.conflicts(case),
            timeline: self.timeline(view),
            review: self.review(case),
            execution: self.execution(case),
            notices: self.notices(case),
            call_needed: case.asks_for_a_call(),
            execute_after: held_until(case, &self.rules.policy)
                .filter(|_| case.state == CaseState::Approved),
            follow_up: case.follow_up.as_ref().map(word),
            waiting_missing: case.waiting_missing.clone(),
            promise_date: case.promise_date.clone(),
            reason: case.reason.clone(),
            same_serial_open: same_serial_open.map(|number| number.to_string()),
            notes: self.notes(view),
        }
    }

    pub(crate) fn offers(&self, same_serial_open: Option<CaseNo>) -> Offers<'_> {
        Offers {
            session: self.session,
            rules: &self.rules,
            actor: &self.actor,
            now: self.now,
            same_serial_open,
        }
    }

    pub(crate) fn name_of(&self, user: UserId) -> String {
        if let Some(name) = self.names.borrow().get(&user) {
            return name.clone();
        }
        let name = self.session.name_of(user);
        self.names.borrow_mut().insert(user, name.clone());
        name
    }

    pub(crate) fn dues(&self, case: &Case) -> Vec<DueView> {
        let running = clocks::due(
            case,
            &self.rules.calendar,
            &self.rules.policy.clocks,
            self.now,
        );
        let view = |due: clocks::Due| DueView {
            clock: due.clock.as_str().to_owned(),
            due_at: due.due_at,
            level: due.urgency.as_str().to_owned(),
            uncertain: due.uncertain,
        };
        running.into_iter().map(view).collect()
    }

    pub(crate) fn same_serial_open(&self, case: &Case) -> Option<CaseNo> {
        let serial = case.text(FieldKey::TerminalSerial);
        if serial.is_empty() {
            return None;
        }
        let found = self
            .session
            .store
            .search(serial, None, SAME_SERIAL_LOOKED_AT)
            .unwrap_or_default();
        let mut others = found.rows.into_iter().filter(|row| {
            row.id != case.id
                && row.terminal_serial.as_deref() == Some(serial)
                && !row.state.is_final()
                && row.state != CaseState::Unbound
        });
        others
            .next()
            .and_then(|row| CaseNo::parse(&row.case_no).ok())
    }
}

fn missing_items(case: &Case, offers: &Offers<'_>) -> Vec<MissingItem> {
    if !is_collecting(case) {
        return Vec::new();
    }
    checklist::missing_for_submit(case, &offers.context())
        .into_iter()
        .map(missing_item)
        .collect()
}

fn step_views(case: &Case, offers: &Offers<'_>) -> Vec<StepView> {
    let collecting = is_collecting(case);
    let view = |status: checklist::StepStatus| StepView {
        step: word(&status.step),
        // What was submitted is no longer counted against anybody.
        done: status.done || !collecting,
        missing: if collecting {
            u32::try_from(status.missing).unwrap_or(u32::MAX)
        } else {
            0
        },
    };
    checklist::steps(case, &offers.context())
        .into_iter()
        .map(view)
        .collect()
}

fn is_collecting(case: &Case) -> bool {
    matches!(
        case.state,
        CaseState::Draft | CaseState::Waiting | CaseState::Returned
    )
}

pub(crate) fn missing_item(missing: Missing) -> MissingItem {
    MissingItem {
        code: missing.code.to_owned(),
        step: word(&missing.step),
        field: missing.field.map(|key| key.as_str().to_owned()),
        document: missing.document.as_ref().map(word),
    }
}

/// Merchant name, else masked caller, else nothing.
pub(crate) fn title(merchant: &str, caller: &str) -> String {
    if merchant.is_empty() {
        show::masked(FieldKey::CallerName, caller)
    } else {
        merchant.to_owned()
    }
}

fn diagnosis(case: &Case) -> DiagnosisView {
    crate::content::diagnosis_view(case)
}

fn last_touched(view: &CaseView) -> Millis {
    let by_fields = view.case.fields.values().map(|state| state.at);
    let by_ops = view.pending.iter().map(|op| op.captured_at);
    let by_papers = view.case.documents.values().map(|document| document.at);
    let moments = &view.case.moments;
    let by_moments = [
        moments.submitted_at,
        moments.taken_at,
        moments.approved_at,
        moments.unbound_at,
        moments.closed_at,
    ];
    let all = by_fields
        .chain(by_ops)
        .chain(by_papers)
        .chain(by_moments.into_iter().flatten());
    all.max()
        .unwrap_or(moments.created_at)
        .max(moments.created_at)
}

/// The worst of what is pending.
fn sync_of(view: &CaseView) -> CaseSync {
    let worst = view.pending.iter().map(|op| rank(op.state)).max();
    let state = worst.map_or("applied", |(_, name)| name);
    CaseSync {
        state: state.to_owned(),
        pending: u32::try_from(view.pending.len()).unwrap_or(u32::MAX),
    }
}

const fn rank(state: OpState) -> (u8, &'static str) {
    match state {
        OpState::Applied | OpState::Noop => (0, "applied"),
        OpState::Stored => (1, "stored"),
        OpState::Queued => (2, "queued"),
        OpState::Held => (3, "held"),
        OpState::Conflict => (4, "conflict"),
        OpState::Refused => (5, "refused"),
        OpState::Parked => (6, "refused"),
    }
}

/// One highlighted thing to do: a command that the rules allow, or the first step that lacks something.
fn next_action(case: &Case, allowed: &[String], missing: &[MissingItem]) -> String {
    let first = |commands: &[&str]| {
        commands
            .iter()
            .find(|command| allowed.iter().any(|one| one == *command))
            .map(|command| (*command).to_owned())
    };
    let next = match case.state {
        CaseState::Waiting | CaseState::OnHold => first(&["case_resume"]),
        CaseState::Draft | CaseState::Returned if allowed.iter().any(|one| one == "draft_put") => {
            first(&["submit"]).or_else(|| missing.first().map(|item| format!("step.{}", item.step)))
        }
        CaseState::Submitted => first(&["review_take"]),
        CaseState::InReview => first(&["review_approve", "document_judge"]),
        CaseState::Approved | CaseState::ExecFailed => first(&["execute_start"]),
        CaseState::Executing | CaseState::ExecUnknown => first(&["execute_record"]),
        CaseState::Unbound if case.moments.told_at.is_none() => first(&["notice_record"]),
        CaseState::Unbound if case.follow_up.is_none() => first(&["follow_up", "case_close"]),
        CaseState::Unbound => first(&["case_close"]),
        CaseState::Rejected if case.notices.is_empty() => first(&["notice_record"]),
        CaseState::Draft
        | CaseState::Returned
        | CaseState::Rejected
        | CaseState::Closed
        | CaseState::Withdrawn
        | CaseState::Resolved
        | CaseState::Referred
        | CaseState::Duplicate => None,
    };
    next.unwrap_or_default()
}
