//! The first look at every answer, the same for all lanes: is it ours, is it a receipt, is it about the session?

use super::Machine;
use super::line::Flying;
use super::port::{Batch, Flight, Lane, LinkError, Notice, Reply, ReplyBody, Request, Stamp};
use super::status::OfflineWhy;
use crate::error::SyncError;
use desk_protocol::error::{self as code, Problem};
use desk_protocol::wipe::enclosed;

/// Why a request has to be made again later.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Setback {
    /// Too much at once, or too slow: ask for less next time.
    pub halve: bool,
    pub retry_after_ms: Option<u64>,
}

impl Machine {
    pub(super) fn on_reply(
        &mut self,
        lane: &Lane,
        flight: Flight,
        result: Result<Reply, LinkError>,
    ) {
        let Some(flying) = self.lines.get_mut(lane).and_then(|line| line.land(flight)) else {
            return; // a late answer of a flight that no longer counts
        };
        match result {
            Err(LinkError::Local) => self.local_failure(lane, &flying.request),
            Err(error) => {
                self.note_link_failure(error, flying.sent_at);
                let halve = error == LinkError::Timeout;
                self.set_back(
                    lane,
                    &flying.request,
                    Setback {
                        halve,
                        retry_after_ms: None,
                    },
                );
            }
            Ok(reply) => self.triage(lane, flying, reply),
        }
        self.release_stalled();
        self.resume(lane);
    }

    /// This machine could not even ask: one unreadable document must not stop the others.
    fn local_failure(&mut self, lane: &Lane, request: &Request) {
        match lane {
            Lane::Documents | Lane::Upload(_) => self.document_refused(request),
            Lane::Download => self.download_refused(),
            Lane::Session
            | Lane::Hello
            | Lane::Push
            | Lane::Pull(_)
            | Lane::Digest
            | Lane::Calls => {
                self.arm_backoff(lane, None);
            }
            Lane::Ask(ticket) => self.ask_set_back(*ticket),
        }
    }

    fn triage(&mut self, lane: &Lane, flying: Flying, reply: Reply) {
        let Reply {
            status,
            retry_after_ms,
            stamp,
            body,
        } = reply;
        let later = Setback {
            halve: matches!(status, 408 | 413 | 504),
            retry_after_ms,
        };
        if status >= 500 {
            self.note_failure(OfflineWhy::Server, flying.sent_at);
            return self.set_back(lane, &flying.request, later);
        }
        if status == 413 && body == ReplyBody::Foreign {
            // A proxy with a small bound of its own, not a portal.
            return self.set_back(lane, &flying.request, later);
        }
        if let Some(stamp) = &stamp {
            self.read_stamp(lane, &flying, stamp);
        }
        if let ReplyBody::Problem(problem) = &body
            && let Some(wipe) = enclosed(problem)
        {
            self.tell(Notice::WipeOrdered(wipe));
        }
        match (status, body) {
            (_, ReplyBody::Foreign) => {
                self.link.portal(self.now);
                self.set_back(lane, &flying.request, later);
            }
            (_, ReplyBody::Unreadable) => self.unreadable(lane, &flying.request, later),
            (401, body) => {
                self.note_alive();
                self.unauthorised(lane, flying, &problem_of(body));
            }
            (408 | 425 | 429, _) => {
                self.note_alive();
                self.set_back(lane, &flying.request, later);
            }
            (200..=299, body) => self.receipt(lane, &flying, stamp, body, retry_after_ms),
            (_, body) => {
                self.note_alive();
                self.refused(lane, &flying.request, status, problem_of(body), later);
            }
        }
    }

    /// Long-polls say nothing about the clock: their time is spent waiting.
    fn read_stamp(&mut self, lane: &Lane, flying: &Flying, stamp: &Stamp) {
        if !matches!(lane, Lane::Pull(_) | Lane::Calls) {
            self.link
                .skew
                .observe(flying.sent_at, self.now, stamp.server_time);
        }
        let other_life = self.epoch.is_some_and(|epoch| epoch != stamp.epoch);
        if other_life && *lane != Lane::Hello {
            self.doubt_epoch();
        }
    }

    fn receipt(
        &mut self,
        lane: &Lane,
        flying: &Flying,
        stamp: Option<Stamp>,
        body: ReplyBody,
        retry_after_ms: Option<u64>,
    ) {
        if let ReplyBody::Bytes { from, bytes } = body {
            // No envelope: only its hash can vouch for it, so it counts for the line once verified.
            self.line(lane).rest_ms = retry_after_ms;
            return self.fetched(lane, from, bytes);
        }
        let Some(stamp) = stamp else {
            self.link.portal(self.now);
            return self.set_back(
                lane,
                &flying.request,
                Setback {
                    halve: false,
                    retry_after_ms,
                },
            );
        };
        self.note_alive();
        let sends = matches!(lane, Lane::Push | Lane::Documents | Lane::Upload(_));
        if sends && self.epoch.is_some_and(|epoch| epoch != stamp.epoch) {
            // What another life of the server has stored may be gone with it; hello is on its way to find out.
            let halve = false;
            let later = Setback {
                halve,
                retry_after_ms,
            };
            return self.set_back(lane, &flying.request, later);
        }
        let line = self.line(lane);
        if *lane != Lane::Documents {
            line.backoff.reset(); // documents: only bytes that arrive are progress
        }
        line.rest_ms = retry_after_ms.map(|ms| ms.min(super::RETRY_AFTER_CAP_MS));
        match (lane, body) {
            (Lane::Ask(ticket), body) => self.ask_answered(*ticket, body),
            (Lane::Session, ReplyBody::Session(reply)) => self.refreshed(*reply),
            (Lane::Hello, ReplyBody::Hello(reply)) => self.greeted(*reply, stamp.epoch),
            (Lane::Push, ReplyBody::Push(reply)) => {
                if let Some(batch) = batch_of(&flying.request) {
                    self.pushed(batch, reply);
                }
            }
            (Lane::Pull(scope), ReplyBody::Pull(reply)) => {
                self.pulled(&scope.clone(), flying, reply, stamp.epoch);
            }
            (Lane::Pull(scope), ReplyBody::Snapshot(reply)) => {
                self.filled(&scope.clone(), reply, stamp.epoch);
            }
            (Lane::Digest, ReplyBody::Digest(reply)) => self.digested(reply, stamp.epoch),
            (Lane::Calls, ReplyBody::Calls(reply)) => self.heard_calls(flying, reply),
            (Lane::Documents, ReplyBody::Offer(reply)) => self.offered(reply),
            (Lane::Documents | Lane::Upload(_), ReplyBody::Chunk(reply)) => {
                self.chunk_answered(flying, reply.stored);
            }
            _ => self.unreadable(
                lane,
                &flying.request,
                Setback {
                    halve: false,
                    retry_after_ms,
                },
            ),
        }
    }

    /// Our content type, but not a shape that this version knows: a newer server. Never a receipt.
    fn unreadable(&mut self, lane: &Lane, request: &Request, later: Setback) {
        self.note_alive();
        if matches!(lane, Lane::Pull(_)) {
            self.link.too_old = true;
        }
        self.set_back(lane, request, later);
    }

    /// The work of this lane stays where it is and is tried again after a wait.
    pub(super) fn set_back(&mut self, lane: &Lane, request: &Request, setback: Setback) {
        match lane {
            Lane::Push => self.push_set_back(batch_of(request), setback),
            Lane::Pull(scope) => self.pull_set_back(&scope.clone(), setback),
            Lane::Documents | Lane::Upload(_) => {
                self.documents_set_back(setback);
                return;
            }
            Lane::Ask(ticket) => return self.ask_set_back(*ticket),
            Lane::Calls => self.hush(),
            Lane::Session | Lane::Hello | Lane::Download | Lane::Digest => {}
        }
        self.arm_backoff(lane, setback.retry_after_ms);
    }

    /// A 4xx of ours that is not about the session.
    fn refused(
        &mut self,
        lane: &Lane,
        request: &Request,
        status: u16,
        problem: Problem,
        later: Setback,
    ) {
        let retry_after_ms = later.retry_after_ms;
        if is_about_device(&problem.code) && !matches!(lane, Lane::Ask(_)) {
            self.link.refusal = Some(problem.code);
            return self.wait_long(lane);
        }
        match lane {
            Lane::Session => self.session_lost(),
            Lane::Hello => {
                self.link.too_old |= status == 426;
                self.arm_backoff(lane, retry_after_ms);
            }
            Lane::Push => match batch_of(request) {
                Some(batch) => self.push_refused(batch, status, &problem, retry_after_ms),
                None => self.arm_backoff(lane, retry_after_ms),
            },
            Lane::Pull(scope) => {
                self.pull_refused(&scope.clone(), status, &problem, retry_after_ms);
            }
            Lane::Documents | Lane::Upload(_) => self.document_refused(request),
            Lane::Download => self.download_refused(),
            Lane::Digest => self.digest_refused(),
            Lane::Calls => self.calls_refused(),
            Lane::Ask(ticket) => self.answer(*ticket, Err(SyncError::Refused(problem))),
        }
    }

    /// Nothing that this program does can help: knock again after the longest wait.
    pub(super) fn wait_long(&mut self, lane: &Lane) {
        let cap = self.config.pace.cap_ms;
        match lane {
            Lane::Upload(_) => {
                self.documents.reoffer();
                self.arm(&Lane::Documents, cap);
            }
            Lane::Session
            | Lane::Hello
            | Lane::Push
            | Lane::Pull(_)
            | Lane::Documents
            | Lane::Download
            | Lane::Digest
            | Lane::Calls => {
                self.arm(lane, cap);
            }
            Lane::Ask(ticket) => self.ask_set_back(*ticket),
        }
    }
}

pub(super) fn is_about_device(text: &str) -> bool {
    [
        code::DEVICE_UNKNOWN,
        code::DEVICE_PENDING,
        code::DEVICE_REVOKED,
    ]
    .contains(&text)
}

fn batch_of(request: &Request) -> Option<&Batch> {
    if let Request::Push(batch) = request {
        Some(batch)
    } else {
        None
    }
}

fn problem_of(body: ReplyBody) -> Problem {
    if let ReplyBody::Problem(problem) = body {
        return problem;
    }
    Problem {
        code: code::INTERNAL.to_owned(),
        message: String::new(),
        field: None,
        retryable: true,
        params: std::collections::BTreeMap::new(),
    }
}
