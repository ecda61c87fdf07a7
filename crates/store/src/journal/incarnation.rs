//! A new life of the journal, after a restore or a clone: unsent ops are hung on a new chain with the same op ids.

use super::append::insert_op_row;
use crate::alert;
use crate::error::StoreError;
use crate::identity::{read_identity, start_chain};
use crate::sql::{Blob, limit, signed, unsigned};
use crate::store::Store;
use desk_domain::ids::Incarnation;
use desk_domain::op::{ChainHash, Hlc, Op};
use desk_domain::time::Millis;
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where a journal stood when it was noted outside the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HeadNote {
    pub incarnation: Incarnation,
    pub seq: u64,
    pub hash: ChainHash,
}

impl Store {
    /// The end of the living chain, to be noted outside the file.
    pub fn head_note(&self) -> Result<Option<HeadNote>, StoreError> {
        self.read(|conn| {
            let Some(identity) = read_identity(conn)? else {
                return Ok(None);
            };
            let (seq, hash): (i64, [u8; 32]) = conn
                .prepare_cached("SELECT seq, hash FROM journal_head WHERE incarnation = ?1")?
                .query_row(params![identity.incarnation.blob()], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })?;
            Ok(Some(HeadNote {
                incarnation: identity.incarnation,
                seq: unsigned(seq)?,
                hash: ChainHash::from_bytes(hash),
            }))
        })
    }

    /// False when this file is older than the note, or another history: it was restored, or is a copy.
    pub fn is_at_or_after(&self, note: &HeadNote) -> Result<bool, StoreError> {
        self.read(|conn| {
            let end: Option<i64> = conn
                .prepare_cached("SELECT seq FROM journal_head WHERE incarnation = ?1")?
                .query_row(params![note.incarnation.blob()], |row| row.get(0))
                .optional()?;
            let Some(end) = end.map(unsigned).transpose()? else {
                return Ok(false);
            };
            let there: Option<[u8; 32]> = conn
                .prepare_cached("SELECT hash FROM op WHERE incarnation = ?1 AND seq = ?2")?
                .query_row(params![note.incarnation.blob(), signed(note.seq)?], |row| {
                    row.get(0)
                })
                .optional()?;
            // An op that was pruned was there; one that was never written leaves the end below the note.
            let same = there.is_none_or(|hash| ChainHash::from_bytes(hash) == note.hash);
            Ok(end >= note.seq && same)
        })
    }

    /// A new life, and the alert that says why, both or neither.
    pub fn begin_life(
        &self,
        fresh: Incarnation,
        code: &str,
        at: Millis,
        params: &BTreeMap<String, String>,
    ) -> Result<u64, StoreError> {
        self.write(|tx, touched| {
            let moved = begin(tx, fresh)?;
            let mut told = params.clone();
            told.insert("ops".to_owned(), moved.to_string());
            alert::raise(tx, code, at, &told)?;
            touched.outbox = true;
            touched.alerts = true;
            Ok(moved)
        })
    }

    /// Starts `fresh` and re-chains onto it every op that the server has not stored. Returns how many.
    ///
    /// The old rows stay as they are; which chain counts for an op is said by its fate.
    pub fn begin_incarnation(&self, fresh: Incarnation) -> Result<u64, StoreError> {
        self.write(|tx, touched| {
            touched.outbox = true;
            begin(tx, fresh)
        })
    }
}

/// The same within a transaction that does more.
pub(crate) fn begin(tx: &Connection, fresh: Incarnation) -> Result<u64, StoreError> {
    read_identity(tx)?.ok_or(StoreError::NoIdentity)?;
    start_chain(tx, fresh)?;
    tx.execute(
        "UPDATE identity SET incarnation = ?1 WHERE only = 1",
        params![fresh.blob()],
    )?;
    let mut chain = Chain::current(tx)?;
    let (mut count, mut after) = (0, 0);
    loop {
        let mut waiting = waiting(tx, fresh, after)?;
        let Some((last, _)) = waiting.last() else {
            break;
        };
        after = *last;
        regroup(&mut waiting);
        for (old_ord, op) in waiting {
            let (op, bytes, hash) = chain.hang(op)?;
            let ord = insert_op_row(tx, &op, &bytes, hash)?;
            tx.prepare_cached("UPDATE op_fate SET ord = ?2 WHERE ord = ?1")?
                .execute(params![old_ord, ord])?;
            count += 1;
        }
    }
    chain.save(tx)?;
    Ok(count)
}

/// Ops re-chained at a time: a long backlog is never in memory at once.
const CHUNK: usize = 2 * super::MAX_GROUP_OPS;

/// What the server does not have, of whichever life, in the order in which it was done.
///
/// A parked op of which the server holds the hash stays where it is: its place is known there.
fn waiting(tx: &Connection, fresh: Incarnation, after: i64) -> Result<Vec<(i64, Op)>, StoreError> {
    let mut find = tx.prepare_cached(
        "SELECT f.ord, o.bytes FROM op_fate f JOIN op o ON o.ord = f.ord JOIN journal_head h ON h.incarnation = o.incarnation
         WHERE f.ord > ?1 AND o.incarnation <> ?2 AND f.open = 1
           AND (f.state = 'queued' OR (f.state = 'parked' AND o.seq > h.acknowledged_seq))
         ORDER BY f.ord LIMIT ?3",
    )?;
    let mut rows = find.query(params![after, fresh.blob(), limit(CHUNK)])?;
    let mut waiting: Vec<(i64, Op)> = Vec::new();
    while let Some(row) = rows.next()? {
        waiting.push((row.get(0)?, Op::parse(&row.get::<_, String>(1)?)?));
    }
    if waiting.len() == CHUNK {
        // An action is never divided: the last one here may go on behind. It is shorter than a chunk.
        let last = waiting.last().map(|(_, op)| op.group.id);
        let whole = waiting
            .iter()
            .rposition(|(_, op)| Some(op.group.id) != last)
            .map_or(CHUNK, |at| at + 1);
        waiting.truncate(whole);
    }
    Ok(waiting)
}

/// Numbers the ops of each action anew: of one that lost a part, what is left is an action of its own.
fn regroup(waiting: &mut [(i64, Op)]) {
    for action in waiting.chunk_by_mut(|(_, a), (_, b)| a.group.id == b.group.id) {
        let len = u16::try_from(action.len()).unwrap_or(u16::MAX);
        for (i, (_, op)) in (0_u16..).zip(action) {
            (op.group.i, op.group.len) = (i, len);
        }
    }
}

/// The end of the current chain while known ops are hung on it.
pub(super) struct Chain {
    incarnation: Incarnation,
    seq: u64,
    hash: ChainHash,
    hlc: Hlc,
}

impl Chain {
    pub(super) fn current(tx: &Connection) -> Result<Self, StoreError> {
        let incarnation = read_identity(tx)?
            .ok_or(StoreError::NoIdentity)?
            .incarnation;
        let (seq, hash, ms, n): (i64, [u8; 32], i64, u32) = tx.query_row(
            "SELECT seq, hash, hlc_ms, hlc_n FROM journal_head WHERE incarnation = ?1",
            params![incarnation.blob()],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )?;
        Ok(Self {
            incarnation,
            seq: unsigned(seq)?,
            hash: ChainHash::from_bytes(hash),
            hlc: Hlc { ms, n },
        })
    }

    /// The op at its new place: content and id stay.
    pub(super) fn hang(&mut self, mut op: Op) -> Result<(Op, String, ChainHash), StoreError> {
        self.seq += 1;
        op.incarnation = self.incarnation;
        op.seq = self.seq;
        op.prev_hash = self.hash;
        self.hlc = self.hlc.max(op.hlc);
        let bytes = op.to_bytes()?;
        self.hash = ChainHash::after(self.hash, bytes.as_bytes());
        Ok((op, bytes, self.hash))
    }

    pub(super) fn save(&self, tx: &Connection) -> Result<(), StoreError> {
        tx.execute(
            "UPDATE journal_head SET seq = ?2, hash = ?3, hlc_ms = ?4, hlc_n = ?5 WHERE incarnation = ?1",
            params![
                self.incarnation.blob(),
                signed(self.seq)?,
                self.hash.as_bytes(),
                self.hlc.ms,
                self.hlc.n
            ],
        )?;
        Ok(())
    }
}
