//! A desk's process on the agenda: the product's sync machine, its store, its timers and its person.

use super::line::Conn;
use super::{Event, World};
use crate::cast::{DAWN, Player};
use crate::desk::{Books, Hand};
use crate::dice::Dice;
use crate::disk::Disk;
use crate::mutant::Mutant;
use crate::nemesis::{Kind, Way};
use crate::person::{Odd, Person};
use desk_domain::ids::{Incarnation, OpId};
use desk_domain::time::{Chance, Millis};
use desk_sync::machine::port::{
    Action, Input, Lane, Notice, SessionTokens, StoreCall, StoreReply, StoreTrouble, Wake,
};
use desk_sync::machine::{Config, Machine};
use desk_sync::proof::Prover;
use desk_sync::wire::encode;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

/// Pause between two actions of a person.
const PACE_MS: (Millis, Millis) = (2_000, 30_000);

/// What is told once the disk is synced.
enum Due {
    Kept(Vec<OpId>),
    Done {
        lane: Lane,
        result: Result<StoreReply, StoreTrouble>,
    },
}

/// One desk.
pub struct Station {
    pub player: Player,
    pub disk: Disk<Books>,
    pub(super) life: u64,
    pub(super) skew_ms: i64,
    pub(super) full_until: Millis,
    pub(super) deaf_up_until: Millis,
    pub(super) deaf_down_until: Millis,
    pub(super) backup: Option<Books>,
    pub(super) odd: VecDeque<Odd>,
    machine: Option<Machine>,
    config: Config,
    chance: Arc<Dice>,
    prover: Prover,
    session: Option<SessionTokens>,
    timers: BTreeMap<Lane, u64>,
    tasks: VecDeque<(Lane, StoreCall)>,
    hand_busy: bool,
    due: Vec<Due>,
    sequence: u32,
    /// Number of the latest request that the server has seen.
    newest_seen: u64,
}

impl Station {
    pub(super) fn new(player: Player, config: Config, chance: Arc<Dice>) -> Self {
        let incarnation = Incarnation::new(DAWN, chance.as_ref());
        let books = Books::new(player.device, incarnation);
        let prover = Prover::new(player.device, Arc::new(|_| [7; 64]));
        Self {
            player,
            disk: Disk::holding(books),
            life: 0,
            skew_ms: 0,
            full_until: 0,
            deaf_up_until: 0,
            deaf_down_until: 0,
            backup: None,
            odd: VecDeque::new(),
            machine: None,
            config,
            chance,
            prover,
            session: None,
            timers: BTreeMap::new(),
            tasks: VecDeque::new(),
            hand_busy: false,
            due: Vec::new(),
            sequence: 0,
            newest_seen: 0,
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.machine.is_some()
    }

    /// Runs, and its store has nothing in hand.
    pub(super) fn is_idle(&self) -> bool {
        self.is_up() && self.tasks.is_empty() && self.due.is_empty()
    }

    /// True when a later request was seen before this one.
    pub(super) fn overtook(&mut self, conn: u64) -> bool {
        let late = conn < self.newest_seen;
        self.newest_seen = self.newest_seen.max(conn);
        late
    }

    pub(super) fn die(&mut self) {
        self.machine = None;
        self.life += 1;
        self.disk.crash();
        self.timers.clear();
        self.tasks.clear();
        self.due.clear();
        self.hand_busy = false;
    }

    pub(super) fn describe(&self) -> String {
        let tip = self.disk.synced.tip();
        let status = self
            .machine
            .as_ref()
            .map(|machine| format!("{:?}", machine.status()));
        let cursors = &self.disk.synced.cursors;
        format!(
            "{}: acknowledged {} of {}, cursors {cursors:?}, hand {} tasks, {}",
            self.player.device_code,
            tip.acknowledged,
            tip.seq,
            self.tasks.len(),
            status.unwrap_or_else(|| "down".to_owned())
        )
    }
}

impl World {
    /// Gives the machine an input and does what it wants done.
    pub(super) fn feed(&mut self, desk: usize, input: Input) {
        let Some(station) = self.stations.get_mut(desk) else {
            return;
        };
        let local = self.now.saturating_add(station.skew_ms);
        let Some(machine) = &mut station.machine else {
            return;
        };
        for action in machine.handle(input, local) {
            self.perform(desk, action);
        }
    }

    fn perform(&mut self, desk: usize, action: Action) {
        let Some(station) = self.stations.get_mut(desk) else {
            return;
        };
        let life = station.life;
        match action {
            Action::Send {
                lane,
                flight,
                token,
                request,
            } => {
                let Ok(call) = encode(&request, &station.prover, "sim", Vec::new()) else {
                    return;
                };
                let device = station.player.device;
                let expect = call.expect;
                self.put_on_line(Conn {
                    desk,
                    life,
                    device,
                    lane,
                    flight,
                    token,
                    call: Rc::new(call),
                    expect,
                });
            }
            // What is on the line may still arrive; the machine knows its flights by number.
            Action::Cancel(_)
            | Action::Tell(
                Notice::Policy { .. } | Notice::Answered { .. } | Notice::Repaired { .. },
            ) => {}
            Action::Store { lane, call } => {
                station.tasks.push_back((lane, call));
                if !std::mem::replace(&mut station.hand_busy, true) {
                    self.after(1, Event::HandDo { desk, life });
                }
            }
            Action::Arm { lane, after_ms } => {
                self.numbers += 1;
                let number = self.numbers;
                station.timers.insert(lane.clone(), number);
                let wait_ms = Millis::try_from(after_ms).unwrap_or(Millis::MAX);
                self.after(
                    wait_ms,
                    Event::Timer {
                        desk,
                        life,
                        lane,
                        number,
                    },
                );
            }
            Action::Tell(Notice::SessionRenewed(tokens)) => station.session = Some(tokens),
            Action::Tell(Notice::SessionLost) => {
                station.session = None;
                self.after(5_000, Event::SignIn { desk });
            }
        }
    }

    pub(super) fn timer(&mut self, desk: usize, life: u64, lane: Lane, number: u64) {
        let rings = |station: &super::Station| {
            station.life == life && station.timers.get(&lane) == Some(&number)
        };
        if self.stations.get(desk).is_some_and(rings) {
            self.feed(desk, Input::Timer(lane));
        }
    }

    pub(super) fn hand_do(&mut self, desk: usize, life: u64) {
        let Some(station) = self
            .stations
            .get_mut(desk)
            .filter(|station| station.life == life)
        else {
            return;
        };
        let Some((lane, call)) = station.tasks.pop_front() else {
            station.hand_busy = false;
            return;
        };
        let chance: &dyn Chance = station.chance.as_ref();
        let hand = Hand {
            cast: &self.cast,
            now: self.now,
            chance,
            mutant: self.mutant,
        };
        let writes = !matches!(
            call,
            StoreCall::LoadUnsent { .. }
                | StoreCall::LoadHead { .. }
                | StoreCall::LoadCursor { .. }
                | StoreCall::LoadDocuments
        );
        let result = if writes && self.now < station.full_until {
            Err(StoreTrouble {
                code: "store.disk_full".to_owned(),
            })
        } else {
            hand.perform(&mut station.disk, call)
        };
        station.due.push(Due::Done { lane, result });
        self.sync_desk(desk);
    }

    fn sync_desk(&mut self, desk: usize) {
        let Some(life) = self.stations.get(desk).map(|station| station.life) else {
            return;
        };
        let mut sync_ms = if self.dice.disks.permille(30) {
            self.dice.disks.span(50, 800)
        } else {
            self.dice.disks.span(1, 15)
        };
        if self.dice.disks.permille(self.weather.kill_in_write) {
            let within = self.dice.disks.span(0, sync_ms + 3);
            self.after(
                within,
                Event::KillInWrite {
                    desk: Some(desk),
                    life,
                },
            );
        }
        if self.mutant == Some(Mutant::ConfirmBeforeSync) {
            sync_ms += 2_000;
        }
        self.after(sync_ms, Event::DeskSync { desk, life });
    }

    pub(super) fn desk_synced(&mut self, desk: usize, life: u64) {
        let Some(station) = self
            .stations
            .get_mut(desk)
            .filter(|station| station.life == life)
        else {
            return;
        };
        station.disk.sync();
        let device = station.player.device;
        for due in std::mem::take(&mut station.due) {
            match due {
                Due::Kept(ops) => {
                    self.ledger
                        .confirmed
                        .extend(ops.into_iter().map(|op| (op, device)));
                    self.feed(desk, Input::Wake(Wake::Journal));
                }
                Due::Done { lane, result } => {
                    self.feed(desk, Input::Stored { lane, result });
                    self.after(1, Event::HandDo { desk, life });
                }
            }
        }
    }

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
        let pause_ms = self.dice.people.span(PACE_MS.0, PACE_MS.1);
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
        let ops = person.act(odd);
        if ops.is_empty() {
            station.odd.extend(odd);
            return;
        }
        if now < station.full_until {
            // Refused before anything is written; the screen says why, and nothing was promised.
            self.tally.count(Kind::FullDisk);
            return;
        }
        if !station.disk.live.append(&self.cast, &ops) {
            return;
        }
        let kept: Vec<OpId> = ops.iter().map(|op| op.op_id).collect();
        match odd {
            Some(Odd::Poisoned) => self.tally.count(Kind::PoisonedOp),
            Some(Odd::UnknownKind) => self.tally.count(Kind::UnknownKind),
            None => {}
        }
        if self.mutant == Some(Mutant::ConfirmBeforeSync) {
            let device = station.player.device;
            self.ledger
                .confirmed
                .extend(kept.into_iter().map(|op| (op, device)));
            self.feed(desk, Input::Wake(Wake::Journal));
        } else {
            station.due.push(Due::Kept(kept));
        }
        self.sync_desk(desk);
    }
}
