//! Feeds: first fill by snapshot pages, then pages from its position by long-poll. One lane per scope.

use super::Machine;
use super::line::Flying;
use super::port::{Action, FeedPage, FillMark, Lane, Request, StoreCall, StoreReply};
use super::triage::Setback;
use desk_domain::ids::{Epoch, OfficeCode};
use desk_protocol::error::{self as code, Problem};
use desk_protocol::sync::{PullReply, SnapshotReply};

/// Shortest long-poll that a cutting middlebox can push us down to.
const MIN_WAIT_MS: u64 = 5_000;
/// Pause when the server answers a long-poll at once with nothing.
const EMPTY_PAUSE_MS: u64 = 1_000;

#[derive(Clone, PartialEq, Debug)]
pub(super) struct PullLane {
    place: Place,
    /// Where the lane stands once the page at the store is saved.
    pub next: Option<Place>,
    wait_ms: u64,
    /// More pages wait: do not long-poll.
    more: bool,
}

/// Where a desk stands in a feed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// The store knows.
    Unknown,
    Filling(Option<FillMark>),
    At(u64),
}

impl PullLane {
    pub fn new(wait_ms: u64) -> Self {
        Self {
            place: Place::Unknown,
            next: None,
            wait_ms,
            more: true,
        }
    }
    /// Every page there was is saved.
    pub fn is_caught_up(&self) -> bool {
        matches!(self.place, Place::At(_)) && self.next.is_none() && !self.more
    }
    pub fn start_over(&mut self) {
        self.place = Place::Unknown;
        self.next = None;
        self.more = true;
    }
}

impl Machine {
    pub(super) fn resume_pull(&mut self, scope: &OfficeCode) {
        let Some(pull) = self.pulls.get(scope) else {
            return;
        };
        if !self.hello.settled {
            return;
        }
        let lane = Lane::Pull(scope.clone());
        let limit = self.config.page;
        let wait_ms = if pull.more { 0 } else { pull.wait_ms };
        let scope = scope.clone();
        match pull.place.clone() {
            Place::Unknown => self.store(&lane, StoreCall::LoadCursor { scope }),
            Place::Filling(mark) => {
                let after = mark.map(|mark| mark.next);
                self.send(
                    &lane,
                    Request::Snapshot {
                        scope,
                        after,
                        limit,
                    },
                );
            }
            Place::At(cursor) => self.send(
                &lane,
                Request::Pull {
                    scope,
                    cursor,
                    wait_ms,
                    limit,
                },
            ),
        }
    }

    /// A feed page. It counts once the store has it together with its cursor.
    pub(super) fn pulled(
        &mut self,
        scope: &OfficeCode,
        flying: &Flying,
        reply: PullReply,
        epoch: Epoch,
    ) {
        let quick = self.now.saturating_sub(flying.sent_at);
        let quick = u64::try_from(quick).is_ok_and(|ms| ms < EMPTY_PAUSE_MS);
        let same_life = self.hello.settled && self.epoch == Some(epoch);
        let lane = Lane::Pull(scope.clone());
        let Some(pull) = self.pulls.get_mut(scope) else {
            return;
        };
        let Place::At(cursor) = pull.place else {
            return;
        };
        if !same_life || reply.scope != *scope {
            return self.arm_backoff(&lane, None);
        }
        if reply.cursor < cursor {
            self.hello_now();
            return self.arm_backoff(&lane, None);
        }
        let polled = !pull.more;
        pull.more = reply.more;
        if reply.changes.is_empty() && reply.cursor == cursor {
            if quick && (polled || reply.more) {
                self.arm(&lane, EMPTY_PAUSE_MS);
            }
            if !reply.more {
                self.caught_up(scope);
            }
            return;
        }
        pull.next = Some(Place::At(reply.cursor));
        let page = FeedPage {
            scope: scope.clone(),
            cursor: Some(reply.cursor),
            fill: false,
            changes: reply.changes,
            mark: None,
        };
        self.store(&lane, StoreCall::ApplyPage(Box::new(page)));
    }

    /// A page of the first fill. The position is that of the first page, whatever later ones say.
    pub(super) fn filled(&mut self, scope: &OfficeCode, reply: SnapshotReply, epoch: Epoch) {
        let same_life = self.hello.settled && self.epoch == Some(epoch);
        let lane = Lane::Pull(scope.clone());
        let Some(pull) = self.pulls.get_mut(scope) else {
            return;
        };
        let Place::Filling(before) = &pull.place else {
            return;
        };
        if !same_life || reply.scope != *scope {
            return self.arm_backoff(&lane, None);
        }
        let position = before.as_ref().map_or(reply.position, |mark| mark.position);
        let mark = reply.next.map(|next| FillMark { position, next });
        let cursor = mark.is_none().then_some(position);
        pull.next = Some(
            mark.clone()
                .map_or(Place::At(position), |mark| Place::Filling(Some(mark))),
        );
        pull.more = true;
        let page = FeedPage {
            scope: scope.clone(),
            cursor,
            fill: true,
            changes: reply.changes,
            mark,
        };
        self.store(&lane, StoreCall::ApplyPage(Box::new(page)));
    }

    pub(super) fn pull_stored(&mut self, scope: &OfficeCode, reply: StoreReply) {
        let Some(pull) = self.pulls.get_mut(scope) else {
            return;
        };
        match reply {
            StoreReply::Cursor { cursor, mark } if pull.place == Place::Unknown => {
                pull.place = cursor.map_or(Place::Filling(mark), Place::At);
            }
            StoreReply::Done => {
                if let Some(next) = pull.next.take() {
                    pull.place = next;
                    let caught_up = !pull.more && matches!(pull.place, Place::At(_));
                    self.documents.wake();
                    self.resume(&Lane::Documents);
                    if caught_up {
                        self.caught_up(scope);
                    }
                }
            }
            StoreReply::Cursor { .. }
            | StoreReply::Unsent { .. }
            | StoreReply::Head(_)
            | StoreReply::DigestWorking
            | StoreReply::Digest { .. }
            | StoreReply::Mended { .. }
            | StoreReply::Documents { .. } => {}
        }
    }

    /// Middleboxes cut long waits: wait less next time.
    pub(super) fn pull_set_back(&mut self, scope: &OfficeCode, setback: Setback) {
        if let Some(pull) = self.pulls.get_mut(scope).filter(|_| setback.halve) {
            pull.wait_ms = (pull.wait_ms / 2).max(MIN_WAIT_MS);
        }
    }

    pub(super) fn pull_refused(
        &mut self,
        scope: &OfficeCode,
        status: u16,
        problem: &Problem,
        retry_after_ms: Option<u64>,
    ) {
        let lane = Lane::Pull(scope.clone());
        if status == 426 || problem.code == code::UPGRADE_REQUIRED {
            // Reading stops; what is typed here still goes up.
            self.link.too_old = true;
            return self.wait_long(&lane);
        }
        if problem.code == code::CURSOR_INVALID {
            // A server that is behind in its feed may be behind in our ops as well.
            self.hello_now();
            return self.fill_anew(scope, retry_after_ms);
        }
        // Perhaps our rights changed: hello says which feeds are ours.
        self.arm_backoff(&lane, retry_after_ms);
        self.hello_now();
    }

    fn fill_anew(&mut self, scope: &OfficeCode, retry_after_ms: Option<u64>) {
        let lane = Lane::Pull(scope.clone());
        if self.line(&lane).backoff.failures() > 0 {
            return self.arm_backoff(&lane, retry_after_ms);
        }
        let Some(pull) = self.pulls.get_mut(scope) else {
            return;
        };
        pull.more = true;
        pull.next = Some(Place::Filling(None));
        self.store(
            &lane,
            StoreCall::ResetScope {
                scope: scope.clone(),
            },
        );
    }

    /// Rights to this scope are gone: its cases are hidden, unsent ops stay.
    pub(super) fn drop_scope(&mut self, scope: &OfficeCode) {
        let lane = Lane::Pull(scope.clone());
        self.digest.forget(scope);
        self.pulls.remove(scope);
        self.lines.remove(&lane);
        self.out.push(Action::Cancel(lane.clone()));
        self.store(
            &lane,
            StoreCall::DropScope {
                scope: scope.clone(),
            },
        );
    }

    /// The line is evidently up: feeds that back off try now, those that long-poll hear by themselves.
    pub(super) fn poke_pulls(&mut self) {
        let lanes: Vec<Lane> = self.pulls.keys().cloned().map(Lane::Pull).collect();
        for lane in lanes {
            if !self.link.too_old {
                self.line(&lane).armed = false;
                self.resume(&lane);
            }
        }
    }
}
