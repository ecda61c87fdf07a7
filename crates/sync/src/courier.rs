//! The courier's outside: starts the threads, shows the status, takes wishes.

mod driver;

use crate::error::SyncError;
use crate::hand::Hand;
use crate::http::{Door, NetConfig};
use crate::machine::port::{BundleKeys, Input, SessionTokens, Wake};
use crate::machine::status::{DocProgress, Link};
use crate::machine::{AdminAnswer, AdminAsk, Answer, Ask, Config, LinksAsk, Machine};
use crate::proof::{Prover, Signer};
use desk_domain::ids::DeviceId;
use desk_domain::time::{Chance, Clock, Millis};
use desk_protocol::calls::Call;
use desk_protocol::codes::{CodeSendReply, CodeSendRequest, CodeVerifyReply, CodeVerifyRequest};
use desk_protocol::links::LinksReply;
use desk_protocol::wipe::SignedWipe;
use desk_store::Store;
use driver::{Driver, Event};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// Longest that a person waits for an answer to a question.
const ANSWER_WITHIN: Duration = Duration::from_mins(1);

/// Everything the courier is told at its start.
#[derive(Clone)]
pub struct CourierConfig {
    pub net: NetConfig,
    pub app_version: String,
    pub device: DeviceId,
    pub signer: Signer,
    pub session: Option<SessionTokens>,
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
    pub tuning: Config,
}

/// The sync axis of what a person sees; never mixed with the state of a case.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct SyncStatus {
    pub link: Link,
    pub last_success_at: Option<Millis>,
    pub unsent: u64,
    pub oldest_unsent_at: Option<Millis>,
    /// Ops done and ops in all, of what is being sent now.
    pub sending: Option<(u64, u64)>,
    pub documents: Vec<DocProgress>,
    pub conflicts: u64,
    pub parked: u64,
    pub refused: u64,
    pub held: u64,
    pub clock_skew_ms: Option<i64>,
    pub server_version: Option<String>,
    /// Code of what keeps the outbox from moving although the line stands.
    pub push_trouble: Option<String>,
    /// Cases that were not as the server has them and were mended since this courier began, and when last.
    pub repaired_cases: u64,
    pub repaired_at: Option<Millis>,
}

/// What those who listen hear.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SyncEvent {
    Status(SyncStatus),
    /// Keep these: the refresh token before is spent.
    SessionRenewed(SessionTokens),
    SessionLost,
    /// The policy in force; its signature is not checked yet.
    Policy {
        version: u32,
        toml: String,
        /// By the server over [`desk_protocol::policy::policy_message`], base64.
        signature: Option<String>,
    },
    /// Headquarters' keys for bundles that travel by hand.
    BundleKeys(BundleKeys),
    /// An order to destroy what this desk holds, not checked yet.
    WipeOrdered(SignedWipe),
    /// All calls that ring for this person now.
    Calls(Vec<Call>),
}

/// Shared between the courier's threads and its owner.
pub(crate) struct Shared {
    state: Mutex<State>,
}

struct State {
    status: SyncStatus,
    listeners: Vec<Sender<SyncEvent>>,
    /// Told again to whoever begins to listen later.
    policy: Option<SyncEvent>,
    session: Option<SyncEvent>,
    bundle_keys: Option<SyncEvent>,
    wipe: Option<SyncEvent>,
    askers: BTreeMap<u64, Sender<Result<Answer, SyncError>>>,
    next_ticket: u64,
}

impl Shared {
    fn new(now: Millis) -> Self {
        let status = SyncStatus {
            link: Link::Connecting { since: now },
            last_success_at: None,
            unsent: 0,
            oldest_unsent_at: None,
            sending: None,
            documents: Vec::new(),
            conflicts: 0,
            parked: 0,
            refused: 0,
            held: 0,
            clock_skew_ms: None,
            server_version: None,
            push_trouble: None,
            repaired_cases: 0,
            repaired_at: None,
        };
        let state = State {
            status,
            listeners: Vec::new(),
            policy: None,
            session: None,
            bundle_keys: None,
            wipe: None,
            askers: BTreeMap::new(),
            next_ticket: 0,
        };
        Self {
            state: Mutex::new(state),
        }
    }

    fn hold(&self) -> MutexGuard<'_, State> {
        // A poisoned lock only means that another thread fell; the values are whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, status: SyncStatus) {
        let mut state = self.hold();
        if state.status != status {
            state.status = status.clone();
            tell(&mut state, &SyncEvent::Status(status));
        }
    }

    fn announce(&self, event: SyncEvent) {
        let mut state = self.hold();
        match &event {
            SyncEvent::Policy { .. } => state.policy = Some(event.clone()),
            SyncEvent::BundleKeys(_) => state.bundle_keys = Some(event.clone()),
            SyncEvent::WipeOrdered(_) => state.wipe = Some(event.clone()),
            SyncEvent::SessionRenewed(_) | SyncEvent::SessionLost => {
                state.session = Some(event.clone());
            }
            // What rang before somebody listened has changed by the time he does.
            SyncEvent::Status(_) | SyncEvent::Calls(_) => {}
        }
        tell(&mut state, &event);
    }

    fn answer(&self, ticket: u64, result: Result<Answer, SyncError>) {
        if let Some(asker) = self.hold().askers.remove(&ticket) {
            // The asker may have given up.
            let _ = asker.send(result);
        }
    }
}

fn tell(state: &mut State, event: &SyncEvent) {
    state
        .listeners
        .retain(|listener| listener.send(event.clone()).is_ok());
}

/// A running courier. Dropping it stops it.
pub struct Courier {
    events: UnboundedSender<Event>,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Courier {
    /// Starts the threads. Fails only for an address or a certificate that cannot be used.
    pub fn start(config: CourierConfig, store: Arc<Store>) -> Result<Self, SyncError> {
        let door = Door::open(&config.net)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.map_err(|_| SyncError::NoNetworkLayer)?;
        let (events, inbox) = unbounded_channel();
        let (work, works) = channel();
        let shared = Arc::new(Shared::new(config.clock.now()));
        let touched = store.subscribe();
        let hand = Hand {
            store: Arc::clone(&store),
            clock: Arc::clone(&config.clock),
            chance: Arc::clone(&config.chance),
        };
        let driver = Driver {
            machine: Machine::new(config.tuning, config.chance),
            door: Arc::new(door),
            prover: Arc::new(Prover::new(config.device, config.signer)),
            app_version: config.app_version,
            store,
            clock: config.clock,
            events: events.clone(),
            work,
            shared: Arc::clone(&shared),
            desk: driver::Desk::new(config.session),
        };
        let to_hand = events.clone();
        let hand = spawn("courier-store", move || {
            driver::serve(&hand, &works, &to_hand);
        })?;
        let drive = spawn("courier", move || runtime.block_on(driver.run(inbox)))?;
        // Ends with the store or with the first news after the courier's end; it holds neither of them.
        let to_driver = events.clone();
        spawn("courier-watch", move || driver::watch(&touched, &to_driver))?;
        Ok(Self {
            events,
            shared,
            threads: vec![drive, hand],
        })
    }

    /// How things stand. Cheap; no store and no network is touched.
    pub fn status(&self) -> SyncStatus {
        self.shared.hold().status.clone()
    }

    /// Work was done here: send it, and try a line that is down, at most every few seconds.
    pub fn poke(&self) {
        self.wake(Wake::Poke);
    }

    /// A person asked for it, or the network changed: every wait ends now.
    pub fn sync_now(&self) {
        self.wake(Wake::Person);
    }

    /// A person signed in, or out (none).
    pub fn set_session(&self, session: Option<SessionTokens>) {
        self.send(Event::Input(Box::new(Input::SessionSet(session))));
    }

    /// News from now on, beginning with the present status, policy and session.
    pub fn subscribe(&self) -> Receiver<SyncEvent> {
        let (sender, receiver) = channel();
        let mut state = self.shared.hold();
        let present = [
            Some(SyncEvent::Status(state.status.clone())),
            state.policy.clone(),
            state.session.clone(),
            state.bundle_keys.clone(),
            state.wipe.clone(),
        ];
        for event in present.into_iter().flatten() {
            // The receiver is in our hand: this cannot fail.
            let _ = sender.send(event);
        }
        state.listeners.push(sender);
        receiver
    }

    /// Has a one-time code sent to the number of record. Blocks; not for the thread that draws.
    pub fn send_code(&self, request: CodeSendRequest) -> Result<CodeSendReply, SyncError> {
        match self.ask(Ask::SendCode(request))? {
            Answer::CodeSent(reply) => Ok(reply),
            Answer::CodeVerified(_) | Answer::Links(_) | Answer::Admin(_) => {
                Err(SyncError::Unreadable)
            }
        }
    }

    /// Has the code checked that the caller read out. Blocks; not for the thread that draws.
    pub fn verify_code(&self, request: CodeVerifyRequest) -> Result<CodeVerifyReply, SyncError> {
        match self.ask(Ask::VerifyCode(request))? {
            Answer::CodeVerified(reply) => Ok(reply),
            Answer::CodeSent(_) | Answer::Links(_) | Answer::Admin(_) => Err(SyncError::Unreadable),
        }
    }

    /// Makes, looks at or ends upload links of a case. Blocks; not for the thread that draws.
    pub fn links(&self, ask: LinksAsk) -> Result<LinksReply, SyncError> {
        match self.ask(Ask::Links(ask))? {
            Answer::Links(reply) => Ok(*reply),
            Answer::CodeSent(_) | Answer::CodeVerified(_) | Answer::Admin(_) => {
                Err(SyncError::Unreadable)
            }
        }
    }

    /// Looks at or changes people, desks and offices. Blocks; not for the thread that draws.
    pub fn admin(&self, ask: AdminAsk) -> Result<AdminAnswer, SyncError> {
        match self.ask(Ask::Admin(ask))? {
            Answer::Admin(answer) => Ok(*answer),
            Answer::CodeSent(_) | Answer::CodeVerified(_) | Answer::Links(_) => {
                Err(SyncError::Unreadable)
            }
        }
    }

    /// Ends the threads. What was under way is begun again at the next start; nothing is lost by it.
    pub fn stop(self) {
        drop(self);
    }

    fn ask(&self, ask: Ask) -> Result<Answer, SyncError> {
        let (sender, receiver) = channel();
        let ticket = {
            let mut state = self.shared.hold();
            state.next_ticket += 1;
            let ticket = state.next_ticket;
            state.askers.insert(ticket, sender);
            ticket
        };
        self.send(Event::Input(Box::new(Input::Ask { ticket, ask })));
        let answer = receiver.recv_timeout(ANSWER_WITHIN);
        self.shared.hold().askers.remove(&ticket);
        answer.unwrap_or(Err(SyncError::Stopped))
    }

    fn wake(&self, wake: Wake) {
        self.send(Event::Input(Box::new(Input::Wake(wake))));
    }

    fn send(&self, event: Event) {
        // Err: the driver has ended; then there is nobody to wake.
        let _ = self.events.send(event);
    }
}

impl Drop for Courier {
    fn drop(&mut self) {
        self.send(Event::Stop);
        for thread in self.threads.drain(..) {
            // Err: that thread fell; the journal does not mind.
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for Courier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Courier").finish_non_exhaustive()
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, SyncError> {
    let thread = std::thread::Builder::new().name(name.to_owned());
    thread.spawn(work).map_err(|_| SyncError::NoNetworkLayer)
}
