//! The session: one refresh flight for all lanes, then the same bytes again.

use super::Machine;
use super::line::{Flying, Held};
use super::port::{Action, Lane, Notice, Request, SessionTokens};
use super::triage::is_about_device;
use desk_domain::time::Millis;
use desk_protocol::error::Problem;
use desk_protocol::people::SessionReply;

#[derive(Clone, Debug, Default)]
pub(super) struct Session {
    tokens: Option<SessionTokens>,
    /// Counts up with every new access token.
    pub number: u64,
    refreshing: bool,
    /// When this refresh began: a repeated one is the same, byte for byte.
    refresh_at: Millis,
}

impl Session {
    pub fn set(&mut self, tokens: Option<SessionTokens>) {
        self.tokens = tokens;
        self.number += 1;
        self.refreshing = false;
    }
    pub fn is_ready(&self) -> bool {
        self.tokens.is_some() && !self.refreshing
    }
    pub fn is_lost(&self) -> bool {
        self.tokens.is_none()
    }
    pub fn access_token(&self) -> Option<String> {
        self.tokens
            .as_ref()
            .map(|tokens| tokens.access_token.clone())
    }
}

impl Machine {
    /// A 401: one refresh, whoever asks; a second 401 for the same request is final.
    pub(super) fn unauthorised(&mut self, lane: &Lane, flying: Flying, problem: &Problem) {
        if is_about_device(&problem.code) {
            self.link.refusal = Some(problem.code.clone());
            return self.wait_long(lane);
        }
        if *lane == Lane::Session {
            return self.session_lost();
        }
        let overtaken = flying.token_number < self.session.number;
        let again = !overtaken;
        self.line(lane).held = Some(Held {
            request: flying.request,
            again,
        });
        if overtaken {
            self.release_held();
        } else if flying.again {
            self.session_lost();
        } else {
            if !self.session.refreshing {
                self.session.refreshing = true;
                self.session.refresh_at = self.now;
            }
            self.resume(&Lane::Session);
        }
    }

    pub(super) fn resume_session(&mut self) {
        if !self.session.refreshing {
            return;
        }
        if let Some(tokens) = &self.session.tokens {
            let at = self.session.refresh_at;
            let refresh_token = tokens.refresh_token.clone();
            self.send(&Lane::Session, Request::Refresh { refresh_token, at });
        }
    }

    pub(super) fn refreshed(&mut self, reply: SessionReply) {
        let tokens = SessionTokens::from(reply);
        self.session.set(Some(tokens.clone()));
        self.tell(Notice::SessionRenewed(tokens));
        self.release_held();
    }

    /// Only a person can help now. What is typed stays, and waits.
    pub(super) fn session_lost(&mut self) {
        self.session.set(None);
        self.hush();
        self.tell(Notice::SessionLost);
        self.turn_askers_away();
    }

    /// A person signed in or out.
    pub(super) fn set_session(&mut self, tokens: Option<SessionTokens>) {
        let signed_in = tokens.is_some();
        self.session.set(tokens);
        self.hush();
        self.link.refusal = None;
        let refresh = self.line(&Lane::Session);
        refresh.armed = false;
        if refresh.flight.take().is_some() {
            self.out.push(Action::Cancel(Lane::Session));
        }
        if signed_in {
            self.release_held();
            self.line(&Lane::Hello).armed = false;
            self.resume_all();
        } else {
            self.call_back();
            self.turn_askers_away();
        }
    }

    /// Signed out: what is in the air is held for the next session.
    fn call_back(&mut self) {
        for (lane, line) in &mut self.lines {
            if let Some(flying) = line.flight.take() {
                line.held = Some(Held {
                    request: flying.request,
                    again: false,
                });
                self.out.push(Action::Cancel(lane.clone()));
            }
        }
    }

    fn release_held(&mut self) {
        if !self.session.is_ready() {
            return;
        }
        let mut ready = Vec::new();
        for (lane, line) in &mut self.lines {
            ready.extend(line.held.take().map(|held| (lane.clone(), held)));
        }
        for (lane, held) in ready {
            self.fly(&lane, held.request, held.again);
        }
    }
}
