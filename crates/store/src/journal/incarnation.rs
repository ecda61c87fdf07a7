//! A new life of the journal, after a restore or a clone: unsent ops are hung on a new chain with the same op ids.

use super::append::insert_op_row;
use crate::error::StoreError;
use crate::identity::{read_identity, start_chain};
use crate::sql::{Blob, signed, unsigned};
use crate::store::Store;
use desk_domain::ids::Incarnation;
use desk_domain::op::{ChainHash, Hlc, Op};
use rusqlite::{Connection, params};

impl Store {
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
fn begin(tx: &Connection, fresh: Incarnation) -> Result<u64, StoreError> {
    read_identity(tx)?.ok_or(StoreError::NoIdentity)?;
    start_chain(tx, fresh)?;
    tx.execute(
        "UPDATE identity SET incarnation = ?1 WHERE only = 1",
        params![fresh.blob()],
    )?;
    let waiting = waiting(tx)?;
    let mut chain = Chain::current(tx)?;
    let count = u64::try_from(waiting.len()).unwrap_or(u64::MAX);
    for (old_ord, op) in waiting {
        let (op, bytes, hash) = chain.hang(op)?;
        let ord = insert_op_row(tx, &op, &bytes, hash)?;
        tx.execute(
            "UPDATE op_fate SET ord = ?2 WHERE ord = ?1",
            params![old_ord, ord],
        )?;
    }
    chain.save(tx)?;
    Ok(count)
}

/// What the server does not have, of whichever life, in the order in which it was done.
///
/// A parked op of which the server holds the hash stays where it is: its place is known there.
fn waiting(tx: &Connection) -> Result<Vec<(i64, Op)>, StoreError> {
    let mut find = tx.prepare(
        "SELECT f.ord, o.bytes FROM op_fate f JOIN op o ON o.ord = f.ord JOIN journal_head h ON h.incarnation = o.incarnation
         WHERE f.state = 'queued' OR (f.state = 'parked' AND f.open = 1 AND o.seq > h.acknowledged_seq) ORDER BY f.ord",
    )?;
    let mut rows = find.query([])?;
    let mut waiting = Vec::new();
    while let Some(row) = rows.next()? {
        waiting.push((row.get(0)?, Op::parse(&row.get::<_, String>(1)?)?));
    }
    Ok(waiting)
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
