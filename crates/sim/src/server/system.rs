//! What the office does by itself: ops of its own device, cases that move, a version learned, a backup put back.

use super::bench::Bench;
use super::{Rows, Server};
use crate::objects::Objects;
use crate::rules::Session;
use desk_domain::ids::{CaseId, Epoch, GroupId, Incarnation, OfficeCode, OpId};
use desk_domain::op::{ChainHash, Group, Hlc, Op, OpBody};
use desk_domain::time::Millis;
use desk_protocol::sync::Head;

/// A verified backup: the database, and the whole documents of the same moment.
#[derive(Clone, Debug)]
pub struct Backup {
    rows: Rows,
    objects: Objects,
}

impl Server {
    /// The rules by which this server judges now.
    pub(super) fn session(&self, now: Millis) -> Session {
        Session {
            now,
            learned: self.learned,
        }
    }

    /// Writes an op of the server's own device onto a case.
    pub(super) fn say(&mut self, now: Millis, case: CaseId, body: &OpBody) {
        let (device, actor) = self.cast.system;
        let incarnation = Incarnation::from_uuid(device.uuid());
        let key = (device, incarnation);
        let nothing = Head {
            incarnation,
            seq: 0,
            hash: ChainHash::GENESIS,
        };
        let head = self.disk.live.heads.get(&key).copied().unwrap_or(nothing);
        let Ok(raw) = body.to_raw() else { return };
        let op = Op {
            op_id: OpId::new(now, &self.chance),
            device,
            incarnation,
            seq: head.seq + 1,
            prev_hash: head.hash,
            actor,
            case,
            group: Group {
                id: GroupId::new(now, &self.chance),
                i: 0,
                len: 1,
            },
            kind: body.kind().to_owned(),
            version: 1,
            body: raw,
            base_rev: None,
            hlc: Hlc { ms: now, n: 0 },
            captured_at: now,
        };
        let Ok(bytes) = op.to_bytes() else { return };
        let hash = ChainHash::after(head.hash, bytes.as_bytes());
        let mut bench = Bench::new(self, now);
        bench.say(&op, &bytes);
        bench.finish();
        let head = Head {
            incarnation,
            seq: op.seq,
            hash,
        };
        self.disk.live.heads.insert(key, head);
    }

    /// The administrator gives a case to another office. Durable when it returns.
    pub fn move_case(&mut self, now: Millis, case: CaseId, to: &OfficeCode) {
        let mut bench = Bench::new(self, now);
        bench.relocate(case, to);
        bench.finish();
        self.disk.sync();
    }

    /// The server is updated: what was held as unknown is judged. Says how many ops got a verdict; durable when it
    /// returns.
    pub fn learn(&mut self, now: Millis) -> usize {
        self.learned = true;
        let before = self.disk.live.steps.len();
        let mut bench = Bench::new(self, now);
        bench.judge_unknown();
        bench.finish();
        self.disk.sync();
        self.disk.live.steps.len() - before
    }

    /// A backup that was read back and found good; from now on hello names what it holds.
    pub fn back_up(&mut self) -> Backup {
        let rows = self.disk.synced.clone();
        let heads = rows.heads.iter();
        self.safe = heads.map(|(key, head)| (*key, head.seq)).collect();
        Backup {
            rows,
            objects: self.objects.backup(),
        }
    }

    /// The backup is put back; the database begins a new life. `documents_too` when the object store fell back with it.
    pub fn restore(&mut self, backup: Backup, epoch: Epoch, documents_too: bool) {
        self.disk = crate::disk::Disk::holding(backup.rows);
        if documents_too {
            self.objects = backup.objects;
        }
        self.epoch = epoch;
    }
}
