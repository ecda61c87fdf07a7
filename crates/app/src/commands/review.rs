//! The reviewer's side: take, judge papers, return, reject, approve.

use super::case_moves::moved;
use super::read;
use crate::desk::Desk;
use crate::dto::{
    CaseRef, CaseScreen, JudgeArgs, ReasonView, ReturnArgsItem, ReviewDecideArgs, ReviewMove,
    ReviewScreen, RiskActArgs, RiskMove, WaiveArgs,
};
use crate::error::AppError;
use crate::screens::{Painter, compare};
use crate::session::Session;
use crate::words;
use desk_domain::case::{DocumentKind, ReturnItem, ReturnTarget, Verdict};
use desk_domain::field::FieldKey;
use desk_domain::ids::CaseId;
use desk_domain::op::{ChainHash, OpBody};
use desk_domain::people::Role;
use desk_domain::policy::Reason;
use desk_domain::refusal::Code;
use desk_domain::registry::MerchantRecord;
use desk_domain::risk;
use desk_store::CaseView;
use std::collections::{BTreeMap, BTreeSet};

/// Items of one return.
const ITEMS_MAX: usize = 50;

pub fn review_open(desk: &Desk, args: CaseRef) -> Result<ReviewScreen, AppError> {
    let session = desk.session()?;
    let case = read::case(&args.case)?;
    let view = session.view(case)?;
    may_compare(&session)?;
    fetch_papers(&session, &view);
    screen(desk, &session, case)
}

pub fn review_take(desk: &Desk, args: CaseRef) -> Result<ReviewScreen, AppError> {
    moved(desk, &args.case, |_, _| {
        Ok(OpBody::ReviewTake {
            note: String::new(),
        })
    })?;
    review_open(desk, args)
}

pub fn document_judge(desk: &Desk, args: JudgeArgs) -> Result<ReviewScreen, AppError> {
    let document = read::document(&args.document)?;
    let verdict: Verdict = words::choice(&args.verdict, "verdict")?;
    let note = read::maybe_said(desk, &args.note, "note")?;
    let code = args.code.filter(|code| !code.is_empty());
    moved(desk, &args.case, |_, _| {
        Ok(OpBody::DocumentJudge {
            document,
            verdict,
            code,
            note,
        })
    })?;
    let session = desk.session()?;
    screen(desk, &session, read::case(&args.case)?)
}

pub fn document_waive(desk: &Desk, args: WaiveArgs) -> Result<CaseScreen, AppError> {
    let kind: DocumentKind = words::choice(&args.kind, "kind")?;
    let reason = read::said(desk, &args.reason, "reason")?;
    moved(desk, &args.case, |_, _| {
        Ok(OpBody::DocumentWaive { kind, reason })
    })
}

pub fn review_decide(desk: &Desk, args: ReviewDecideArgs) -> Result<CaseScreen, AppError> {
    let body = match args.decision {
        ReviewMove::Return { items } => {
            if items.len() > ITEMS_MAX {
                return Err(AppError::BadArguments);
            }
            let items: Vec<ReturnItem> = items
                .iter()
                .map(|item| return_item(desk, item))
                .collect::<Result<_, _>>()?;
            OpBody::ReviewReturn { items }
        }
        ReviewMove::Reject { code, appeal } => OpBody::ReviewReject {
            code,
            appeal: read::said(desk, &appeal, "appeal")?,
        },
        ReviewMove::Approve { digest } => OpBody::ReviewApprove {
            digest: ChainHash::parse(&digest).ok_or(AppError::BadArguments)?,
        },
    };
    moved(desk, &args.case, |_, _| Ok(body))
}

pub fn risk_act(desk: &Desk, args: RiskActArgs) -> Result<CaseScreen, AppError> {
    match args.act {
        RiskMove::Say { signals, note } => say_doubt(desk, &args.case, &signals, &note),
        RiskMove::Clear { reason } => {
            let reason = read::said(desk, &reason, "reason")?;
            moved(desk, &args.case, |_, _| Ok(OpBody::RiskClear { reason }))
        }
    }
}

/// The reasons and the words go together or not at all.
fn say_doubt(
    desk: &Desk,
    case: &str,
    signals: &[String],
    note: &str,
) -> Result<CaseScreen, AppError> {
    let session = desk.session()?;
    let id = read::case(case)?;
    let policy = session.rules().policy;
    let known: BTreeSet<&str> = risk::said_by_people(&policy).collect();
    let said: BTreeSet<String> = signals.iter().cloned().collect();
    if said.is_empty() || !said.iter().all(|signal| known.contains(signal.as_str())) {
        return Err(AppError::NotAChoice("signals"));
    }
    let text = read::maybe_said(desk, note, "note")?;
    session.view(id)?;
    // What the reasons weigh is the policy's business, on both sides.
    let mut bodies = vec![
        OpBody::RiskAssess {
            points: 0,
            signals: said,
        }
        .into(),
    ];
    if !text.is_empty() {
        bodies.push(OpBody::NoteAdd { text }.into());
    }
    session.act(desk, id, bodies)?;
    Painter::new(&session, desk.now()).case(id)
}

/// The register's side of the comparison is for those who decide.
fn may_compare(session: &Session) -> Result<(), AppError> {
    if [Role::Reviewer, Role::Supervisor, Role::Auditor]
        .into_iter()
        .any(|role| session.may(role))
    {
        return Ok(());
    }
    Err(AppError::Refused {
        code: Code::ActorRole.as_str().to_owned(),
        params: BTreeMap::new(),
    })
}

/// Papers that only the server has are asked for now, so that they are here when the reviewer looks.
fn fetch_papers(session: &Session, view: &CaseView) {
    for (document, _) in view.case.active_documents() {
        // One that cannot be asked for shows as not here; the rest of the screen is no worse for it.
        let _asked = session.store.want_document(*document);
    }
}

fn screen(desk: &Desk, session: &Session, case: CaseId) -> Result<ReviewScreen, AppError> {
    may_compare(session)?;
    let view = session.view(case)?;
    let painter = Painter::new(session, desk.now());
    let merchant = located(session, &view)?;
    let policy = &painter.rules.policy;
    Ok(ReviewScreen {
        compare: compare::rows(&view.case, merchant.as_ref()),
        registry_found: merchant.is_some(),
        return_reasons: policy.return_reasons.iter().map(reason_view).collect(),
        reject_reasons: policy.reject_reasons.iter().map(reason_view).collect(),
        case: painter.paint(&view),
    })
}

/// The record that the blind match found, else the only one that carries the form's numbers.
fn located(session: &Session, view: &CaseView) -> Result<Option<MerchantRecord>, AppError> {
    if let Some(id) = view.case.identity.merchant {
        return Ok(session.store.merchant(id)?);
    }
    for key in [FieldKey::MerchantNo, FieldKey::TerminalSerial] {
        let number = view.case.text(key);
        let found = if number.is_empty() {
            Vec::new()
        } else {
            session.store.find_merchants(number)?
        };
        if let [only] = found.as_slice() {
            return Ok(session.store.merchant(*only)?);
        }
    }
    Ok(None)
}

pub(super) fn reason_view(reason: &Reason) -> ReasonView {
    ReasonView {
        code: reason.code.clone(),
        label: crate::dto::Bilingual {
            zh: reason.zh.clone(),
            en: reason.en.clone(),
        },
    }
}

fn return_item(desk: &Desk, item: &ReturnArgsItem) -> Result<ReturnItem, AppError> {
    let target = match (&item.field, &item.document, &item.missing_kind) {
        (Some(field), None, None) => ReturnTarget::Field {
            key: FieldKey::parse(field).ok_or(AppError::UnknownField)?,
        },
        (None, Some(document), None) => ReturnTarget::Document {
            id: read::document(document)?,
        },
        (None, None, Some(kind)) => ReturnTarget::Missing {
            kind: words::choice(kind, "missing_kind")?,
        },
        _ => return Err(AppError::BadArguments),
    };
    Ok(ReturnItem {
        target,
        code: item.code.clone(),
        text: read::maybe_said(desk, &item.text, "text")?,
    })
}
