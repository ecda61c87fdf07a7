//! Moves of a case through its states, before and after the review.

use super::read;
use crate::desk::Desk;
use crate::dto::{
    CaseRef, CaseScreen, FinishArgs, HoldArgs, ReasonArgs, ReopenArgs, ReturnAnswerArgs, WaitArgs,
    WithdrawArgs,
};
use crate::error::AppError;
use crate::screens::{Painter, missing_item};
use crate::session::Deed;
use crate::words;
use desk_domain::case::{CaseState, CloseWay};
use desk_domain::case_no::CaseNo;
use desk_domain::checklist;
use desk_domain::op::OpBody;
use desk_store::CaseView;
use std::collections::BTreeMap;

/// Checks here first, so that the answer names what is missing instead of a refused op.
pub fn submit(desk: &Desk, args: CaseRef) -> Result<CaseScreen, AppError> {
    moved(desk, &args.case, |painter, view| {
        let offers = painter.offers(painter.same_serial_open(&view.case));
        let may_submit = matches!(view.case.state, CaseState::Draft | CaseState::Returned);
        let missing = checklist::missing_for_submit(&view.case, &offers.context());
        if may_submit && !missing.is_empty() {
            return Err(incomplete(missing));
        }
        Ok(OpBody::Submit {
            digest: view.case.content_digest(),
        })
    })
}

/// The list of what is missing comes from the case, so that the merchant's slip says the same as the screen.
pub fn case_wait(desk: &Desk, args: WaitArgs) -> Result<CaseScreen, AppError> {
    let promise_date = words::date(&args.promise_date, "promise_date")?;
    moved(desk, &args.case, |painter, view| {
        let offers = painter.offers(painter.same_serial_open(&view.case));
        let missing = checklist::missing_for_submit(&view.case, &offers.context())
            .into_iter()
            .map(missing_item);
        let mut missing: Vec<String> = missing
            .map(|item| item.document.or(item.field).unwrap_or(item.code))
            .collect();
        missing.dedup();
        Ok(OpBody::Wait {
            missing,
            promise_date,
        })
    })
}

/// Back from waiting, or back from a hold.
pub fn case_resume(desk: &Desk, args: ReasonArgs) -> Result<CaseScreen, AppError> {
    let reason = read::maybe_said(desk, &args.reason, "reason")?;
    moved(desk, &args.case, |_, view| {
        Ok(if view.case.state == CaseState::OnHold {
            OpBody::Unhold { reason }
        } else {
            OpBody::Resume { note: reason }
        })
    })
}

pub fn case_withdraw(desk: &Desk, args: WithdrawArgs) -> Result<CaseScreen, AppError> {
    let reason = read::said(desk, &args.reason, "reason")?;
    moved(desk, &args.case, |_, _| {
        Ok(OpBody::Withdraw {
            reason,
            identity_checked: args.identity_checked,
        })
    })
}

pub fn case_finish(desk: &Desk, args: FinishArgs) -> Result<CaseScreen, AppError> {
    let way: CloseWay = words::choice(&args.way, "way")?;
    let reason = read::said(desk, &args.reason, "reason")?;
    let surviving = args
        .surviving
        .as_deref()
        .filter(|text| !text.trim().is_empty());
    let surviving = surviving
        .map(CaseNo::parse)
        .transpose()
        .map_err(|_| AppError::NotAChoice("surviving"))?;
    moved(desk, &args.case, |_, _| {
        Ok(OpBody::Finish {
            way,
            reason,
            surviving,
        })
    })
}

pub fn return_answer(desk: &Desk, args: ReturnAnswerArgs) -> Result<CaseScreen, AppError> {
    let text = read::said(desk, &args.text, "text")?;
    moved(desk, &args.case, |_, _| {
        Ok(OpBody::ReturnAnswer {
            item: args.index,
            text,
        })
    })
}

pub fn case_close(desk: &Desk, args: CaseRef) -> Result<CaseScreen, AppError> {
    moved(desk, &args.case, |_, _| {
        Ok(OpBody::Close {
            note: String::new(),
        })
    })
}

pub fn case_reopen(desk: &Desk, args: ReopenArgs) -> Result<CaseScreen, AppError> {
    let reason = read::said(desk, &args.reason, "reason")?;
    let new_evidence = read::said(desk, &args.new_evidence, "new_evidence")?;
    moved(desk, &args.case, |_, _| {
        Ok(OpBody::Reopen {
            reason,
            new_evidence,
        })
    })
}

pub fn case_hold(desk: &Desk, args: HoldArgs) -> Result<CaseScreen, AppError> {
    let reason = read::said(desk, &args.reason, "reason")?;
    let review_date = words::date(&args.review_date, "review_date")?;
    moved(desk, &args.case, |_, _| {
        Ok(OpBody::Hold {
            reason,
            review_date,
        })
    })
}

/// One op on one case, then its screen.
pub(super) fn moved(
    desk: &Desk,
    case: &str,
    body: impl FnOnce(&Painter<'_>, &CaseView) -> Result<OpBody, AppError>,
) -> Result<CaseScreen, AppError> {
    let session = desk.session()?;
    let case = read::case(case)?;
    let view = session.view(case)?;
    let body = body(&Painter::new(&session, desk.now()), &view)?;
    session.act(desk, case, vec![Deed::from(body)])?;
    Painter::new(&session, desk.now()).case(case)
}

fn incomplete(missing: Vec<checklist::Missing>) -> AppError {
    let mut params = BTreeMap::from([("missing".to_owned(), missing.len().to_string())]);
    if let Some(first) = missing.into_iter().next().map(missing_item) {
        params.insert("step".to_owned(), first.step);
        params.insert("first".to_owned(), first.code);
    }
    AppError::Refused {
        code: "case.incomplete".to_owned(),
        params,
    }
}
