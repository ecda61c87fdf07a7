//! The history of a case for people: the server's lines, and this desk's own until those come.

use crate::error::StoreError;
use crate::sql::{Blob, limit};
use crate::store::Store;
use desk_domain::case::TimelineEntry;
use desk_domain::ids::{CaseId, OpId, UserId};
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

impl Store {
    /// The newest lines of a case, newest first.
    pub fn timeline(&self, case: CaseId, most: usize) -> Result<Vec<TimelineEntry>, StoreError> {
        self.read(|conn| {
            let mut find = conn.prepare_cached(
                "SELECT op_id, at, by, kind, params FROM timeline WHERE case_id = ?1
                 ORDER BY at DESC, op_id DESC, line DESC LIMIT ?2",
            )?;
            let mut rows = find.query(params![case.blob(), limit(most)])?;
            let mut lines = Vec::new();
            while let Some(row) = rows.next()? {
                lines.push(TimelineEntry {
                    op: OpId::from_blob(row.get(0)?),
                    case,
                    at: row.get(1)?,
                    by: UserId::from_blob(row.get(2)?),
                    kind: row.get(3)?,
                    params: serde_json::from_str(&row.get::<_, String>(4)?)?,
                });
            }
            Ok(lines)
        })
    }
}

/// Lines of the preview; they give way to the server's.
pub(crate) fn put_local(conn: &Connection, lines: &[TimelineEntry]) -> Result<(), StoreError> {
    put(conn, lines, false)
}

/// Lines of the server: they replace whatever stood there for the same ops.
pub(crate) fn put_confirmed(conn: &Connection, lines: &[TimelineEntry]) -> Result<(), StoreError> {
    let mut clear =
        conn.prepare_cached("DELETE FROM timeline WHERE case_id = ?1 AND op_id = ?2")?;
    for line in lines {
        clear.execute(params![line.case.blob(), line.op.blob()])?;
    }
    put(conn, lines, true)
}

fn put(conn: &Connection, lines: &[TimelineEntry], confirmed: bool) -> Result<(), StoreError> {
    let mut add = conn.prepare_cached(
        "INSERT INTO timeline (case_id, op_id, line, at, by, kind, params, confirmed)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (case_id, op_id, line) DO NOTHING",
    )?;
    let mut line_of: BTreeMap<OpId, i64> = BTreeMap::new();
    for line in lines {
        let at_line = line_of.entry(line.op).or_insert(0);
        add.execute(params![
            line.case.blob(),
            line.op.blob(),
            *at_line,
            line.at,
            line.by.blob(),
            line.kind,
            serde_json::to_string(&line.params)?,
            confirmed
        ])?;
        *at_line += 1;
    }
    Ok(())
}

/// The server has folded this op into the case.
pub(crate) fn has_confirmed(conn: &Connection, case: CaseId, op: OpId) -> Result<bool, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT 1 FROM timeline WHERE case_id = ?1 AND op_id = ?2 AND confirmed = 1",
        )?
        .exists(params![case.blob(), op.blob()])?)
}

/// A refused op did not happen.
pub(crate) fn drop_local(conn: &Connection, case: CaseId, op: OpId) -> Result<(), StoreError> {
    conn.prepare_cached(
        "DELETE FROM timeline WHERE case_id = ?1 AND op_id = ?2 AND confirmed = 0",
    )?
    .execute(params![case.blob(), op.blob()])?;
    Ok(())
}
