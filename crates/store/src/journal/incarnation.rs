//! A new life of the journal, after a restore or a clone: unsent ops are hung on a new chain with the same op ids.

use super::append::insert_op_row;
use crate::error::StoreError;
use crate::identity::{read_identity, start_chain};
use crate::sql::{Blob, signed};
use crate::store::Store;
use desk_domain::ids::Incarnation;
use desk_domain::op::{ChainHash, Op};
use rusqlite::{Connection, params};

impl Store {
    /// Starts `fresh` and re-chains onto it every op that the server has not stored. Returns how many.
    ///
    /// The old rows stay as they are; which chain counts for an op is said by its fate.
    pub fn begin_incarnation(&self, fresh: Incarnation) -> Result<u64, StoreError> {
        self.write(|tx, touched| {
            let identity = read_identity(tx)?.ok_or(StoreError::NoIdentity)?;
            start_chain(tx, fresh)?;
            tx.execute(
                "UPDATE identity SET incarnation = ?1 WHERE only = 1",
                params![fresh.blob()],
            )?;
            let moved = rechain(tx, identity.incarnation, fresh)?;
            touched.outbox = true;
            Ok(moved)
        })
    }
}

fn rechain(tx: &Connection, old: Incarnation, fresh: Incarnation) -> Result<u64, StoreError> {
    let mut find = tx.prepare(
        "SELECT o.bytes, f.ord FROM op o JOIN op_fate f ON f.op_id = o.op_id
         WHERE o.incarnation = ?1 AND f.state IN ('queued', 'parked') ORDER BY o.seq",
    )?;
    let mut rows = find.query(params![old.blob()])?;
    let mut waiting: Vec<(Op, i64)> = Vec::new();
    while let Some(row) = rows.next()? {
        waiting.push((Op::parse(&row.get::<_, String>(0)?)?, row.get(1)?));
    }
    let (mut seq, mut hash) = (0_u64, ChainHash::GENESIS);
    let mut hlc = desk_domain::op::Hlc::default();
    for (mut op, old_ord) in waiting {
        seq += 1;
        op.incarnation = fresh;
        op.seq = seq;
        op.prev_hash = hash;
        hlc = op.hlc;
        let bytes = op.to_bytes()?;
        hash = ChainHash::after(hash, bytes.as_bytes());
        let ord = insert_op_row(tx, &op, &bytes, hash)?;
        tx.execute(
            "UPDATE op_fate SET ord = ?2 WHERE ord = ?1",
            params![old_ord, ord],
        )?;
    }
    tx.execute(
        "UPDATE journal_head SET seq = ?2, hash = ?3, hlc_ms = ?4, hlc_n = ?5 WHERE incarnation = ?1",
        params![fresh.blob(), signed(seq)?, hash.as_bytes(), hlc.ms, hlc.n],
    )?;
    Ok(seq)
}
