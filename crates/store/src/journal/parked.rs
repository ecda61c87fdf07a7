//! Ops that the server cannot take as they are: seen until a person has dealt with them, in the chain for ever.

use super::append::insert_op_row;
use super::incarnation::Chain;
use super::receipt::case_of;
use crate::error::StoreError;
use crate::sql::Blob;
use crate::store::{Judge, Store};
use crate::timeline;
use crate::view::rebuild_view;
use crate::write::Touched;
use desk_domain::ids::{CaseId, OpId, UserId};
use desk_domain::op::Op;
use desk_domain::time::Millis;
use rusqlite::{Connection, OptionalExtension, params};

/// Parked by a person's choice or by the courier's, or known to the server by its hash alone.
const IS_PARKED: &str = "f.open = 1 AND (f.state = 'parked'
    OR (f.state = 'held' AND f.outcome = '{\"is\":\"held\",\"why\":\"body_missing\"}'))";

impl Store {
    /// Puts an op aside for a person to look at. It stays in the journal and in the chain.
    pub fn park(&self, op: OpId, reason: &str) -> Result<(), StoreError> {
        self.write(|tx, touched| {
            let case = case_of(tx, op)?.ok_or(StoreError::UnknownOp(op))?;
            tx.execute(
                "UPDATE op_fate SET state = 'parked', reason = ?2 WHERE op_id = ?1 AND state IN ('queued', 'parked')",
                params![op.blob(), reason],
            )?;
            touched.outbox = true;
            touched.cases.insert(case);
            Ok(())
        })
    }

    /// Tries a parked op again, with the whole action that it is part of: same ids and content, a new place at the
    /// end of the chain. The place before stays, so that what the server holds of it stays true. Returns how many.
    pub fn retry_parked(&self, op: OpId) -> Result<u64, StoreError> {
        let judge = self.judge();
        self.write(|tx, touched| {
            case_of(tx, op)?.ok_or(StoreError::UnknownOp(op))?;
            let group = parked_group(tx, op)?;
            retry(tx, touched, judge.as_ref(), &group)
        })
    }

    /// A person lets a parked op be: it leaves list and view, not the journal. Who did it and why is kept.
    ///
    /// The whole action goes, as it came. Returns how many ops.
    pub fn dismiss_parked(
        &self,
        op: OpId,
        by: UserId,
        at: Millis,
        reason: &str,
    ) -> Result<u64, StoreError> {
        let judge = self.judge();
        self.write(|tx, touched| {
            case_of(tx, op)?.ok_or(StoreError::UnknownOp(op))?;
            let group = parked_group(tx, op)?;
            for (_, op) in &group {
                tx.execute(
                    "UPDATE op_fate SET open = 0, replay = 0 WHERE op_id = ?1",
                    params![op.op_id.blob()],
                )?;
                tx.execute(
                    "INSERT INTO dismissal (op_id, by, at, reason) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (op_id) DO UPDATE SET by = ?2, at = ?3, reason = ?4",
                    params![op.op_id.blob(), by.blob(), at, reason],
                )?;
                timeline::drop_local(tx, op.case, op.op_id)?;
            }
            rebuild(tx, touched, judge.as_ref(), &group)?;
            Ok(count(&group))
        })
    }
}

fn retry(
    tx: &Connection,
    touched: &mut Touched,
    judge: Option<&Judge>,
    group: &[(i64, Op)],
) -> Result<u64, StoreError> {
    let mut chain = Chain::current(tx)?;
    let len = u16::try_from(group.len()).unwrap_or(u16::MAX);
    for (i, (old_ord, op)) in (0_u16..).zip(group) {
        let mut op = op.clone();
        // All of it goes again; of an action that lost a part, what is left.
        (op.group.i, op.group.len) = (i, len);
        let (op, bytes, hash) = chain.hang(op)?;
        let ord = insert_op_row(tx, &op, &bytes, hash)?;
        tx.execute(
            "UPDATE op_fate SET ord = ?2, state = 'queued', replay = 1, open = 1, outcome = NULL, reason = NULL
             WHERE ord = ?1",
            params![old_ord, ord],
        )?;
    }
    chain.save(tx)?;
    rebuild(tx, touched, judge, group)?;
    Ok(count(group))
}

fn rebuild(
    tx: &Connection,
    touched: &mut Touched,
    judge: Option<&Judge>,
    group: &[(i64, Op)],
) -> Result<(), StoreError> {
    for (_, op) in group {
        touched.cases.insert(op.case);
    }
    touched.outbox = true;
    let cases: Vec<CaseId> = touched.cases.iter().copied().collect();
    for case in cases {
        rebuild_view(tx, judge, case)?;
    }
    Ok(())
}

fn count(group: &[(i64, Op)]) -> u64 {
    u64::try_from(group.len()).unwrap_or(u64::MAX)
}

/// The parked ops of the action that `op` is part of, in order; nothing when `op` is not parked.
fn parked_group(tx: &Connection, op: OpId) -> Result<Vec<(i64, Op)>, StoreError> {
    let place: Option<([u8; 16], i64, i64)> = tx
        .prepare_cached(&format!(
            "SELECT o.incarnation, o.seq - o.group_i, o.group_len FROM op_fate f JOIN op o ON o.ord = f.ord
             WHERE f.op_id = ?1 AND {IS_PARKED}"
        ))?
        .query_row(params![op.blob()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    let Some((incarnation, first, len)) = place else {
        return Ok(Vec::new());
    };
    let mut find = tx.prepare_cached(&format!(
        "SELECT f.ord, o.bytes FROM op o JOIN op_fate f ON f.ord = o.ord
         WHERE o.incarnation = ?1 AND o.seq >= ?2 AND o.seq < ?2 + ?3 AND {IS_PARKED} ORDER BY o.seq"
    ))?;
    let mut rows = find.query(params![incarnation, first, len])?;
    let mut group = Vec::new();
    while let Some(row) = rows.next()? {
        group.push((row.get(0)?, Op::parse(&row.get::<_, String>(1)?)?));
    }
    Ok(group)
}
