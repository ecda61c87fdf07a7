//! The bench on which one transaction's ops are judged: cases, journal rows, then counters and feed.

use super::push::Frame;
use super::{Entry, Paper, Rows, Server, Step};
use crate::cast::Cast;
use crate::mutant::Mutant;
use crate::paper::to_scale;
use crate::rules::{Session, truth};
use desk_domain::case::TimelineEntry;
use desk_domain::decide::Decision;
use desk_domain::ids::{CaseId, DeviceId, Incarnation, OfficeCode, OpId};
use desk_domain::op::{ChainHash, Op, OpBody};
use desk_domain::outcome::{HeldWhy, Outcome};
use desk_domain::time::Millis;
use desk_protocol::sync::OpOutcome;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A clock that is further ahead than this, M18 takes for a lie.
const SKEW_MS: Millis = 300_000;
/// How long a slow COMMIT takes to appear, M01.
const SLOW_MS: Millis = 3_000;

/// One transaction's work.
pub(super) struct Bench<'a> {
    cast: &'a Cast,
    rows: &'a mut Rows,
    session: Session,
    mutant: Option<Mutant>,
    changed: BTreeMap<CaseId, Vec<TimelineEntry>>,
    /// Cases that left an office.
    left: BTreeMap<CaseId, OfficeCode>,
    entries: Vec<Entry>,
    settled: BTreeMap<OpId, Outcome>,
}

impl<'a> Bench<'a> {
    pub fn new(server: &'a mut Server, now: Millis) -> Self {
        let session = server.session(now);
        Self {
            cast: &server.cast,
            rows: &mut server.disk.live,
            session,
            mutant: server.mutant,
            changed: BTreeMap::new(),
            left: BTreeMap::new(),
            entries: Vec::new(),
            settled: BTreeMap::new(),
        }
    }

    /// Judges the ops of a push one by one; an op on which the rules fail is held, its neighbours go on.
    pub fn take_all(&mut self, key: (DeviceId, Incarnation), frames: Vec<Frame>) -> Vec<OpOutcome> {
        if self.mutant == Some(Mutant::BatchFailsWhole) && self.any_fails(&frames) {
            return frames
                .into_iter()
                .map(|frame| self.take(key, frame, true))
                .collect();
        }
        let outcomes = frames
            .into_iter()
            .map(|frame| self.take(key, frame, false))
            .collect();
        self.judge_waiting();
        outcomes
    }

    /// Writes an op of the server's own device.
    pub fn say(&mut self, op: &Op, bytes: &str) {
        let frame = Frame {
            seq: op.seq,
            op_id: op.op_id,
            prev_hash: op.prev_hash,
            hash: ChainHash::after(op.prev_hash, bytes.as_bytes()),
            op: Some((op.clone(), bytes.into())),
        };
        self.take((op.device, op.incarnation), frame, false);
    }

    /// Judges once more what was of a version that this server has learned since.
    pub fn judge_unknown(&mut self) {
        self.judge_held(HeldWhy::UnknownKind, |_| true);
    }

    /// The case goes to another office.
    pub fn relocate(&mut self, id: CaseId, to: &OfficeCode) {
        let Some(case) = self.rows.cases.get_mut(&id) else {
            return;
        };
        let case = Rc::make_mut(case);
        // Whatever changes a case raises its revision: of two pages that tell of it, the desk must know the newer.
        case.rev += 1;
        let from = std::mem::replace(&mut case.office, to.clone());
        self.left.insert(id, from);
        self.changed.entry(id).or_default();
        let step = Step::Moved {
            case: id,
            to: to.clone(),
        };
        self.rows.steps.push(step);
        let of_case = self
            .rows
            .papers
            .values_mut()
            .filter(|paper| paper.case == id);
        for paper in of_case {
            paper.offices.insert(to.clone());
        }
        self.judge_waiting();
    }

    fn take(&mut self, key: (DeviceId, Incarnation), frame: Frame, failed: bool) -> OpOutcome {
        let mut entry = Entry {
            device: key.0,
            incarnation: key.1,
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
            position: 0,
        };
        if let Some((op, bytes)) = frame.op {
            entry.content = op.content().unwrap_or(frame.hash);
            entry.case = Some(op.case);
            entry.bytes = Some(bytes);
            (entry.outcome, entry.counted) = self.judge_new(&op, entry.content, failed);
        }
        let told = OpOutcome {
            op_id: entry.op_id,
            outcome: entry.outcome.clone(),
        };
        self.entries.push(entry);
        told
    }

    /// The verdict, and whether the op counts: false for a copy of one that was judged before.
    fn judge_new(&mut self, op: &Op, content: ChainHash, failed: bool) -> (Outcome, bool) {
        let here = self
            .entries
            .iter()
            .find(|entry| entry.counted && entry.op_id == op.op_id);
        let known = here.map(|entry| (entry.content, entry.outcome.clone()));
        let stored = || {
            let stored = self.rows.judged.get(&op.op_id)?;
            Some((stored.content, stored.outcome.clone()))
        };
        if let Some((known, outcome)) = known.or_else(stored) {
            let reused = refused("op.id_reused");
            return (if known == content { outcome } else { reused }, false);
        }
        let decision = if failed {
            unjudged(Outcome::Held {
                why: HeldWhy::Internal,
            })
        } else if self.refuses_clock(op) {
            unjudged(refused("op.clock_skew"))
        } else {
            truth(self.cast, &self.rows.cases, op, self.session)
        };
        (self.keep(op, decision), true)
    }

    fn keep(&mut self, op: &Op, mut decision: Decision) -> Outcome {
        let conflict = matches!(decision.outcome, Outcome::Conflict { .. });
        if conflict && self.mutant == Some(Mutant::LastWriteWins) {
            last_write_wins(&mut decision, op);
        }
        self.rows.steps.push(Step::Judged {
            op: op.op_id,
            session: self.session,
            outcome: decision.outcome.clone(),
        });
        if let Some(case) = decision.case {
            self.expect_document(op, &case.office);
            self.rows.cases.insert(op.case, Rc::new(case));
            let lines = self.changed.entry(op.case).or_default();
            lines.extend(decision.timeline);
        }
        decision.outcome
    }

    /// An op has announced a document.
    fn expect_document(&mut self, op: &Op, office: &OfficeCode) {
        if let Ok(OpBody::DocumentAttach {
            document,
            kind,
            manifest,
            ..
        }) = op.body()
        {
            let paper = || Paper {
                case: op.case,
                kind,
                manifest: to_scale(&manifest),
                shelf: office.clone(),
                offices: BTreeSet::from([office.clone()]),
                stored: false,
            };
            self.rows.papers.entry(document).or_insert_with(paper);
        }
    }

    /// Judges again what waited for the cases that have changed: its time may have come.
    fn judge_waiting(&mut self) {
        let changed: BTreeSet<CaseId> = self.changed.keys().copied().collect();
        self.judge_held(HeldWhy::MissingDependency, |case| changed.contains(&case));
    }

    fn judge_held(&mut self, why: HeldWhy, wanted: impl Fn(CaseId) -> bool) {
        let held = Outcome::Held { why };
        let waits = |entry: &&Rc<Entry>| {
            entry.counted && entry.outcome == held && entry.case.is_some_and(&wanted)
        };
        let waiting: Vec<Rc<Entry>> = self.rows.journal.iter().filter(waits).cloned().collect();
        for entry in waiting {
            let bytes = entry.bytes.as_deref().unwrap_or_default();
            let Ok(op) = Op::parse(bytes) else { continue };
            let decision = truth(self.cast, &self.rows.cases, &op, self.session);
            if decision.outcome != held {
                let outcome = self.keep(&op, decision);
                self.settled.insert(op.op_id, outcome);
            }
        }
    }

    /// Counters are raised last, in sorted order of offices; journal rows carry the positions.
    pub fn finish(mut self) {
        let mut by_office: BTreeMap<OfficeCode, BTreeSet<CaseId>> = BTreeMap::new();
        // A late verdict reaches its desk with the case, also when the case itself stays as it is.
        let settled = self.settled.keys();
        let settled = settled.filter_map(|op| self.rows.judged.get(op)?.case);
        let told: BTreeSet<CaseId> = self.changed.keys().copied().chain(settled).collect();
        for id in &told {
            if let Some(case) = self.rows.cases.get(id) {
                let cases = by_office.entry(case.office.clone()).or_default();
                cases.insert(*id);
            }
        }
        if self.mutant != Some(Mutant::MoveWithoutMarker) {
            for (id, office) in &self.left {
                by_office.entry(office.clone()).or_default().insert(*id);
            }
        }
        let mut at = BTreeMap::new();
        for (office, cases) in by_office {
            for id in cases {
                let position = self.raise(&office, id);
                let home = self.rows.cases.get(&id).map(|case| &case.office);
                if home == Some(&office) {
                    at.insert(id, position);
                }
            }
        }
        for (id, lines) in std::mem::take(&mut self.changed) {
            let position = at.get(&id).copied().unwrap_or(0);
            let lines = lines.into_iter().map(|line| (position, Rc::new(line)));
            self.rows.timeline.entry(id).or_default().extend(lines);
        }
        self.restamp(&at);
        for mut entry in std::mem::take(&mut self.entries) {
            let position = entry.case.and_then(|case| at.get(&case));
            entry.position = position.copied().unwrap_or(0);
            self.rows.append(entry);
        }
    }

    /// The next position of a feed: one counter row per office, raised within the transaction.
    fn raise(&mut self, office: &OfficeCode, id: CaseId) -> u64 {
        if self.mutant == Some(Mutant::SequenceCursor) {
            return self.draw_position(office, id);
        }
        let counter = self.rows.counters.entry(office.clone()).or_default();
        *counter += 1;
        self.rows.feed.insert((office.clone(), *counter), id);
        *counter
    }

    /// M01: the number is drawn before the COMMIT, and some commits are slow to appear.
    fn draw_position(&mut self, office: &OfficeCode, id: CaseId) -> u64 {
        let sequence = self.rows.sequences.entry(office.clone()).or_default();
        *sequence += 1;
        let (position, now) = (*sequence, self.session.now);
        let shows_at = if (now % 3) == 0 { now + SLOW_MS } else { now };
        let row = (office.clone(), position, id);
        self.rows.late.push((shows_at, row));
        self.rows.show_late(now);
        position
    }

    /// What is told anew with its case: verdicts that came late, and everything of a case that has moved.
    fn restamp(&mut self, at: &BTreeMap<CaseId, u64>) {
        let moved = &self.left;
        for (id, lines) in &mut self.rows.timeline {
            if let (true, Some(position)) = (moved.contains_key(id), at.get(id)) {
                for (place, _) in lines.iter_mut() {
                    *place = *position;
                }
            }
        }
        if moved.is_empty() && self.settled.is_empty() {
            return;
        }
        let touched = |entry: &Rc<Entry>| {
            let moves = entry.case.is_some_and(|case| moved.contains_key(&case));
            moves || (entry.counted && self.settled.contains_key(&entry.op_id))
        };
        let again: Vec<(usize, Rc<Entry>)> = (0..)
            .zip(&self.rows.journal)
            .filter(|(_, entry)| touched(entry))
            .map(|(index, entry)| (index, Rc::clone(entry)))
            .collect();
        for (index, entry) in again {
            let mut entry = entry.as_ref().clone();
            let position = entry.case.and_then(|case| at.get(&case));
            entry.position = position.copied().unwrap_or(entry.position);
            if let Some(outcome) = self.settled.get(&entry.op_id).filter(|_| entry.counted) {
                entry.outcome = outcome.clone();
            }
            self.rows.replace(index, entry);
        }
    }

    fn any_fails(&self, frames: &[Frame]) -> bool {
        let internal = Outcome::Held {
            why: HeldWhy::Internal,
        };
        let ops = frames.iter().filter_map(|frame| frame.op.as_ref());
        ops.map(|(op, _)| truth(self.cast, &self.rows.cases, op, self.session))
            .any(|decision| decision.outcome == internal)
    }

    fn refuses_clock(&self, op: &Op) -> bool {
        let ahead_ms = op.captured_at.saturating_sub(self.session.now);
        self.mutant == Some(Mutant::RefuseOnSkew) && ahead_ms > SKEW_MS
    }
}

fn refused(code: &str) -> Outcome {
    Outcome::Refused {
        code: code.to_owned(),
        params: BTreeMap::new(),
    }
}

fn unjudged(outcome: Outcome) -> Decision {
    Decision {
        outcome,
        case: None,
        timeline: Vec::new(),
    }
}

/// M20.
pub(super) fn judged_again(
    cast: &Cast,
    rows: &Rows,
    frames: &[Frame],
    session: Session,
    known: Vec<OpOutcome>,
) -> Vec<OpOutcome> {
    let again = |(known, frame): (OpOutcome, &Frame)| match &frame.op {
        Some((op, _)) => OpOutcome {
            op_id: op.op_id,
            outcome: truth(cast, &rows.cases, op, session).outcome,
        },
        None => known,
    };
    known.into_iter().zip(frames).map(again).collect()
}

/// M10.
fn last_write_wins(decision: &mut Decision, op: &Op) {
    let (Ok(OpBody::FieldSet { field, value, .. }), Some(case)) = (op.body(), &mut decision.case)
    else {
        return;
    };
    if let Some(state) = case.fields.get_mut(&field) {
        state.value = value;
        state.rev = op.op_id;
    }
    case.conflicts.remove(&op.op_id);
    decision.outcome = Outcome::Applied { rev: case.rev };
}
