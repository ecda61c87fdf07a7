//! The desk: shut or open, and what outlives a lock (events, limits, the place of its files).

use crate::call_link::CallLink;
use crate::dto::{Changed, UiError};
use crate::error::AppError;
use crate::events::Events;
use crate::ringing::{LINK_LASTS, Ring, Ringing};
use crate::session::Session;
use crate::ticket::{Shown, Tickets};
use crate::usb::Turn;
use crate::vault::{KdfCost, KeystoreChoice};
use desk_domain::time::{Chance, Clock, Millis};
use desk_media::{Docbox, MAX_PAGE_PX, encode_jpeg};
use desk_store::{Part, Store};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// Everything a desk takes from outside.
#[derive(Clone)]
pub struct DeskConfig {
    /// Folder of the profile; the desk makes its own folders inside.
    pub profile_dir: PathBuf,
    /// What is re-executed with `docbox` to open documents.
    pub docbox_exe: PathBuf,
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
    pub keystore: KeystoreChoice,
    /// A [`crate::demo::Pack`] as JSON.
    pub demo_pack: Option<&'static [u8]>,
    pub kdf: KdfCost,
    /// Suggested on the first screen.
    pub default_server: Option<String>,
    /// Where files go that a person takes out of the desk.
    pub exports_dir: PathBuf,
}

/// Opens an address in the system's browser; false when there is none.
pub type Browser = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// One desk. Clones are the same desk.
#[derive(Clone)]
pub struct Desk(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) config: DeskConfig,
    pub(crate) docbox: Docbox,
    pub(crate) events: Events,
    pub(crate) tickets: Tickets,
    state: Mutex<State>,
    /// Starting, unlocking and locking one after the other.
    turn: Mutex<()>,
    /// Secrets stopped at the door in this desk's life.
    secrets_stopped: AtomicU64,
    pub(crate) ringing: Ringing,
    usb: Turn,
    browser: OnceLock<Browser>,
    /// Counts what people ask of the sign-in: who waits for a browser stops when somebody asks for something else.
    asked: AtomicU64,
}

/// One of those that [`Desk::ask`] counts.
#[derive(Clone, Copy)]
pub(crate) struct Asked(u64);

#[derive(Clone)]
enum State {
    Shut,
    /// The file is open, but the server was not heard for too long.
    Gated(Arc<Session>),
    Ready(Arc<Session>),
}

impl Desk {
    /// A shut desk; nothing is read or written before a command asks for it.
    pub fn new(config: DeskConfig) -> Self {
        let docbox = Docbox::new(config.docbox_exe.clone());
        Self(Arc::new(Inner {
            config,
            docbox,
            events: Events::default(),
            tickets: Tickets::default(),
            state: Mutex::new(State::Shut),
            turn: Mutex::new(()),
            secrets_stopped: AtomicU64::new(0),
            ringing: Ringing::default(),
            usb: Turn::default(),
            browser: OnceLock::new(),
            asked: AtomicU64::new(0),
        }))
    }

    /// Calls `listener` for every change, in order.
    pub fn subscribe(&self, listener: impl Fn(Changed) + Send + Sync + 'static) {
        self.0
            .events
            .subscribe(move |changed| listener(changed.clone()));
    }

    /// Waits for the first change after number `n`; none when nothing happens in time.
    pub fn events_since(&self, n: u64, timeout: Duration) -> Option<Changed> {
        self.0.events.since(n, timeout)
    }

    /// The bytes behind a ticket, once: content type and content.
    pub fn redeem(&self, ticket: &str) -> Option<(String, Vec<u8>)> {
        let claim = self.0.tickets.redeem(ticket, self.now())?;
        let session = self.session().ok()?;
        let bytes = match claim.shown {
            Shown::Thumbnail => session
                .store
                .open_document(claim.document, Part::Thumbnail)
                .ok()?,
            Shown::Rendition => session
                .store
                .open_document(claim.document, Part::Rendition)
                .ok()?,
            Shown::Page(page) => {
                let original = session
                    .store
                    .open_document(claim.document, Part::Original)
                    .ok()?;
                let drawn = self
                    .0
                    .docbox
                    .page(&original, page.saturating_add(1), MAX_PAGE_PX / 2)
                    .ok()?;
                encode_jpeg(&drawn, 88).ok()?
            }
        };
        Some(("image/jpeg".to_owned(), bytes))
    }

    /// Stops the courier and closes the file; keys are wiped.
    pub fn close(&self) {
        self.ask();
        let _turn = self.turn();
        self.shut();
    }

    pub(crate) fn of(inner: Arc<Inner>) -> Self {
        Self(inner)
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.0
    }

    pub(crate) fn config(&self) -> &DeskConfig {
        &self.0.config
    }

    pub(crate) fn now(&self) -> Millis {
        self.0.config.clock.now()
    }

    pub(crate) fn chance(&self) -> &dyn Chance {
        self.0.config.chance.as_ref()
    }

    /// The open session, or [`AppError::Locked`].
    pub(crate) fn session(&self) -> Result<Arc<Session>, AppError> {
        match &*hold(&self.0.state) {
            State::Ready(session) => Ok(Arc::clone(session)),
            State::Shut | State::Gated(_) => Err(AppError::Locked),
        }
    }

    /// The session even while it waits for an online sign-in.
    pub(crate) fn opened(&self) -> Result<Arc<Session>, AppError> {
        match &*hold(&self.0.state) {
            State::Ready(session) | State::Gated(session) => Ok(Arc::clone(session)),
            State::Shut => Err(AppError::Locked),
        }
    }

    pub(crate) fn enter(&self, session: Session) -> Arc<Session> {
        let session = Arc::new(session);
        *hold(&self.0.state) = State::Ready(Arc::clone(&session));
        self.tell(Changed {
            sync: true,
            registry: true,
            ..Changed::default()
        });
        session
    }

    /// The person who waited has signed in.
    pub(crate) fn admit(&self) {
        let mut state = hold(&self.0.state);
        if let State::Gated(session) = &*state {
            *state = State::Ready(Arc::clone(session));
        }
        drop(state);
        self.tell(Changed {
            sync: true,
            registry: true,
            ..Changed::default()
        });
    }

    pub(crate) fn gate(&self, session: Session) {
        *hold(&self.0.state) = State::Gated(Arc::new(session));
    }

    /// Forgets everything that a locked desk must not know.
    pub(crate) fn shut(&self) {
        let before = std::mem::replace(&mut *hold(&self.0.state), State::Shut);
        self.0.tickets.forget_all();
        self.0.usb.stop();
        self.0.ringing.forget();
        if let State::Ready(session) | State::Gated(session) = before {
            session.stop_courier();
            drop(session);
            self.tell(Changed {
                locked: true,
                ..Changed::default()
            });
        }
    }

    /// The hand-over by stick; one at a time.
    pub(crate) fn usb(&self) -> &Turn {
        &self.0.usb
    }

    /// Says how addresses are opened; the first word counts.
    pub fn set_browser(&self, browser: Browser) {
        if self.0.browser.set(browser).is_err() {
            tracing::debug!("the browser is known already");
        }
    }

    pub(crate) fn browser(&self) -> Option<&Browser> {
        self.0.browser.get()
    }

    /// Somebody asks for something new: whoever still waits for a browser gives up the turn.
    pub(crate) fn ask(&self) -> Asked {
        Asked(
            self.0
                .asked
                .fetch_add(1, Ordering::SeqCst)
                .saturating_add(1),
        )
    }

    pub(crate) fn is_newest(&self, asked: Asked) -> bool {
        self.0.asked.load(Ordering::SeqCst) == asked.0
    }

    pub(crate) fn turn(&self) -> MutexGuard<'_, ()> {
        hold(&self.0.turn)
    }

    pub(crate) fn tell(&self, changed: Changed) {
        self.0.events.tell(changed);
    }

    /// A link to a call was opened on this computer.
    pub fn open_call_link(&self, link: CallLink) {
        self.ring(Ring::link(link.call_ref, link.from, self.now()));
        let desk = Arc::downgrade(&self.0);
        let stop = move || {
            std::thread::sleep(LINK_LASTS);
            if let Some(desk) = desk.upgrade() {
                desk.stop_ringing();
            }
        };
        let thread = std::thread::Builder::new().name("desk-ring".into());
        if thread.spawn(stop).is_err() {
            tracing::debug!("a ring ends when somebody looks");
        }
    }

    /// What rings here.
    pub(crate) fn ringing(&self) -> &Ringing {
        &self.0.ringing
    }

    pub(crate) fn ring(&self, ring: Ring) {
        self.0.ringing.put(ring);
        self.0.tell_ringing();
    }

    /// Counts a secret stopped at the door.
    pub(crate) fn count_secret(&self) -> u64 {
        self.0.secrets_stopped.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Logs the unexpected under an incident that the person can quote.
    pub(crate) fn explain(&self, command: &str, error: &AppError) -> UiError {
        let told = error.to_ui(|| incident(self.chance()));
        if let Some(incident) = &told.incident {
            tracing::error!(command, code = told.code, incident, "unexpected");
        }
        told
    }

    /// Passes the store's news on until the store is closed.
    pub(crate) fn listen(&self, store: &Store) -> Result<(), AppError> {
        let news = store.subscribe();
        let desk = Arc::downgrade(&self.0);
        let spawned = std::thread::Builder::new()
            .name("desk-news".into())
            .spawn(move || {
                while let Ok(touched) = news.recv() {
                    let Some(inner) = desk.upgrade() else { return };
                    inner.events.tell(Changed {
                        cases: touched.cases.iter().map(ToString::to_string).collect(),
                        sync: touched.outbox || touched.documents || touched.alerts,
                        registry: touched.registry,
                        ..Changed::default()
                    });
                }
            });
        spawned
            .map(|_| ())
            .map_err(|_| AppError::Unexpected("no thread"))
    }
}

impl Inner {
    /// What has rung long enough is not shown any more, whether or not anybody says so.
    pub(crate) fn stop_ringing(&self) {
        if self.ringing.expire(self.config.clock.now()) {
            self.tell_ringing();
        }
    }

    /// Front ends ask again what rings. Nothing else of theirs is touched.
    pub(crate) fn tell_ringing(&self) {
        self.events.tell(Changed {
            ringing: self.ringing.shown(self.config.clock.now()),
            ..Changed::default()
        });
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Desk(..)")
    }
}

/// Eight hexadecimal characters: enough to find a log line, nothing to learn from.
pub(crate) fn incident(chance: &dyn Chance) -> String {
    let mut bytes = [0_u8; 4];
    chance.fill(&mut bytes);
    hex::encode(bytes)
}

/// A poisoned lock only means that another thread fell; what it guards is replaced whole.
pub(crate) fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
