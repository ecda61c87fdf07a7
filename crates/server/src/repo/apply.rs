//! A push, applied: `sync.md` section 5. Replayed ops get their stored outcomes; new ones are judged, stored and told.

use super::bench::Bench;
use super::journal::{self, Entry};
use super::{RepoError, Rules, risk};
use crate::frames::{Frame, Frames, Said};
use desk_domain::op::ChainHash;
use desk_domain::outcome::{HeldWhy, Outcome};
use desk_protocol::sync::{Head, OpOutcome, PushReply};
use rusqlite::Connection;

/// What a push came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Pushed {
    Stored(PushReply),
    /// Another history stands here; `common` is the last seq that may be the same.
    Fork {
        common: u64,
    },
    /// Something before it never came.
    Gap {
        expected: u64,
    },
}

/// Applies a verified push within the caller's transaction.
pub fn push(conn: &Connection, rules: &Rules, frames: &Frames) -> Result<Pushed, RepoError> {
    let head = journal::head(conn, frames.device, frames.incarnation)?;
    if frames.first_seq > head.seq.saturating_add(1) {
        return Ok(Pushed::Gap {
            expected: head.seq.saturating_add(1),
        });
    }
    if let Some(common) = fork_before(conn, frames, head)? {
        return Ok(Pushed::Fork { common });
    }
    let mut outcomes = Vec::with_capacity(frames.frames.len());
    for frame in frames.frames.iter().filter(|frame| frame.seq <= head.seq) {
        let Some((hash, outcome)) =
            journal::at(conn, frames.device, frames.incarnation, frame.seq)?
        else {
            return Err(RepoError::Damaged("a seq below the head is missing"));
        };
        if hash != frame.hash {
            return Ok(Pushed::Fork {
                common: frame.seq.saturating_sub(1),
            });
        }
        outcomes.push(OpOutcome {
            op_id: frame.op_id(),
            outcome,
        });
    }
    let fresh: Vec<&Frame> = frames
        .frames
        .iter()
        .filter(|frame| frame.seq > head.seq)
        .collect();
    let head = match fresh.last() {
        Some(last) => Head {
            incarnation: head.incarnation,
            seq: last.seq,
            hash: last.hash,
        },
        None => head,
    };
    outcomes.extend(store(conn, rules, frames, &fresh)?);
    if !fresh.is_empty() {
        journal::move_head(conn, frames.device, head)?;
    }
    Ok(Pushed::Stored(PushReply { head, outcomes }))
}

/// Compares what the first op says stands before it with what does.
fn fork_before(conn: &Connection, frames: &Frames, head: Head) -> Result<Option<u64>, RepoError> {
    let before = frames.first_seq.saturating_sub(1);
    let stored = if before == 0 {
        ChainHash::GENESIS
    } else if before == head.seq {
        head.hash
    } else {
        let row = journal::at(conn, frames.device, frames.incarnation, before)?;
        row.ok_or(RepoError::Damaged("a seq below the head is missing"))?
            .0
    };
    Ok((stored != frames.prev_hash).then(|| before.saturating_sub(1)))
}

fn store(
    conn: &Connection,
    rules: &Rules,
    frames: &Frames,
    fresh: &[&Frame],
) -> Result<Vec<OpOutcome>, RepoError> {
    let mut outcomes = Vec::with_capacity(fresh.len());
    if fresh.is_empty() {
        return Ok(outcomes);
    }
    let mut bench = Bench::new(conn, rules);
    for frame in fresh {
        let entry = judge(&mut bench, frames, frame)?;
        outcomes.push(OpOutcome {
            op_id: entry.op_id,
            outcome: entry.outcome.clone(),
        });
        bench.entries.push(entry);
    }
    bench.judge_waiting()?;
    risk::assess(&mut bench)?;
    bench.finish()?;
    Ok(outcomes)
}

fn judge(bench: &mut Bench<'_>, frames: &Frames, frame: &Frame) -> Result<Entry, RepoError> {
    let entry = Entry {
        device: frames.device,
        incarnation: frames.incarnation,
        seq: frame.seq,
        op_id: frame.op_id(),
        counted: false,
        case: None,
        actor: None,
        bytes: None,
        hash: frame.hash,
        content: frame.hash,
        outcome: Outcome::Held {
            why: HeldWhy::BodyMissing,
        },
    };
    let Said::Op { op, bytes } = &frame.said else {
        return Ok(entry);
    };
    let (outcome, counted) = bench.take(op)?;
    Ok(Entry {
        counted,
        case: Some(op.case),
        actor: Some(op.actor),
        bytes: Some(bytes.clone()),
        content: journal::content_of(op)?,
        outcome,
        ..entry
    })
}
