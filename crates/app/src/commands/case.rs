//! Opening a case, making one, and what is said beside its fields.

use super::read;
use crate::desk::Desk;
use crate::dto::{CallEnd, CaseNew, CaseRef, CaseScreen, NoteArgs};
use crate::error::{AppError, Thing};
use crate::screens::Painter;
use crate::session::{Deed, Session, kept};
use crate::words;
use desk_domain::calendar::shanghai_day;
use desk_domain::case::Provenance;
use desk_domain::case_no::CaseNo;
use desk_domain::field::{self, FieldKey, FieldValue, Format};
use desk_domain::ids::CaseId;
use desk_domain::op::OpBody;
use desk_domain::time::Millis;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Calls that are remembered on this desk; the oldest go.
const CALLS_KEPT: usize = 200;

/// One call, as this desk remembers it. The number is masked before it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct KeptCall {
    pub call_ref: String,
    pub case: Option<CaseId>,
    pub number: String,
    pub started_at: Millis,
    pub ended_at: Option<Millis>,
}

pub fn case_open(desk: &Desk, args: CaseRef) -> Result<CaseScreen, AppError> {
    let session = desk.session()?;
    Painter::new(&session, desk.now()).case(read::case(&args.case)?)
}

pub fn case_new(desk: &Desk, args: CaseNew) -> Result<CaseScreen, AppError> {
    let session = desk.session()?;
    let now = desk.now();
    let case = CaseId::new(now, desk.chance());
    let case_no = next_number(&session, now)?;
    let create = OpBody::CaseCreate {
        case_no,
        office: session.identity.office.clone(),
        parent: None,
    };
    let mut deeds = vec![Deed::from(create)];
    if let Some(channel) = args.channel.filter(|channel| !channel.is_empty()) {
        deeds.push(Deed::from(channel_set(channel)?));
    }
    if let Some(call_ref) = &args.call_ref {
        let call_ref = read::reference(desk, call_ref, "call_ref")?;
        deeds.extend(caller_set(desk, &call_ref, now).map(Deed::from));
        deeds.push(Deed::from(OpBody::CallLog {
            direction: "in".to_owned(),
            call_ref: Some(call_ref),
            started_at: now,
            ended_at: None,
        }));
    }
    session.act(desk, case, deeds)?;
    if let Some(call_ref) = &args.call_ref {
        take_call(desk, &session, call_ref, case, now)?;
    }
    Painter::new(&session, now).case(case)
}

pub fn note_add(desk: &Desk, args: NoteArgs) -> Result<CaseScreen, AppError> {
    let session = desk.session()?;
    let case = read::case(&args.case)?;
    let text = read::said(desk, &args.text, "text")?;
    session.view(case)?;
    session.act(desk, case, vec![OpBody::NoteAdd { text }.into()])?;
    Painter::new(&session, desk.now()).case(case)
}

pub fn call_end(desk: &Desk, args: CallEnd) -> Result<CaseScreen, AppError> {
    let session = desk.session()?;
    let case = read::case(&args.case)?;
    session.view(case)?;
    let now = desk.now();
    let mut calls = kept_calls(&session)?;
    let call = calls
        .iter_mut()
        .find(|call| call.call_ref == args.call_ref && call.ended_at.is_none());
    let call = call.ok_or(AppError::NotFound(Thing::Call))?;
    call.ended_at = Some(now);
    let log = OpBody::CallLog {
        direction: "in".to_owned(),
        call_ref: Some(call.call_ref.clone()),
        started_at: call.started_at,
        ended_at: Some(now),
    };
    session.act(desk, case, vec![log.into()])?;
    session.keep(kept::CALLS, &calls)?;
    Painter::new(&session, now).case(case)
}

pub(crate) fn kept_calls(session: &Session) -> Result<Vec<KeptCall>, AppError> {
    Ok(session.recall(kept::CALLS)?.unwrap_or_default())
}

fn next_number(session: &Session, now: Millis) -> Result<CaseNo, AppError> {
    let day = shanghai_day(now);
    let sequence = session
        .store
        .next_case_sequence(&day.format("%y%m%d").to_string())?;
    let identity = &session.identity;
    CaseNo::compose(
        day,
        identity.office.as_str(),
        &identity.device_code,
        sequence,
    )
    .map_err(|_| AppError::Unexpected("no case number"))
}

fn channel_set(channel: String) -> Result<OpBody, AppError> {
    let Format::Choice(channels) = FieldKey::Channel.spec().format else {
        return Err(AppError::NotAChoice("channel"));
    };
    if !channels.contains(&channel.as_str()) {
        return Err(AppError::NotAChoice("channel"));
    }
    Ok(OpBody::FieldSet {
        field: FieldKey::Channel,
        value: Some(FieldValue::Text(channel)),
        source: Provenance::Typed,
        accepted: BTreeMap::new(),
    })
}

/// The number that the telephone shows, if it is one that the field takes without a question.
fn caller_set(desk: &Desk, call_ref: &str, now: Millis) -> Option<OpBody> {
    let caller = desk.ringing().find(call_ref, now)?.caller?;
    let field = FieldKey::CallerPhone;
    let canonical = field::canonicalise(field, &caller, shanghai_day(now)).ok()?;
    let value = canonical.value.filter(|_| canonical.warnings.is_empty())?;
    Some(OpBody::FieldSet {
        field,
        value: Some(value),
        source: Provenance::Typed,
        accepted: BTreeMap::new(),
    })
}

fn take_call(
    desk: &Desk,
    session: &Session,
    call_ref: &str,
    case: CaseId,
    now: Millis,
) -> Result<(), AppError> {
    let call_ref = words::maybe_said(call_ref, "call_ref", words::SHORT_CHARS)?;
    let ringing = desk.ringing().find(&call_ref, now).map(|ring| ring.shown);
    let mut calls = kept_calls(session)?;
    calls.insert(
        0,
        KeptCall {
            call_ref: call_ref.clone(),
            case: Some(case),
            number: ringing
                .as_ref()
                .map(|call| call.number.clone())
                .unwrap_or_default(),
            started_at: ringing.map_or(now, |call| call.at),
            ended_at: None,
        },
    );
    calls.truncate(CALLS_KEPT);
    session.keep(kept::CALLS, &calls)?;
    desk.ringing().take(&call_ref);
    Ok(())
}
