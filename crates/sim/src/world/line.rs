//! The line: every message may be lost, doubled, late, cut or answered by a stranger.

use super::{Event, World};
use crate::mutant::Mutant;
use crate::nemesis::{Kind, Way};
use crate::server::portal;
use desk_domain::ids::DeviceId;
use desk_domain::time::Millis;
use desk_sync::machine::port::{Flight, Input, Lane, LinkError, Reply, ReplyBody, Stamp};
use desk_sync::wire::{Call, Expect, Raw, decode};
use std::rc::Rc;

/// One request on its way, or one whose answer is.
#[derive(Debug)]
pub(super) struct Conn {
    pub desk: usize,
    /// The life of the desk's process; a later one knows nothing of this.
    pub life: u64,
    pub device: DeviceId,
    pub lane: Lane,
    pub flight: Flight,
    pub token: Option<String>,
    pub call: Rc<Call>,
    pub expect: Expect,
}

impl World {
    /// Puts a request on the line.
    pub(super) fn put_on_line(&mut self, conn: Conn) {
        let timeout_ms = Millis::try_from(conn.call.timeout_ms).unwrap_or(Millis::MAX);
        let desk = conn.desk;
        self.numbers += 1;
        let id = self.numbers;
        self.conns.insert(id, conn);
        self.after(
            timeout_ms,
            Event::Answer {
                conn: id,
                result: Err(LinkError::Timeout),
            },
        );
        if self.is_cut_off(desk, Way::Up) {
            self.tally.count(Kind::PartitionUp);
            if self.dice.line.permille(500) {
                let error = *self
                    .dice
                    .line
                    .pick(&[LinkError::Refused, LinkError::Dns])
                    .unwrap_or(&LinkError::Dns);
                self.after(
                    50,
                    Event::Answer {
                        conn: id,
                        result: Err(error),
                    },
                );
            }
            return;
        }
        if self.dice.line.permille(self.weather.portal) {
            self.tally.count(Kind::Portal);
            self.after(
                20,
                Event::Answer {
                    conn: id,
                    result: Ok(Rc::new(portal())),
                },
            );
            return;
        }
        if self.dice.line.permille(self.weather.drop) {
            return self.tally.count(Kind::Drop);
        }
        let latency = self.latency();
        if self.dice.line.permille(self.weather.cut / 2) {
            // The server never sees the whole body; the desk hears that the connection broke.
            self.tally.count(Kind::CutMidRequest);
            let result = Err(LinkError::Cut);
            return self.after(latency, Event::Answer { conn: id, result });
        }
        self.after(latency, Event::Arrive { conn: id });
        if self.dice.line.permille(self.weather.duplicate) {
            self.tally.count(Kind::Duplicate);
            let echo = latency + self.dice.line.span(1, 90_000);
            self.after(echo, Event::Arrive { conn: id });
        }
    }

    /// The server's answer goes back, if anything does.
    pub(super) fn send_back(&mut self, conn: u64, raw: Rc<Raw>) {
        let Some(desk) = self.conns.get(&conn).map(|conn| conn.desk) else {
            return;
        };
        if self.is_cut_off(desk, Way::Down) {
            return self.tally.count(Kind::PartitionDown);
        }
        if self.dice.line.permille(self.weather.drop) {
            return self.tally.count(Kind::Drop);
        }
        let latency = self.latency();
        if self.dice.line.permille(self.weather.cut) {
            self.tally.count(Kind::CutMidReply);
            return self.after(
                latency,
                Event::Answer {
                    conn,
                    result: Err(LinkError::Cut),
                },
            );
        }
        if self.dice.line.permille(self.weather.duplicate) {
            self.tally.count(Kind::Duplicate);
            let echo = latency + self.dice.line.span(1, 30_000);
            self.after(
                echo,
                Event::Answer {
                    conn,
                    result: Ok(Rc::clone(&raw)),
                },
            );
        }
        self.after(
            latency,
            Event::Answer {
                conn,
                result: Ok(raw),
            },
        );
    }

    /// The server is not there any more, and the desk's system says so.
    pub(super) fn break_off(&mut self, conn: u64, error: LinkError) {
        let Some(desk) = self.conns.get(&conn).map(|conn| conn.desk) else {
            return;
        };
        if !self.is_cut_off(desk, Way::Down) {
            let latency = self.latency();
            self.after(
                latency,
                Event::Answer {
                    conn,
                    result: Err(error),
                },
            );
        }
    }

    pub(super) fn answered(&mut self, id: u64, result: Result<Rc<Raw>, LinkError>) {
        let Some(conn) = self.conns.get(&id) else {
            return;
        };
        let (desk, lane, flight) = (conn.desk, conn.lane.clone(), conn.flight);
        if self
            .stations
            .get(desk)
            .is_none_or(|station| station.life != conn.life)
        {
            return;
        }
        let result = result.map(|raw| decode(conn.expect, raw.as_ref().clone()));
        let (device, path) = (conn.device, conn.call.path.clone());
        if let Ok(reply) = &result {
            self.take_note(desk, device, &path, reply);
        }
        self.feed(
            desk,
            Input::Reply {
                lane,
                flight,
                result,
            },
        );
    }

    /// What the world remembers of an answer: the promise in a receipt, and what a backup holds.
    fn take_note(&mut self, desk: usize, device: DeviceId, path: &str, reply: &Reply) {
        let of_today = |stamp: &Stamp| stamp.epoch == self.server.epoch;
        if let ReplyBody::Push(push) = &reply.body
            && reply.stamp.as_ref().is_some_and(of_today)
        {
            let heads = &mut self.ledger.acknowledged;
            let head = heads.entry((device, push.head.incarnation)).or_default();
            *head = (*head).max(push.head.seq);
        }
        let Some(station) = self.stations.get_mut(desk) else {
            return;
        };
        if let ReplyBody::Hello(hello) = &reply.body {
            station.disk.live.safe = hello.backup_safe_seq.clone();
            station.disk.live.tidy();
        }
        let deletes = self.mutant == Some(Mutant::DeleteOnLastChunk);
        if deletes && matches!(&reply.body, ReplyBody::Chunk(chunk) if chunk.stored) {
            station.note_chunk(path);
        }
    }

    pub(super) fn is_cut_off(&self, desk: usize, way: Way) -> bool {
        let Some(station) = self.stations.get(desk) else {
            return true;
        };
        let (up, down) = (
            self.now < station.deaf_up_until,
            self.now < station.deaf_down_until,
        );
        match way {
            Way::Up => up,
            Way::Down => down,
            Way::Both => up || down,
        }
    }

    fn latency(&mut self) -> Millis {
        if self.dice.line.permille(self.weather.delay) {
            self.tally.count(Kind::Delay);
            return self.dice.line.span(1_000, 70_000);
        }
        self.dice.line.span(3, 90)
    }
}
