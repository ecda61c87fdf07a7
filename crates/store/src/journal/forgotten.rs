//! Ops of earlier lives that the server had stored and has lost: a restored server may be behind a life that this desk
//! has left long ago. They are hung on the end of the present chain, with the same op ids.

use super::append::insert_op_row;
use super::incarnation::Chain;
use crate::error::StoreError;
use crate::identity::read_identity;
use crate::sql::{Blob, limit, signed};
use crate::store::Store;
use desk_domain::ids::Incarnation;
use desk_domain::op::Op;
use rusqlite::{Connection, params};

impl Store {
    /// `server_seq` is where the server's chain of an earlier life ends. Brings forward what it had taken above that;
    /// returns how many ops. Nothing to do for the present life: that one is rewound.
    pub fn bring_forward(&self, life: Incarnation, server_seq: u64) -> Result<u64, StoreError> {
        if self
            .read(|conn| lost_ops(conn, life, server_seq, 1))?
            .is_empty()
        {
            return Ok(0);
        }
        self.write(|tx, touched| {
            let identity = read_identity(tx)?.ok_or(StoreError::NoIdentity)?;
            if identity.incarnation == life {
                return Ok(0);
            }
            let lost = lost_ops(tx, life, server_seq, usize::MAX)?;
            let count = u64::try_from(lost.len()).unwrap_or(u64::MAX);
            hang(tx, lost)?;
            tx.execute(
                "UPDATE journal_head SET acknowledged_seq = min(acknowledged_seq, ?2) WHERE incarnation = ?1",
                params![life.blob(), signed(server_seq)?],
            )?;
            touched.outbox = count > 0;
            Ok(count)
        })
    }
}

/// Ops whose last place is in that life, above what the server has; with their order numbers. Also above what a receipt
/// acknowledged: a feed may have told the verdict before the receipt came, and then the op did not move on with the
/// unsent ones.
fn lost_ops(
    tx: &Connection,
    life: Incarnation,
    server_seq: u64,
    most: usize,
) -> Result<Vec<(Op, i64)>, StoreError> {
    let mut find = tx.prepare(
        "SELECT o.bytes, o.ord FROM op o JOIN op_fate f ON f.ord = o.ord
         WHERE o.incarnation = ?1 AND o.seq > ?2 AND f.state <> 'parked' ORDER BY o.seq LIMIT ?3",
    )?;
    let mut rows = find.query(params![life.blob(), signed(server_seq)?, limit(most)])?;
    let mut lost = Vec::new();
    while let Some(row) = rows.next()? {
        lost.push((Op::parse(&row.get::<_, String>(0)?)?, row.get(1)?));
    }
    Ok(lost)
}

fn hang(tx: &Connection, lost: Vec<(Op, i64)>) -> Result<(), StoreError> {
    let mut chain = Chain::current(tx)?;
    for (op, old_ord) in lost {
        let (op, bytes, hash) = chain.hang(op)?;
        let ord = insert_op_row(tx, &op, &bytes, hash)?;
        tx.execute(
            "UPDATE op_fate SET ord = ?2, state = 'queued', replay = 1, open = 1, applied_rev = NULL, outcome = NULL
             WHERE ord = ?1",
            params![old_ord, ord],
        )?;
    }
    chain.save(tx)
}
