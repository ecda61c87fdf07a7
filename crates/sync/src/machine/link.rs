//! Is there a line? Offline is a state with a since and a why.

use super::Machine;
use super::port::{Lane, LinkError};
use super::status::{Link, OfflineWhy};
use crate::skew::Skew;
use desk_domain::time::Millis;

#[derive(Clone, Debug, Default)]
pub(super) struct LinkState {
    pub started: bool,
    phase: Phase,
    since: Millis,
    pub last_success_at: Option<Millis>,
    pub skew: Skew,
    /// Code of the server's refusal of this device.
    pub refusal: Option<String>,
    /// The feed is too new for this version.
    pub too_old: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Phase {
    #[default]
    Connecting,
    Online,
    Offline(OfflineWhy),
    Portal,
}

impl LinkState {
    pub fn start(&mut self, now: Millis) {
        self.started = true;
        self.since = now;
    }

    pub fn succeeded(&mut self, now: Millis) {
        if self.phase != Phase::Online {
            self.since = now;
        }
        self.phase = Phase::Online;
        self.last_success_at = Some(now);
    }

    /// A failure of a request that is older than the last success says nothing about the line of today.
    pub fn failed(&mut self, why: OfflineWhy, sent_at: Millis, now: Millis) {
        let outlived = self.last_success_at.is_some_and(|at| at > sent_at);
        if outlived && self.phase == Phase::Online {
            return;
        }
        self.fall(Phase::Offline(why), now);
    }

    pub fn portal(&mut self, now: Millis) {
        self.fall(Phase::Portal, now);
    }

    fn fall(&mut self, to: Phase, now: Millis) {
        let was_up = matches!(self.phase, Phase::Online | Phase::Connecting);
        if was_up {
            self.since = now;
        }
        self.phase = to;
    }
}

impl Machine {
    pub(super) fn link_state(&self) -> Link {
        let since = self.link.since;
        if self.session.is_lost() {
            return Link::SignInNeeded;
        }
        match self.link.phase {
            Phase::Connecting => Link::Connecting { since },
            Phase::Offline(why) => Link::Offline { since, why },
            Phase::Portal => Link::Portal { since },
            Phase::Online => match &self.link.refusal {
                Some(code) => Link::Refused { code: code.clone() },
                None if self.link.too_old => Link::UpgradeNeeded,
                None => Link::Online { since },
            },
        }
    }

    /// The server itself answered: the line stands, whatever the answer says.
    pub(super) fn note_alive(&mut self) {
        self.link.succeeded(self.now);
        self.release |= self.breaker.succeed();
    }

    pub(super) fn note_link_failure(&mut self, error: LinkError, sent_at: Millis) {
        let why = match error {
            LinkError::Dns => OfflineWhy::Dns,
            LinkError::Refused => OfflineWhy::Refused,
            LinkError::Timeout => OfflineWhy::Timeout,
            LinkError::Tls => OfflineWhy::Tls,
            LinkError::Cut => OfflineWhy::Cut,
            LinkError::TooLarge => OfflineWhy::Server,
            LinkError::Local => return,
        };
        self.note_failure(why, sent_at);
        if self.breaker.fail() {
            // From now on only hello knocks; it must be on its way even if it had nothing to do.
            self.line(&Lane::Hello).armed = false;
            if self.line(&Lane::Hello).is_free() {
                self.arm_backoff(&Lane::Hello, None);
            }
        }
    }

    /// Lanes that waited for the breaker go on.
    pub(super) fn release_stalled(&mut self) {
        if !std::mem::take(&mut self.release) {
            return;
        }
        let mut lanes = Vec::new();
        for (lane, line) in &mut self.lines {
            if std::mem::take(&mut line.stalled) {
                lanes.push(lane.clone());
            }
        }
        for lane in lanes {
            self.resume(&lane);
        }
    }
}
