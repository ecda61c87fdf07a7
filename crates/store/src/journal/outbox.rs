//! What waits, for the badge and the sync centre.

use super::OpState;
use super::fate::outcome_of;
use crate::error::StoreError;
use crate::sql::{Blob, limit, name_of, named, unsigned};
use crate::store::Store;
use desk_domain::ids::{CaseId, OpId};
use desk_domain::outcome::Outcome;
use desk_domain::time::Millis;
use rusqlite::params;

/// Counts of open ops.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OutboxSummary {
    /// Not stored by the server yet.
    pub unsent: u64,
    /// When the oldest of those was done.
    pub oldest_captured_at: Option<Millis>,
    pub parked: u64,
    pub held: u64,
    pub refused: u64,
    pub conflicts: u64,
}

/// One open op, for the list.
#[derive(Clone, PartialEq, Debug)]
pub struct OutboxRow {
    pub op_id: OpId,
    pub case: CaseId,
    pub case_no: Option<String>,
    pub kind: String,
    pub state: OpState,
    pub captured_at: Millis,
    pub outcome: Option<Outcome>,
    /// Why it was parked.
    pub reason: Option<String>,
}

impl Store {
    /// The numbers of the badge. Costs what waits, not what was ever done.
    pub fn outbox(&self) -> Result<OutboxSummary, StoreError> {
        self.read(|conn| {
            let mut summary = OutboxSummary::default();
            let mut find = conn.prepare_cached(
                "SELECT state, count(*), min(captured_at) FROM op_fate WHERE open = 1 GROUP BY state",
            )?;
            let mut rows = find.query([])?;
            while let Some(row) = rows.next()? {
                let count = unsigned(row.get(1)?)?;
                match named(&row.get::<_, String>(0)?)? {
                    OpState::Queued => {
                        summary.unsent = count;
                        summary.oldest_captured_at = row.get(2)?;
                    }
                    OpState::Parked => summary.parked = count,
                    OpState::Held => summary.held = count,
                    OpState::Refused => summary.refused = count,
                    OpState::Conflict => summary.conflicts = count,
                    OpState::Stored | OpState::Applied | OpState::Noop => {}
                }
            }
            Ok(summary)
        })
    }

    /// Something done to this case is not on the server yet.
    pub fn has_unsent(&self, case: CaseId) -> Result<bool, StoreError> {
        self.read(|conn| {
            let mut find = conn.prepare_cached(
                "SELECT 1 FROM op_fate WHERE case_id = ?1 AND open = 1 AND state = ?2 LIMIT 1",
            )?;
            Ok(find.exists(params![case.blob(), name_of(&OpState::Queued)?])?)
        })
    }

    /// The open ops that are not simply waiting for the next page, those that need a person first.
    pub fn outbox_rows(&self, most: usize) -> Result<Vec<OutboxRow>, StoreError> {
        use OpState::{Conflict, Held, Parked, Queued, Refused};
        self.read(|conn| {
            let mut listed = Vec::new();
            let mut find = conn.prepare_cached(
                "SELECT f.op_id, f.case_id, c.case_no, f.kind, f.captured_at, f.outcome, f.reason
                 FROM op_fate f LEFT JOIN case_row c ON c.id = f.case_id
                 WHERE f.open = 1 AND f.state = ?1 ORDER BY f.captured_at LIMIT ?2",
            )?;
            for state in [Parked, Refused, Conflict, Held, Queued] {
                let room = most.saturating_sub(listed.len());
                let mut rows = find.query(params![name_of(&state)?, limit(room)])?;
                while let Some(row) = rows.next()? {
                    listed.push(OutboxRow {
                        op_id: OpId::from_blob(row.get(0)?),
                        case: CaseId::from_blob(row.get(1)?),
                        case_no: row.get(2)?,
                        kind: row.get(3)?,
                        state,
                        captured_at: row.get(4)?,
                        outcome: outcome_of(row.get(5)?)?,
                        reason: row.get(6)?,
                    });
                }
            }
            Ok(listed)
        })
    }
}
