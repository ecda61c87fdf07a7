//! One history: desks, a server, the line between them, people and misfortune, on one agenda of virtual time.

mod calamity;
mod ledger;
mod line;
mod misfortune;
mod office;
mod seat;
mod station;
mod store;

use crate::cast::{Cast, DAWN};
use crate::dice::Dice;
use crate::fail::FailPoint;
use crate::mutant::Mutant;
use crate::nemesis::{Fault, Kind, Plan, Tally, Weather};
use crate::paper::CHUNK;
use crate::server::{Backup, Server};
use desk_domain::ids::CaseId;
use desk_domain::outcome::Outcome;
use desk_domain::time::Millis;
use desk_sync::machine::Config;
use desk_sync::machine::port::{Lane, LinkError};
use desk_sync::wire::Raw;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

pub use ledger::Ledger;
use line::Conn;
use office::Wait;
pub use station::Station;

/// Longest time from the last fault until everything must have drained.
const PATIENCE_MS: Millis = 3 * 3_600_000;
/// Most events of one history; more is a livelock.
const MOST_EVENTS: u64 = 150_000;

/// What is on the agenda.
#[derive(Debug)]
enum Event {
    /// A request reaches the server.
    Arrive {
        conn: u64,
    },
    /// An answer, or the news that there will be none, reaches the desk.
    Answer {
        conn: u64,
        result: Result<Rc<Raw>, LinkError>,
    },
    ServerSync {
        life: u64,
    },
    ServerUp,
    /// A waiting poll looks whether there is news, or has waited long enough.
    Look {
        life: u64,
        conn: u64,
    },
    Timer {
        desk: usize,
        life: u64,
        lane: Lane,
        number: u64,
    },
    /// The hand does its next store call.
    HandDo {
        desk: usize,
        life: u64,
    },
    DeskSync {
        desk: usize,
        life: u64,
    },
    DeskUp {
        desk: usize,
    },
    Act {
        desk: usize,
    },
    SignIn {
        desk: usize,
    },
    Strike(Fault),
    /// The system writes back what a commit left in its memory, M06.
    WriteBack {
        desk: usize,
    },
    /// A process dies within a write.
    KillInWrite {
        desk: Option<usize>,
        life: u64,
    },
}

/// The dice of each purpose.
struct DiceBox {
    line: Dice,
    people: Dice,
    disks: Dice,
}

/// One history while it happens.
pub struct World {
    pub cast: Cast,
    pub server: Server,
    pub stations: Vec<Station>,
    pub ledger: Ledger,
    pub tally: Tally,
    mutant: Option<Mutant>,
    dice: DiceBox,
    weather: Weather,
    calm_at: Millis,
    now: Millis,
    server_up: bool,
    server_life: u64,
    /// Answers that go out with the next sync of the server's disk, and where it may die in between.
    committing: Vec<(u64, Rc<Raw>, Option<FailPoint>)>,
    server_backup: Option<Backup>,
    seed: u64,
    waits: BTreeMap<u64, Wait>,
    conns: BTreeMap<u64, Conn>,
    agenda: BTreeMap<(Millis, u64), Event>,
    numbers: u64,
    events: u64,
    /// Folds what happened when; equal for equal seeds.
    pub trace: u64,
}

impl World {
    /// The beginning of the history of a seed.
    pub fn new(seed: u64, mutant: Option<Mutant>) -> Self {
        let cast = Cast::new(&Dice::new(seed, 1));
        let plan = Plan::draw(&Dice::new(seed, 2), cast.players.len(), DAWN);
        let ids = Dice::new(seed, 3);
        let sizes = Dice::new(seed, 4);
        let (push_ops, page) = (2 + sizes.below(12), 1 + sizes.below(5));
        let limits = (
            usize::try_from(push_ops).unwrap_or(2),
            usize::try_from(page).unwrap_or(1),
        );
        let mut server = Server::new(cast.clone(), ids, mutant);
        (server.push_ops, server.page) = limits;
        server.traps = plan.server_traps;
        let config = Config {
            page: limits.1,
            digest_every_ms: 15 * 60_000,
            chunk_bytes: u64::try_from(CHUNK).unwrap_or(1),
            ..Config::default()
        };
        let traps = plan.desk_traps.into_iter();
        let stations = cast.players.iter().zip(10..).zip(traps);
        let stations = stations.map(|((player, stream), traps)| {
            let chance = Arc::new(Dice::new(seed, stream));
            let mut station = Station::new(player.clone(), config, chance);
            station.traps = traps;
            station
        });
        let mut world = Self {
            stations: stations.collect(),
            cast,
            server,
            ledger: Ledger::default(),
            tally: Tally::default(),
            mutant,
            dice: DiceBox {
                line: Dice::new(seed, 5),
                people: Dice::new(seed, 6),
                disks: Dice::new(seed, 7),
            },
            weather: plan.weather,
            calm_at: plan.calm_at,
            now: DAWN,
            server_up: true,
            server_life: 0,
            committing: Vec::new(),
            server_backup: None,
            seed,
            waits: BTreeMap::new(),
            conns: BTreeMap::new(),
            agenda: BTreeMap::new(),
            numbers: 0,
            events: 0,
            trace: seed,
        };
        for desk in 0..world.stations.len() {
            let at = world.dice.people.span(0, 20_000);
            world.after(at, Event::DeskUp { desk });
            world.after(at + 1_000, Event::Act { desk });
        }
        for (at, fault) in plan.faults {
            world.after(at - DAWN, Event::Strike(fault));
        }
        world
    }

    /// Lives through the history until all is drained. What went wrong stands in the ledger.
    pub fn run(&mut self) {
        while let Some(((at, number), event)) = self.agenda.pop_first() {
            self.now = at;
            self.events += 1;
            self.trace = Dice::new(self.trace ^ number, at.unsigned_abs()).roll();
            if at >= self.calm_at {
                self.calm_down();
                let settles = matches!(
                    event,
                    Event::DeskSync { .. } | Event::ServerSync { .. } | Event::Act { .. }
                );
                self.happen(event);
                if settles && self.is_drained() {
                    return;
                }
            } else {
                self.happen(event);
            }
            if self.events > MOST_EVENTS || at > self.calm_at + PATIENCE_MS {
                break;
            }
        }
        self.ledger.broken.push(format!("wedged: {}", self.wedge()));
    }

    /// Two desks wrote the same field: counted from the verdicts.
    pub fn count_conflicts(&mut self) {
        let journal = &self.server.disk.synced.journal;
        for _ in journal
            .iter()
            .filter(|entry| matches!(entry.outcome, Outcome::Conflict { .. }))
        {
            self.tally.count(Kind::SameField);
        }
    }

    fn calm_down(&mut self) {
        self.weather = Weather::default();
        self.server.traps.clear();
        for station in &mut self.stations {
            station.traps.clear();
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrive { conn } => self.arrive(conn),
            Event::Answer { conn, result } => self.answered(conn, result),
            Event::ServerSync { life } => self.server_synced(life),
            Event::ServerUp => self.server_up = true,
            Event::Look { life, conn } => self.look(life, conn),
            Event::Timer {
                desk,
                life,
                lane,
                number,
            } => self.timer(desk, life, lane, number),
            Event::HandDo { desk, life } => self.hand_do(desk, life),
            Event::DeskSync { desk, life } => self.desk_synced(desk, life),
            Event::DeskUp { desk } => self.desk_up(desk),
            Event::Act { desk } => self.act(desk),
            Event::SignIn { desk } => self.sign_in(desk),
            Event::Strike(fault) => self.strike(fault),
            Event::WriteBack { desk } => self.write_back(desk),
            Event::KillInWrite { desk, life } => self.kill_in_write(desk, life),
        }
    }

    fn after(&mut self, wait_ms: Millis, event: Event) {
        self.numbers += 1;
        self.agenda.insert(
            (self.now.saturating_add(wait_ms.max(0)), self.numbers),
            event,
        );
    }

    fn is_calm(&self) -> bool {
        self.now >= self.calm_at
    }

    fn is_drained(&self) -> bool {
        self.server_up
            && self.committing.is_empty()
            && !self.server.disk.synced.has_late()
            && self.stations.iter().all(|desk| self.has_all(desk))
    }

    fn has_all(&self, desk: &Station) -> bool {
        let counters = &self.server.disk.synced.counters;
        let follows = |scope| desk.disk.synced.cursors.get(scope) == counters.get(scope);
        desk.is_idle()
            && desk.disk.synced.epoch == Some(self.server.epoch)
            && desk.disk.synced.is_drained()
            && crate::check::documents_waiting(&self.server, &desk.disk.synced).is_empty()
            && desk.player.card.offices.iter().all(follows)
            && !self.is_overtaken(desk)
            && desk.rotten.iter().all(|case| self.is_mended(desk, *case))
    }

    /// A push that was on its way when somebody put this disk back came late: the desk learns at its next hello that the
    /// server has more of its journal than itself, and begins a new life.
    fn is_overtaken(&self, desk: &Station) -> bool {
        let books = &desk.disk.synced;
        let head = self
            .server
            .disk
            .synced
            .heads
            .get(&(books.device, books.incarnation));
        let is_twin = |other: &&Station| other.player.device == books.device;
        let alone = self.stations.iter().filter(is_twin).count() == 1;
        alone && head.is_some_and(|head| head.seq > books.tip().seq)
    }

    /// What something changed on this disk is again what the server has.
    fn is_mended(&self, desk: &Station, case: CaseId) -> bool {
        let there = self.server.disk.synced.cases.get(&case);
        let there = there.filter(|there| desk.player.card.offices.contains(&there.office));
        desk.disk.synced.confirmed.get(&case) == there
    }

    fn wedge(&self) -> String {
        let late = self
            .stations
            .iter()
            .filter(|desk| !self.has_all(desk))
            .map(|desk| self.describe(desk));
        format!(
            "{} events; {}",
            self.events,
            late.collect::<Vec<_>>().join("; ")
        )
    }

    fn describe(&self, desk: &Station) -> String {
        let books = &desk.disk.synced;
        let waiting = crate::check::documents_waiting(&self.server, books);
        let rows = &self.server.disk.synced;
        let papers = waiting.iter().filter_map(|id| {
            let paper = books.papers.get(id)?;
            let there = rows
                .papers
                .get(id)
                .map(|there| (there.stored, &there.offices));
            let here = paper.bytes.is_some();
            Some(format!(
                "{id} {:?} here {here} there {there:?}",
                paper.transfer
            ))
        });
        let papers: Vec<String> = papers.collect();
        let same_epoch = books.epoch == Some(self.server.epoch);
        let open = books.fates.iter().filter(|(_, fate)| {
            !matches!(
                fate.state,
                crate::desk::State::Judged | crate::desk::State::Parked
            )
        });
        let open: Vec<String> = open.map(|(op, fate)| format!("{op} {fate:?}")).collect();
        format!(
            "{}, idle {}, epoch {same_epoch}, feeds there {:?}, unjudged {open:?}, documents {papers:?}",
            desk.describe(),
            desk.is_idle(),
            rows.counters
        )
    }
}
