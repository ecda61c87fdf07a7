//! What is typed: kept at every pause as a draft, taken as a value when it fits its field.

use super::read;
use crate::content;
use crate::desk::Desk;
use crate::dto::{CaseScreen, DiagnosisAnswer, Done, DraftPut, FieldSetArgs, FieldsFill};
use crate::error::AppError;
use crate::screens::Painter;
use crate::session::{Deed, Session};
use crate::words;
use desk_domain::calendar::shanghai_day;
use desk_domain::case::Provenance;
use desk_domain::field::{self, Canonical, FieldKey, FieldReject, FieldValue};
use desk_domain::ids::{CaseId, OpId};
use desk_domain::op::OpBody;
use desk_domain::secret_trap::FieldKind;
use desk_store::CaseView;
use std::collections::BTreeMap;

/// Longest text of one field while it is being typed.
const DRAFT_CHARS: usize = 4_000;
/// Fields that one fill may carry.
const FILL_MAX: usize = 64;

/// Keeps what stands in an input, whatever it is; only secrets are not kept.
pub fn draft_put(desk: &Desk, args: DraftPut) -> Result<Done, AppError> {
    let session = desk.session()?;
    let case = read::case(&args.case)?;
    let key = key_of(&args.field)?;
    if args.raw.chars().count() > DRAFT_CHARS {
        return Err(AppError::TextTooLong("raw", DRAFT_CHARS));
    }
    session.view(case)?;
    // Half a card number is no secret yet; a whole one never reaches the file.
    read::harmless(desk, &args.raw, draft_kind(key), Some(key.as_str()))?;
    session.store.put_draft(case, key, &args.raw)?;
    Ok(Done {})
}

/// One value: parsed, then one op and the draft gone in the same save. What does not fit stays a draft.
pub fn field_set(desk: &Desk, args: FieldSetArgs) -> Result<CaseScreen, AppError> {
    let session = desk.session()?;
    let case = read::case(&args.case)?;
    let key = key_of(&args.field)?;
    let source = source_of(&args.source)?;
    let base = args
        .base
        .as_deref()
        .map(|text| OpId::parse(text).ok_or(AppError::BadArguments))
        .transpose()?;
    let view = session.view(case)?;
    let canonical = match field::canonicalise(key, &args.raw, shanghai_day(desk.now())) {
        Ok(canonical) => canonical,
        Err(reject) => return Err(keep_rejected(desk, &session, case, &args.raw, reject)?),
    };
    let accepted = match accepted(desk, key, &canonical, &args.accept) {
        Ok(accepted) => accepted,
        Err(error) => {
            session.store.put_draft(case, key, &args.raw)?;
            return Err(error);
        }
    };
    if view.case.value(key) == canonical.value.as_ref() {
        session.store.put_draft(case, key, "")?;
    } else {
        let deed = Deed {
            body: OpBody::FieldSet {
                field: key,
                value: canonical.value,
                source,
                accepted,
            },
            base_rev: base,
            clears: Some(key),
        };
        if let Err(error) = session.act(desk, case, vec![deed]) {
            // The rules may refuse what the format allows; the text is still the agent's.
            session.store.put_draft(case, key, &args.raw)?;
            return Err(error);
        }
    }
    Painter::new(&session, desk.now()).case(case)
}

/// Fills empty fields in one action. What needs a person's eye waits in its field as a draft.
pub fn fields_fill(desk: &Desk, args: FieldsFill) -> Result<CaseScreen, AppError> {
    let session = desk.session()?;
    let case = read::case(&args.case)?;
    let source = source_of(&args.source)?;
    if args.values.len() > FILL_MAX {
        return Err(AppError::BadArguments);
    }
    let view = session.view(case)?;
    let mut deeds = Vec::new();
    for (name, raw) in &args.values {
        let key = key_of(name)?;
        if view.case.value(key).is_some() || raw.trim().is_empty() {
            continue;
        }
        match field::canonicalise(key, raw, shanghai_day(desk.now())) {
            Ok(canonical) if canonical.warnings.is_empty() => {
                deeds.push(fill(&view, key, canonical, source));
            }
            Ok(_) => session.store.put_draft(case, key, raw)?,
            Err(reject) => {
                let _told_by_the_draft = keep_rejected(desk, &session, case, raw, reject)?;
            }
        }
    }
    if !deeds.is_empty() {
        session.act(desk, case, deeds)?;
    }
    Painter::new(&session, desk.now()).case(case)
}

/// One step of the tree: the answers, and at a leaf what follows from them, in one action.
pub fn diagnosis_answer(desk: &Desk, args: DiagnosisAnswer) -> Result<CaseScreen, AppError> {
    let session = desk.session()?;
    let case = read::case(&args.case)?;
    let view = session.view(case)?;
    let concluded = content::answered(&view.case, &args.question, &args.option)?;
    let deeds: Vec<Deed> = concluded
        .into_iter()
        .filter(|(key, value)| view.case.value(*key) != value.as_ref())
        .map(|(key, value)| said(&view, key, value, Provenance::Spoken))
        .collect();
    if !deeds.is_empty() {
        session.act(desk, case, deeds)?;
    }
    Painter::new(&session, desk.now()).case(case)
}

fn key_of(name: &str) -> Result<FieldKey, AppError> {
    FieldKey::parse(name).ok_or(AppError::UnknownField)
}

fn source_of(name: &str) -> Result<Provenance, AppError> {
    words::choice(name, "source").map_err(|_| AppError::UnknownProvenance)
}

fn fill(view: &CaseView, key: FieldKey, canonical: Canonical, source: Provenance) -> Deed {
    said(view, key, canonical.value, source)
}

fn said(view: &CaseView, key: FieldKey, value: Option<FieldValue>, source: Provenance) -> Deed {
    Deed {
        body: OpBody::FieldSet {
            field: key,
            value,
            source,
            accepted: BTreeMap::new(),
        },
        base_rev: view.case.fields.get(&key).map(|state| state.rev),
        clears: Some(key),
    }
}

/// Text typed for a field that legitimately holds long digits is looked at as such while it is typed, too.
fn draft_kind(key: FieldKey) -> FieldKind {
    if key.spec().trap_exempt {
        FieldKind::OrderNumber
    } else {
        FieldKind::FreeText
    }
}

/// The text stays unless it is a secret; the answer names the field and what is wrong.
fn keep_rejected(
    desk: &Desk,
    session: &Session,
    case: CaseId,
    raw: &str,
    reject: FieldReject,
) -> Result<AppError, AppError> {
    let mut params = BTreeMap::new();
    let code = if reject.code.contains('.') {
        params.insert("count".to_owned(), desk.count_secret().to_string());
        reject.code.to_owned()
    } else {
        if raw.chars().count() <= DRAFT_CHARS {
            session.store.put_draft(case, reject.field, raw)?;
        }
        format!("field.{}", reject.code.to_lowercase())
    };
    Ok(AppError::Field {
        field: reject.field.as_str().to_owned(),
        code,
        params,
    })
}

/// Each doubt needs a reason of the agent's own.
fn accepted(
    desk: &Desk,
    key: FieldKey,
    canonical: &Canonical,
    reasons: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, AppError> {
    let mut accepted = BTreeMap::new();
    let mut open = Vec::new();
    for warning in &canonical.warnings {
        if let Some(reason) = reasons
            .get(*warning)
            .filter(|reason| !reason.trim().is_empty())
        {
            accepted.insert((*warning).to_owned(), read::said(desk, reason, "accept")?);
        } else {
            open.push(*warning);
        }
    }
    if open.is_empty() {
        return Ok(accepted);
    }
    Err(AppError::Field {
        field: key.as_str().to_owned(),
        code: "field.needs_reason".to_owned(),
        params: BTreeMap::from([("warnings".to_owned(), open.join(","))]),
    })
}
