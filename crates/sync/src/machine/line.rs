//! What every lane has in common: one flight, one timer, and the reasons why it stands still.

use super::backoff::Backoff;
use super::port::{Flight, Request};
use desk_domain::time::Millis;

/// One lane's connection to the world.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pub flight: Option<Flying>,
    /// Waits for a session.
    pub held: Option<Held>,
    /// A timer runs.
    pub armed: bool,
    /// The server itself asked for the wait.
    pub asked: bool,
    /// Wanted to send while the breaker was open.
    pub stalled: bool,
    /// The store works for this lane.
    pub storing: bool,
    pub backoff: Backoff,
    /// A 2xx asked for a pause before the next request.
    pub rest_ms: Option<u64>,
}

/// A request whose answer is awaited.
#[derive(Clone, Debug)]
pub(super) struct Flying {
    pub flight: Flight,
    pub request: Request,
    pub sent_at: Millis,
    /// Which access token it carried.
    pub token_number: u64,
    /// It has been sent again after a refresh: a second 401 is final.
    pub again: bool,
}

/// A request that goes out, byte for byte, once there is a session.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub request: Request,
    pub again: bool,
}

impl Line {
    /// Nothing is under way and nothing is waited for.
    pub fn is_free(&self) -> bool {
        self.flight.is_none()
            && self.held.is_none()
            && !self.armed
            && !self.stalled
            && !self.storing
    }

    /// The request under way or held back.
    pub fn request(&self) -> Option<&Request> {
        let flying = self.flight.as_ref().map(|flying| &flying.request);
        flying.or(self.held.as_ref().map(|held| &held.request))
    }

    /// The flight, if this answer belongs to it.
    pub fn land(&mut self, flight: Flight) -> Option<Flying> {
        self.flight.take_if(|flying| flying.flight == flight)
    }
}
