//! A bad line between a desk and its server: a TCP proxy inside the test's own process.
//!
//! It passes bytes, counts them in both directions, and does what lines do to people: cut after exactly so many bytes,
//! swallow everything, come late, be slow and stall, deliver one request twice. TCP hides loss and shows it as stalls and
//! cuts, so that is how loss looks here. A cut is a cut of the line: every connection on it ends.

mod pump;

use crate::Failure;
use pump::Pump;
use std::collections::{BTreeMap, VecDeque};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Which way a byte goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// From the desk to the server.
    Up,
    /// From the server to the desk.
    Down,
}

impl Direction {
    const fn index(self) -> usize {
        match self {
            Self::Up => 0,
            Self::Down => 1,
        }
    }
}

/// What the line is like just now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Weather {
    #[default]
    Fair,
    /// Bytes go in and nothing comes out; a connection that lost bytes so stays silent until somebody gives it up.
    BlackHole,
    /// Every piece comes this much later.
    Late(Duration),
    /// One rate for each direction, shared by all connections.
    Slow(Slow),
}

/// A narrow line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slow {
    pub bytes_per_s: u32,
    /// What loss looks like to those above TCP.
    pub stall: Option<Stall>,
}

impl Slow {
    /// 50 kbit/s, with a lost packet in every 40 KB or so that TCP needs two seconds to notice.
    pub const VILLAGE: Self = Self {
        bytes_per_s: 6_250,
        stall: Some(Stall {
            every_bytes: 40_000,
            lasts: Duration::from_secs(2),
        }),
    };
}

/// A pause of the whole direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stall {
    pub every_bytes: u64,
    pub lasts: Duration,
}

/// A cut that waits for its byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cut {
    pub direction: Direction,
    /// It comes right after the byte with this number, counted since the last [`Proxy::count_anew`]; 0 is before the first.
    pub after: u64,
}

/// What went over the line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    pub up: u64,
    pub down: u64,
    pub connections: u64,
    pub cuts: u64,
    /// Requests that were delivered a second time, with the second answer read to its end.
    pub duplicated: u64,
}

/// The proxy. Dropping it cuts the line for good.
pub struct Proxy {
    address: SocketAddr,
    line: Arc<Line>,
    accepting: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Listens on a free port of loopback and leads to `server`.
    pub fn before(server: SocketAddr) -> Result<Self, Failure> {
        let listener =
            TcpListener::bind("127.0.0.1:0").map_err(Failure::at("listen as a proxy"))?;
        let address = listener
            .local_addr()
            .map_err(Failure::at("listen as a proxy"))?;
        let line = Arc::new(Line {
            state: Mutex::new(State::new()),
            changed: Condvar::new(),
            server,
        });
        let shared = Arc::clone(&line);
        let accepting = std::thread::Builder::new()
            .name("proxy".into())
            .spawn(move || shared.accept(&listener))
            .map_err(Failure::at("start the proxy"))?;
        Ok(Self {
            address,
            line,
            accepting: Some(accepting),
        })
    }

    /// The same, from and to an address as desks write it.
    pub fn before_url(url: &str) -> Result<Self, Failure> {
        let server = url.trim_start_matches("http://").trim_end_matches('/');
        Self::before(
            server
                .parse()
                .map_err(Failure::at("read the server's address"))?,
        )
    }

    /// Where a desk finds the server through this line.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes the weather for every byte from now on.
    pub fn set(&self, weather: Weather) {
        self.line.hold().weather = weather;
        self.line.changed.notify_all();
    }

    /// Plans cuts, in the order in which they are to come. Earlier plans are forgotten.
    pub fn plan(&self, cuts: impl IntoIterator<Item = Cut>) {
        self.line.hold().cuts = cuts.into_iter().collect();
    }

    /// Cuts every connection now.
    pub fn cut_now(&self) {
        self.line.hold().cut();
        self.line.changed.notify_all();
    }

    /// Delivers each request a second time on a connection of its own, while this is on.
    pub fn duplicate(&self, on: bool) {
        self.line.hold().duplicates = on;
    }

    /// What went over the line since the last [`Proxy::count_anew`].
    pub fn counts(&self) -> Counts {
        self.line.hold().counts
    }

    /// Starts counting again, for cuts as well.
    pub fn count_anew(&self) {
        self.line.hold().counts = Counts::default();
    }

    /// Waits until the counts are as wanted; false when they did not become so in time.
    pub fn wait_until(&self, patience: Duration, wanted: impl Fn(&Counts) -> bool) -> bool {
        let state = self.line.hold();
        let waited = self
            .line
            .changed
            .wait_timeout_while(state, patience, |state| !wanted(&state.counts));
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        wanted(&state.counts)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        {
            let mut state = self.line.hold();
            state.closed = true;
            state.cut();
        }
        self.line.changed.notify_all();
        // Wakes the accepting thread; an error means that it is gone already.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            // A thread that panicked has nothing left to end.
            let _ = accepting.join();
        }
    }
}

/// Shared by the proxy and its pumps.
struct Line {
    state: Mutex<State>,
    changed: Condvar,
    server: SocketAddr,
}

struct State {
    weather: Weather,
    cuts: VecDeque<Cut>,
    duplicates: bool,
    counts: Counts,
    /// When the next byte of each direction may go.
    free_at: [Instant; 2],
    since_stall: [u64; 2],
    /// Both ends of every connection.
    open: BTreeMap<u64, [TcpStream; 2]>,
    next: u64,
    closed: bool,
}

impl State {
    fn new() -> Self {
        Self {
            weather: Weather::Fair,
            cuts: VecDeque::new(),
            duplicates: false,
            counts: Counts::default(),
            free_at: [now(); 2],
            since_stall: [0; 2],
            open: BTreeMap::new(),
            next: 0,
            closed: false,
        }
    }

    fn cut(&mut self) {
        self.counts.cuts += 1;
        for end in std::mem::take(&mut self.open).into_values().flatten() {
            // An end that has hung up already is as good.
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    /// When `bytes` may leave, by the weather.
    fn leave_at(&mut self, direction: Direction, bytes: u64) -> Instant {
        let i = direction.index();
        let from = now();
        match self.weather {
            Weather::Fair | Weather::BlackHole => from,
            Weather::Late(by) => from + by,
            Weather::Slow(slow) => {
                let mut at = self.free_at[i].max(from);
                self.since_stall[i] += bytes;
                if let Some(stall) = slow.stall
                    && self.since_stall[i] >= stall.every_bytes
                {
                    self.since_stall[i] = 0;
                    at += stall.lasts;
                }
                let nanos =
                    bytes.saturating_mul(1_000_000_000) / u64::from(slow.bytes_per_s.max(1));
                at += Duration::from_nanos(nanos);
                self.free_at[i] = at;
                at
            }
        }
    }
}

/// What is to become of a piece.
struct Verdict {
    /// So many bytes of it pass.
    pass: usize,
    /// The line is cut behind them.
    cut: bool,
    swallow: bool,
    at: Instant,
}

impl Line {
    fn hold(&self) -> MutexGuard<'_, State> {
        // A poisoned lock only means that a pump fell; the values are whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(self: Arc<Self>, listener: &TcpListener) {
        for client in listener.incoming().map_while(Result::ok) {
            if self.hold().closed {
                return;
            }
            // A server that is down refuses; so does the line.
            let Ok(server) = TcpStream::connect(self.server) else {
                continue;
            };
            if let Some(pumps) = self.register(client, server) {
                for pump in pumps {
                    std::thread::spawn(move || pump.run());
                }
            }
        }
    }

    fn register(self: &Arc<Self>, client: TcpStream, server: TcpStream) -> Option<[Pump; 2]> {
        client.set_nodelay(true).ok()?;
        server.set_nodelay(true).ok()?;
        let ends = [client.try_clone().ok()?, server.try_clone().ok()?];
        let others = [client.try_clone().ok()?, server.try_clone().ok()?];
        let mut state = self.hold();
        let id = state.next;
        state.next += 1;
        state.counts.connections += 1;
        state.open.insert(id, ends);
        drop(state);
        let [client_again, server_again] = others;
        Some(Pump::pair(
            self,
            id,
            [client, server],
            [client_again, server_again],
        ))
    }

    fn admit(&self, direction: Direction, offered: usize) -> Verdict {
        let mut state = self.hold();
        let swallow = state.weather == Weather::BlackHole;
        let counted = match direction {
            Direction::Up => state.counts.up,
            Direction::Down => state.counts.down,
        };
        let planned = state.cuts.front().copied();
        let room = planned
            .filter(|cut| cut.direction == direction && !swallow)
            .map(|cut| usize::try_from(cut.after.saturating_sub(counted)).unwrap_or(usize::MAX));
        let cut = room.is_some_and(|room| room <= offered);
        if cut {
            state.cuts.pop_front();
        }
        let pass = room.unwrap_or(offered).min(offered);
        let bytes = u64::try_from(pass).unwrap_or(u64::MAX);
        if !swallow {
            match direction {
                Direction::Up => state.counts.up += bytes,
                Direction::Down => state.counts.down += bytes,
            }
        }
        let at = state.leave_at(direction, bytes);
        drop(state);
        self.changed.notify_all();
        Verdict {
            pass,
            cut,
            swallow,
            at,
        }
    }

    /// Waits for a piece's time; false when the line is closed meanwhile.
    fn rest_until(&self, at: Instant) -> bool {
        let mut state = self.hold();
        while !state.closed {
            let left = at.saturating_duration_since(now());
            if left.is_zero() {
                return true;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        false
    }

    fn cut(&self) {
        self.hold().cut();
        self.changed.notify_all();
    }

    fn forget(&self, id: u64) {
        self.hold().open.remove(&id);
    }
}

/// The line lives in real time: nothing the product does depends on it.
#[expect(clippy::disallowed_methods, reason = "a line's pace is real time")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests;
