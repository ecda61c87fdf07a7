//! What became of each op: a row beside the immutable one.

use crate::error::StoreError;
use crate::sql::{Blob, named, signed};
use crate::timeline;
use desk_domain::case::Case;
use desk_domain::ids::{CaseId, OpId};
use desk_domain::outcome::{HeldWhy, Outcome};
use desk_domain::time::Millis;
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

/// Where an op stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpState {
    /// Durable here, not stored by the server yet.
    Queued,
    /// The server cannot take it as it is.
    Parked,
    /// Stored by the server, not judged yet.
    Stored,
    Applied,
    Noop,
    Conflict,
    Refused,
    Held,
}

/// One open op of a case.
pub(crate) struct Fate {
    pub ord: i64,
    pub op_id: OpId,
    pub state: OpState,
    pub replay: bool,
    pub kind: String,
    pub captured_at: Millis,
    pub preview: Option<Outcome>,
    pub outcome: Option<Outcome>,
}

/// The open ops of a case, in the order in which they were done.
pub(crate) fn fates_of(conn: &Connection, case: CaseId) -> Result<Vec<Fate>, StoreError> {
    let mut find = conn.prepare_cached(
        "SELECT ord, op_id, state, replay, kind, captured_at, preview, outcome
         FROM op_fate WHERE case_id = ?1 AND open = 1 ORDER BY ord",
    )?;
    let mut rows = find.query(params![case.blob()])?;
    let mut fates = Vec::new();
    while let Some(row) = rows.next()? {
        fates.push(Fate {
            ord: row.get(0)?,
            op_id: OpId::from_blob(row.get(1)?),
            state: named(&row.get::<_, String>(2)?)?,
            replay: row.get(3)?,
            kind: row.get(4)?,
            captured_at: row.get(5)?,
            preview: outcome_of(row.get(6)?)?,
            outcome: outcome_of(row.get(7)?)?,
        });
    }
    Ok(fates)
}

pub(super) fn outcome_of(json: Option<String>) -> Result<Option<Outcome>, StoreError> {
    Ok(json.map(|json| serde_json::from_str(&json)).transpose()?)
}

/// Notes what a replay says of an op now.
pub(crate) fn write_fate_preview(
    conn: &Connection,
    fate: &Fate,
    preview: &Outcome,
) -> Result<(), StoreError> {
    if fate.preview.as_ref() == Some(preview) {
        return Ok(());
    }
    conn.prepare_cached("UPDATE op_fate SET preview = ?2 WHERE ord = ?1")?
        .execute(params![fate.ord, serde_json::to_string(preview)?])?;
    Ok(())
}

/// The server holds the place of an op, not the op.
const BODY_MISSING: Outcome = Outcome::Held {
    why: HeldWhy::BodyMissing,
};

/// Writes the server's verdict on one op. `confirmed` is the snapshot this desk holds; `folded` says that the snapshot has the op in it.
///
/// Returns the case when the op is one of ours. An op of another desk is not ours to note.
pub(crate) fn settle(
    conn: &Connection,
    op: OpId,
    outcome: &Outcome,
    confirmed: Option<&Case>,
    folded: bool,
) -> Result<Option<CaseId>, StoreError> {
    let found: Option<([u8; 16], Option<String>, String, bool)> = conn
        .prepare_cached("SELECT case_id, outcome, state, in_doubt FROM op_fate WHERE op_id = ?1")?
        .query_row(params![op.blob()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    let Some((case, before, state, in_doubt)) = found else {
        return Ok(None);
    };
    let case = CaseId::from_blob(case);
    if ["parked", "queued"].contains(&state.as_str()) && *outcome == BODY_MISSING {
        // The server says what the desk told it: the op is still with us, parked or on its way once more.
        return Ok(Some(case));
    }
    let before = outcome_of(before)?;
    if in_doubt && before.as_ref() == Some(outcome) {
        // Nothing new: what a person has put aside stays aside.
        conn.prepare_cached("UPDATE op_fate SET in_doubt = 0 WHERE op_id = ?1")?
            .execute(params![op.blob()])?;
        return Ok(Some(case));
    }
    // A verdict stands as long as the server's life; only "held" may still become one.
    let standing = before.filter(|before| !in_doubt && !matches!(before, Outcome::Held { .. }));
    let outcome = standing.as_ref().unwrap_or(outcome);
    let seen = confirmed.map_or(0, |case| case.rev);
    let (state, replay, open, rev) = match outcome {
        Outcome::Applied { rev } => {
            let waits = *rev > seen && !folded;
            ("applied", waits, waits, Some(*rev))
        }
        Outcome::Noop { .. } => ("noop", false, false, None),
        Outcome::Conflict { .. } => {
            let in_snapshot = confirmed.is_some_and(|case| case.conflicts.contains_key(&op));
            let waits = !(folded || in_snapshot || timeline::has_confirmed(conn, case, op)?);
            ("conflict", waits, waits || in_snapshot, None)
        }
        Outcome::Refused { .. } => ("refused", false, true, None),
        Outcome::Held { .. } => ("held", true, true, None),
    };
    if matches!(outcome, Outcome::Refused { .. }) {
        timeline::drop_local(conn, case, op)?;
    }
    conn.prepare_cached(
        "UPDATE op_fate SET state = ?2, replay = ?3, open = ?4, applied_rev = ?5, outcome = ?6, in_doubt = 0
         WHERE op_id = ?1",
    )?
    .execute(params![
        op.blob(),
        state,
        replay,
        open,
        rev.map(signed).transpose()?,
        serde_json::to_string(outcome)?
    ])?;
    Ok(Some(case))
}
