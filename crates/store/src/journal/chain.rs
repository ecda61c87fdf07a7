//! Is the chain whole? Each hash covers the one before and the exact bytes; holes are on record or they are faults.

use crate::error::StoreError;
use crate::sql::{Blob, signed, unsigned};
use crate::store::Store;
use desk_domain::ids::{Incarnation, OpId};
use desk_domain::op::{ChainHash, Op};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// What the verification found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ChainReport {
    /// Ops whose place, bytes and hash agree.
    pub sound: u64,
    /// The first that does not.
    pub first_bad: Option<(Incarnation, u64)>,
}

impl Store {
    /// Verifies every incarnation from its first op that is kept.
    pub fn verify_chain(&self) -> Result<ChainReport, StoreError> {
        self.read(|conn| {
            let mut report = ChainReport::default();
            for head in all_heads(conn)? {
                verify_from(conn, &head, 0, &mut report)?;
            }
            Ok(report)
        })
    }

    /// Verifies what the server does not have yet: this is what nobody else could restore.
    pub(crate) fn verify_unsent_chain(&self) -> Result<(), StoreError> {
        self.read(|conn| {
            for head in all_heads(conn)? {
                let mut report = ChainReport::default();
                verify_from(conn, &head, head.acknowledged_seq, &mut report)?;
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

struct Head {
    incarnation: Incarnation,
    seq: u64,
    hash: ChainHash,
    acknowledged_seq: u64,
}

fn all_heads(conn: &Connection) -> Result<Vec<Head>, StoreError> {
    let mut find = conn.prepare_cached(
        "SELECT incarnation, seq, hash, acknowledged_seq FROM journal_head ORDER BY incarnation",
    )?;
    let mut rows = find.query([])?;
    let mut heads = Vec::new();
    while let Some(row) = rows.next()? {
        heads.push(Head {
            incarnation: Incarnation::from_blob(row.get(0)?),
            seq: unsigned(row.get(1)?)?,
            hash: ChainHash::from_bytes(row.get(2)?),
            acknowledged_seq: unsigned(row.get(3)?)?,
        });
    }
    Ok(heads)
}

/// How far the walk has come. Behind a hole, the next op itself says what stood before it.
struct Walk {
    incarnation: Incarnation,
    seq: u64,
    hash: Option<ChainHash>,
    holes: Vec<(u64, u64)>,
}

impl Walk {
    /// Steps over a hole on record that begins here.
    fn over_holes(&mut self) {
        while let Some((_, last)) = self
            .holes
            .iter()
            .find(|(first, last)| *first <= self.seq + 1 && *last > self.seq)
        {
            (self.seq, self.hash) = (*last, None);
        }
    }

    /// True when the row is the next op and everything about it agrees.
    fn step(&mut self, row: &Row<'_>) -> Result<bool, StoreError> {
        let seq = unsigned(row.get(0)?)?;
        if seq != self.seq + 1 {
            self.over_holes();
        }
        let bytes: String = row.get(3)?;
        let Ok(op) = Op::parse(&bytes) else {
            return Ok(false);
        };
        let before = self.hash.unwrap_or(op.prev_hash);
        let hash = ChainHash::after(before, bytes.as_bytes());
        let sound = seq == self.seq + 1
            && ChainHash::from_bytes(row.get(2)?) == hash
            && op.prev_hash == before
            && op.seq == seq
            && op.incarnation == self.incarnation
            && op.op_id == OpId::from_blob(row.get(1)?);
        if sound {
            (self.seq, self.hash) = (seq, Some(hash));
        }
        Ok(sound)
    }

    fn is_at(&mut self, head: &Head) -> bool {
        if self.seq < head.seq {
            self.over_holes();
        }
        self.seq == head.seq && self.hash.is_none_or(|hash| hash == head.hash)
    }
}

fn verify_from(
    conn: &Connection,
    head: &Head,
    after_seq: u64,
    report: &mut ChainReport,
) -> Result<(), StoreError> {
    let mut walk = Walk {
        incarnation: head.incarnation,
        seq: after_seq,
        hash: None,
        holes: holes_of(conn, head.incarnation)?,
    };
    walk.hash = hash_at(conn, &walk)?;
    let mut find = conn.prepare_cached(
        "SELECT seq, op_id, hash, bytes FROM op WHERE incarnation = ?1 AND seq > ?2 ORDER BY seq",
    )?;
    let mut rows = find.query(params![head.incarnation.blob(), signed(after_seq)?])?;
    while let Some(row) = rows.next()? {
        if !walk.step(row)? {
            report.first_bad = report.first_bad.or(Some((head.incarnation, walk.seq + 1)));
            return Ok(());
        }
        report.sound += 1;
    }
    if !walk.is_at(head) {
        report.first_bad = report.first_bad.or(Some((head.incarnation, walk.seq + 1)));
    }
    Ok(())
}

fn holes_of(conn: &Connection, incarnation: Incarnation) -> Result<Vec<(u64, u64)>, StoreError> {
    let mut find = conn.prepare_cached(
        "SELECT first_seq, last_seq FROM journal_hole WHERE incarnation = ?1 ORDER BY first_seq",
    )?;
    let mut rows = find.query(params![incarnation.blob()])?;
    let mut holes = Vec::new();
    while let Some(row) = rows.next()? {
        holes.push((unsigned(row.get(0)?)?, unsigned(row.get(1)?)?));
    }
    Ok(holes)
}

/// The hash at which the walk begins; none where the op went on record.
fn hash_at(conn: &Connection, walk: &Walk) -> Result<Option<ChainHash>, StoreError> {
    if walk.seq == 0 {
        return Ok(Some(ChainHash::GENESIS));
    }
    let hash: Option<[u8; 32]> = conn
        .query_row(
            "SELECT hash FROM op WHERE incarnation = ?1 AND seq = ?2",
            params![walk.incarnation.blob(), signed(walk.seq)?],
            |row| row.get(0),
        )
        .optional()?;
    let on_record = walk
        .holes
        .iter()
        .any(|(first, last)| (*first..=*last).contains(&walk.seq));
    match hash {
        Some(hash) => Ok(Some(ChainHash::from_bytes(hash))),
        None if on_record => Ok(None),
        None => Err(StoreError::Damaged(
            "an acknowledged op is missing".to_owned(),
        )),
    }
}
