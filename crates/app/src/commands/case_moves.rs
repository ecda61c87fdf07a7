//! Moves of a case through its states, before and after the review.

use super::read;
use crate::desk::Desk;
use crate::dto::{CaseMove, CaseMoveArgs, CaseRef, CaseScreen, ReturnAnswerArgs};
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

/// Every other move of a case that a person asks for by name.
pub fn case_move(desk: &Desk, args: CaseMoveArgs) -> Result<CaseScreen, AppError> {
    let case = args.case;
    match args.act {
        CaseMove::Wait { promise_date } => wait(desk, &case, &promise_date),
        CaseMove::Resume { reason } => resume(desk, &case, &reason),
        CaseMove::Withdraw {
            reason,
            identity_checked,
        } => {
            let reason = read::said(desk, &reason, "reason")?;
            act(
                desk,
                &case,
                OpBody::Withdraw {
                    reason,
                    identity_checked,
                },
            )
        }
        CaseMove::Finish {
            way,
            reason,
            surviving,
        } => finish(desk, &case, &way, &reason, surviving.as_deref()),
        CaseMove::Hold {
            reason,
            review_date,
        } => {
            let reason = read::said(desk, &reason, "reason")?;
            let review_date = words::date(&review_date, "review_date")?;
            act(
                desk,
                &case,
                OpBody::Hold {
                    reason,
                    review_date,
                },
            )
        }
        CaseMove::Close {} => {
            let note = String::new();
            act(desk, &case, OpBody::Close { note })
        }
        CaseMove::Reopen {
            reason,
            new_evidence,
        } => {
            let reason = read::said(desk, &reason, "reason")?;
            let new_evidence = read::said(desk, &new_evidence, "new_evidence")?;
            act(
                desk,
                &case,
                OpBody::Reopen {
                    reason,
                    new_evidence,
                },
            )
        }
    }
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

fn act(desk: &Desk, case: &str, body: OpBody) -> Result<CaseScreen, AppError> {
    moved(desk, case, |_, _| Ok(body))
}

/// The list of what is missing comes from the case, so that the merchant's slip says the same as the screen.
fn wait(desk: &Desk, case: &str, promise_date: &str) -> Result<CaseScreen, AppError> {
    let promise_date = words::date(promise_date, "promise_date")?;
    moved(desk, case, |painter, view| {
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

fn resume(desk: &Desk, case: &str, reason: &str) -> Result<CaseScreen, AppError> {
    let reason = read::maybe_said(desk, reason, "reason")?;
    moved(desk, case, |_, view| {
        Ok(if view.case.state == CaseState::OnHold {
            OpBody::Unhold { reason }
        } else {
            OpBody::Resume { note: reason }
        })
    })
}

fn finish(
    desk: &Desk,
    case: &str,
    way: &str,
    reason: &str,
    surviving: Option<&str>,
) -> Result<CaseScreen, AppError> {
    let way: CloseWay = words::choice(way, "way")?;
    let reason = read::said(desk, reason, "reason")?;
    let surviving = surviving.filter(|text| !text.trim().is_empty());
    let surviving = surviving
        .map(CaseNo::parse)
        .transpose()
        .map_err(|_| AppError::NotAChoice("surviving"))?;
    act(
        desk,
        case,
        OpBody::Finish {
            way,
            reason,
            surviving,
        },
    )
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
