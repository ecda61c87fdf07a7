//! The sans-IO core: replies, timers and store results in, actions out. No socket, no clock, no thread.
//!
//! Invariants: a lane never waits for another lane; each lane has at most one flight, one timer and one store call;
//! [`Machine::resume`] may be called at any time and does nothing unless the lane is free and has work;
//! only an answer of our own content type with an envelope counts as a receipt; nothing unsent is ever dropped.

mod admin;
mod ask;
mod backoff;
mod calls;
mod digest;
mod documents;
mod downloads;
mod hello;
mod line;
mod link;
pub mod port;
mod pull;
mod push;
mod session;
pub mod status;
#[cfg(test)]
mod tests;
mod triage;

pub use admin::{AdminAnswer, AdminAsk};
pub use ask::{Answer, Ask, LinksAsk};
pub use backoff::{Backoff, Breaker, Pace, RETRY_AFTER_CAP_MS};

use desk_domain::case::CHUNK_BYTES;
use desk_domain::ids::{Epoch, OfficeCode};
use desk_domain::time::{Chance, Millis};
use desk_protocol::{MAX_PAGE, MAX_PUSH_BYTES, MAX_PUSH_OPS, MAX_WAIT_MS};
use line::{Flying, Held, Line};
use port::{Action, Input, Lane, Notice, Request, StoreCall, StoreReply, StoreTrouble, Wake};
use status::{LineStatus, OfflineWhy};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What may be tuned; the defaults are the product's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Config {
    pub pace: Pace,
    /// Hello again after this long, for new policies and rights.
    pub hello_every_ms: u64,
    pub push_ops: usize,
    pub push_bytes: usize,
    pub page: usize,
    pub wait_ms: u64,
    /// Chunks of one document on the wire at once.
    pub parallel_chunks: u8,
    /// A feed is compared with the server's cases this long after it was first caught up,
    pub digest_first_ms: u64,
    /// then at most this often,
    pub digest_every_ms: u64,
    /// and again after this long when the feed had moved on in between.
    pub digest_retry_ms: u64,
    /// Length of a full chunk. The rules fix it for the product; the simulator moves small ones.
    pub chunk_bytes: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            pace: Pace {
                base_ms: 1_000,
                cap_ms: 300_000,
            },
            hello_every_ms: 600_000,
            push_ops: MAX_PUSH_OPS,
            push_bytes: MAX_PUSH_BYTES,
            page: MAX_PAGE,
            wait_ms: MAX_WAIT_MS,
            parallel_chunks: 3,
            digest_first_ms: 120_000,
            digest_every_ms: 3_600_000,
            digest_retry_ms: 30_000,
            chunk_bytes: u64::try_from(CHUNK_BYTES).unwrap_or(u64::MAX),
        }
    }
}

/// Work at this desk ends a wait at most this often.
const POKE_EVERY_MS: u64 = 5_000;

/// The state of all lanes.
pub struct Machine {
    config: Config,
    chance: Arc<dyn Chance>,
    now: Millis,
    out: Vec<Action>,
    lines: BTreeMap<Lane, Line>,
    next_flight: u64,
    breaker: Breaker,
    /// The breaker closed in this turn: stalled lanes go on once the turn's own lane is done.
    release: bool,
    link: link::LinkState,
    session: session::Session,
    epoch: Option<Epoch>,
    /// Questions that came before the session was read from the file; none once it was.
    early: Option<Vec<(u64, ask::Ask)>>,
    poked_at: Millis,
    hello: hello::HelloLane,
    push: push::PushLane,
    pulls: BTreeMap<OfficeCode, pull::PullLane>,
    documents: documents::DocumentsLane,
    downloads: downloads::DownloadLane,
    digest: digest::DigestLane,
    calls: calls::CallsLane,
}

impl Machine {
    /// A machine that has not started; feed it [`Input::Started`].
    pub fn new(config: Config, chance: Arc<dyn Chance>) -> Self {
        Self {
            config,
            chance,
            now: 0,
            out: Vec::new(),
            lines: BTreeMap::new(),
            next_flight: 0,
            breaker: Breaker::default(),
            release: false,
            link: link::LinkState::default(),
            session: session::Session::default(),
            epoch: None,
            early: Some(Vec::new()),
            poked_at: 0,
            hello: hello::HelloLane::default(),
            push: push::PushLane::new(config.push_ops, config.push_bytes),
            pulls: BTreeMap::new(),
            documents: documents::DocumentsLane::new(config.parallel_chunks, config.chunk_bytes),
            downloads: downloads::DownloadLane::default(),
            digest: digest::DigestLane::default(),
            calls: calls::CallsLane::default(),
        }
    }

    /// Takes one input and says what is to be done. Total: any input in any state is harmless.
    pub fn handle(&mut self, input: Input, now: Millis) -> Vec<Action> {
        self.now = now;
        match input {
            Input::Started { epoch, session } => {
                self.link.start(now);
                self.epoch = epoch;
                self.session.set(session);
                self.push.wake();
                self.documents.wake();
                self.resume_all();
                for (ticket, ask) in self.early.take().unwrap_or_default() {
                    self.ask(ticket, ask);
                }
            }
            Input::Wake(wake) => self.wake(wake),
            Input::Timer(lane) => {
                self.line(&lane).armed = false;
                self.resume(&lane);
            }
            Input::Reply {
                lane,
                flight,
                result,
            } => self.on_reply(&lane, flight, result),
            Input::Stored { lane, result } => self.on_stored(&lane, result),
            Input::SessionSet(tokens) => self.set_session(tokens),
            Input::Ask { ticket, ask } => self.ask(ticket, ask),
        }
        std::mem::take(&mut self.out)
    }

    /// What a person may see.
    pub fn status(&self) -> LineStatus {
        LineStatus {
            link: self.link_state(),
            last_success_at: self.link.last_success_at,
            sending_ops: self.sending_ops(),
            documents: self.documents.progress(),
            clock_skew_ms: self.link.skew.offset_ms(),
            server_version: self.hello.server_version.clone(),
            push_trouble: self.push.trouble.clone(),
        }
    }

    fn wake(&mut self, wake: Wake) {
        match wake {
            Wake::Journal => {
                self.push.wake();
                self.resume(&Lane::Push);
            }
            Wake::Documents => {
                self.documents.wake();
                self.resume(&Lane::Documents);
            }
            Wake::Poke => {
                let since = self.now.abs_diff(self.poked_at);
                if since >= POKE_EVERY_MS {
                    self.poked_at = self.now;
                    self.end_waits(false);
                } else {
                    self.push.wake();
                    self.resume(&Lane::Push);
                }
            }
            Wake::Person => {
                self.doubt_cases();
                self.end_waits(true);
            }
        }
    }

    /// Ends every wait; one that the server asked for only when a person insists.
    fn end_waits(&mut self, insist: bool) {
        for line in self.lines.values_mut() {
            line.armed &= line.asked && !insist;
        }
        self.push.wake();
        self.documents.wake();
        self.downloads.clear_aside();
        self.resume_all();
    }

    fn resume_all(&mut self) {
        let mut lanes = vec![
            Lane::Session,
            Lane::Hello,
            Lane::Push,
            Lane::Documents,
            Lane::Download,
            Lane::Digest,
            Lane::Calls,
        ];
        lanes.extend(self.pulls.keys().cloned().map(Lane::Pull));
        for lane in lanes {
            self.resume(&lane);
        }
    }

    /// Looks whether the lane is free and has work.
    fn resume(&mut self, lane: &Lane) {
        let busy = matches!(lane, Lane::Ask(_)) || !self.line(lane).is_free();
        if !self.link.started || busy {
            return;
        }
        match lane {
            Lane::Session => self.resume_session(),
            Lane::Hello => self.resume_hello(),
            Lane::Push => self.resume_push(),
            Lane::Pull(scope) => self.resume_pull(scope),
            Lane::Documents | Lane::Upload(_) => self.resume_documents(),
            Lane::Download => self.resume_download(),
            Lane::Digest => self.resume_digest(),
            Lane::Calls => self.resume_calls(),
            Lane::Ask(_) => {}
        }
    }

    fn on_stored(&mut self, lane: &Lane, result: Result<StoreReply, StoreTrouble>) {
        let line = self.line(lane);
        if !std::mem::take(&mut line.storing) {
            return;
        }
        match result {
            Err(_) => self.store_failed(lane),
            Ok(reply) => match lane {
                Lane::Hello => self.hello_stored(reply),
                Lane::Push => self.push_stored(reply),
                Lane::Pull(scope) => self.pull_stored(&scope.clone(), reply),
                Lane::Documents | Lane::Upload(_) => self.documents_stored(reply),
                Lane::Download => self.download_stored(),
                Lane::Digest => self.digest_stored(reply),
                Lane::Session | Lane::Calls | Lane::Ask(_) => {}
            },
        }
        self.resume(lane);
    }

    /// The store could not (full disk, say): the same work is done again later.
    fn store_failed(&mut self, lane: &Lane) {
        match lane {
            Lane::Hello => self.hello.store_failed(),
            Lane::Documents | Lane::Upload(_) => self.documents.reoffer(),
            Lane::Pull(scope) => {
                if let Some(pull) = self.pulls.get_mut(scope) {
                    pull.next = None;
                }
            }
            Lane::Digest => self.digest_store_failed(),
            Lane::Session | Lane::Push | Lane::Download | Lane::Calls | Lane::Ask(_) => {}
        }
        self.arm_backoff(lane, None);
    }

    /// Sends now, or notes why not: a pause asked for, an open breaker, no session.
    fn send(&mut self, lane: &Lane, request: Request) {
        let knocks = matches!(lane, Lane::Hello | Lane::Session | Lane::Ask(_));
        let shut = self.breaker.is_open() && !knocks;
        let waits = *lane != Lane::Session && !self.session.is_ready();
        let line = self.line(lane);
        if let Some(rest_ms) = line.rest_ms.take() {
            line.asked = true;
            self.arm(lane, rest_ms);
        } else if shut {
            line.stalled = true;
        } else if waits {
            line.held = Some(Held {
                request,
                again: false,
            });
        } else {
            self.fly(lane, request, false);
        }
    }

    fn fly(&mut self, lane: &Lane, request: Request, again: bool) {
        self.next_flight += 1;
        let flying = Flying {
            flight: self.next_flight,
            request: request.clone(),
            sent_at: self.now,
            token_number: self.session.number,
            again,
        };
        self.line(lane).flight = Some(flying);
        let token = match lane {
            Lane::Session => None,
            Lane::Hello
            | Lane::Push
            | Lane::Pull(_)
            | Lane::Documents
            | Lane::Upload(_)
            | Lane::Download
            | Lane::Digest
            | Lane::Calls
            | Lane::Ask(_) => self.session.access_token(),
        };
        self.out.push(Action::Send {
            lane: lane.clone(),
            flight: self.next_flight,
            token,
            request,
        });
    }

    fn store(&mut self, lane: &Lane, call: StoreCall) {
        self.line(lane).storing = true;
        self.out.push(Action::Store {
            lane: lane.clone(),
            call,
        });
    }

    fn arm(&mut self, lane: &Lane, after_ms: u64) {
        self.line(lane).armed = true;
        self.out.push(Action::Arm {
            lane: lane.clone(),
            after_ms,
        });
    }

    fn arm_backoff(&mut self, lane: &Lane, retry_after_ms: Option<u64>) {
        let pace = self.config.pace;
        let chance = Arc::clone(&self.chance);
        let line = self.line(lane);
        let wait = line.backoff.fail(pace, retry_after_ms, chance.as_ref());
        line.asked = retry_after_ms.is_some();
        self.arm(lane, wait);
    }

    fn tell(&mut self, notice: Notice) {
        self.out.push(Action::Tell(notice));
    }

    fn line(&mut self, lane: &Lane) -> &mut Line {
        self.lines.entry(lane.clone()).or_default()
    }

    fn note_failure(&mut self, why: OfflineWhy, sent_at: Millis) {
        self.link.failed(why, sent_at, self.now);
    }
}
