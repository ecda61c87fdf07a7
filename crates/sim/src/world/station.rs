//! A desk's process on the agenda: the product's sync machine, its store, its timers and its person.

use super::line::Conn;
use super::store::Due;
use super::{Event, World};
use crate::cast::{DAWN, Player};
use crate::desk::Books;
use crate::dice::Dice;
use crate::disk::Disk;
use crate::fail::{Death, Traps};
use crate::paper;
use crate::person::Odd;
use desk_domain::ids::{CaseId, DocumentId, Incarnation};
use desk_domain::time::Millis;
use desk_sync::machine::port::{
    Action, Flight, Input, Lane, LinkError, Notice, Request, SessionTokens, StoreCall,
};
use desk_sync::machine::{Config, Machine};
use desk_sync::proof::Prover;
use desk_sync::wire::encode;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

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
    /// Cases that something changed on this disk; a comparison must find them.
    pub(super) rotten: BTreeSet<CaseId>,
    pub(super) traps: Traps,
    /// The file kept back for the op in hand when the disk is full.
    pub(super) ballast: bool,
    /// M13: chunks that the server has taken in this life.
    chunks: BTreeMap<DocumentId, BTreeSet<u32>>,
    pub(super) machine: Option<Machine>,
    pub(super) config: Config,
    pub(super) chance: Arc<Dice>,
    pub(super) prover: Prover,
    pub(super) session: Option<SessionTokens>,
    pub(super) timers: BTreeMap<Lane, u64>,
    pub(super) tasks: VecDeque<(Lane, StoreCall)>,
    pub(super) hand_busy: bool,
    pub(super) due: Vec<Due>,
    pub(super) sequence: u32,
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
            rotten: BTreeSet::new(),
            traps: Traps::default(),
            ballast: true,
            chunks: BTreeMap::new(),
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

    /// The same disk in another machine. Both share the device's key and the session.
    pub(super) fn copy(&self, chance: Arc<Dice>) -> Self {
        Self {
            disk: Disk::holding(self.disk.synced.clone()),
            session: self.session.clone(),
            rotten: self.rotten.clone(),
            sequence: self.sequence,
            ..Self::new(self.player.clone(), self.config, chance)
        }
    }

    /// M13: on the last chunk's 2xx the desk's copy goes.
    pub(super) fn note_chunk(&mut self, path: &str) {
        let mut parts = path.trim_start_matches("/v1/documents/").split("/chunks/");
        let id = parts.next().and_then(DocumentId::parse);
        let index = parts.next().and_then(|index| index.parse().ok());
        let (Some(id), Some(index)) = (id, index) else {
            return;
        };
        let taken = self.chunks.entry(id).or_default();
        taken.insert(index);
        let count = taken.len();
        for books in [&mut self.disk.live, &mut self.disk.synced] {
            let paper = books.papers.get_mut(&id);
            if let Some(paper) = paper.filter(|paper| paper.manifest.chunks.len() == count) {
                paper.bytes = None;
            }
        }
    }

    pub(super) fn die(&mut self, death: Death) {
        self.machine = None;
        self.life += 1;
        self.disk.die(death);
        self.chunks.clear();
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
            } => self.send(desk, (lane, flight), token, &request),
            // What is on the line may still arrive; the machine knows its flights by number.
            Action::Cancel(_)
            | Action::Tell(
                Notice::Policy { .. }
                | Notice::BundleKeys(_)
                | Notice::WipeOrdered(_)
                | Notice::Calls(_)
                | Notice::Answered { .. },
            ) => {}
            Action::Tell(Notice::Repaired { cases, .. }) => {
                // The comparison is the last net: what nothing has changed must never be caught by it.
                if station.rotten.is_empty() {
                    let code = station.player.device_code;
                    let found = format!("{code}: a comparison mended {cases} cases");
                    self.ledger.broken.push(found);
                }
            }
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

    fn send(
        &mut self,
        desk: usize,
        (lane, flight): (Lane, Flight),
        token: Option<String>,
        request: &Request,
    ) {
        let Some(station) = self.stations.get(desk) else {
            return;
        };
        let (life, device) = (station.life, station.player.device);
        let call = match chunk_of(station, request) {
            Some(chunk) => encode(request, &station.prover, "sim", chunk),
            None => Err(LinkError::Local),
        };
        let call = match call {
            Ok(call) => call,
            Err(error) => {
                let result = Err(error);
                return self.feed(
                    desk,
                    Input::Reply {
                        lane,
                        flight,
                        result,
                    },
                );
            }
        };
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

    pub(super) fn timer(&mut self, desk: usize, life: u64, lane: Lane, number: u64) {
        let rings = |station: &super::Station| {
            station.life == life && station.timers.get(&lane) == Some(&number)
        };
        if self.stations.get(desk).is_some_and(rings) {
            self.feed(desk, Input::Timer(lane));
        }
    }
}

/// The bytes that a request carries beside its own; none when they are not here any more.
fn chunk_of(station: &Station, request: &Request) -> Option<Vec<u8>> {
    let Request::PutChunk { document, index } = request else {
        return Some(Vec::new());
    };
    let paper = station.disk.live.papers.get(document)?;
    paper::chunk(paper.bytes.as_ref()?, *index)
}
