//! Is the chain whole? Each hash covers the one before and the exact bytes.

use crate::error::StoreError;
use crate::sql::{Blob, signed, unsigned};
use crate::store::Store;
use desk_domain::ids::{Incarnation, OpId};
use desk_domain::op::{ChainHash, Op};
use rusqlite::{Connection, OptionalExtension, params};

/// What the verification found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ChainReport {
    /// Ops whose place, bytes and hash agree.
    pub sound: u64,
    /// The first that does not.
    pub first_bad: Option<(Incarnation, u64)>,
}

impl Store {
    /// Verifies every incarnation from its first op.
    pub fn verify_chain(&self) -> Result<ChainReport, StoreError> {
        self.read(|conn| {
            let mut report = ChainReport::default();
            for (incarnation, head_seq, head_hash) in all_heads(conn)? {
                verify_from(conn, incarnation, 0, (head_seq, head_hash), &mut report)?;
            }
            Ok(report)
        })
    }

    /// Verifies what the server does not have yet: this is what nobody else could restore.
    pub(crate) fn verify_unsent_chain(&self) -> Result<(), StoreError> {
        self.read(|conn| {
            for (incarnation, head_seq, head_hash) in all_heads(conn)? {
                let from: i64 = conn.query_row(
                    "SELECT acknowledged_seq FROM journal_head WHERE incarnation = ?1",
                    params![incarnation.blob()],
                    |row| row.get(0),
                )?;
                let mut report = ChainReport::default();
                verify_from(
                    conn,
                    incarnation,
                    unsigned(from)?,
                    (head_seq, head_hash),
                    &mut report,
                )?;
                if let Some((_, seq)) = report.first_bad {
                    return Err(StoreError::Damaged(format!(
                        "the journal does not hang together at op {seq}"
                    )));
                }
            }
            Ok(())
        })
    }
}

fn all_heads(conn: &Connection) -> Result<Vec<(Incarnation, u64, ChainHash)>, StoreError> {
    let mut find = conn
        .prepare_cached("SELECT incarnation, seq, hash FROM journal_head ORDER BY incarnation")?;
    let mut rows = find.query([])?;
    let mut heads = Vec::new();
    while let Some(row) = rows.next()? {
        heads.push((
            Incarnation::from_blob(row.get(0)?),
            unsigned(row.get(1)?)?,
            ChainHash::from_bytes(row.get(2)?),
        ));
    }
    Ok(heads)
}

fn verify_from(
    conn: &Connection,
    incarnation: Incarnation,
    after_seq: u64,
    head: (u64, ChainHash),
    report: &mut ChainReport,
) -> Result<(), StoreError> {
    let mut hash = hash_at(conn, incarnation, after_seq)?;
    let mut seq = after_seq;
    let mut find = conn.prepare_cached(
        "SELECT seq, op_id, hash, bytes FROM op WHERE incarnation = ?1 AND seq > ?2 ORDER BY seq",
    )?;
    let mut rows = find.query(params![incarnation.blob(), signed(after_seq)?])?;
    while let Some(row) = rows.next()? {
        let bytes: String = row.get(3)?;
        let next = ChainHash::after(hash, bytes.as_bytes());
        let envelope = Op::parse(&bytes).ok();
        let sound = unsigned(row.get(0)?)? == seq + 1
            && ChainHash::from_bytes(row.get(2)?) == next
            && envelope.is_some_and(|op| {
                op.prev_hash == hash
                    && op.seq == seq + 1
                    && op.incarnation == incarnation
                    && row.get(1).is_ok_and(|id| op.op_id == OpId::from_blob(id))
            });
        if !sound {
            report.first_bad = report.first_bad.or(Some((incarnation, seq + 1)));
            return Ok(());
        }
        (hash, seq) = (next, seq + 1);
        report.sound += 1;
    }
    if (seq, hash) != head {
        report.first_bad = report.first_bad.or(Some((incarnation, seq + 1)));
    }
    Ok(())
}

fn hash_at(conn: &Connection, incarnation: Incarnation, seq: u64) -> Result<ChainHash, StoreError> {
    if seq == 0 {
        return Ok(ChainHash::GENESIS);
    }
    let hash: Option<[u8; 32]> = conn
        .query_row(
            "SELECT hash FROM op WHERE incarnation = ?1 AND seq = ?2",
            params![incarnation.blob(), signed(seq)?],
            |row| row.get(0),
        )
        .optional()?;
    hash.map(ChainHash::from_bytes)
        .ok_or_else(|| StoreError::Damaged("an acknowledged op is missing".to_owned()))
}
