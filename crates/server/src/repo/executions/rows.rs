//! Rows of requests to the core system, and every change of one.

use super::Claimed;
use crate::connector::Terms;
use crate::connector::answer::Told;
use crate::repo::sql::{Connection, OptionalExtension, Row, SqlError, ToSql, params};
use crate::repo::{RepoError, Rules};
use desk_domain::case::Case;
use desk_domain::ids::{CaseId, ExecutionId, OfficeCode};
use desk_domain::time::Millis;
use serde::Deserialize;
use std::collections::BTreeSet;

/// How often a result is asked for that the case already calls unknown, and how often a result that the case cannot take
/// yet is tried.
pub(super) const SLOW_MS: Millis = 1_800_000;
pub(super) const HELD_MS: Millis = 60_000;

/// Where a request stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Not at the core system.
    Ready,
    /// It may be there.
    Asked,
    /// The result is known and waits for its case.
    Answered,
    Ended,
}

impl State {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Asked => "asked",
            Self::Answered => "answered",
            Self::Ended => "ended",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let all = [Self::Ready, Self::Asked, Self::Answered, Self::Ended];
        all.into_iter().find(|state| state.as_str() == text)
    }
}

/// One request as it is kept.
#[derive(Clone, Debug)]
pub struct Kept {
    pub office: OfficeCode,
    pub key: ExecutionId,
    pub case: CaseId,
    pub request: String,
    pub state: State,
    pub attempt: u32,
    pub next_at: Millis,
    pub left_at: Option<Millis>,
    pub unclear_since: Option<Millis>,
    pub unknown_at: Option<Millis>,
    pub answer: Option<Told>,
    pub error: Option<String>,
}

/// Writes a request down; it is sent once the transaction stands. False when another node was quicker.
pub(super) fn put(
    conn: &Connection,
    rules: &Rules,
    case: &Case,
    key: ExecutionId,
    request: &str,
) -> Result<bool, RepoError> {
    let now = rules.clock.now();
    let put = conn
        .prepare_cached(
            "INSERT INTO execution_request (office, id, case_id, request, state, attempt, next_at, created_at) \
             VALUES (?1, ?2, ?3, ?4, 'ready', 0, ?5, ?6) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            case.office.as_str(),
            key.to_string(),
            case.id.to_string(),
            request,
            now,
            now
        ])?;
    Ok(put > 0)
}

/// True when the connector has had this case.
pub(super) fn is_known(
    conn: &Connection,
    office: &OfficeCode,
    case: CaseId,
) -> Result<bool, RepoError> {
    Ok(conn
        .prepare_cached(
            "SELECT 1 FROM execution_request WHERE office = ?1 AND case_id = ?2 LIMIT 1",
        )?
        .exists(params![office.as_str(), case.to_string()])?)
}

/// True when a claim would find something: asked of a reader after each commit.
pub fn is_due(conn: &Connection, now: Millis) -> Result<bool, RepoError> {
    Ok(conn
        .prepare_cached(
            "SELECT 1 FROM execution_request WHERE next_at <= ?1 AND state IN ('ready', 'asked', 'answered') LIMIT 1",
        )?
        .exists([now])?)
}

/// A clear word that is not the end.
pub(super) fn clear(
    conn: &Connection,
    kept: &Kept,
    state: State,
    reference: Option<&str>,
    again_at: Millis,
) -> Result<(), RepoError> {
    conn.prepare_cached(
        "UPDATE execution_request SET state = ?1, reference = COALESCE(?2, reference), unclear_since = NULL, error = NULL, \
         next_at = ?3 WHERE id = ?4",
    )?
    .execute(params![
        state.as_str(),
        reference,
        again_at,
        kept.key.to_string()
    ])?;
    Ok(())
}

/// No clear word.
pub(super) fn unclear(
    conn: &Connection,
    kept: &Kept,
    (state, left_at, since): (State, Option<Millis>, Millis),
    (next_at, code): (Millis, &str),
) -> Result<(), RepoError> {
    conn.prepare_cached(
        "UPDATE execution_request SET state = ?1, left_at = ?2, unclear_since = ?3, next_at = ?4, error = ?5 WHERE id = ?6",
    )?
    .execute(params![
        state.as_str(),
        left_at,
        since,
        next_at,
        code,
        kept.key.to_string()
    ])?;
    Ok(())
}

/// The terminal numbers that a request names.
pub(super) fn asked_terminals(kept: &Kept) -> Result<BTreeSet<String>, RepoError> {
    #[derive(Deserialize)]
    struct Named {
        terminals: BTreeSet<String>,
    }
    let named: Named = serde_json::from_str(&kept.request)?;
    Ok(named.terminals)
}

/// It is over; a person settled it, or its result stands on the case.
pub(super) fn end(
    conn: &Connection,
    kept: &Kept,
    outcome: &str,
    now: Millis,
) -> Result<(), RepoError> {
    conn.prepare_cached(
        "UPDATE execution_request SET state = 'ended', outcome = ?1, ended_at = ?2 WHERE id = ?3",
    )?
    .execute(params![outcome, now, kept.key.to_string()])?;
    Ok(())
}

/// Not now.
pub(super) fn wait(
    conn: &Connection,
    kept: &Kept,
    next_at: Millis,
    why: &str,
) -> Result<(), RepoError> {
    conn.prepare_cached("UPDATE execution_request SET next_at = ?1, error = ?2 WHERE id = ?3")?
        .execute(params![next_at, why, kept.key.to_string()])?;
    Ok(())
}

/// The result is known, whether its case can take it yet or not.
pub(super) fn keep_answer(
    conn: &Connection,
    kept: &Kept,
    told: &Told,
    (now, why): (Millis, &str),
) -> Result<(), RepoError> {
    conn.prepare_cached(
        "UPDATE execution_request SET state = 'answered', answer = ?1, unclear_since = NULL, next_at = ?2, error = ?3 \
         WHERE id = ?4",
    )?
    .execute(params![
        serde_json::to_string(told)?,
        now.saturating_add(HELD_MS),
        why,
        kept.key.to_string()
    ])?;
    Ok(())
}

/// The case calls it unknown; it is asked for slowly from now on, whatever it was.
pub(super) fn call_unknown(conn: &Connection, kept: &Kept, now: Millis) -> Result<(), RepoError> {
    conn.prepare_cached(
        "UPDATE execution_request SET state = 'asked', unknown_at = ?1, next_at = ?2 WHERE id = ?3",
    )?
    .execute(params![
        now,
        now.saturating_add(SLOW_MS),
        kept.key.to_string()
    ])?;
    Ok(())
}

/// It is asked for at once.
pub fn hurry(conn: &Connection, key: ExecutionId, now: Millis) -> Result<bool, RepoError> {
    let done = conn
        .prepare_cached(
            "UPDATE execution_request SET next_at = CASE WHEN next_at > ?1 THEN ?1 ELSE next_at END \
             WHERE id = ?2 AND state IN ('ready', 'asked', 'answered')",
        )?
        .execute(params![now, key.to_string()])?;
    Ok(done > 0)
}

/// The columns of [`Kept`].
macro_rules! columns {
    () => {
        "SELECT office, id, case_id, request, state, attempt, next_at, left_at, unclear_since, unknown_at, answer, error \
         FROM execution_request "
    };
}

pub(super) fn by_key(conn: &Connection, key: ExecutionId) -> Result<Option<Kept>, RepoError> {
    let mut select = conn.prepare_cached(concat!(columns!(), "WHERE id = ?1"))?;
    let mut rows = select.query([key.to_string()])?;
    rows.next()?.map(|row| read(&row)).transpose()
}

/// The request of a case, if the connector had it.
pub fn of_case(
    conn: &Connection,
    office: &OfficeCode,
    case: CaseId,
) -> Result<Option<Kept>, RepoError> {
    let sql = "SELECT id FROM execution_request WHERE office = ?1 AND case_id = ?2";
    let key: Option<String> = conn
        .prepare_cached(sql)?
        .query_row(params![office.as_str(), case.to_string()], |row| row.get(0))
        .optional()?;
    match key.and_then(|key| ExecutionId::parse(&key)) {
        Some(key) => by_key(conn, key),
        None => Ok(None),
    }
}

/// What is not over, the next one first; at most so many.
pub fn open(conn: &Connection, most: usize) -> Result<Vec<Kept>, RepoError> {
    all(
        conn,
        concat!(
            columns!(),
            "WHERE state IN ('ready', 'asked', 'answered') ORDER BY next_at, id LIMIT ?1"
        ),
        params![most],
    )
}

/// What is due, the oldest first.
pub(super) fn due(conn: &Connection, now: Millis, most: usize) -> Result<Vec<Kept>, RepoError> {
    all(
        conn,
        concat!(
            columns!(),
            "WHERE next_at <= ?1 AND state IN ('ready', 'asked', 'answered') ORDER BY next_at, id LIMIT ?2"
        ),
        params![now, most],
    )
}

fn all(conn: &Connection, sql: &str, params: &[&dyn ToSql]) -> Result<Vec<Kept>, RepoError> {
    let mut select = conn.prepare_cached(sql)?;
    let mut rows = select.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(&row)?);
    }
    Ok(found)
}

fn read(row: &Row<'_>) -> Result<Kept, RepoError> {
    let text = |at| -> Result<String, SqlError> { row.get(at) };
    let damaged = RepoError::Damaged;
    let answer: Option<String> = row.get(10)?;
    let answer = answer.map(|text| serde_json::from_str(&text)).transpose()?;
    Ok(Kept {
        office: OfficeCode::parse(&text(0)?).ok_or(damaged("office of an execution"))?,
        key: ExecutionId::parse(&text(1)?).ok_or(damaged("key of an execution"))?,
        case: CaseId::parse(&text(2)?).ok_or(damaged("case of an execution"))?,
        request: text(3)?,
        state: State::parse(&text(4)?).ok_or(damaged("state of an execution"))?,
        attempt: row.get(5)?,
        next_at: row.get(6)?,
        left_at: row.get(7)?,
        unclear_since: row.get(8)?,
        unknown_at: row.get(9)?,
        answer,
        error: row.get(11)?,
    })
}

/// From here on it may be at the core system, whether this node lives or not.
pub(super) fn lease(
    conn: &Connection,
    kept: Kept,
    sends: bool,
    (terms, now): (Terms, Millis),
) -> Result<Claimed, RepoError> {
    let attempt = kept.attempt.saturating_add(1);
    let until = now.saturating_add(terms.lease_ms);
    let left_at = kept.left_at.or(sends.then_some(now));
    conn.prepare_cached(
        "UPDATE execution_request SET state = 'asked', attempt = ?1, next_at = ?2, left_at = ?3 WHERE id = ?4",
    )?
    .execute(params![attempt, until, left_at, kept.key.to_string()])?;
    Ok(Claimed {
        office: kept.office,
        key: kept.key,
        send: sends.then_some(kept.request),
        attempt,
        until,
        left_before: kept.left_at,
    })
}
