//! A push: framed, compared with what stands there, judged, stored, told; one transaction.

use super::bench::{Bench, judged_again};
use super::{Handled, Rows, Server};
use crate::fail::FailPoint;
use crate::mutant::Mutant;
use desk_domain::ids::{DeviceId, Incarnation, OpId};
use desk_domain::op::{ChainHash, Op};
use desk_domain::outcome::{HeldWhy, Outcome};
use desk_domain::time::Millis;
use desk_protocol::error as code;
use desk_protocol::sync::{Head, OpOutcome, PushReply, PushRequest};
use serde::Deserialize;
use std::sync::Arc;

/// A body with this in it is not taken: the op that meets a bug of the server at every try.
pub const POISON: &str = "毒";

/// One link of the chain as it came.
pub(super) struct Frame {
    pub seq: u64,
    pub op_id: OpId,
    pub prev_hash: ChainHash,
    pub hash: ChainHash,
    /// None where the desk parked the op.
    pub op: Option<(Op, Arc<str>)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stub {
    parked: Parked,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parked {
    op_id: OpId,
    prev_hash: ChainHash,
    hash: ChainHash,
}

impl Server {
    pub(super) fn push(&mut self, now: Millis, device: DeviceId, request: &PushRequest) -> Handled {
        if request.device != device {
            return Handled::Now(self.problem(now, 404, code::NOT_FOUND, &[]));
        }
        let frames = match frames(request, self.push_ops) {
            Ok(frames) => frames,
            Err(code) => return Handled::Now(self.problem(now, 400, code, &[])),
        };
        let trusting = self.mutant == Some(Mutant::NoHashCompare);
        let incarnation = request.incarnation;
        let key = (device, incarnation);
        let nothing = Head {
            incarnation,
            seq: 0,
            hash: ChainHash::GENESIS,
        };
        let head = self.disk.live.heads.get(&key).copied().unwrap_or(nothing);
        if request.first_seq > head.seq.saturating_add(1) {
            let expected = head.seq.saturating_add(1);
            return Handled::AfterSync(self.problem(
                now,
                409,
                code::GAP,
                &[("expected", expected)],
            ));
        }
        let differs = fork(&self.disk.live, device, request, &frames).filter(|_| !trusting);
        if let Some(common) = differs {
            return Handled::AfterSync(self.problem(now, 409, code::FORK, &[("common", common)]));
        }
        if self.dies(FailPoint::PushArrived) {
            return Handled::Dies;
        }
        let stored = self.store(now, key, head, frames);
        if self.dies(FailPoint::PushWritten) {
            return Handled::Dies;
        }
        Handled::AfterSync(self.reply(now, stored))
    }

    /// Replayed ops get their stored outcomes, new ones are judged and stored.
    fn store(
        &mut self,
        now: Millis,
        key: (DeviceId, Incarnation),
        head: Head,
        frames: Vec<Frame>,
    ) -> PushReply {
        let rows = &self.disk.live;
        let mut outcomes = Vec::with_capacity(frames.len());
        for frame in frames.iter().filter(|frame| frame.seq <= head.seq) {
            let stored = rows.places.get(&(key.0, key.1, frame.seq));
            let nothing = Outcome::Held {
                why: HeldWhy::Internal,
            };
            let outcome = stored.map_or(nothing, |entry| entry.outcome.clone());
            outcomes.push(OpOutcome {
                op_id: frame.op_id,
                outcome,
            });
        }
        if self.mutant == Some(Mutant::JudgeAgain) {
            outcomes = judged_again(&self.cast, rows, &frames, self.session(now), outcomes);
        }
        let fresh: Vec<Frame> = frames
            .into_iter()
            .filter(|frame| frame.seq > head.seq)
            .collect();
        let last = fresh.last().map(|last| Head {
            incarnation: key.1,
            seq: last.seq,
            hash: last.hash,
        });
        let mut bench = Bench::new(self, now);
        outcomes.extend(bench.take_all(key, fresh));
        bench.finish();
        if let Some(last) = last {
            self.disk.live.heads.insert(key, last);
        }
        PushReply {
            head: last.unwrap_or(head),
            outcomes,
        }
    }
}

/// Checks everything that can be checked without the database.
fn frames(request: &PushRequest, most: usize) -> Result<Vec<Frame>, &'static str> {
    // One group may be longer than the limit.
    if request.ops.is_empty() || request.ops.len() > most.max(500) || request.first_seq == 0 {
        return Err(code::BAD_OP);
    }
    let mut frames: Vec<Frame> = Vec::with_capacity(request.ops.len());
    for (raw, seq) in request.ops.iter().zip(request.first_seq..) {
        let frame = frame(request, raw.get(), seq)?;
        let expected = frames.last().map(|last| last.hash);
        if expected.is_some_and(|expected| expected != frame.prev_hash) {
            return Err(code::BAD_CHAIN);
        }
        frames.push(frame);
    }
    let start = frames.first().map(|first| first.prev_hash);
    if request.first_seq == 1 && start != Some(ChainHash::GENESIS) {
        return Err(code::BAD_CHAIN);
    }
    Ok(frames)
}

fn frame(request: &PushRequest, bytes: &str, seq: u64) -> Result<Frame, &'static str> {
    if let Ok(Stub { parked }) = serde_json::from_str(bytes) {
        return Ok(Frame {
            seq,
            op_id: parked.op_id,
            prev_hash: parked.prev_hash,
            hash: parked.hash,
            op: None,
        });
    }
    if bytes.contains(POISON) {
        return Err(code::BAD_OP);
    }
    let op = Op::parse(bytes).map_err(|_| code::BAD_OP)?;
    if op.device != request.device || op.incarnation != request.incarnation || op.seq != seq {
        return Err(code::BAD_OP);
    }
    let hash = ChainHash::after(op.prev_hash, bytes.as_bytes());
    Ok(Frame {
        seq,
        op_id: op.op_id,
        prev_hash: op.prev_hash,
        hash,
        op: Some((op, Arc::from(bytes))),
    })
}

/// Another history stands here; says the last seq that may be the same.
fn fork(rows: &Rows, device: DeviceId, request: &PushRequest, frames: &[Frame]) -> Option<u64> {
    let at = |seq: u64| {
        rows.places
            .get(&(device, request.incarnation, seq))
            .map(|entry| entry.hash)
    };
    let before = request.first_seq.saturating_sub(1);
    let stored = if before == 0 {
        Some(ChainHash::GENESIS)
    } else {
        at(before)
    };
    if stored != frames.first().map(|first| first.prev_hash) {
        return Some(before.saturating_sub(1));
    }
    let differs = |frame: &&Frame| at(frame.seq).is_some_and(|hash| hash != frame.hash);
    frames
        .iter()
        .find(differs)
        .map(|frame| frame.seq.saturating_sub(1))
}
