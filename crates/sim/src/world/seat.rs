//! A desk's person on the agenda: starts the program, signs in, works.

use super::store::{Due, Kept};
use super::{Event, World};
use crate::fail::FailPoint;
use crate::nemesis::{Kind, Way};
use crate::paper;
use crate::person::{Deed, Odd, Person};
use desk_domain::time::{Chance, Millis};
use desk_sync::machine::Machine;
use desk_sync::machine::port::{Input, SessionTokens};
use std::sync::Arc;

/// Pause between two actions of a person.
const PACE_MS: (Millis, Millis) = (2_000, 30_000);
/// Pause within a burst of typing.
const BURST_MS: (Millis, Millis) = (5, 900);

impl World {
    pub(super) fn desk_up(&mut self, desk: usize) {
        let keeps_session = self.dice.people.permille(600);
        let Some(station) = self
            .stations
            .get_mut(desk)
            .filter(|station| !station.is_up())
        else {
            return;
        };
        let chance: Arc<dyn Chance> = Arc::clone(&station.chance) as Arc<dyn Chance>;
        station.machine = Some(Machine::new(station.config, chance));
        let session = station.session.clone().filter(|_| keeps_session);
        let epoch = station.disk.live.epoch;
        if session.is_none() {
            station.session = None;
            self.after(3_000, Event::SignIn { desk });
        }
        self.feed(desk, Input::Started { epoch, session });
    }

    pub(super) fn sign_in(&mut self, desk: usize) {
        let reachable = self.server_up && !self.is_cut_off(desk, Way::Both);
        let Some(station) = self.stations.get_mut(desk) else {
            return;
        };
        if !station.is_up() || station.session.is_some() {
            return;
        }
        let (device, user) = (station.player.device, station.player.card.user);
        let reply = if reachable {
            self.server.sign_in(device, user, self.now)
        } else {
            None
        };
        match reply {
            Some(reply) => {
                let tokens = SessionTokens::from(reply);
                station.session = Some(tokens.clone());
                self.feed(desk, Input::SessionSet(Some(tokens)));
            }
            None => self.after(20_000, Event::SignIn { desk }),
        }
    }

    /// The person at the desk does something, if the desk runs.
    pub(super) fn act(&mut self, desk: usize) {
        if self.is_calm() {
            return;
        }
        let bursts = self.dice.people.permille(150);
        let (least, most) = if bursts { BURST_MS } else { PACE_MS };
        let pause_ms = self.dice.people.span(least, most);
        self.after(pause_ms, Event::Act { desk });
        let now = self.now;
        let Some(station) = self
            .stations
            .get_mut(desk)
            .filter(|station| station.is_up())
        else {
            return;
        };
        station.sequence += 1;
        let person = Person {
            player: &station.player,
            books: &station.disk.live,
            dice: &self.dice.people,
            now: now.saturating_add(station.skew_ms),
            sequence: station.sequence,
        };
        let odd = station.odd.pop_front();
        let deed = person.act(odd);
        if deed.ops.is_empty() {
            station.odd.extend(odd);
            return;
        }
        let full = now < station.full_until;
        if full && (deed.paper.is_some() || !std::mem::take(&mut station.ballast)) {
            // Refused before anything is written; the screen says why, and nothing was promised.
            station.odd.extend(odd);
            return self.tally.count(Kind::FullDisk);
        }
        if !full {
            station.ballast = true;
        }
        self.write(desk, &deed, odd);
    }

    /// Bytes to the shelf, then the ops in one transaction; the screen hears of it once the disk has them.
    fn write(&mut self, desk: usize, deed: &Deed, odd: Option<Odd>) {
        let Some(station) = self.stations.get_mut(desk) else {
            return;
        };
        if deed.paper.is_some() && station.traps.spring(FailPoint::ShelfWritten) {
            self.desk_trapped(desk);
            return;
        }
        if !station.disk.live.append(&self.cast, deed) {
            return;
        }
        if station.traps.spring(FailPoint::OpWritten) {
            self.desk_trapped(desk);
            return;
        }
        let paper = deed.paper.as_ref();
        station.due.push(Due::Kept(Kept {
            ops: deed.ops.iter().map(|op| op.op_id).collect(),
            paper: paper.map(|(id, bytes)| (*id, paper::hash(bytes))),
        }));
        match odd {
            Some(Odd::Poisoned) => self.tally.count(Kind::PoisonedOp),
            Some(Odd::Breaks) => self.tally.count(Kind::RuleFailure),
            Some(Odd::Future) => self.tally.count(Kind::FutureKind),
            None => {}
        }
        self.sync_desk(desk);
    }
}
