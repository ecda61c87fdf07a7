//! Appending one action: chain, preview, view, and the cleared drafts, all in one transaction.

use super::{Appended, JournalRow, MAX_GROUP_OPS, NewOp};
use crate::documents::note_attachment;
use crate::drafts::clear_draft;
use crate::error::StoreError;
use crate::identity::{Identity, read_identity};
use crate::people::actor;
use crate::sql::{Blob, limit, signed, unsigned};
use crate::store::{Judge, Store};
use crate::timeline;
use crate::view::{Views, judge_one};
use crate::write::Touched;
use desk_domain::field::FieldKey;
use desk_domain::ids::{CaseId, GroupId};
use desk_domain::op::{ChainHash, Group, Hlc, MAX_OP_BYTES, Op, OpError};
use desk_domain::outcome::Outcome;
use rusqlite::{Connection, OptionalExtension, params};

/// An op may have to be hung on another chain, where its number has more digits.
const ROOM_FOR_A_NEW_PLACE: usize = 32;

/// The end of the chain while ops are being hung on it.
struct Tip {
    seq: u64,
    hash: ChainHash,
    hlc: Hlc,
}

impl Store {
    /// Writes one action: all of its ops and nothing else, or nothing at all when the rules refuse one of them.
    ///
    /// `clear_drafts` are the raw texts that these ops replace.
    pub fn append(
        &self,
        ops: &[NewOp],
        clear_drafts: &[(CaseId, FieldKey)],
    ) -> Result<Appended, StoreError> {
        if ops.len() > MAX_GROUP_OPS {
            return Err(StoreError::GroupTooLarge(ops.len()));
        }
        let judge = self.judge().ok_or(StoreError::NoJudge)?;
        self.write(|tx, touched| {
            let identity = read_identity(tx)?.ok_or(StoreError::NoIdentity)?;
            let mut appended = append_group(tx, touched, &identity, &judge, ops)?;
            for (case, field) in clear_drafts {
                clear_draft(tx, *case, *field)?;
                touched.cases.insert(*case);
            }
            appended.touched = touched.clone();
            desk_failpoint::reached("store.append.before_commit");
            Ok(appended)
        })
        .inspect(|_| desk_failpoint::reached("store.append.after_commit"))
    }
}

fn append_group(
    tx: &Connection,
    touched: &mut Touched,
    identity: &Identity,
    judge: &Judge,
    ops: &[NewOp],
) -> Result<Appended, StoreError> {
    let mut appended = Appended {
        rows: Vec::new(),
        outcomes: Vec::new(),
        touched: Touched::default(),
    };
    let Some(first) = ops.first() else {
        return Ok(appended);
    };
    let group_id = GroupId::from_uuid(first.op_id.uuid());
    let mut tip = read_tip(tx, identity)?;
    let mut views = Views::default();
    for (i, new) in (0_u16..).zip(ops) {
        refuse_known(tx, new)?;
        let group = Group {
            id: group_id,
            i,
            len: u16::try_from(ops.len()).unwrap_or(u16::MAX),
        };
        let op = envelope(identity, &mut tip, new, group)?;
        let by = actor(tx, new.actor)?.ok_or(StoreError::UnknownActor(new.actor))?;
        let view = views.of(tx, new.case)?;
        let decision = judge_one(tx, judge, &by, view, &op)?;
        if let Outcome::Refused { code, params } = decision.outcome {
            return Err(StoreError::Refused { code, params });
        }
        let bytes = op.to_bytes()?;
        if bytes.len() > MAX_OP_BYTES - ROOM_FOR_A_NEW_PLACE {
            return Err(OpError::TooLarge(bytes.len()).into());
        }
        tip.hash = ChainHash::after(tip.hash, bytes.as_bytes());
        insert_op(tx, &op, &bytes, tip.hash, &decision.outcome)?;
        timeline::put_local(tx, &decision.timeline)?;
        if let Some(case) = decision.case {
            views.moved(new.case, case);
        }
        touched.documents |= note_attachment(tx, &op)?;
        touched.cases.insert(new.case);
        appended.rows.push(JournalRow {
            incarnation: op.incarnation,
            seq: op.seq,
            op_id: op.op_id,
            bytes,
            hash: tip.hash,
            parked: false,
        });
        appended.outcomes.push(decision.outcome);
    }
    touched.outbox = true;
    write_tip(tx, identity, &tip)?;
    let at = ops.last().map_or(0, |op| op.captured_at);
    views.save(tx, judge, at)?;
    Ok(appended)
}

fn refuse_known(tx: &Connection, new: &NewOp) -> Result<(), StoreError> {
    let known = tx
        .prepare_cached("SELECT 1 FROM op_fate WHERE op_id = ?1")?
        .exists(params![new.op_id.blob()])?;
    if known {
        Err(StoreError::AlreadyWritten(new.op_id))
    } else {
        Ok(())
    }
}

fn read_tip(tx: &Connection, identity: &Identity) -> Result<Tip, StoreError> {
    let found = tx
        .prepare_cached("SELECT seq, hash, hlc_ms, hlc_n FROM journal_head WHERE incarnation = ?1")?
        .query_row(params![identity.incarnation.blob()], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, [u8; 32]>(1)?,
                row.get::<_, i64>(2)?,
                row.get::<_, u32>(3)?,
            ))
        })
        .optional()?;
    let (seq, hash, ms, n) = found.ok_or(StoreError::NoIdentity)?;
    Ok(Tip {
        seq: unsigned(seq)?,
        hash: ChainHash::from_bytes(hash),
        hlc: Hlc { ms, n },
    })
}

fn write_tip(tx: &Connection, identity: &Identity, tip: &Tip) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE journal_head SET seq = ?2, hash = ?3, hlc_ms = ?4, hlc_n = ?5 WHERE incarnation = ?1")?
        .execute(params![
            identity.incarnation.blob(),
            signed(tip.seq)?,
            tip.hash.as_bytes(),
            tip.hlc.ms,
            tip.hlc.n
        ])?;
    Ok(())
}

fn envelope(
    identity: &Identity,
    tip: &mut Tip,
    new: &NewOp,
    group: Group,
) -> Result<Op, StoreError> {
    tip.seq += 1;
    tip.hlc = if new.captured_at > tip.hlc.ms {
        Hlc {
            ms: new.captured_at,
            n: 0,
        }
    } else {
        Hlc {
            ms: tip.hlc.ms,
            n: tip.hlc.n.saturating_add(1),
        }
    };
    Ok(Op {
        op_id: new.op_id,
        device: identity.device,
        incarnation: identity.incarnation,
        seq: tip.seq,
        prev_hash: tip.hash,
        actor: new.actor,
        case: new.case,
        group,
        kind: new.body.kind().to_owned(),
        version: 1,
        body: new.body.to_raw()?,
        base_rev: new.base_rev,
        hlc: tip.hlc,
        captured_at: new.captured_at,
    })
}

fn insert_op(
    tx: &Connection,
    op: &Op,
    bytes: &str,
    hash: ChainHash,
    preview: &Outcome,
) -> Result<(), StoreError> {
    let ord = insert_op_row(tx, op, bytes, hash)?;
    tx.prepare_cached(
        "INSERT INTO op_fate (ord, op_id, case_id, kind, captured_at, state, replay, open, preview)
         VALUES (?1, ?2, ?3, ?4, ?5, 'queued', 1, 1, ?6)",
    )?
    .execute(params![
        ord,
        op.op_id.blob(),
        op.case.blob(),
        op.kind,
        op.captured_at,
        serde_json::to_string(preview)?
    ])?;
    Ok(())
}

/// Adds the immutable row; returns its place in the order of all incarnations.
pub(super) fn insert_op_row(
    tx: &Connection,
    op: &Op,
    bytes: &str,
    hash: ChainHash,
) -> Result<i64, StoreError> {
    tx.prepare_cached(
        "INSERT INTO op (incarnation, seq, op_id, case_id, group_i, group_len, hash, bytes)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        op.incarnation.blob(),
        signed(op.seq)?,
        op.op_id.blob(),
        op.case.blob(),
        limit(usize::from(op.group.i)),
        limit(usize::from(op.group.len)),
        hash.as_bytes(),
        bytes
    ])?;
    Ok(tx.last_insert_rowid())
}
