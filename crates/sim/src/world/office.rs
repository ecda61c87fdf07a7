//! The server's process on the agenda: requests arrive, its disk syncs, polls wait, it dies and comes back.

use super::{Event, World};
use crate::fail::{Death, FailPoint};
use crate::mutant::Mutant;
use crate::nemesis::Kind;
use crate::server::{Asked, Handled};
use desk_domain::ids::DeviceId;
use desk_domain::time::Millis;
use desk_protocol::sync::PullQuery;
use desk_sync::machine::port::LinkError;
use desk_sync::wire::{Call, Expect, Raw};
use std::rc::Rc;

/// A poll that waits for news.
#[derive(Debug)]
pub(super) struct Wait {
    query: PullQuery,
    device: DeviceId,
    until: Millis,
}

impl World {
    pub(super) fn arrive(&mut self, id: u64) {
        if !self.server_up {
            return self.break_off(id, LinkError::Refused);
        }
        let Some(conn) = self.conns.get(&id) else {
            return;
        };
        let (desk, call, token) = (conn.desk, Rc::clone(&conn.call), conn.token.clone());
        if self
            .stations
            .get_mut(desk)
            .is_some_and(|station| station.overtook(id))
        {
            self.tally.count(Kind::Reorder);
        }
        if self.dice.line.permille(self.weather.busy) {
            self.tally.count(Kind::Busy);
            let raw = Rc::new(self.server.busy(self.now));
            return self.send_back(id, raw);
        }
        let asked = Asked {
            call: &call,
            token: token.as_deref(),
            now: self.now,
        };
        match self.server.handle(&asked) {
            Handled::Now(raw) => self.send_back(id, Rc::new(raw)),
            Handled::AfterSync(raw) => self.commit(id, Rc::new(raw), point_of(&call)),
            Handled::Dies => self.server_trapped(),
            Handled::Waits {
                query,
                device,
                until,
            } => {
                self.waits.insert(
                    id,
                    Wait {
                        query,
                        device,
                        until,
                    },
                );
                let wait_ms = until - self.now;
                self.after(
                    wait_ms,
                    Event::Look {
                        life: self.server_life,
                        conn: id,
                    },
                );
            }
        }
    }

    /// The process died at a named place, before it could answer.
    fn server_trapped(&mut self) {
        if let Some((point, death)) = self.server.traps.sprung.take() {
            self.tally.count_point(point);
            self.kill_server(death);
        }
    }

    fn commit(&mut self, conn: u64, raw: Rc<Raw>, point: Option<FailPoint>) {
        let mut sync_ms = if self.dice.disks.permille(50) {
            self.dice.disks.span(50, 900)
        } else {
            self.dice.disks.span(1, 25)
        };
        if self.mutant == Some(Mutant::ReplyBeforeCommit) {
            sync_ms += 150;
            self.send_back(conn, raw);
        } else {
            self.committing.push((conn, raw, point));
        }
        let life = self.server_life;
        if self.dice.disks.permille(self.weather.kill_in_write) {
            let within = self.dice.disks.span(0, sync_ms + 5);
            self.after(within, Event::KillInWrite { desk: None, life });
        }
        self.after(sync_ms, Event::ServerSync { life });
        if self.mutant == Some(Mutant::SequenceCursor) {
            self.after(sync_ms + 3_100, Event::ServerSync { life });
        }
    }

    pub(super) fn server_synced(&mut self, life: u64) {
        if life != self.server_life || !self.server_up {
            return;
        }
        self.server.disk.live.show_late(self.now);
        self.server.disk.sync();
        let points = self.committing.iter().filter_map(|(_, _, point)| *point);
        let mut points: Vec<FailPoint> = points.collect();
        points.retain(|point| self.server.traps.spring(*point));
        if !points.is_empty() {
            return self.server_trapped();
        }
        for (conn, raw, _) in std::mem::take(&mut self.committing) {
            self.send_back(conn, raw);
        }
        self.ring(life);
    }

    /// Polls that wait hear within the poller's pace.
    pub(super) fn ring(&mut self, life: u64) {
        let hear: Vec<u64> = self
            .waits
            .iter()
            .filter(|(_, wait)| self.server.has_news(&wait.query))
            .map(|(conn, _)| *conn)
            .collect();
        for conn in hear {
            let poller_ms = self.dice.disks.span(0, 250);
            self.after(poller_ms, Event::Look { life, conn });
        }
    }

    pub(super) fn look(&mut self, life: u64, conn: u64) {
        if life != self.server_life {
            return;
        }
        let Some(wait) = self.waits.get(&conn) else {
            return;
        };
        if self.now < wait.until && !self.server.has_news(&wait.query) {
            return;
        }
        let raw = Rc::new(self.server.pull_page(self.now, &wait.query, wait.device));
        self.waits.remove(&conn);
        self.send_back(conn, raw);
    }

    pub(super) fn kill_server(&mut self, death: Death) {
        if !self.server_up {
            return;
        }
        self.tally.count(match death {
            Death::Kill => Kind::ServerKill,
            Death::PowerCut => Kind::ServerPowerCut,
        });
        let disk = &mut self.server.disk;
        let mut lost = disk.live.journal.len() > disk.committed().journal.len();
        disk.die(death);
        if death == Death::PowerCut {
            lost |= self.server.objects.power_cut(self.now, &self.dice.disks);
        }
        if lost {
            self.tally.count(Kind::UnsyncedLost);
        }
        self.server_up = false;
        self.server_life += 1;
        let talking: Vec<u64> = self
            .committing
            .drain(..)
            .map(|(conn, _, _)| conn)
            .chain(std::mem::take(&mut self.waits).into_keys())
            .collect();
        for conn in talking {
            self.break_off(conn, LinkError::Cut);
        }
        self.check_receipts();
        let down_ms = self.dice.disks.span(500, 60_000);
        self.after(down_ms, Event::ServerUp);
    }

    /// "An acknowledgement says stored": what a desk was told must be on the disk of a dead server.
    fn check_receipts(&mut self) {
        for ((device, incarnation), seq) in &self.ledger.acknowledged {
            let head = self
                .server
                .disk
                .synced
                .heads
                .get(&(*device, *incarnation))
                .map_or(0, |head| head.seq);
            if head < *seq {
                let broken =
                    format!("acknowledged to seq {seq}, but a crash of the server left {head}");
                self.ledger.broken.push(broken);
            }
        }
    }
}

/// Where a process may die between a commit and its answer.
fn point_of(call: &Call) -> Option<FailPoint> {
    match call.expect {
        Expect::Push => Some(FailPoint::PushCommitted),
        Expect::Session => Some(FailPoint::RefreshCommitted),
        Expect::Chunk => Some(FailPoint::StoredCommitted),
        Expect::Hello
        | Expect::Pull
        | Expect::Snapshot
        | Expect::Offer
        | Expect::Bytes
        | Expect::Digest
        | Expect::Calls
        | Expect::CodeSent
        | Expect::Links
        | Expect::CodeVerified
        | Expect::Admin(_) => None,
    }
}
