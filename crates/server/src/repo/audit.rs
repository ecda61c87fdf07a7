//! Is the log what was written? Every chain of every desk, from its first op to its head, read from the rows alone.

use super::backup::BackupHead;
use super::sql::{Connection, Row, params};
use super::{RepoError, backup};
use desk_domain::ids::{DeviceId, Incarnation};
use desk_domain::op::{ChainHash, Op};
use std::fmt;

/// What was looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Walked {
    pub chains: u64,
    pub ops: u64,
}

/// The first entry that is not what was written, and in what way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadEntry {
    pub device: DeviceId,
    pub incarnation: Incarnation,
    pub seq: u64,
    pub why: Flaw,
}

/// How an entry can be wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flaw {
    /// The entry before it is missing.
    Gap,
    /// Its hash does not follow from the entry before it and its own bytes.
    Hash,
    /// Its bytes are not an op.
    Unreadable,
    /// Its columns say something else than its bytes.
    Columns,
    /// The chain does not end where the head of the desk stands.
    Head,
    /// There is no head for this chain.
    NoHead,
}

impl Flaw {
    /// The word on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gap => "gap",
            Self::Hash => "hash",
            Self::Unreadable => "unreadable",
            Self::Columns => "columns",
            Self::Head => "head",
            Self::NoHead => "no_head",
        }
    }
}

impl fmt::Display for BadEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            device,
            incarnation,
            seq,
            why,
        } = self;
        write!(
            f,
            "{}: desk {device}, life {incarnation}, op {seq}",
            why.as_str()
        )
    }
}

/// Walks all chains.
///
/// # Errors
/// [`RepoError::BadEntry`] with the first entry that is wrong, in the order of desks, lives and numbers.
pub fn chains(conn: &Connection) -> Result<Walked, RepoError> {
    let heads = backup::facts_of(conn)?.heads;
    let mut walked = Walked::default();
    for head in &heads {
        walked.chains += 1;
        walked.ops += chain(conn, head)?;
    }
    match orphan(conn)? {
        Some(bad) => Err(RepoError::BadEntry(Box::new(bad))),
        None => Ok(walked),
    }
}

/// Walks one chain up to its head; says how many ops it has.
pub(super) fn chain(conn: &Connection, head: &BackupHead) -> Result<u64, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT seq, bytes, hash, op_id, content FROM journal WHERE device = ?1 AND incarnation = ?2 ORDER BY seq",
    )?;
    let mut rows = select.query(params![
        head.device.to_string(),
        head.incarnation.to_string()
    ])?;
    let (mut seq, mut hash) = (0_u64, ChainHash::GENESIS);
    let bad = |seq, why| {
        RepoError::BadEntry(Box::new(BadEntry {
            device: head.device,
            incarnation: head.incarnation,
            seq,
            why,
        }))
    };
    while let Some(row) = rows.next()? {
        let at: u64 = row.get(0)?;
        if at != seq.saturating_add(1) {
            return Err(bad(at, Flaw::Gap));
        }
        let stored = ChainHash::from_bytes(row.get(2)?);
        if let Some(why) = flaw(&row, head, (at, hash, stored))? {
            return Err(bad(at, why));
        }
        (seq, hash) = (at, stored);
    }
    if (seq, hash) == (head.seq, head.hash) {
        Ok(seq)
    } else {
        Err(bad(head.seq, Flaw::Head))
    }
}

fn flaw(
    row: &Row<'_>,
    head: &BackupHead,
    (seq, before, stored): (u64, ChainHash, ChainHash),
) -> Result<Option<Flaw>, RepoError> {
    // The place of a parked op has no bytes; the op after it names its hash.
    let Some(bytes): Option<String> = row.get(1)? else {
        return Ok(None);
    };
    if ChainHash::after(before, bytes.as_bytes()) != stored {
        return Ok(Some(Flaw::Hash));
    }
    let Ok(op) = Op::parse(&bytes) else {
        return Ok(Some(Flaw::Unreadable));
    };
    let content = ChainHash::from_bytes(row.get(4)?);
    let same = op.device == head.device
        && op.incarnation == head.incarnation
        && op.seq == seq
        && op.prev_hash == before
        && row.get::<String>(3)? == op.op_id.to_string()
        && op.content()? == content;
    Ok((!same).then_some(Flaw::Columns))
}

/// An op of a chain that has no head.
fn orphan(conn: &Connection) -> Result<Option<BadEntry>, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT j.device, j.incarnation, min(j.seq) FROM journal j \
         LEFT JOIN head h ON h.device = j.device AND h.incarnation = j.incarnation \
         WHERE h.seq IS NULL GROUP BY j.device, j.incarnation ORDER BY j.device, j.incarnation LIMIT 1",
    )?;
    let mut rows = select.query(())?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let (device, incarnation): (String, String) = (row.get(0)?, row.get(1)?);
    Ok(Some(BadEntry {
        device: DeviceId::parse(&device).ok_or(RepoError::Damaged("device"))?,
        incarnation: Incarnation::parse(&incarnation).ok_or(RepoError::Damaged("incarnation"))?,
        seq: row.get(2)?,
        why: Flaw::NoHead,
    }))
}
