//! The server's process on the agenda: requests arrive, its disk syncs, polls wait, it dies and comes back.

use super::{Event, World};
use crate::mutant::Mutant;
use crate::nemesis::Kind;
use crate::server::{Asked, Handled};
use desk_domain::ids::DeviceId;
use desk_domain::time::Millis;
use desk_protocol::sync::PullQuery;
use desk_sync::machine::port::LinkError;
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
            Handled::AfterSync(raw) => self.commit(id, Rc::new(raw)),
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

    fn commit(&mut self, conn: u64, raw: Rc<desk_sync::wire::Raw>) {
        let mut sync_ms = if self.dice.disks.permille(50) {
            self.dice.disks.span(50, 900)
        } else {
            self.dice.disks.span(1, 25)
        };
        if self.mutant == Some(Mutant::ReplyBeforeCommit) {
            sync_ms += 150;
            self.send_back(conn, raw);
        } else {
            self.committing.push((conn, raw));
        }
        let life = self.server_life;
        if self.dice.disks.permille(self.weather.kill_in_write) {
            let within = self.dice.disks.span(0, sync_ms + 5);
            self.after(within, Event::KillInWrite { desk: None, life });
        }
        self.after(sync_ms, Event::ServerSync { life });
    }

    pub(super) fn server_synced(&mut self, life: u64) {
        if life != self.server_life || !self.server_up {
            return;
        }
        self.server.disk.sync();
        for (conn, raw) in std::mem::take(&mut self.committing) {
            self.send_back(conn, raw);
        }
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

    pub(super) fn kill_server(&mut self) {
        if !self.server_up {
            return;
        }
        self.tally.count(Kind::ServerKill);
        let (before, kept) = (
            self.server.disk.live.journal.len(),
            self.server.disk.synced.journal.len(),
        );
        if before > kept {
            self.tally.count(Kind::UnsyncedLost);
        }
        self.server.crash();
        self.server_up = false;
        self.server_life += 1;
        let talking: Vec<u64> = self
            .committing
            .drain(..)
            .map(|(conn, _)| conn)
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
