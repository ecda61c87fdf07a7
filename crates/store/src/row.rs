//! The row of a case: what lists and lookups need, kept in step with the view.

use crate::error::StoreError;
use crate::sql::{Blob, name_of, signed};
use desk_domain::case::Case;
use desk_domain::field::{FieldKey, FieldValue};
use desk_domain::ids::CaseId;
use desk_domain::time::Millis;
use rusqlite::{Connection, OptionalExtension, params};

/// Cases opened within one second that keep the order of their creation; more are put at the end.
const SLOTS_PER_SECOND: i64 = 16;

/// The text of a field, if it has one.
pub(crate) fn text_of(case: &Case, key: FieldKey) -> Option<&str> {
    match case.fields.get(&key)?.value.as_ref()? {
        FieldValue::Text(text) => Some(text.as_str()),
        FieldValue::Flag(_) | FieldValue::Set(_) => None,
    }
}

/// The row number of a case on this desk.
pub(crate) fn number_of(conn: &Connection, case: CaseId) -> Result<Option<i64>, StoreError> {
    Ok(conn
        .prepare_cached("SELECT n FROM case_row WHERE id = ?1")?
        .query_row(params![case.blob()], |row| row.get(0))
        .optional()?)
}

/// Writes the row for the view as it is now; makes one, numbered by creation time, when there is none.
///
/// `at` is when somebody last did something to it. Returns the row number.
pub(crate) fn write_row(
    conn: &Connection,
    case: &Case,
    at: Millis,
    due_at: Option<Millis>,
) -> Result<i64, StoreError> {
    if let Some(n) = number_of(conn, case.id)? {
        update_row(conn, n, case, at, due_at)?;
        return Ok(n);
    }
    let n = free_number(conn, case.id)?;
    conn.prepare_cached(
        "INSERT INTO case_row (n, id, office, case_no, state, created_by, updated_at, return_count, conflicts, pending)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, 0, 0)",
    )?
    .execute(params![
        n,
        case.id.blob(),
        case.office.as_str(),
        case.case_no.as_str(),
        name_of(&case.state)?,
        case.created_by.blob(),
        at
    ])?;
    update_row(conn, n, case, at, due_at)?;
    Ok(n)
}

fn update_row(
    conn: &Connection,
    n: i64,
    case: &Case,
    at: Millis,
    due_at: Option<Millis>,
) -> Result<(), StoreError> {
    conn.prepare_cached(
        "UPDATE case_row SET office = ?2, state = ?3, created_by = ?4, reviewer = ?5, updated_at = ?6, due_at = ?7,
           serial = ?8, merchant_name = ?9, caller_name = ?10, request_kind = ?11, return_count = ?12, conflicts = ?13,
           pending = (SELECT count(*) FROM op_fate WHERE case_id = ?14 AND open = 1 AND replay = 1)
         WHERE n = ?1",
    )?
    .execute(params![
        n,
        case.office.as_str(),
        name_of(&case.state)?,
        case.created_by.blob(),
        case.reviewer.map(Blob::blob),
        at,
        due_at,
        text_of(case, FieldKey::TerminalSerial),
        text_of(case, FieldKey::MerchantName),
        text_of(case, FieldKey::CallerName),
        text_of(case, FieldKey::RequestKind),
        case.return_count,
        i64::try_from(case.conflicts.len()).unwrap_or(i64::MAX),
        case.id.blob()
    ])?;
    Ok(())
}

/// Row numbers ascend with the creation time in the case id, so that "newest first" is the order of the rows themselves.
fn free_number(conn: &Connection, case: CaseId) -> Result<i64, StoreError> {
    let millis = case.uuid().as_u128() >> 80;
    let second = signed(u64::try_from(millis / 1000).unwrap_or(0))?;
    let base = second * SLOTS_PER_SECOND;
    let taken: Option<i64> = conn
        .prepare_cached("SELECT max(n) FROM case_row WHERE n BETWEEN ?1 AND ?2")?
        .query_row(params![base, base + SLOTS_PER_SECOND - 1], |row| row.get(0))?;
    match taken {
        None => Ok(base),
        Some(last) if last < base + SLOTS_PER_SECOND - 1 => Ok(last + 1),
        Some(_) => {
            let last: i64 = conn
                .prepare_cached("SELECT max(n) FROM case_row")?
                .query_row([], |row| row.get(0))?;
            Ok(last + 1)
        }
    }
}

/// When somebody last did something that the case itself remembers.
pub(crate) fn last_change_at(case: &Case) -> Millis {
    let moments = &case.moments;
    let steps = [
        moments.submitted_at,
        moments.taken_at,
        moments.approved_at,
        moments.unbound_at,
        moments.told_at,
        moments.closed_at,
    ];
    let mut at = moments.created_at;
    let parts = steps.into_iter().flatten();
    let parts = parts.chain(case.fields.values().map(|field| field.at));
    let parts = parts.chain(case.conflicts.values().map(|conflict| conflict.at));
    let parts = parts.chain(case.documents.values().map(|document| document.at));
    let parts = parts.chain(case.evidence.iter().map(|evidence| evidence.at));
    let parts = parts.chain(case.returns.iter().map(|item| item.at));
    let parts = parts.chain(
        case.executions
            .iter()
            .map(|run| run.finished_at.unwrap_or(run.started_at)),
    );
    let parts = parts.chain(case.notices.iter().map(|notice| notice.at));
    for part in parts {
        at = at.max(part);
    }
    at
}
