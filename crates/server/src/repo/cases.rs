//! Cases as they stand, and their history.

use super::RepoError;
use super::journal::texts;
use super::sql::Kind::{Int, Text};
use super::sql::{Connection, Insert, OptionalExtension, params};
use desk_domain::case::{Case, CaseState, TimelineEntry};
use desk_domain::case_no::CaseNo;
use desk_domain::field::{FieldKey, FieldValue};
use desk_domain::ids::{CaseId, OfficeCode};
use desk_domain::time::Millis;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

const SNAPSHOTS: &str = "SELECT id, snapshot FROM case_file WHERE id = ?1";
static ROWS: LazyLock<Insert> = LazyLock::new(|| {
    let columns = [
        ("office", Text),
        ("id", Text),
        ("case_no", Text),
        ("state", Text),
        ("rev", Int),
        ("serial", Text),
        ("merchant_no", Text),
        ("is_open", Int),
        ("submitted_at", Int),
        ("snapshot", Text),
        ("updated_at", Int),
    ];
    let then = "ON CONFLICT (office, id) DO UPDATE SET case_no = excluded.case_no, state = excluded.state, \
         rev = excluded.rev, serial = excluded.serial, merchant_no = excluded.merchant_no, is_open = excluded.is_open, \
         submitted_at = excluded.submitted_at, snapshot = excluded.snapshot, updated_at = excluded.updated_at";
    Insert::into("case_file", &columns, then)
});
static LINES: LazyLock<Insert> = LazyLock::new(|| {
    let columns = [
        ("office", Text),
        ("case_id", Text),
        ("position", Int),
        ("n", Int),
        ("entry", Text),
    ];
    Insert::into("timeline", &columns, "")
});
const SNAPSHOT: &str = "SELECT snapshot FROM case_file WHERE id = ?1";

/// Asks ahead for what [`load_each`] reads.
pub fn ask_each(conn: &Connection, ids: &BTreeSet<CaseId>) -> Result<(), RepoError> {
    Ok(conn.ahead_each(SNAPSHOTS, &texts(ids))?)
}

/// [`load`] for many. One that cannot be read is left out: whoever needs it asks for it alone, and the failure is his.
pub fn load_each(
    conn: &Connection,
    ids: &BTreeSet<CaseId>,
) -> Result<BTreeMap<CaseId, Option<Case>>, RepoError> {
    let found = conn.query_each(SNAPSHOTS, &texts(ids), |row| {
        Ok((row.get::<String>(0)?, row.get::<String>(1)?))
    })?;
    let mut cases: BTreeMap<CaseId, Option<Case>> = ids.iter().map(|id| (*id, None)).collect();
    for (id, text) in found {
        let id = CaseId::parse(&id).ok_or(RepoError::Damaged("case id"))?;
        match serde_json::from_str(&text) {
            Ok(case) => drop(cases.insert(id, Some(case))),
            Err(_) => drop(cases.remove(&id)),
        }
    }
    Ok(cases)
}

/// Any case. Whoever calls asks next whether the actor may see its office: [`super::bench`].
pub fn load(conn: &Connection, id: CaseId) -> Result<Option<Case>, RepoError> {
    let text: Option<String> = conn
        .prepare_cached(SNAPSHOT)?
        .query_row([id.to_string()], |row| row.get(0))
        .optional()?;
    Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
}

/// A case of one office; none when it is elsewhere.
pub fn load_in(
    conn: &Connection,
    office: &OfficeCode,
    id: CaseId,
) -> Result<Option<Case>, RepoError> {
    let text: Option<String> = conn
        .prepare_cached("SELECT snapshot FROM case_file WHERE office = ?1 AND id = ?2")?
        .query_row(params![office.as_str(), id.to_string()], |row| row.get(0))
        .optional()?;
    Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
}

/// The case with a number; the number names its office.
pub fn by_number(conn: &Connection, number: &CaseNo) -> Result<Option<Case>, RepoError> {
    let text: Option<String> = conn
        .prepare_cached("SELECT snapshot FROM case_file WHERE office = ?1 AND case_no = ?2")?
        .query_row(params![number.office(), number.to_string()], |row| {
            row.get(0)
        })
        .optional()?;
    Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
}

/// A case of one of these offices; none when it is elsewhere.
pub fn load_within(
    conn: &Connection,
    offices: &BTreeSet<OfficeCode>,
    id: CaseId,
) -> Result<Option<Case>, RepoError> {
    Ok(load(conn, id)?.filter(|case| offices.contains(&case.office)))
}

/// Writes cases as they now stand.
pub fn save<'a>(
    conn: &Connection,
    cases: impl IntoIterator<Item = &'a Case>,
    now: Millis,
) -> Result<(), RepoError> {
    conn.put_rows(&ROWS, |rows| {
        for case in cases {
            rows.put(params![
                case.office.as_str(),
                case.id.to_string(),
                case.case_no.to_string(),
                serde_json::to_value(case.state)?.as_str(),
                case.rev,
                text_of(case, FieldKey::TerminalSerial),
                text_of(case, FieldKey::MerchantNo),
                blocks_its_serial(case.state),
                case.moments.submitted_at,
                serde_json::to_string(case)?,
                now,
            ])?;
        }
        Ok(())
    })
}

/// The text of a field, if it has one.
pub fn text_of(case: &Case, key: FieldKey) -> Option<&str> {
    match case.fields.get(&key)?.value.as_ref()? {
        FieldValue::Text(text) => Some(text),
        FieldValue::Flag(_) | FieldValue::Set(_) => None,
    }
}

/// States in which a second submit of the same serial must not pass unseen. Drafts do not block each other: the first
/// to submit wins.
pub fn blocks_its_serial(state: CaseState) -> bool {
    match state {
        CaseState::Submitted
        | CaseState::InReview
        | CaseState::Returned
        | CaseState::Approved
        | CaseState::Executing
        | CaseState::ExecFailed
        | CaseState::ExecUnknown
        | CaseState::OnHold => true,
        CaseState::Draft
        | CaseState::Waiting
        | CaseState::Unbound
        | CaseState::Closed
        | CaseState::Rejected
        | CaseState::Withdrawn
        | CaseState::Resolved
        | CaseState::Referred
        | CaseState::Duplicate => false,
    }
}

/// Open cases of that serial in any office: a terminal does not care who asks.
pub fn open_with_serial(
    conn: &Connection,
    serial: &str,
) -> Result<Vec<(CaseId, CaseNo)>, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT id, case_no FROM case_file WHERE serial = ?1 AND is_open = 1 LIMIT 20",
    )?;
    let rows = select.query_map([serial], |row| {
        Ok((row.get::<String>(0)?, row.get::<String>(1)?))
    })?;
    let mut open = Vec::new();
    for row in rows {
        let (id, number) = row?;
        let id = CaseId::parse(&id).ok_or(RepoError::Damaged("case id"))?;
        open.push((
            id,
            serde_json::from_value(serde_json::Value::String(number))?,
        ));
    }
    Ok(open)
}

/// Writes history lines, each with its office, the position that carries it, and what tells it from the others there.
pub fn append_timeline<'a>(
    conn: &Connection,
    lines: impl IntoIterator<Item = (&'a OfficeCode, u64, usize, &'a TimelineEntry)>,
) -> Result<(), RepoError> {
    conn.put_rows(&LINES, |rows| {
        for (office, position, n, entry) in lines {
            let (case, text) = (entry.case.to_string(), serde_json::to_string(entry)?);
            rows.put(params![office.as_str(), case, position, n, text])?;
        }
        Ok(())
    })
}

/// History lines above a position.
pub fn timeline_after(
    conn: &Connection,
    office: &OfficeCode,
    case: CaseId,
    position: u64,
) -> Result<Vec<TimelineEntry>, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT entry FROM timeline WHERE office = ?1 AND case_id = ?2 AND position > ?3 ORDER BY position, n",
    )?;
    let rows = select.query_map(
        params![office.as_str(), case.to_string(), position],
        |row| row.get::<String>(0),
    )?;
    let mut entries = Vec::new();
    for row in rows {
        entries.push(serde_json::from_str(&row?)?);
    }
    Ok(entries)
}

/// Cases in each state, for a line in the log and for the demo.
pub fn count_by_state(conn: &Connection) -> Result<Vec<(String, u64)>, RepoError> {
    let mut select =
        conn.prepare_cached("SELECT state, count(*) FROM case_file GROUP BY state ORDER BY state")?;
    let rows = select.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
