//! The server's own device begins an execution: the word on the case and the request to the core system are one
//! transaction. An operator who began by hand was first, and the case is left alone.

use super::rows;
use crate::connector::scope::Scope;
use crate::repo::bench::Bench;
use crate::repo::sql::{Connection, params};
use crate::repo::{RepoError, Rules, system};
use desk_domain::case::Case;
use desk_domain::field::FieldKey;
use desk_domain::ids::{CaseId, ExecutionId, OfficeCode};
use desk_domain::op::OpBody;
use desk_domain::outcome::Outcome;
use desk_domain::time::Millis;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Approved cases of an office that are looked at; more than that wait for the first ones.
const MOST: usize = 2_000;
/// A case that may not begin yet is looked at again after so long, or when it changes.
const AGAIN_MS: Millis = 60_000;

/// Approved cases that cannot begin now, as they were seen: revision, and when to look again.
#[derive(Clone, Default)]
pub struct Seen(BTreeMap<CaseId, (u64, Millis)>);

/// The body of a request. No name, no number of a person and no phone is in it.
#[derive(Serialize)]
struct Request<'a> {
    key: String,
    case_no: String,
    office: &'a str,
    merchant_no: &'a str,
    serial: &'a str,
    tusn: &'a str,
    terminals: Vec<String>,
    reason: &'a str,
}

/// Cases that may begin now, at most so many, and what is known of the others.
///
/// # Errors
/// When the database fails.
pub fn candidates(
    conn: &Connection,
    rules: &Rules,
    scope: &Scope,
    (seen, most): (&Seen, usize),
) -> Result<(Vec<CaseId>, Seen), RepoError> {
    let now = rules.clock.now();
    let (mut found, mut still) = (Vec::new(), Seen::default());
    for office in &scope.offices {
        for (id, rev) in approved(conn, office)? {
            let known = seen.0.get(&id).copied();
            if let Some(known) = known.filter(|(of, again)| *of == rev && now < *again) {
                still.0.insert(id, known);
                continue;
            }
            let mut bench = Bench::new(conn, rules)?;
            if found.len() < most && may_begin(&mut bench, scope, id)?.is_some() {
                found.push(id);
            } else if found.len() < most {
                still.0.insert(id, (rev, now.saturating_add(AGAIN_MS)));
            }
        }
    }
    Ok((found, still))
}

/// Begins, if the rules still allow it; the idempotency key.
///
/// # Errors
/// When the database fails; then nothing has begun.
pub fn start(
    conn: &Connection,
    rules: &Rules,
    scope: &Scope,
    id: CaseId,
) -> Result<Option<ExecutionId>, RepoError> {
    let mut bench = Bench::new(conn, rules)?;
    let Some((case, key, body)) = may_begin(&mut bench, scope, id)? else {
        return Ok(None);
    };
    let request = Request {
        key: key.to_string(),
        case_no: case.case_no.to_string(),
        office: case.office.as_str(),
        merchant_no: case.text(FieldKey::MerchantNo),
        serial: case.text(FieldKey::TerminalSerial),
        tusn: case.text(FieldKey::TerminalTusn),
        terminals: case
            .members(FieldKey::TerminalNumbers)
            .into_iter()
            .collect(),
        reason: case.text(FieldKey::ReasonCode),
    };
    let request = serde_json::to_string(&request)?;
    if !rows::put(conn, rules, &case, key, &request)? {
        return Ok(None);
    }
    system::say(&mut bench, vec![(id, body)])?;
    let begun = bench
        .case(id)?
        .and_then(|case| case.executions.last().cloned());
    if begun.is_none_or(|last| last.idempotency_key != key.to_string()) {
        return Err(RepoError::Damaged("an execution did not begin"));
    }
    bench.finish()?;
    Ok(Some(key))
}

/// Asks the rules themselves: state, hold time, risk and earlier executions are theirs.
fn may_begin(
    bench: &mut Bench<'_>,
    scope: &Scope,
    id: CaseId,
) -> Result<Option<(Arc<Case>, ExecutionId, OpBody)>, RepoError> {
    let Some(case) = bench.case(id)?.filter(|case| scope.takes(case)) else {
        return Ok(None);
    };
    if rows::is_known(bench.conn, &case.office, id)? {
        return Ok(None);
    }
    let key = ExecutionId::of_connector(id);
    let body = OpBody::ExecuteStart {
        idempotency_key: key.to_string(),
    };
    let outcome = system::rehearse(bench, id, &body)?;
    Ok(matches!(outcome, Outcome::Applied { .. }).then_some((case, key, body)))
}

fn approved(conn: &Connection, office: &OfficeCode) -> Result<Vec<(CaseId, u64)>, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT id, rev FROM case_file WHERE office = ?1 AND state = 'approved' ORDER BY id LIMIT ?2",
    )?;
    let mut rows = select.query(params![office.as_str(), MOST])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let id = CaseId::parse(&row.get::<String>(0)?).ok_or(RepoError::Damaged("case id"))?;
        found.push((id, row.get(1)?));
    }
    Ok(found)
}
