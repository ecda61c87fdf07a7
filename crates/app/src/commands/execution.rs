//! The operator's side, and telling the merchant.

use super::case_moves::moved;
use super::read;
use crate::desk::Desk;
use crate::dto::{CaseRef, CaseScreen, ExecuteRecordArgs, FollowUpArgs, NoticeArgs};
use crate::error::AppError;
use crate::screens::offers::terminal_results;
use crate::words;
use desk_domain::case::{ExecutionResult, FollowUpResult, NoticeChannel};
use desk_domain::ids::GroupId;
use desk_domain::op::OpBody;

/// A fresh key each time: pressing twice is refused by the state, a retry after a failure is a new try.
pub fn execute_start(desk: &Desk, args: CaseRef) -> Result<CaseScreen, AppError> {
    let key = GroupId::new(desk.now(), desk.chance()).to_string();
    moved(desk, &args.case, |_, _| {
        Ok(OpBody::ExecuteStart {
            idempotency_key: key,
        })
    })
}

/// The result holds for each terminal number of the form.
pub fn execute_record(desk: &Desk, args: ExecuteRecordArgs) -> Result<CaseScreen, AppError> {
    let result: ExecutionResult = words::choice(&args.result, "result")?;
    let reference = read::reference(desk, &args.reference, "reference")?;
    let evidence = read::maybe_said(desk, &args.evidence, "evidence")?;
    moved(desk, &args.case, |_, view| {
        let terminals = terminal_results(&view.case, result);
        Ok(OpBody::ExecuteRecord {
            result,
            reference,
            evidence,
            terminals,
            requeried: args.requeried,
        })
    })
}

pub fn notice_record(desk: &Desk, args: NoticeArgs) -> Result<CaseScreen, AppError> {
    let channel: NoticeChannel = words::choice(&args.channel, "channel")?;
    let template = words::said(&args.template, "template", words::SHORT_CHARS)?;
    let note = read::maybe_said(desk, &args.note, "note")?;
    moved(desk, &args.case, |_, _| {
        Ok(OpBody::NoticeRecord {
            channel,
            template,
            delivered: args.delivered,
            note,
        })
    })
}

pub fn follow_up(desk: &Desk, args: FollowUpArgs) -> Result<CaseScreen, AppError> {
    let result: FollowUpResult = words::choice(&args.result, "result")?;
    let note = read::maybe_said(desk, &args.note, "note")?;
    moved(desk, &args.case, |_, _| {
        Ok(OpBody::FollowUpRecord { result, note })
    })
}
