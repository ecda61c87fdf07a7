//! The outbox in sending order. A group is never split.

use super::{JournalHead, JournalRow};
use crate::error::StoreError;
use crate::identity::read_identity;
use crate::sql::{Blob, limit, signed, unsigned};
use crate::store::Store;
use desk_domain::ids::{Incarnation, OpId};
use desk_domain::op::ChainHash;
use rusqlite::{Connection, OptionalExtension, Row, params};

impl Store {
    /// The next ops of the current incarnation after `after_seq`, as whole groups.
    ///
    /// At least one group is given when there is one, even if it alone is over the bounds.
    pub fn unsent(
        &self,
        after_seq: u64,
        max_ops: usize,
        max_bytes: usize,
    ) -> Result<Vec<JournalRow>, StoreError> {
        self.read(|conn| {
            let Some(identity) = read_identity(conn)? else {
                return Ok(Vec::new());
            };
            whole_groups(conn, identity.incarnation, after_seq, max_ops, max_bytes)
        })
    }

    /// The hash of the op at one place, in whichever life; none when there is no such op here.
    pub fn hash_at(
        &self,
        incarnation: Incarnation,
        seq: u64,
    ) -> Result<Option<ChainHash>, StoreError> {
        self.read(|conn| {
            let hash: Option<[u8; 32]> = conn
                .prepare_cached("SELECT hash FROM op WHERE incarnation = ?1 AND seq = ?2")?
                .query_row(params![incarnation.blob(), signed(seq)?], |row| row.get(0))
                .optional()?;
            Ok(hash.map(ChainHash::from_bytes))
        })
    }

    /// Highest acknowledged and highest written place of every incarnation of this desk.
    pub fn heads(&self) -> Result<Vec<JournalHead>, StoreError> {
        self.read(|conn| {
            let mut find = conn
                .prepare_cached("SELECT incarnation, seq, hash, acknowledged_seq FROM journal_head ORDER BY incarnation")?;
            let rows = find.query_map([], |row| {
                Ok((row.get(0)?, row.get::<_, i64>(1)?, row.get(2)?, row.get::<_, i64>(3)?))
            })?;
            let mut heads = Vec::new();
            for row in rows {
                let (incarnation, seq, hash, acknowledged_seq) = row?;
                heads.push(JournalHead {
                    incarnation: Incarnation::from_blob(incarnation),
                    seq: unsigned(seq)?,
                    hash: ChainHash::from_bytes(hash),
                    acknowledged_seq: unsigned(acknowledged_seq)?,
                });
            }
            Ok(heads)
        })
    }
}

fn whole_groups(
    conn: &Connection,
    incarnation: Incarnation,
    after_seq: u64,
    max_ops: usize,
    max_bytes: usize,
) -> Result<Vec<JournalRow>, StoreError> {
    // One group more than asked for, so that a group longer than `max_ops` is still whole.
    let most = max_ops.saturating_add(super::MAX_GROUP_OPS);
    let mut find = conn.prepare_cached(
        "SELECT o.seq, o.op_id, o.bytes, o.hash, o.group_i, o.group_len, f.state = 'parked'
         FROM op o JOIN op_fate f ON f.op_id = o.op_id
         WHERE o.incarnation = ?1 AND o.seq > ?2 ORDER BY o.seq LIMIT ?3",
    )?;
    let mut rows = find.query(params![incarnation.blob(), signed(after_seq)?, limit(most)])?;
    let mut taken = Vec::new();
    let mut taken_bytes = 0;
    let mut group: Vec<JournalRow> = Vec::new();
    while let Some(row) = rows.next()? {
        let last_of_group = row.get::<_, i64>(4)? + 1 == row.get::<_, i64>(5)?;
        group.push(journal_row(incarnation, row)?);
        if !last_of_group {
            continue;
        }
        let group_bytes: usize = group.iter().map(|row| row.bytes.len()).sum();
        let fits = taken.len() + group.len() <= max_ops && taken_bytes + group_bytes <= max_bytes;
        if !fits && !taken.is_empty() {
            break;
        }
        taken.append(&mut group);
        taken_bytes += group_bytes;
        if !fits {
            break;
        }
    }
    Ok(taken)
}

fn journal_row(incarnation: Incarnation, row: &Row<'_>) -> Result<JournalRow, StoreError> {
    Ok(JournalRow {
        incarnation,
        seq: unsigned(row.get(0)?)?,
        op_id: OpId::from_blob(row.get(1)?),
        bytes: row.get(2)?,
        hash: ChainHash::from_bytes(row.get(3)?),
        parked: row.get(6)?,
    })
}
