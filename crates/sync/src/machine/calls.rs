//! Calls that ring, where hello says that there are any to hear of: one long-poll. A line that is lost rings nowhere.

use super::Machine;
use super::line::Flying;
use super::port::{Action, Lane, Notice, Request};
use desk_domain::time::Millis;
use desk_protocol::calls::CallsReply;

/// Pause after an answer that came at once and said nothing new: a server that does not wait is not asked in a circle.
const REST_MS: u64 = 1_000;

#[derive(Clone, Debug, Default)]
pub(super) struct CallsLane {
    /// Hello said so.
    on: bool,
    position: u64,
    /// Something rings here.
    rings: bool,
}

impl Machine {
    /// What hello says of them.
    pub(super) fn listen_to_calls(&mut self, on: bool) {
        self.calls.on = on;
        if !on {
            self.hush();
            let line = self.line(&Lane::Calls);
            line.held = None;
            if line.flight.take().is_some() {
                self.out.push(Action::Cancel(Lane::Calls));
            }
        }
    }

    pub(super) fn resume_calls(&mut self) {
        if self.calls.on {
            let (cursor, wait_ms) = (self.calls.position, self.config.wait_ms);
            self.send(&Lane::Calls, Request::Calls { cursor, wait_ms });
        }
    }

    pub(super) fn heard_calls(&mut self, flying: &Flying, reply: CallsReply) {
        let nothing_new = reply.position == self.calls.position;
        let took_ms = self.now.saturating_sub(flying.sent_at);
        self.calls.position = reply.position;
        let rings = !reply.calls.is_empty();
        if rings || self.calls.rings {
            self.calls.rings = rings;
            self.tell(Notice::Calls(reply.calls));
        }
        if nothing_new && took_ms < Millis::try_from(REST_MS).unwrap_or(Millis::MAX) {
            self.arm(&Lane::Calls, REST_MS);
        }
    }

    /// The server would not: until hello says otherwise.
    pub(super) fn calls_refused(&mut self) {
        self.calls.on = false;
        self.hush();
    }

    /// Nothing is known of calls any more, so nothing rings; the next question is answered at once.
    pub(super) fn hush(&mut self) {
        self.calls.position = 0;
        if std::mem::take(&mut self.calls.rings) {
            self.tell(Notice::Calls(Vec::new()));
        }
    }
}
