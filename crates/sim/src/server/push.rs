//! A push: framed, compared with what stands there, judged, stored, told; one transaction.

use super::{Entry, Handled, Rows, Server};
use crate::cast::Cast;
use crate::mutant::Mutant;
use crate::rules::{content_of, truth};
use desk_domain::case::TimelineEntry;
use desk_domain::field::FieldKey;
use desk_domain::ids::{CaseId, DeviceId, Incarnation, OpId};
use desk_domain::op::{ChainHash, Op, OpBody};
use desk_domain::outcome::{HeldWhy, Outcome};
use desk_domain::time::Millis;
use desk_protocol::error as code;
use desk_protocol::sync::{Head, OpOutcome, PushReply, PushRequest};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

/// A body with this in it is not taken: the op that meets a bug of the server at every try.
pub const POISON: &str = "毒";

/// One link of the chain as it came.
struct Frame {
    seq: u64,
    op_id: OpId,
    prev_hash: ChainHash,
    hash: ChainHash,
    /// None where the desk parked the op.
    op: Option<(Op, Arc<str>)>,
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
        let stored = self.store(now, key, head, frames);
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
            outcomes = judged_again(&self.cast, rows, &frames, now, outcomes);
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
        let mut bench = Bench {
            cast: &self.cast,
            rows: &mut self.disk.live,
            now,
            mutant: self.mutant,
            changed: BTreeMap::new(),
            entries: Vec::new(),
        };
        for frame in fresh {
            outcomes.push(bench.take(key, frame));
        }
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

/// M06.
fn judged_again(
    cast: &Cast,
    rows: &Rows,
    frames: &[Frame],
    now: Millis,
    known: Vec<OpOutcome>,
) -> Vec<OpOutcome> {
    let again = |(known, frame): (OpOutcome, &Frame)| match &frame.op {
        Some((op, _)) => OpOutcome {
            op_id: op.op_id,
            outcome: truth(cast, &rows.cases, op, now).outcome,
        },
        None => known,
    };
    known.into_iter().zip(frames).map(again).collect()
}

/// One transaction's work.
struct Bench<'a> {
    cast: &'a Cast,
    rows: &'a mut Rows,
    now: Millis,
    mutant: Option<Mutant>,
    changed: BTreeMap<CaseId, Vec<TimelineEntry>>,
    entries: Vec<Entry>,
}

impl Bench<'_> {
    fn take(&mut self, (device, incarnation): (DeviceId, Incarnation), frame: Frame) -> OpOutcome {
        let mut entry = Entry {
            device,
            incarnation,
            seq: frame.seq,
            op_id: frame.op_id,
            counted: false,
            case: None,
            bytes: None,
            prev_hash: frame.prev_hash,
            hash: frame.hash,
            content: frame.hash,
            outcome: Outcome::Held {
                why: HeldWhy::BodyMissing,
            },
            received_at: self.now,
            position: 0,
        };
        if let Some((op, bytes)) = frame.op {
            entry.content = content_of(&op);
            entry.case = Some(op.case);
            entry.bytes = Some(bytes);
            (entry.outcome, entry.counted) = self.judge(&op, entry.content);
        }
        let told = OpOutcome {
            op_id: entry.op_id,
            outcome: entry.outcome.clone(),
        };
        self.entries.push(entry);
        told
    }

    fn judge(&mut self, op: &Op, content: ChainHash) -> (Outcome, bool) {
        let here = self
            .entries
            .iter()
            .find(|entry| entry.counted && entry.op_id == op.op_id);
        let known = here.map(|entry| (entry.content, entry.outcome.clone()));
        let stored = || {
            self.rows
                .judged
                .get(&op.op_id)
                .map(|entry| (entry.content, entry.outcome.clone()))
        };
        if let Some((known, outcome)) = known.or_else(stored) {
            let reused = Outcome::Refused {
                code: "op.id_reused".to_owned(),
                params: BTreeMap::new(),
            };
            return (if known == content { outcome } else { reused }, false);
        }
        let mut decision = truth(self.cast, &self.rows.cases, op, self.now);
        if self.mutant == Some(Mutant::LastWriteWins)
            && matches!(decision.outcome, Outcome::Conflict { .. })
        {
            last_write_wins(&mut decision, op);
        }
        if let Some(case) = decision.case {
            self.rows.cases.insert(op.case, Rc::new(case));
            self.changed
                .entry(op.case)
                .or_default()
                .extend(decision.timeline);
        }
        (decision.outcome, true)
    }

    /// Counters are raised last, in sorted order of offices; journal rows carry the positions.
    fn finish(self) {
        let mut by_office: BTreeMap<_, BTreeSet<CaseId>> = BTreeMap::new();
        for id in self.changed.keys() {
            if let Some(case) = self.rows.cases.get(id) {
                by_office
                    .entry(case.office.clone())
                    .or_default()
                    .insert(*id);
            }
        }
        let mut at = BTreeMap::new();
        for (office, cases) in by_office {
            let counter = self.rows.counters.entry(office.clone()).or_default();
            for id in cases {
                *counter += 1;
                self.rows.feed.insert((office.clone(), *counter), id);
                at.insert(id, *counter);
            }
        }
        for (id, lines) in self.changed {
            let position = at.get(&id).copied().unwrap_or(0);
            let lines = lines.into_iter().map(|line| (position, Rc::new(line)));
            self.rows.timeline.entry(id).or_default().extend(lines);
        }
        for mut entry in self.entries {
            entry.position = entry
                .case
                .and_then(|case| at.get(&case))
                .copied()
                .unwrap_or(0);
            let entry = Rc::new(entry);
            self.rows.places.insert(
                (entry.device, entry.incarnation, entry.seq),
                Rc::clone(&entry),
            );
            if entry.counted {
                self.rows.judged.insert(entry.op_id, Rc::clone(&entry));
            }
            self.rows.journal.push(entry);
        }
    }
}

/// M07.
fn last_write_wins(decision: &mut desk_domain::decide::Decision, op: &Op) {
    let Ok(OpBody::FieldSet { field, value, .. }) = op.body() else {
        return;
    };
    let Some(case) = &mut decision.case else {
        return;
    };
    overwrite(case, field, value, op);
    case.conflicts.remove(&op.op_id);
    decision.outcome = Outcome::Applied { rev: case.rev };
}

fn overwrite(
    case: &mut desk_domain::case::Case,
    field: FieldKey,
    value: Option<desk_domain::field::FieldValue>,
    op: &Op,
) {
    if let Some(state) = case.fields.get_mut(&field) {
        state.value = value;
        state.rev = op.op_id;
    }
}
