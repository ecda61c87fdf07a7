//! Appending, reading what is unsent, and starting a new life of the journal.

use super::{Books, Fate, NewOp, Row, State, Tip};
use crate::cast::Cast;
use crate::person::Deed;
use crate::rules::preview;
use desk_domain::case::Case;
use desk_domain::ids::{CaseId, GroupId, Incarnation};
use desk_domain::op::{ChainHash, Group, Hlc, Op};
use desk_domain::outcome::Outcome;
use desk_sync::machine::port::OutboxRow;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

impl Books {
    /// Writes one action whole, or nothing when the rules refuse one of its ops.
    pub fn append(&mut self, cast: &Cast, deed: &Deed) -> bool {
        let ops = &deed.ops;
        let Some(first) = ops.first() else {
            return false;
        };
        let id = GroupId::from_uuid(first.op_id.uuid());
        let len = u16::try_from(ops.len()).unwrap_or(u16::MAX);
        let mut tip = self.tip();
        let mut moved: BTreeMap<CaseId, Option<Case>> = BTreeMap::new();
        let mut written = Vec::with_capacity(ops.len());
        for (i, new) in (0_u16..).zip(ops) {
            let op = envelope(self, &mut tip, new, Group { id, i, len });
            let view = moved
                .entry(new.case)
                .or_insert_with(|| self.view(new.case).cloned());
            let decision = preview(cast, view.as_ref(), &op);
            let Ok(bytes) = op.to_bytes() else {
                return false;
            };
            if matches!(decision.outcome, Outcome::Refused { .. }) {
                return false;
            }
            if decision.case.is_some() {
                *view = decision.case;
            }
            tip.hash = ChainHash::after(tip.hash, bytes.as_bytes());
            written.push((op, Arc::<str>::from(bytes), tip.hash));
        }
        for (op, bytes, hash) in written {
            self.insert(&op, bytes, hash);
            self.note_attachment(&op, deed.paper.as_ref());
        }
        self.tips.insert(self.incarnation, tip);
        for (id, case) in moved {
            if let Some(case) = case {
                self.views.insert(id, Rc::new(case));
            }
        }
        true
    }

    fn insert(&mut self, op: &Op, bytes: Arc<str>, hash: ChainHash) {
        let fate = Fate {
            order: self.next_order,
            case: op.case,
            incarnation: op.incarnation,
            seq: op.seq,
            state: State::Queued,
            replay: true,
            open: true,
            applied_rev: None,
            outcome: None,
            in_doubt: false,
        };
        self.next_order += 1;
        self.fates.insert(op.op_id, fate);
        self.insert_row(op, bytes, hash);
    }

    fn insert_row(&mut self, op: &Op, bytes: Arc<str>, hash: ChainHash) {
        let last_of_group = op.group.i + 1 == op.group.len;
        let row = Row {
            op_id: op.op_id,
            bytes,
            hash,
            last_of_group,
        };
        self.rows.insert((op.incarnation, op.seq), Rc::new(row));
    }

    /// The next ops of the current life, as whole groups; at least one group when there is one.
    pub fn unsent(&self, max_ops: usize, max_bytes: usize) -> Vec<OutboxRow> {
        let from = (self.incarnation, self.tip().acknowledged.saturating_add(1));
        let (mut taken, mut group) = (Vec::new(), Vec::new());
        let size = |rows: &[OutboxRow]| rows.iter().map(|row| row.bytes.len()).sum::<usize>();
        for ((_, seq), row) in self.rows.range(from..=(self.incarnation, u64::MAX)) {
            group.push(OutboxRow {
                seq: *seq,
                op_id: row.op_id,
                bytes: Arc::clone(&row.bytes),
                hash: row.hash,
                parked: self
                    .fates
                    .get(&row.op_id)
                    .is_none_or(|fate| fate.state == State::Parked),
            });
            if !row.last_of_group {
                continue;
            }
            let fits =
                taken.len() + group.len() <= max_ops && size(&taken) + size(&group) <= max_bytes;
            if !fits && !taken.is_empty() {
                break;
            }
            taken.append(&mut group);
            if !fits {
                break;
            }
        }
        taken
    }

    /// A new life: every op that the server has not stored is hung on a new chain under the same id.
    pub fn begin(&mut self, fresh: Incarnation) {
        let waits = |fate: &&Fate| {
            let tip = self.tips.get(&fate.incarnation);
            let known = tip.is_some_and(|tip| fate.seq <= tip.acknowledged);
            fate.state == State::Queued || (fate.state == State::Parked && fate.open && !known)
        };
        let mut waiting: Vec<&Fate> = self.fates.values().filter(waits).collect();
        waiting.sort_unstable_by_key(|fate| fate.order);
        let rows = waiting
            .into_iter()
            .filter_map(|fate| self.rows.get(&(fate.incarnation, fate.seq)));
        let ops: Vec<Op> = rows.filter_map(|row| Op::parse(&row.bytes).ok()).collect();
        self.incarnation = fresh;
        self.tips.insert(fresh, Tip::START);
        self.hang(ops);
    }

    /// Ops of an earlier life that a restored server has lost go out again under the present one.
    pub(super) fn bring_forward(&mut self, life: Incarnation, there: u64) {
        let Some(tip) = self.tips.get_mut(&life) else {
            return;
        };
        tip.acknowledged = tip.acknowledged.min(there);
        // Also above what was acknowledged: a feed may have told verdicts before a receipt came.
        let rows = self.rows.range((life, there + 1)..=(life, u64::MAX));
        let lost = |row: &Row| {
            let fate = self.fates.get(&row.op_id);
            fate.is_some_and(|fate| fate.incarnation == life && fate.state != State::Parked)
        };
        let ops: Vec<Op> = rows
            .filter(|(_, row)| lost(row))
            .filter_map(|(_, row)| Op::parse(&row.bytes).ok())
            .collect();
        for op in &ops {
            if let Some(fate) = self.fates.get_mut(&op.op_id) {
                fate.unsend();
            }
        }
        self.hang(ops);
    }

    /// Hangs ops on the end of the present chain, under their old ids.
    fn hang(&mut self, ops: Vec<Op>) {
        let mut tip = self.tip();
        for mut op in ops {
            tip.seq += 1;
            tip.hlc = tip.hlc.max(op.hlc);
            op.incarnation = self.incarnation;
            op.seq = tip.seq;
            op.prev_hash = tip.hash;
            let Ok(bytes) = op.to_bytes() else { continue };
            tip.hash = ChainHash::after(tip.hash, bytes.as_bytes());
            if let Some(fate) = self.fates.get_mut(&op.op_id) {
                (fate.incarnation, fate.seq) = (op.incarnation, op.seq);
            }
            self.insert_row(&op, Arc::from(bytes), tip.hash);
        }
        self.tips.insert(self.incarnation, tip);
    }
}

impl Fate {
    /// Nothing is known of what the server thinks of it.
    pub(super) fn unsend(&mut self) {
        self.state = State::Queued;
        (self.replay, self.open) = (true, true);
        (self.applied_rev, self.outcome) = (None, None);
    }
}

fn envelope(books: &Books, tip: &mut Tip, new: &NewOp, group: Group) -> Op {
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
    Op {
        op_id: new.op_id,
        device: books.device,
        incarnation: books.incarnation,
        seq: tip.seq,
        prev_hash: tip.hash,
        actor: new.actor,
        case: new.case,
        group,
        kind: new.kind.clone(),
        version: new.version,
        body: new.body.clone(),
        base_rev: new.base_rev,
        hlc: tip.hlc,
        captured_at: new.captured_at,
    }
}
