//! What the server says about ops: stored up to here, and its verdicts.

use super::{Acknowledged, settle};
use crate::error::StoreError;
use crate::sql::{Blob, signed, unsigned};
use crate::store::Store;
use crate::view::{confirmed_of, rebuild_view};
use crate::write::Touched;
use desk_domain::ids::{CaseId, Incarnation, OpId};
use desk_domain::op::ChainHash;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeSet;

impl Store {
    /// Notes a receipt. A head that is not in this journal is a fork and changes nothing.
    pub fn acknowledge(&self, receipt: &Acknowledged) -> Result<Touched, StoreError> {
        let judge = self.judge();
        self.write(|tx, touched| {
            check_head(tx, receipt)?;
            mark_stored(tx, receipt)?;
            touched.outbox = true;
            let mut cases: BTreeSet<CaseId> = BTreeSet::new();
            for (op, outcome) in &receipt.outcomes {
                let Some(case) = case_of(tx, *op)? else {
                    continue;
                };
                let confirmed = confirmed_of(tx, case)?;
                settle(tx, *op, outcome, confirmed.as_ref(), false)?;
                cases.insert(case);
            }
            for case in cases {
                rebuild_view(tx, judge.as_ref(), case)?;
                touched.cases.insert(case);
            }
            desk_failpoint::reached("store.acknowledge.before_commit");
            Ok(touched.clone())
        })
        .inspect(|_| desk_failpoint::reached("store.acknowledge.after_commit"))
    }

    /// A person has seen a refusal or a lost conflict: it leaves the list, not the journal.
    pub fn dismiss(&self, op: OpId) -> Result<(), StoreError> {
        let judge = self.judge();
        self.write(|tx, touched| {
            let case = case_of(tx, op)?.ok_or(StoreError::UnknownOp(op))?;
            tx.execute(
                "UPDATE op_fate SET open = 0 WHERE op_id = ?1 AND state IN ('refused', 'conflict') AND replay = 0",
                params![op.blob()],
            )?;
            rebuild_view(tx, judge.as_ref(), case)?;
            touched.outbox = true;
            touched.cases.insert(case);
            Ok(())
        })
    }

    /// The server's database began a new life: what it judged before may have been judged otherwise since. Its first word
    /// on an op replaces the verdict.
    pub fn doubt_verdicts(&self) -> Result<(), StoreError> {
        self.write(|tx, _| {
            tx.execute(
                "UPDATE op_fate SET in_doubt = 1 WHERE outcome IS NOT NULL AND in_doubt = 0",
                [],
            )?;
            Ok(())
        })
    }

    /// The server was restored from a backup and has only up to `seq`: what is above becomes unsent again.
    ///
    /// True when an op above `seq` is not here any more: then the chain cannot go on from there, only a new life can.
    pub fn rewind_acknowledged(
        &self,
        incarnation: Incarnation,
        seq: u64,
    ) -> Result<bool, StoreError> {
        self.write(|tx, touched| {
            tx.execute(
                "UPDATE op_fate SET state = 'queued', replay = 1, open = 1, applied_rev = NULL, outcome = NULL
                 WHERE ord IN (SELECT ord FROM op WHERE incarnation = ?1 AND seq > ?2) AND state <> 'parked'",
                params![incarnation.blob(), signed(seq)?],
            )?;
            tx.execute(
                "UPDATE journal_head SET acknowledged_seq = min(acknowledged_seq, ?2) WHERE incarnation = ?1",
                params![incarnation.blob(), signed(seq)?],
            )?;
            touched.outbox = true;
            Ok(tx
                .prepare_cached(
                    "SELECT 1 FROM journal_hole WHERE incarnation = ?1 AND last_seq > ?2",
                )?
                .exists(params![incarnation.blob(), signed(seq)?])?)
        })
    }
}

fn check_head(tx: &Connection, receipt: &Acknowledged) -> Result<(), StoreError> {
    if receipt.seq == 0 {
        return Ok(());
    }
    let hash: Option<[u8; 32]> = tx
        .prepare_cached("SELECT hash FROM op WHERE incarnation = ?1 AND seq = ?2")?
        .query_row(
            params![receipt.incarnation.blob(), signed(receipt.seq)?],
            |row| row.get(0),
        )
        .optional()?;
    if hash.map(ChainHash::from_bytes) == Some(receipt.hash) {
        Ok(())
    } else {
        Err(StoreError::Fork)
    }
}

/// A parked op stays parked: of it, the server has the hash alone.
fn mark_stored(tx: &Connection, receipt: &Acknowledged) -> Result<(), StoreError> {
    let before: Option<i64> = tx
        .prepare_cached("SELECT acknowledged_seq FROM journal_head WHERE incarnation = ?1")?
        .query_row(params![receipt.incarnation.blob()], |row| row.get(0))
        .optional()?;
    let before = before.ok_or(StoreError::Fork)?;
    // One that was on its way while the journal was rewound says nothing of the ops before it; those would wait for ever
    // for a verdict. They are sent again, and so is this.
    let before_it = receipt.first_seq > unsigned(before)?.saturating_add(1);
    if before_it || receipt.seq <= unsigned(before)? {
        return Ok(());
    }
    tx.prepare_cached(
        "UPDATE op_fate SET state = 'stored' WHERE state = 'queued' AND ord IN
           (SELECT ord FROM op WHERE incarnation = ?1 AND seq > ?2 AND seq <= ?3)",
    )?
    .execute(params![
        receipt.incarnation.blob(),
        before,
        signed(receipt.seq)?
    ])?;
    tx.prepare_cached("UPDATE journal_head SET acknowledged_seq = ?2 WHERE incarnation = ?1")?
        .execute(params![receipt.incarnation.blob(), signed(receipt.seq)?])?;
    Ok(())
}

pub(crate) fn case_of(tx: &Connection, op: OpId) -> Result<Option<CaseId>, StoreError> {
    let case = tx
        .prepare_cached("SELECT case_id FROM op_fate WHERE op_id = ?1")?
        .query_row(params![op.blob()], |row| row.get(0))
        .optional()?;
    Ok(case.map(CaseId::from_blob))
}
