//! Who is calling: the blind match, evidence, and the counted reveal.

use super::read;
use crate::desk::Desk;
use crate::dto::{CaseRef, CaseScreen, EvidenceAdd, MatchResult, RevealArgs, Revealed};
use crate::error::AppError;
use crate::screens::{Painter, show};
use crate::session::{Session, kept};
use crate::words;
use desk_domain::case::{Case, EvidenceKind};
use desk_domain::field::{FieldKey, FieldValue};
use desk_domain::op::OpBody;
use desk_domain::time::Millis;
use std::collections::BTreeMap;

/// Values that one person may reveal within an hour.
const REVEALS_PER_HOUR: usize = 20;
const HOUR_MS: Millis = 60 * 60 * 1_000;
/// How long a revealed value may be shown.
const SHOWN_MS: Millis = 30_000;
/// One fact proves nothing about who is calling.
const FACTS_MIN: usize = 2;

/// What a caller may say that the register knows too.
const SPOKEN: &[FieldKey] = &[
    FieldKey::MerchantNo,
    FieldKey::MerchantInnerNo,
    FieldKey::MerchantName,
    FieldKey::MerchantUscc,
    FieldKey::MerchantPhone,
    FieldKey::LegalName,
    FieldKey::LegalIdNo,
    FieldKey::SettleTail,
    FieldKey::TerminalSerial,
    FieldKey::TerminalTusn,
    FieldKey::TerminalNumbers,
];

/// The facts of a case that can be compared with the register.
fn spoken_facts(case: &Case) -> BTreeMap<FieldKey, FieldValue> {
    let said = SPOKEN
        .iter()
        .filter_map(|key| Some((*key, case.value(*key)?.clone())));
    said.collect()
}

pub fn identity_match(desk: &Desk, args: CaseRef) -> Result<MatchResult, AppError> {
    let session = desk.session()?;
    let case = read::case(&args.case)?;
    let view = session.view(case)?;
    let now = desk.now();
    if let Some(until) = view.case.identity.locked_until.filter(|until| *until > now) {
        return Err(refused("identity.locked", "until", until.to_string()));
    }
    let facts = spoken_facts(&view.case);
    if facts.len() < FACTS_MIN {
        return Err(refused(
            "identity.too_few_facts",
            "needed",
            FACTS_MIN.to_string(),
        ));
    }
    let found = session.store.blind_match(&facts)?;
    let agreed = found
        .agreed
        .iter()
        .map(|key| key.as_str().to_owned())
        .collect();
    let differed = u32::try_from(found.differed.len()).unwrap_or(u32::MAX);
    let is_found = found.merchant.is_some();
    let body = OpBody::IdentityMatch {
        merchant: found.merchant,
        agreed: found.agreed,
        differed: found.differed,
    };
    session.act(desk, case, vec![body.into()])?;
    let screen = Painter::new(&session, now).case(case)?;
    Ok(MatchResult {
        found: is_found,
        agreed,
        differed,
        failures: screen.identity.failures,
        locked_until: screen.identity.locked_until,
        case: screen,
    })
}

pub fn evidence_add(desk: &Desk, args: EvidenceAdd) -> Result<CaseScreen, AppError> {
    let session = desk.session()?;
    let case = read::case(&args.case)?;
    let evidence: EvidenceKind = words::choice(&args.kind, "kind")?;
    let note = read::maybe_said(desk, &args.note, "note")?;
    let call_ref = args
        .call_ref
        .as_deref()
        .filter(|text| !text.trim().is_empty());
    let call_ref = call_ref
        .map(|text| read::reference(desk, text, "call_ref"))
        .transpose()?;
    session.view(case)?;
    session.act(
        desk,
        case,
        vec![
            OpBody::EvidenceRecord {
                evidence,
                call_ref,
                note,
            }
            .into(),
        ],
    )?;
    Painter::new(&session, desk.now()).case(case)
}

/// One value in clear, after it is on record who wanted to see it and why.
pub fn reveal(desk: &Desk, args: RevealArgs) -> Result<Revealed, AppError> {
    let session = desk.session()?;
    let case = read::case(&args.case)?;
    let field = FieldKey::parse(&args.field).ok_or(AppError::UnknownField)?;
    let reason = read::said(desk, &args.reason, "reason")?;
    let view = session.view(case)?;
    let value = view.case.value(field).filter(|_| show::is_personal(field));
    let value = value.map(show::plain).ok_or(AppError::NothingToReveal)?;
    let now = desk.now();
    count_reveal(&session, now)?;
    session.act(
        desk,
        case,
        vec![OpBody::RevealRecord { field, reason }.into()],
    )?;
    Ok(Revealed {
        value,
        until: now.saturating_add(SHOWN_MS),
    })
}

/// Counted in the encrypted file: a restart gives no new ones.
fn count_reveal(session: &Session, now: Millis) -> Result<(), AppError> {
    let name = kept::reveals(&session.user.user.to_string());
    let mut at: Vec<Millis> = session.recall(&name)?.unwrap_or_default();
    // A clock set back counts what lies ahead as just now.
    at.retain(|at| *at > now - HOUR_MS);
    if at.len() >= REVEALS_PER_HOUR {
        let oldest = at.iter().copied().min().unwrap_or(now).min(now);
        return Err(AppError::TooManyReveals {
            wait_ms: (oldest + HOUR_MS - now).clamp(1, HOUR_MS),
        });
    }
    at.push(now);
    session.keep(&name, &at)
}

fn refused(code: &str, name: &str, value: String) -> AppError {
    AppError::Refused {
        code: code.to_owned(),
        params: BTreeMap::from([(name.to_owned(), value)]),
    }
}
