//! A push, applied: `sync.md` section 5. Replayed ops get their stored outcomes; new ones are judged, stored and told.

use super::asked::Asked;
use super::bench::Bench;
use super::device_events::{self, What};
use super::journal::{self, Entry};
use super::sql::{Connection, Pace};
use super::{RepoError, Rules, notices, risk, waiting};
use crate::frames::{Frame, Frames, Said};
use desk_domain::op::ChainHash;
use desk_domain::outcome::Outcome;
use desk_protocol::sync::{Head, OpOutcome, PushReply};

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

/// Applies a verified push within the caller's transaction. What it says of its desk is noted for headquarters.
pub fn push(conn: &Connection, rules: &Rules, frames: &Frames) -> Result<Pushed, RepoError> {
    let pushed = compare_and_store(conn, rules, frames)?;
    let (what, param) = match &pushed {
        Pushed::Stored(_) => return Ok(pushed),
        Pushed::Fork { common } => (What::Fork, ("common", common.to_string())),
        Pushed::Gap { expected } => (What::ServerBehind, ("expected", expected.to_string())),
    };
    let life = (frames.device, frames.incarnation);
    device_events::note(conn, life, what, &[param], rules.clock.now())?;
    Ok(pushed)
}

fn compare_and_store(
    conn: &Connection,
    rules: &Rules,
    frames: &Frames,
) -> Result<Pushed, RepoError> {
    let asked = Asked::of(frames);
    asked.ahead(conn, frames)?;
    let head = journal::head(conn, frames.device, frames.incarnation)?;
    if frames.first_seq > head.seq.saturating_add(1) {
        return Ok(Pushed::Gap {
            expected: head.seq.saturating_add(1),
        });
    }
    if let Some(common) = fork_before(conn, frames, head)? {
        return Ok(Pushed::Fork { common });
    }
    if head.seq == 0 && device_events::has_lived_before(conn, frames.device, frames.incarnation)? {
        let life = (frames.device, frames.incarnation);
        device_events::note(conn, life, What::AnotherLife, &[], rules.clock.now())?;
    }
    let mut stored = Vec::new();
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
        stored.push(outcome);
    }
    let last = frames.frames.last().filter(|last| last.seq > head.seq);
    let outcomes = match last {
        Some(_) => store(conn, rules, (frames, &asked), stored)?,
        None => stored,
    };
    let head = last.map_or(head, |last| Head {
        incarnation: head.incarnation,
        seq: last.seq,
        hash: last.hash,
    });
    if last.is_some() {
        journal::move_head(conn, frames.device, head)?;
    }
    let ids = frames.frames.iter().map(Frame::op_id);
    let outcomes = ids.zip(outcomes);
    Ok(Pushed::Stored(PushReply {
        head,
        outcomes: outcomes
            .map(|(op_id, outcome)| OpOutcome { op_id, outcome })
            .collect(),
    }))
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

/// Judges and stores what is new. What the database refuses of one op must not stop the others: then all is done once
/// more, each op under a savepoint of its own.
fn store(
    conn: &Connection,
    rules: &Rules,
    push: (&Frames, &Asked),
    stored: Vec<Outcome>,
) -> Result<Vec<Outcome>, RepoError> {
    let at_once = |stored| at_the_bench(Bench::new(conn, rules)?, push, stored);
    if conn.pace() == Pace::Ahead {
        return at_once(stored).map_err(|error| {
            if error.is_of_one_op() {
                return RepoError::Unclear;
            }
            error
        });
    }
    conn.execute_batch("SAVEPOINT bench")?;
    let outcomes = match at_once(stored.clone()) {
        Err(error) if error.is_of_one_op() => {
            tracing::error!(device = %push.0.device, %error, "a push is judged with care");
            conn.execute_batch("ROLLBACK TO bench")?;
            at_the_bench(Bench::careful(conn, rules)?, push, stored)?
        }
        other => other?,
    };
    conn.execute_batch("RELEASE bench")?;
    Ok(outcomes)
}

fn at_the_bench(
    mut bench: Bench<'_>,
    (frames, asked): (&Frames, &Asked),
    stored: Vec<Outcome>,
) -> Result<Vec<Outcome>, RepoError> {
    asked.lay_out(&mut bench)?;
    let replayed = stored.len();
    let mut outcomes = stored;
    for range in frames.groups.iter().filter(|range| range.end > replayed) {
        let group = frames.frames.get(range.clone()).unwrap_or_default();
        let before: Vec<Outcome> = outcomes.iter().skip(range.start).cloned().collect();
        let judged = bench.take(group, &before)?;
        for (frame, (outcome, counted)) in group.iter().zip(judged).skip(before.len()) {
            bench
                .entries
                .push(entry(frames, frame, outcome.clone(), counted));
            outcomes.push(outcome);
        }
    }
    waiting::judge_waiting(&mut bench)?;
    bench.narrow()?;
    risk::assess(&mut bench)?;
    notices::announce(&mut bench)?;
    bench.finish()?;
    Ok(outcomes)
}

fn entry(frames: &Frames, frame: &Frame, outcome: Outcome, counted: bool) -> Entry {
    let entry = Entry {
        device: frames.device,
        incarnation: frames.incarnation,
        seq: frame.seq,
        op_id: frame.op_id(),
        counted,
        case: None,
        actor: None,
        bytes: None,
        hash: frame.hash,
        content: frame.hash,
        outcome,
    };
    let Said::Op {
        op, bytes, content, ..
    } = &frame.said
    else {
        return entry;
    };
    Entry {
        case: Some(op.case),
        actor: Some(op.actor),
        bytes: Some(bytes.clone()),
        content: *content,
        ..entry
    }
}
