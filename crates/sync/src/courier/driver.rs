//! The driver: carries the machine's actions out and brings their results back. It decides nothing itself.

use super::{Shared, SyncEvent, SyncStatus};
use crate::hand::{Hand, Task};
use crate::http::Door;
use crate::machine::Machine;
use crate::machine::port::{
    Action, Flight, Input, Lane, LinkError, Notice, Reply, Request, SessionTokens, StoreCall, Wake,
};
use crate::proof::Prover;
use crate::wire;
use desk_domain::ids::Epoch;
use desk_domain::time::{Clock, Millis};
use desk_store::{OutboxSummary, Store, StoreError, Touched};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::task::AbortHandle;

/// Pause before the store is asked again for what the machine needs to start.
const START_AGAIN: Duration = Duration::from_secs(1);

/// What reaches the driver.
pub enum Event {
    Input(Box<Input>),
    Touched {
        outbox: bool,
        documents: bool,
    },
    Counted(Option<OutboxSummary>),
    /// The life of the server that the store remembers, or that it cannot be read yet.
    Epoch(Result<Option<Epoch>, StoreError>),
    Stop,
}

/// What the hand is given.
pub enum Work {
    Epoch,
    Call(Task),
    Count,
}

/// The driver's own memory.
pub struct Desk {
    session: Option<SessionTokens>,
    flights: BTreeMap<Lane, AbortHandle>,
    timers: BTreeMap<Lane, AbortHandle>,
    counted: OutboxSummary,
    counting: bool,
    count_again: bool,
    /// Unsent ops when the present run of sending began.
    burst: u64,
    repaired: u64,
    repaired_at: Option<Millis>,
}

impl Desk {
    pub fn new(session: Option<SessionTokens>) -> Self {
        Self {
            session,
            flights: BTreeMap::new(),
            timers: BTreeMap::new(),
            counted: OutboxSummary::default(),
            counting: false,
            count_again: false,
            burst: 0,
            repaired: 0,
            repaired_at: None,
        }
    }
}

pub struct Driver {
    pub machine: Machine,
    pub door: Arc<Door>,
    pub prover: Arc<Prover>,
    pub app_version: String,
    pub store: Arc<Store>,
    pub clock: Arc<dyn Clock>,
    pub events: UnboundedSender<Event>,
    pub work: Sender<Work>,
    pub shared: Arc<Shared>,
    pub desk: Desk,
}

impl Driver {
    /// Runs until told to stop.
    pub async fn run(mut self, mut inbox: UnboundedReceiver<Event>) {
        self.give(Work::Epoch);
        self.count();
        while let Some(event) = inbox.recv().await {
            match event {
                Event::Stop => break,
                Event::Input(input) => self.step(*input),
                Event::Touched { outbox, documents } => self.touched(outbox, documents),
                Event::Counted(summary) => self.counted(summary),
                Event::Epoch(Ok(epoch)) => {
                    let session = self.desk.session.take();
                    self.step(Input::Started { epoch, session });
                }
                Event::Epoch(Err(_)) => self.start_later(),
            }
            self.show();
        }
        for (_, task) in self.desk.flights.into_iter().chain(self.desk.timers) {
            task.abort();
        }
    }

    fn step(&mut self, input: Input) {
        for action in self.machine.handle(input, self.clock.now()) {
            self.perform(action);
        }
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Send {
                lane,
                flight,
                token,
                request,
            } => self.fly(lane, flight, token, request),
            Action::Cancel(lane) => {
                if let Some(task) = self.desk.flights.remove(&lane) {
                    task.abort();
                }
            }
            Action::Store { lane, call } => self.give(Work::Call(Task { lane, call })),
            Action::Arm { lane, after_ms } => self.arm(lane, after_ms),
            Action::Tell(notice) => self.tell(notice),
        }
    }

    fn fly(&mut self, lane: Lane, flight: Flight, token: Option<String>, request: Request) {
        let (door, prover, store) = (
            Arc::clone(&self.door),
            Arc::clone(&self.prover),
            Arc::clone(&self.store),
        );
        let (events, app_version, key) =
            (self.events.clone(), self.app_version.clone(), lane.clone());
        let task = tokio::spawn(async move {
            let result = exchange(&door, &prover, store, &app_version, token, request).await;
            let input = Input::Reply {
                lane,
                flight,
                result,
            };
            // Err: the driver has ended.
            let _ = events.send(Event::Input(Box::new(input)));
        });
        self.desk.flights.retain(|_, task| !task.is_finished());
        if let Some(before) = self.desk.flights.insert(key, task.abort_handle()) {
            before.abort();
        }
    }

    fn arm(&mut self, lane: Lane, after_ms: u64) {
        let (events, key) = (self.events.clone(), lane.clone());
        let task = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(after_ms)).await;
            // Err: the driver has ended.
            let _ = events.send(Event::Input(Box::new(Input::Timer(lane))));
        });
        if let Some(before) = self.desk.timers.insert(key, task.abort_handle()) {
            before.abort();
        }
    }

    fn start_later(&self) {
        let work = self.work.clone();
        tokio::spawn(async move {
            tokio::time::sleep(START_AGAIN).await;
            // Err: the hand has ended.
            let _ = work.send(Work::Epoch);
        });
    }

    fn tell(&mut self, notice: Notice) {
        match notice {
            Notice::SessionRenewed(tokens) => {
                self.shared.announce(SyncEvent::SessionRenewed(tokens));
            }
            Notice::SessionLost => self.shared.announce(SyncEvent::SessionLost),
            Notice::Policy {
                version,
                toml,
                signature,
            } => {
                self.shared.announce(SyncEvent::Policy {
                    version,
                    toml,
                    signature,
                });
            }
            Notice::Repaired { scope, cases } => {
                tracing::warn!(%scope, cases, "cases were not as the server has them; they are now");
                self.desk.repaired = self.desk.repaired.saturating_add(cases);
                self.desk.repaired_at = Some(self.clock.now());
            }
            Notice::BundleKeys(keys) => self.shared.announce(SyncEvent::BundleKeys(keys)),
            Notice::WipeOrdered(wipe) => self.shared.announce(SyncEvent::WipeOrdered(wipe)),
            Notice::Calls(calls) => self.shared.announce(SyncEvent::Calls(calls)),
            Notice::Answered { ticket, result } => self.shared.answer(ticket, result),
        }
    }

    fn touched(&mut self, outbox: bool, documents: bool) {
        if outbox {
            self.count();
            self.step(Input::Wake(Wake::Journal));
        }
        if documents {
            self.step(Input::Wake(Wake::Documents));
        }
    }

    fn count(&mut self) {
        if self.desk.counting {
            self.desk.count_again = true;
        } else {
            self.desk.counting = true;
            self.give(Work::Count);
        }
    }

    fn counted(&mut self, summary: Option<OutboxSummary>) {
        self.desk.counting = false;
        if let Some(summary) = summary {
            self.desk.counted = summary;
        }
        if std::mem::take(&mut self.desk.count_again) {
            self.count();
        }
    }

    fn give(&self, work: Work) {
        // Err: the hand fell; its lane stays busy and the status says what it last knew.
        let _ = self.work.send(work);
    }

    fn show(&mut self) {
        let line = self.machine.status();
        let counted = &self.desk.counted;
        let sending = line.sending_ops.filter(|_| counted.unsent > 0).map(|_| {
            self.desk.burst = self.desk.burst.max(counted.unsent);
            (self.desk.burst - counted.unsent, self.desk.burst)
        });
        if counted.unsent == 0 {
            self.desk.burst = 0;
        }
        self.shared.show(SyncStatus {
            link: line.link,
            last_success_at: line.last_success_at,
            unsent: counted.unsent,
            oldest_unsent_at: counted.oldest_captured_at,
            sending,
            documents: line.documents,
            conflicts: counted.conflicts,
            parked: counted.parked,
            refused: counted.refused,
            held: counted.held,
            clock_skew_ms: line.clock_skew_ms,
            server_version: line.server_version,
            push_trouble: line.push_trouble,
            repaired_cases: self.desk.repaired,
            repaired_at: self.desk.repaired_at,
        });
    }
}

async fn exchange(
    door: &Door,
    prover: &Prover,
    store: Arc<Store>,
    app_version: &str,
    token: Option<String>,
    request: Request,
) -> Result<Reply, LinkError> {
    let chunk = if let Request::PutChunk { document, index } = &request {
        let (document, index) = (
            *document,
            usize::try_from(*index).map_err(|_| LinkError::Local)?,
        );
        let read = tokio::task::spawn_blocking(move || store.read_chunk(document, index));
        read.await
            .map_err(|_| LinkError::Local)?
            .map_err(|_| LinkError::Local)?
    } else {
        Vec::new()
    };
    let call = wire::encode(&request, prover, app_version, chunk)?;
    may_end_before(&request);
    let reply = door.call(call, token.as_deref()).await;
    may_end_after(&request);
    reply
}

/// Fail points before a request goes out.
fn may_end_before(request: &Request) {
    match request {
        Request::Push(_) => desk_failpoint::reached("sync.push.before_send"),
        Request::PutChunk { .. } => desk_failpoint::reached("sync.chunk.before_send"),
        Request::Refresh { .. }
        | Request::Hello
        | Request::Pull { .. }
        | Request::Snapshot { .. }
        | Request::Digest { .. }
        | Request::Offer(_)
        | Request::Complete { .. }
        | Request::Fetch { .. }
        | Request::Calls { .. }
        | Request::Ask(_) => {}
    }
}

/// Fail points where an answer has come and nobody here has acted on it yet.
fn may_end_after(request: &Request) {
    match request {
        Request::Hello => desk_failpoint::reached("sync.hello.after_reply"),
        Request::Push(_) => desk_failpoint::reached("sync.push.after_reply"),
        Request::Pull { .. } | Request::Snapshot { .. } => {
            desk_failpoint::reached("sync.pull.after_reply");
        }
        Request::PutChunk { .. } => desk_failpoint::reached("sync.chunk.after_reply"),
        Request::Complete { .. } => desk_failpoint::reached("sync.complete.after_reply"),
        Request::Fetch { .. } => desk_failpoint::reached("sync.fetch.after_reply"),
        Request::Refresh { .. }
        | Request::Digest { .. }
        | Request::Offer(_)
        | Request::Calls { .. }
        | Request::Ask(_) => {}
    }
}

/// The hand's loop: ends when the driver does.
pub fn serve(hand: &Hand, works: &Receiver<Work>, events: &UnboundedSender<Event>) {
    for work in works {
        let event = match work {
            Work::Epoch => Event::Epoch(hand.store.server_epoch()),
            Work::Count => Event::Counted(hand.store.outbox().ok()),
            Work::Call(Task { lane, call }) => {
                let name = name_of(&call);
                let result = hand.perform(call);
                if let Err(trouble) = &result {
                    tracing::warn!(call = name, code = trouble.code, "the store could not");
                }
                Event::Input(Box::new(Input::Stored { lane, result }))
            }
        };
        if events.send(event).is_err() {
            return;
        }
    }
}

/// Passes on what the store says about itself.
pub fn watch(touched: &Receiver<Touched>, events: &UnboundedSender<Event>) {
    for news in touched {
        let event = Event::Touched {
            outbox: news.outbox,
            documents: news.documents,
        };
        if (news.outbox || news.documents) && events.send(event).is_err() {
            return;
        }
    }
}

fn name_of(call: &StoreCall) -> &'static str {
    match call {
        StoreCall::LoadUnsent { .. } => "unsent",
        StoreCall::Acknowledge { .. } => "acknowledge",
        StoreCall::Park { .. } => "park",
        StoreCall::Rewind { .. } => "rewind",
        StoreCall::NewIncarnation { .. } => "new incarnation",
        StoreCall::LoadHead { .. } => "head",
        StoreCall::AdoptEpoch { .. } => "adopt epoch",
        StoreCall::KeepScopes { .. } => "keep scopes",
        StoreCall::LoadCursor { .. } => "cursor",
        StoreCall::ApplyPage(_) => "apply page",
        StoreCall::ResetScope { .. } => "reset scope",
        StoreCall::DropScope { .. } => "drop scope",
        StoreCall::LoadDocuments => "documents",
        StoreCall::SetChunks { .. } => "set chunks",
        StoreCall::MarkStored { .. } => "mark stored",
        StoreCall::PutDownloaded { .. } => "put downloaded",
        StoreCall::LoadDigest { .. } => "digest",
        StoreCall::ApplyRepair(_) => "apply repair",
    }
}
