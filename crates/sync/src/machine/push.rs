//! Ops up: verbatim, in order, whole groups; only a receipt of ours moves the head.

use super::Machine;
use super::port::{Batch, Lane, NewLife, OutboxRow, Request, StoreCall, StoreReply};
use super::triage::Setback;
use desk_domain::ids::{GroupId, OpId};
use desk_domain::op::Op;
use desk_protocol::error::{self as code, Problem};
use desk_protocol::sync::PushReply;

#[derive(Clone, Debug)]
pub(super) struct PushLane {
    /// There may be something to send.
    dirty: bool,
    /// Somebody wrote while the store was being read.
    again: bool,
    /// The server lost ops it had acknowledged: those above this seq are unsent again.
    rewind: Option<u64>,
    rechain: Option<NewLife>,
    most: Size,
    now: Size,
    /// Gap and fork answers in a row: the first is answered at once, later ones with a wait.
    gaps: u32,
    /// Code that keeps the outbox from moving although the line stands.
    pub trouble: Option<String>,
    step: Step,
}

/// What the store is doing for this lane.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Idle,
    Acknowledging,
    Rewinding,
    Parking,
    Rechaining,
}

/// Bounds of one batch; the first group goes whole even beyond them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Size {
    ops: usize,
    bytes: usize,
}

impl Size {
    fn halved(ops: usize, bytes: usize) -> Self {
        Self {
            ops: (ops / 2).max(1),
            bytes: (bytes / 2).max(1),
        }
    }
    fn doubled(self, most: Self) -> Self {
        Self {
            ops: self.ops.saturating_mul(2).min(most.ops),
            bytes: self.bytes.saturating_mul(2).min(most.bytes),
        }
    }
}

impl PushLane {
    pub fn new(ops: usize, bytes: usize) -> Self {
        let most = Size {
            ops: ops.max(1),
            bytes: bytes.max(1),
        };
        Self {
            dirty: true,
            again: false,
            rewind: None,
            rechain: None,
            most,
            now: most,
            gaps: 0,
            trouble: None,
            step: Step::Idle,
        }
    }
    pub fn wake(&mut self) {
        self.dirty = true;
        self.again = true;
    }
    pub fn limit(&mut self, ops: usize, bytes: usize) {
        self.most = Size {
            ops: ops.max(1),
            bytes: bytes.max(1),
        };
        self.now = Size {
            ops: self.now.ops.min(self.most.ops),
            bytes: self.now.bytes.min(self.most.bytes),
        };
    }
    /// The server was restored to this seq.
    pub fn rewind(&mut self, seq: u64) {
        self.rewind = Some(seq);
        self.wake();
    }
    /// This journal was cloned or rolled back: a new life for what is unsent.
    pub fn rechain(&mut self, why: NewLife) {
        self.rechain = Some(why);
        self.wake();
    }
}

impl Machine {
    pub(super) fn resume_push(&mut self) {
        let push = &mut self.push;
        if !push.dirty {
            return;
        }
        if let Some(why) = push.rechain {
            push.step = Step::Rechaining;
            return self.store(&Lane::Push, StoreCall::NewIncarnation { why });
        }
        if let Some(seq) = push.rewind {
            push.step = Step::Rewinding;
            return self.store(&Lane::Push, StoreCall::Rewind { seq });
        }
        push.step = Step::Idle;
        push.again = false;
        let call = StoreCall::LoadUnsent {
            max_ops: push.now.ops,
            max_bytes: push.now.bytes,
        };
        self.store(&Lane::Push, call);
    }

    pub(super) fn push_stored(&mut self, reply: StoreReply) {
        let step = std::mem::replace(&mut self.push.step, Step::Idle);
        match (step, reply) {
            (Step::Idle, StoreReply::Unsent { incarnation, rows }) => {
                let rows = cut(rows, self.push.now);
                if rows.is_empty() {
                    self.push.dirty = self.push.again;
                } else {
                    self.send(&Lane::Push, Request::Push(Batch { incarnation, rows }));
                }
            }
            (Step::Acknowledging, StoreReply::Done) => self.acknowledged(),
            (Step::Rewinding, StoreReply::Done) => self.push.rewind = None,
            (Step::Rechaining, StoreReply::Done) => {
                self.push.rechain = None;
                self.push.rewind = None;
                self.push.gaps += 1;
                if self.push.gaps > 1 {
                    self.arm_backoff(&Lane::Push, None);
                }
            }
            (Step::Parking, StoreReply::Done) => {
                self.push.now = self.push.most;
                // A server that refuses everything must not make us park a whole journal at once.
                self.arm_backoff(&Lane::Push, None);
            }
            _ => {}
        }
    }

    /// The server has committed everything up to the head it names.
    pub(super) fn pushed(&mut self, batch: &Batch, reply: PushReply) {
        let row = batch.rows.iter().rfind(|row| row.seq <= reply.head.seq);
        let Some(row) = row.filter(|_| reply.head.incarnation == batch.incarnation) else {
            // A receipt for nothing we sent: not believed.
            self.hello_now();
            return self.arm_backoff(&Lane::Push, None);
        };
        if row.seq == reply.head.seq && row.hash != reply.head.hash {
            return self.push.rechain(NewLife::Forked);
        }
        let sent = batch.rows.iter().take_while(|sent| sent.seq <= row.seq);
        let known: std::collections::BTreeSet<OpId> = sent.map(|sent| sent.op_id).collect();
        let outcomes = reply
            .outcomes
            .into_iter()
            .filter(|one| known.contains(&one.op_id))
            .collect();
        self.push.step = Step::Acknowledging;
        let call = StoreCall::Acknowledge {
            incarnation: batch.incarnation,
            first_seq: batch.rows.first().map_or(row.seq, |first| first.seq),
            seq: row.seq,
            hash: row.hash,
            outcomes,
        };
        self.store(&Lane::Push, call);
    }

    fn acknowledged(&mut self) {
        self.hello.outrun = true;
        let push = &mut self.push;
        push.gaps = 0;
        push.trouble = None;
        push.now = push.now.doubled(push.most);
        self.documents_may_go_on();
        self.poke_pulls();
    }

    /// Slow line or large batch: the next one is half as long.
    pub(super) fn push_set_back(&mut self, batch: Option<&Batch>, setback: Setback) {
        if let Some(batch) = batch.filter(|_| setback.halve) {
            self.push.now = Size::halved(batch.rows.len(), size_bytes(batch));
        }
    }

    pub(super) fn push_refused(
        &mut self,
        batch: &Batch,
        status: u16,
        problem: &Problem,
        retry_after_ms: Option<u64>,
    ) {
        match problem.code.as_str() {
            code::GAP => self.gap(batch, problem, retry_after_ms),
            code::FORK => self.push.rechain(NewLife::Forked),
            code::BAD_SIGNATURE | code::BAD_CHAIN | code::FORBIDDEN | code::UPGRADE_REQUIRED => {
                // About the whole journal or this program: parking single ops would help nobody.
                self.push.trouble = Some(problem.code.clone());
                self.hello_now();
                self.arm_backoff(&Lane::Push, retry_after_ms);
            }
            _ if status == 409 || status == 426 => {
                self.push.trouble = Some(problem.code.clone());
                self.arm_backoff(&Lane::Push, retry_after_ms);
            }
            _ => self.bisect(batch, problem, retry_after_ms),
        }
    }

    fn gap(&mut self, batch: &Batch, problem: &Problem, retry_after_ms: Option<u64>) {
        let expected = problem
            .params
            .get("expected")
            .and_then(|text| text.parse::<u64>().ok());
        let first = batch.rows.first().map_or(1, |row| row.seq);
        self.push.gaps += 1;
        match expected {
            Some(expected) if expected >= 1 && expected < first => {
                self.push.rewind(expected - 1);
                self.doubt_cases();
                if self.push.gaps > 1 {
                    self.arm_backoff(&Lane::Push, retry_after_ms);
                }
            }
            _ => {
                self.push.trouble = Some(problem.code.clone());
                self.hello_now();
                self.arm_backoff(&Lane::Push, retry_after_ms);
            }
        }
    }

    /// Some op in here is not taken: halve until its group stands alone, then park that, visibly.
    fn bisect(&mut self, batch: &Batch, problem: &Problem, retry_after_ms: Option<u64>) {
        let groups = groups(&batch.rows);
        if groups.len() > 1 {
            self.push.now = Size::halved(batch.rows.len(), size_bytes(batch));
            return;
        }
        let ops: Vec<OpId> = batch
            .rows
            .iter()
            .filter(|row| !row.parked)
            .map(|row| row.op_id)
            .collect();
        self.push.trouble = Some(problem.code.clone());
        if ops.is_empty() {
            // Not even the bare hash is taken: wait, and show it.
            return self.arm_backoff(&Lane::Push, retry_after_ms);
        }
        self.push.step = Step::Parking;
        self.store(
            &Lane::Push,
            StoreCall::Park {
                ops,
                code: problem.code.clone(),
            },
        );
    }

    pub(super) fn sending_ops(&self) -> Option<usize> {
        let request = self.lines.get(&Lane::Push)?.request()?;
        if let Request::Push(batch) = request {
            Some(batch.rows.len())
        } else {
            None
        }
    }
}

/// The rows from the start that fit, by whole groups; at least one group.
fn cut(rows: Vec<OutboxRow>, size: Size) -> Vec<OutboxRow> {
    let (mut ops, mut bytes, mut keep) = (0_usize, 0_usize, 0_usize);
    for group in groups(&rows) {
        ops += group.len();
        bytes += group.iter().map(|row| row.bytes.len()).sum::<usize>();
        if keep > 0 && (ops > size.ops || bytes > size.bytes) {
            break;
        }
        keep += group.len();
    }
    let mut rows = rows;
    rows.truncate(keep);
    rows
}

/// Runs of rows of one group. Bytes that this version cannot read are a group of their own.
fn groups(rows: &[OutboxRow]) -> Vec<&[OutboxRow]> {
    let ids: Vec<Option<GroupId>> = rows
        .iter()
        .map(|row| Op::parse(&row.bytes).ok().map(|op| op.group.id))
        .collect();
    let mut found = Vec::new();
    let mut rest = rows;
    let mut ids = ids.as_slice();
    while let Some(first) = ids.first() {
        let same = ids
            .iter()
            .take_while(|id| first.is_some() && *id == first)
            .count()
            .max(1);
        let (group, after) = rest.split_at(same);
        found.push(group);
        rest = after;
        ids = ids.get(same..).unwrap_or_default();
    }
    found
}

fn size_bytes(batch: &Batch) -> usize {
    batch.rows.iter().map(|row| row.bytes.len()).sum()
}
