//! Calls that ring at this desk: told by the server, by a link from a telephone program, or by the demo. One at a time is
//! shown. Numbers are in memory only, and go with the ring.

use crate::desk::hold;
use crate::dto::RingingCall;
use desk_domain::mask;
use desk_domain::time::Millis;
use desk_protocol::calls::Call;
use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;
use zeroize::Zeroizing;

/// A link rings so long, as a telephone does.
pub(crate) const LINK_LASTS: Duration = Duration::from_millis(LINK_MS.unsigned_abs());
const LINK_MS: Millis = 120_000;
/// Links that ring at once; the oldest goes.
const LINKS: usize = 5;
/// Calls that were taken here are remembered, so that the server's next word does not ring again.
const TAKEN: usize = 100;

/// One call.
#[derive(Clone)]
pub(crate) struct Ring {
    pub shown: RingingCall,
    /// The caller's number, whole; none when it is withheld.
    pub caller: Option<Zeroizing<String>>,
    until: Option<Millis>,
    of: Source,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Demo,
    Link,
    Server,
}

impl Ring {
    /// The demo's: it rings until it is taken.
    pub(crate) fn demo(call_ref: String, number: &str, now: Millis) -> Self {
        let call = (call_ref, Some(number.to_owned()));
        Self::new(call, (now, None), Source::Demo)
    }

    /// What a telephone program on this computer says.
    pub(crate) fn link(call_ref: String, number: Option<String>, now: Millis) -> Self {
        let until = now.saturating_add(LINK_MS);
        Self::new((call_ref, number), (now, Some(until)), Source::Link)
    }

    fn server(call: Call, now: Millis) -> Self {
        let lasts = Millis::try_from(call.ends_in_ms).unwrap_or(Millis::MAX);
        let times = (call.at, Some(now.saturating_add(lasts)));
        let answered = call.answered;
        let mut ring = Self::new((call.call_ref, call.from), times, Source::Server);
        ring.shown.answered = answered;
        ring
    }

    fn new(
        (call_ref, number): (String, Option<String>),
        (at, until): (Millis, Option<Millis>),
        of: Source,
    ) -> Self {
        let masked = number
            .as_deref()
            .map(|number| mask::phone(number).to_string());
        Self {
            shown: RingingCall {
                call_ref,
                number: masked.unwrap_or_default(),
                at,
                demo: of == Source::Demo,
                answered: false,
            },
            caller: number.map(Zeroizing::new),
            until,
            of,
        }
    }

    fn rings(&self, now: Millis) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// What rings here.
#[derive(Default)]
pub(crate) struct Ringing(Mutex<State>);

#[derive(Default)]
struct State {
    rings: Vec<Ring>,
    taken: VecDeque<String>,
}

impl Ringing {
    /// One more; a second word on the same call replaces the first.
    pub(crate) fn put(&self, ring: Ring) {
        let mut state = hold(&self.0);
        let call_ref = ring.shown.call_ref.clone();
        if state.taken.contains(&call_ref) {
            return;
        }
        state.rings.retain(|known| known.shown.call_ref != call_ref);
        state.rings.push(ring);
        let links = |ring: &Ring| ring.of == Source::Link;
        if state.rings.iter().filter(|ring| links(ring)).count() > LINKS
            && let Some(oldest) = state.rings.iter().position(links)
        {
            state.rings.remove(oldest);
        }
    }

    /// All that the server knows of now; what it no longer names has stopped.
    pub(crate) fn hear(&self, calls: Vec<Call>, now: Millis) {
        let mut state = hold(&self.0);
        state.rings.retain(|ring| ring.of != Source::Server);
        for call in calls {
            if state.taken.contains(&call.call_ref) {
                continue;
            }
            // Of a call that a link told of as well, the server knows more.
            state
                .rings
                .retain(|ring| ring.shown.call_ref != call.call_ref);
            state.rings.push(Ring::server(call, now));
        }
    }

    /// The call to show.
    pub(crate) fn shown(&self, now: Millis) -> Option<RingingCall> {
        let state = hold(&self.0);
        let mut ringing = state.rings.iter().filter(|ring| ring.rings(now));
        ringing.next().map(|ring| ring.shown.clone())
    }

    /// One by its id.
    pub(crate) fn find(&self, call_ref: &str, now: Millis) -> Option<Ring> {
        let state = hold(&self.0);
        let mut ringing = state.rings.iter().filter(|ring| ring.rings(now));
        ringing
            .find(|ring| ring.shown.call_ref == call_ref)
            .cloned()
    }

    /// It has become a case.
    pub(crate) fn take(&self, call_ref: &str) {
        let mut state = hold(&self.0);
        state.rings.retain(|ring| ring.shown.call_ref != call_ref);
        state.taken.push_back(call_ref.to_owned());
        if state.taken.len() > TAKEN {
            state.taken.pop_front();
        }
    }

    /// Forgets what has stopped by itself; true when there was any.
    pub(crate) fn expire(&self, now: Millis) -> bool {
        let mut state = hold(&self.0);
        let before = state.rings.len();
        state.rings.retain(|ring| ring.rings(now));
        state.rings.len() < before
    }

    /// Something will stop by itself.
    pub(crate) fn will_end(&self) -> bool {
        hold(&self.0).rings.iter().any(|ring| ring.until.is_some())
    }

    /// Another session begins. A link that came to the locked desk is what it is unlocked for.
    pub(crate) fn forget(&self) {
        hold(&self.0).rings.retain(|ring| ring.of == Source::Link);
    }

    /// A desk that is being locked knows no numbers.
    pub(crate) fn clear(&self) {
        hold(&self.0).rings.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(call_ref: &str, ends_in_ms: u64) -> Call {
        Call {
            call_ref: call_ref.to_owned(),
            from: Some("13000000001".to_owned()),
            at: 5,
            ends_in_ms,
            answered: false,
        }
    }

    #[test]
    fn what_the_server_no_longer_names_has_stopped_and_what_it_forgot_to_end_ends_by_itself() {
        let ringing = Ringing::default();
        ringing.hear(vec![call("a", 1_000), call("b", 9_000)], 100);
        assert_eq!(ringing.shown(100).unwrap().number, "130****0001");
        assert_eq!(ringing.shown(1_100).unwrap().call_ref, "b");
        assert!(ringing.expire(1_100) && !ringing.expire(1_100));
        ringing.hear(Vec::new(), 1_200);
        assert_eq!(ringing.shown(1_200), None);
        assert!(!ringing.will_end());
    }

    #[test]
    fn a_call_that_was_taken_never_rings_again() {
        let ringing = Ringing::default();
        ringing.hear(vec![call("a", 1_000)], 0);
        assert_eq!(
            ringing.find("a", 0).unwrap().caller.unwrap().as_str(),
            "13000000001"
        );
        ringing.take("a");
        ringing.hear(vec![call("a", 1_000)], 10);
        ringing.put(Ring::link("a".to_owned(), None, 10));
        assert_eq!(ringing.shown(10), None);
    }

    #[test]
    fn a_link_and_the_server_may_tell_of_the_same_call() {
        let ringing = Ringing::default();
        ringing.put(Ring::link(
            "a".to_owned(),
            Some("13000000001".to_owned()),
            0,
        ));
        ringing.hear(vec![call("a", 500)], 0);
        ringing.hear(Vec::new(), 10);
        assert_eq!(ringing.shown(10), None, "it was answered elsewhere");
        ringing.put(Ring::link("c".to_owned(), None, 20));
        ringing.hear(Vec::new(), 30);
        assert_eq!(ringing.shown(30).unwrap().number, "");
        ringing.forget();
        assert!(ringing.shown(20 + LINK_MS - 1).is_some());
        assert_eq!(ringing.shown(20 + LINK_MS), None);
        ringing.clear();
        assert_eq!(ringing.shown(20), None);
    }
}
