//! What may go, and when: acknowledged ops and local copies of documents, in bounded steps, never anything unsent.
//!
//! An op goes when the server has it, a verified backup of the server holds it, and it is old: whichever is later.
//! The triggers of the file refuse the removal of anything else, whoever asks.

use crate::error::StoreError;
use crate::sql::{Blob, limit, signed, unsigned};
use crate::store::Store;
use desk_domain::ids::Incarnation;
use desk_domain::time::Millis;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;
use std::fs;

const DAY_MS: Millis = 24 * 60 * 60 * 1_000;

/// How long things are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retention {
    /// Acknowledged ops, even when a backup holds them sooner.
    pub op_days: u32,
    /// Local copies after the case was closed.
    pub copy_days: u32,
}

/// What one step let go.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Pruned {
    pub ops: u64,
    pub copies: u64,
}

impl Store {
    /// Notes up to where a verified backup of the server holds each chain. Writes only what is new.
    pub fn note_backup_safe(&self, safe: &BTreeMap<Incarnation, u64>) -> Result<(), StoreError> {
        let known = self.read(backup_safe)?;
        let news: Vec<(Incarnation, u64)> = safe
            .iter()
            .filter(|(incarnation, seq)| known.get(incarnation) != Some(seq))
            .map(|(incarnation, seq)| (*incarnation, *seq))
            .collect();
        if news.is_empty() {
            return Ok(());
        }
        self.write(|tx, _| {
            for (incarnation, seq) in &news {
                note(tx, *incarnation, *seq)?;
            }
            Ok(())
        })
    }

    /// Lets go at most `most` ops and `most` copies.
    pub fn prune(&self, now: Millis, keep: Retention, most: usize) -> Result<Pruned, StoreError> {
        let ops_before = now.saturating_sub(Millis::from(keep.op_days) * DAY_MS);
        let due = self.read(|conn| due_ops(conn, ops_before, most))?;
        if !due.is_empty() {
            self.write(|tx, _| due.iter().try_for_each(|op| remove(tx, op)))?;
        }
        let closed_before = now.saturating_sub(Millis::from(keep.copy_days) * DAY_MS);
        let copies = self.let_copies_go(closed_before, most)?;
        Ok(Pruned {
            ops: u64::try_from(due.len()).unwrap_or(u64::MAX),
            copies,
        })
    }

    /// Originals and renditions of cases closed long ago; the thumbnail and the key stay, the server has the rest.
    fn let_copies_go(&self, closed_before: Millis, most: usize) -> Result<u64, StoreError> {
        let due = self.read(|conn| due_copies(conn, closed_before, most))?;
        if due.is_empty() {
            return Ok(0);
        }
        self.write(|tx, touched| {
            for copy in &due {
                tx.execute(
                    "UPDATE document SET original_file = NULL, rendition_file = NULL, transfer = 'absent'
                     WHERE id = ?1 AND transfer IN ('stored', 'fetched')",
                    params![copy.id],
                )?;
            }
            touched.documents = true;
            Ok(())
        })?;
        for file in due.iter().flat_map(|copy| copy.files.iter().flatten()) {
            // One that cannot be removed is swept after the next unclean exit; nothing points to it.
            let _ = fs::remove_file(self.paths.documents_dir.join(file));
        }
        Ok(u64::try_from(due.len()).unwrap_or(u64::MAX))
    }
}

fn backup_safe(conn: &Connection) -> Result<BTreeMap<Incarnation, u64>, StoreError> {
    let mut find = conn.prepare_cached("SELECT incarnation, seq FROM backup_safe")?;
    let mut rows = find.query([])?;
    let mut safe = BTreeMap::new();
    while let Some(row) = rows.next()? {
        safe.insert(Incarnation::from_blob(row.get(0)?), unsigned(row.get(1)?)?);
    }
    Ok(safe)
}

/// Also when the last op in the backup was done: what was settled before then is in the backup too.
fn note(tx: &Connection, incarnation: Incarnation, seq: u64) -> Result<(), StoreError> {
    let captured_at: Option<Millis> = tx
        .prepare_cached(
            "SELECT f.captured_at FROM op o JOIN op_fate f ON f.op_id = o.op_id WHERE o.incarnation = ?1 AND o.seq = ?2",
        )?
        .query_row(params![incarnation.blob(), signed(seq)?], |row| row.get(0))
        .optional()?;
    tx.prepare_cached(
        "INSERT INTO backup_safe (incarnation, seq, captured_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (incarnation) DO UPDATE SET seq = ?2, captured_at = ?3",
    )?
    .execute(params![
        incarnation.blob(),
        signed(seq)?,
        captured_at.unwrap_or(0)
    ])?;
    Ok(())
}

struct DueOp {
    ord: i64,
    incarnation: [u8; 16],
    seq: i64,
}

fn due_ops(conn: &Connection, before: Millis, most: usize) -> Result<Vec<DueOp>, StoreError> {
    let mut find = conn.prepare_cached(
        "SELECT o.ord, o.incarnation, o.seq FROM backup_safe b JOIN journal_head h ON h.incarnation = b.incarnation
         JOIN op o ON o.incarnation = b.incarnation AND o.seq <= min(b.seq, h.acknowledged_seq)
         JOIN op_fate f ON f.ord = o.ord
         WHERE f.open = 0 AND f.replay = 0 AND f.state NOT IN ('queued', 'parked', 'held') AND f.captured_at < ?1
           AND NOT EXISTS (SELECT 1 FROM dismissal d WHERE d.op_id = f.op_id)
         ORDER BY o.incarnation, o.seq LIMIT ?2",
    )?;
    let rows = find.query_map(params![before, limit(most)], |row| {
        Ok(DueOp {
            ord: row.get(0)?,
            incarnation: row.get(1)?,
            seq: row.get(2)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The hole first: without one, the file does not let an op go.
fn remove(tx: &Connection, op: &DueOp) -> Result<(), StoreError> {
    let longer = tx
        .prepare_cached(
            "UPDATE journal_hole SET last_seq = ?2 WHERE incarnation = ?1 AND why = 'pruned' AND last_seq = ?2 - 1",
        )?
        .execute(params![op.incarnation, op.seq])?;
    if longer == 0 {
        tx.prepare_cached(
            "INSERT INTO journal_hole (incarnation, first_seq, last_seq, why) VALUES (?1, ?2, ?2, 'pruned')",
        )?
        .execute(params![op.incarnation, op.seq])?;
    }
    tx.prepare_cached("DELETE FROM op_fate WHERE ord = ?1")?
        .execute(params![op.ord])?;
    tx.prepare_cached("DELETE FROM op WHERE ord = ?1")?
        .execute(params![op.ord])?;
    Ok(())
}

struct DueCopy {
    id: [u8; 16],
    files: [Option<String>; 2],
}

/// Stored at the server, its case closed and confirmed, nothing of ours pending on it, and in a verified backup.
fn due_copies(
    conn: &Connection,
    closed_before: Millis,
    most: usize,
) -> Result<Vec<DueCopy>, StoreError> {
    let mut find = conn.prepare_cached(
        "SELECT d.id, d.original_file, d.rendition_file FROM document d JOIN case_row c ON c.id = d.case_id
         WHERE d.transfer IN ('stored', 'fetched') AND d.original_file IS NOT NULL
           AND c.state IN ('closed', 'rejected', 'withdrawn', 'resolved', 'referred', 'duplicate')
           AND c.confirmed_rev IS NOT NULL AND c.stale = 0 AND c.pending = 0 AND c.updated_at < ?1
           AND c.updated_at <= (SELECT max(captured_at) FROM backup_safe)
         LIMIT ?2",
    )?;
    let rows = find.query_map(params![closed_before, limit(most)], |row| {
        Ok(DueCopy {
            id: row.get(0)?,
            files: [row.get(1)?, row.get(2)?],
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
