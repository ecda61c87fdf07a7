//! Calls out of the house, kept long enough to prove a call-back. Of the number that was called a keyed digest is kept, to be
//! compared with the registered one.

use super::bench::Bench;
use super::sql::{Connection, OptionalExtension, params};
use super::{RepoError, cases, lines, register};
use crate::calls::CallKey;
use crate::calls::event::{CallEvent, What};
use desk_domain::case::{Case, EvidenceKind};
use desk_domain::decide::CallDoubt;
use desk_domain::field::FieldKey;
use desk_domain::ids::{CaseId, OfficeCode, OpId};
use desk_domain::op::{Op, OpBody};
use desk_domain::time::Millis;

/// So long a call proves something: longer than a desk may work alone.
const KEEP_MS: Millis = 30 * 86_400_000;
/// A call-back is recorded within a day of its answer.
const WITHIN_MS: Millis = 86_400_000;
/// The desk's clock may be behind by so much.
const SKEW_MS: Millis = 600_000;

/// A call that an op named, and nothing was said against.
#[derive(Clone, Debug)]
pub struct Called {
    office: OfficeCode,
    call_ref: String,
    case: CaseId,
    op: OpId,
}

impl Called {
    /// Whether its evidence stands on the bench: a group that fell has taken it along.
    fn stands(&self, bench: &Bench<'_>) -> bool {
        let case = bench.at_hand(self.case);
        case.is_some_and(|case| {
            case.evidence
                .iter()
                .any(|one| one.op == self.op && one.kind == EvidenceKind::CallBackWithCallId)
        })
    }
}

/// What is kept of a call.
struct Kept {
    number: Option<Vec<u8>>,
    answered_at: Option<Millis>,
    case: Option<String>,
}

/// Notes what an event says of a call out of the house, in whatever order events come.
pub fn note(
    conn: &Connection,
    key: &CallKey,
    (office, event): (&OfficeCode, &CallEvent),
    now: Millis,
) -> Result<(), RepoError> {
    let number = event.called.as_deref();
    let number = number.map(|number| key.digest(office, number).to_vec());
    let answered_at = (event.what == What::Answer).then_some(now);
    conn.execute(
        "INSERT INTO cti_call_back (office, call_ref, number, first_at, answered_at) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (office, call_ref) DO UPDATE SET number = COALESCE(cti_call_back.number, excluded.number), \
         answered_at = COALESCE(cti_call_back.answered_at, excluded.answered_at)",
        params![office.as_str(), event.call_ref, number, now, answered_at],
    )?;
    Ok(())
}

/// What there is against the call that an op names, where a telephone system tells of calls.
pub fn doubt(
    bench: &mut Bench<'_>,
    op: &Op,
    body: Option<&OpBody>,
    case: Option<&Case>,
) -> Result<Option<CallDoubt>, RepoError> {
    let (
        Some(OpBody::EvidenceRecord {
            evidence: EvidenceKind::CallBackWithCallId,
            call_ref: Some(call_ref),
            ..
        }),
        Some(case),
    ) = (body, case)
    else {
        return Ok(None);
    };
    if !lines::has_line(bench.conn, &case.office)? {
        return Ok(None);
    }
    let called = Called {
        office: case.office.clone(),
        call_ref: call_ref.trim().to_owned(),
        case: case.id,
        op: op.op_id,
    };
    let against = against(bench, case, &called, op.captured_at.min(bench.now))?;
    if against.is_none() {
        bench.called.push(called);
    }
    Ok(against)
}

fn against(
    bench: &Bench<'_>,
    case: &Case,
    called: &Called,
    at: Millis,
) -> Result<Option<CallDoubt>, RepoError> {
    let Some(kept) = kept(bench.conn, called)? else {
        return Ok(Some(CallDoubt::Unreported));
    };
    let Some(answered_at) = kept.answered_at else {
        return Ok(Some(CallDoubt::Unanswered));
    };
    let since = at.saturating_sub(answered_at);
    if !(-SKEW_MS..=WITHIN_MS).contains(&since) {
        return Ok(Some(CallDoubt::OtherTime));
    }
    let (Some(phone), Some(key)) = (registered(bench.conn, case)?, &bench.rules.call_key) else {
        return Ok(Some(CallDoubt::NoNumber));
    };
    let wanted = key.digest(&case.office, &phone);
    if kept.number.as_deref() != Some(wanted.as_slice()) {
        return Ok(Some(CallDoubt::OtherNumber));
    }
    let counts = kept.case.is_some_and(|other| other != case.id.to_string());
    let counts_here = bench.called.iter().any(|other| {
        (&other.office, &other.call_ref) == (&called.office, &called.call_ref)
            && other.case != case.id
            && other.stands(bench)
    });
    Ok((counts || counts_here).then_some(CallDoubt::Used))
}

/// The number of record of a case's merchant.
fn registered(conn: &Connection, case: &Case) -> Result<Option<String>, RepoError> {
    let matched = match case.identity.merchant {
        Some(id) => register::load(conn, &case.office, id)?,
        None => None,
    };
    let merchant = match (matched, cases::text_of(case, FieldKey::MerchantNo)) {
        (None, Some(number)) => register::by_number(conn, &case.office, number)?,
        (matched, _) => matched,
    };
    Ok(merchant.map(|merchant| merchant.phone))
}

fn kept(conn: &Connection, called: &Called) -> Result<Option<Kept>, RepoError> {
    Ok(conn
        .prepare_cached(
            "SELECT number, answered_at, case_id FROM cti_call_back WHERE office = ?1 AND call_ref = ?2",
        )?
        .query_row(params![called.office.as_str(), called.call_ref], |row| {
            Ok(Kept {
                number: row.get(0)?,
                answered_at: row.get(1)?,
                case: row.get(2)?,
            })
        })
        .optional()?)
}

/// From now on those calls count for their cases and for no other.
pub fn claim(bench: &Bench<'_>) -> Result<(), RepoError> {
    for called in bench.called.iter().filter(|called| called.stands(bench)) {
        bench.conn.execute(
            "UPDATE cti_call_back SET case_id = ?1 WHERE office = ?2 AND call_ref = ?3",
            params![
                called.case.to_string(),
                called.office.as_str(),
                called.call_ref
            ],
        )?;
    }
    Ok(())
}

/// True when a sweep would find something.
pub fn is_old(conn: &Connection, now: Millis) -> Result<bool, RepoError> {
    Ok(conn
        .prepare_cached("SELECT 1 FROM cti_call_back WHERE first_at < ?1 LIMIT 1")?
        .exists([now.saturating_sub(KEEP_MS)])?)
}

/// Forgets calls that prove nothing any more.
pub fn sweep(conn: &Connection, now: Millis) -> Result<(), RepoError> {
    conn.execute(
        "DELETE FROM cti_call_back WHERE first_at < ?1",
        [now.saturating_sub(KEEP_MS)],
    )?;
    Ok(())
}
