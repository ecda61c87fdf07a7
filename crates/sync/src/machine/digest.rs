//! Now and then, when a feed is caught up: does this desk hold what the server holds? One hash first; the 256 of the
//! buckets only when it differs, the cases of a bucket only when its hash differs. Never part of an ordinary poll.

use super::Machine;
use super::port::{Lane, Notice, RepairPage, Request, StoreCall, StoreReply};
use desk_domain::digest::Sums;
use desk_domain::ids::{Epoch, OfficeCode};
use desk_domain::time::Millis;
use desk_protocol::digest::{DigestAsk, DigestPlace, DigestReply};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, Default)]
pub(super) struct DigestLane {
    /// When a scope may be compared next.
    next_at: BTreeMap<OfficeCode, Millis>,
    /// Scopes that are caught up and whose time has come.
    due: BTreeSet<OfficeCode>,
    step: Step,
}

#[derive(Clone, Debug, Default)]
enum Step {
    #[default]
    Idle,
    /// The store takes the digests of this scope.
    Taking(OfficeCode),
    /// The server is to answer this.
    Asking(Box<Inquiry>),
    /// The store mends what the server said; then this is to be asked, if anything.
    Mending(Box<Inquiry>, Option<DigestPlace>),
}

/// One comparison of one scope.
#[derive(Clone, Debug)]
struct Inquiry {
    scope: OfficeCode,
    cursor: u64,
    sums: Sums,
    ask: DigestAsk,
    /// Cases mended so far.
    mended: u64,
}

impl DigestLane {
    /// Rights to this scope are gone, or its feed begins anew.
    pub fn forget(&mut self, scope: &OfficeCode) {
        self.due.remove(scope);
        self.next_at.remove(scope);
        let of_scope = match &self.step {
            Step::Idle => false,
            Step::Taking(of) => of == scope,
            Step::Asking(inquiry) | Step::Mending(inquiry, _) => inquiry.scope == *scope,
        };
        if of_scope {
            self.step = Step::Idle;
        }
    }

    /// A person asks whether everything is right, or there is reason to doubt it: feeds that are caught up are compared
    /// now, the others as soon as they are.
    pub fn hurry<'a>(&mut self, feeds: impl Iterator<Item = (&'a OfficeCode, bool)>) {
        for (scope, caught_up) in feeds {
            self.next_at.insert(scope.clone(), Millis::MIN);
            if caught_up {
                self.due.insert(scope.clone());
            }
        }
    }
}

impl Machine {
    /// The feed of a scope has nothing more to give just now.
    pub(super) fn caught_up(&mut self, scope: &OfficeCode) {
        let first = self.later(self.config.digest_first_ms);
        let next_at = *self.digest.next_at.entry(scope.clone()).or_insert(first);
        // Later than any pause of ours: the clock was put back meanwhile.
        let clock_went_back =
            next_at > self.later(self.config.digest_every_ms.max(self.config.digest_first_ms));
        if self.now >= next_at || clock_went_back {
            self.digest.due.insert(scope.clone());
            self.resume(&Lane::Digest);
        }
    }

    /// There is reason to doubt what came down: compare at the next moment of rest.
    pub(super) fn doubt_cases(&mut self) {
        let feeds = self.pulls.iter();
        self.digest
            .hurry(feeds.map(|(scope, pull)| (scope, pull.is_caught_up())));
        self.resume(&Lane::Digest);
    }

    pub(super) fn resume_digest(&mut self) {
        if !self.hello.settled || self.link.too_old {
            return;
        }
        if matches!(self.digest.step, Step::Idle) {
            let Some(scope) = self.digest.due.pop_first() else {
                return;
            };
            self.digest.step = Step::Taking(scope);
        }
        match &self.digest.step {
            Step::Taking(scope) => {
                let scope = scope.clone();
                self.store(&Lane::Digest, StoreCall::LoadDigest { scope });
            }
            Step::Asking(inquiry) => {
                let request = Request::Digest {
                    scope: inquiry.scope.clone(),
                    cursor: inquiry.cursor,
                    ask: inquiry.ask.clone(),
                };
                self.send(&Lane::Digest, request);
            }
            Step::Idle | Step::Mending(..) => {}
        }
    }

    pub(super) fn digest_stored(&mut self, reply: StoreReply) {
        let step = std::mem::take(&mut self.digest.step);
        match (step, reply) {
            // Not all are taken yet: the lane asks the store again, and others have their turn in between.
            (Step::Taking(scope), StoreReply::DigestWorking) => {
                self.digest.step = Step::Taking(scope);
            }
            (Step::Taking(scope), StoreReply::Digest { cursor, sums }) => {
                let ask = DigestAsk::Whole { hash: sums.whole() };
                self.digest.step = Step::Asking(Box::new(Inquiry {
                    scope,
                    cursor,
                    sums: *sums,
                    ask,
                    mended: 0,
                }));
            }
            (Step::Taking(scope), _) => self.rest(&scope, self.config.digest_every_ms),
            (Step::Mending(inquiry, next), StoreReply::Mended { cases, outdated }) => {
                self.mended(*inquiry, next, cases, outdated);
            }
            (Step::Idle | Step::Asking(_) | Step::Mending(..), _) => {}
        }
    }

    fn mended(&mut self, inquiry: Inquiry, next: Option<DigestPlace>, cases: u64, outdated: bool) {
        let mut inquiry = inquiry;
        inquiry.mended = inquiry.mended.saturating_add(cases);
        match (&mut inquiry.ask, next) {
            (DigestAsk::Cases { after, .. }, Some(next)) if !outdated => {
                *after = Some(next);
                self.digest.step = Step::Asking(Box::new(inquiry));
            }
            _ => {
                self.tell_mended(&inquiry);
                let pause = if outdated {
                    self.config.digest_retry_ms
                } else {
                    self.config.digest_every_ms
                };
                self.rest(&inquiry.scope, pause);
            }
        }
    }

    pub(super) fn digested(&mut self, reply: DigestReply, epoch: Epoch) {
        let Step::Asking(inquiry) = std::mem::take(&mut self.digest.step) else {
            return;
        };
        let mut inquiry = inquiry;
        let same_life = self.hello.settled && self.epoch == Some(epoch);
        if !same_life || reply.scope != inquiry.scope || !reply.compared {
            // The feed has moved on meanwhile: there will be a better moment.
            self.tell_mended(&inquiry);
            return self.rest(&inquiry.scope, self.config.digest_retry_ms);
        }
        match &inquiry.ask {
            DigestAsk::Whole { .. } if !reply.same => {
                let hashes = inquiry.sums.hashes();
                inquiry.ask = DigestAsk::Buckets { hashes };
                self.digest.step = Step::Asking(inquiry);
            }
            DigestAsk::Buckets { .. } if !reply.differing.is_empty() => {
                inquiry.ask = DigestAsk::Cases {
                    buckets: reply.differing,
                    after: None,
                };
                self.digest.step = Step::Asking(inquiry);
            }
            DigestAsk::Cases { buckets, after } => {
                let page = RepairPage {
                    scope: reply.scope,
                    position: reply.position,
                    buckets: buckets.clone(),
                    after: *after,
                    until: reply.next,
                    changes: reply.changes,
                };
                self.digest.step = Step::Mending(inquiry, reply.next);
                self.store(&Lane::Digest, StoreCall::ApplyRepair(Box::new(page)));
            }
            DigestAsk::Whole { .. } | DigestAsk::Buckets { .. } => {
                self.rest(&inquiry.scope, self.config.digest_every_ms);
            }
        }
    }

    /// The store could not mend (full disk, say): the same cases are asked for again.
    pub(super) fn digest_store_failed(&mut self) {
        self.digest.step = match std::mem::take(&mut self.digest.step) {
            Step::Mending(inquiry, _) | Step::Asking(inquiry) => Step::Asking(inquiry),
            Step::Taking(scope) => Step::Taking(scope),
            Step::Idle => Step::Idle,
        };
    }

    /// A server that does not compare, or rights that are gone: nothing is urgent about it.
    pub(super) fn digest_refused(&mut self) {
        if let Step::Asking(inquiry) = std::mem::take(&mut self.digest.step) {
            self.tell_mended(&inquiry);
            self.rest(&inquiry.scope, self.config.digest_every_ms);
        }
    }

    fn rest(&mut self, scope: &OfficeCode, pause_ms: u64) {
        let at = self.later(pause_ms);
        self.digest.next_at.insert(scope.clone(), at);
    }

    fn tell_mended(&mut self, inquiry: &Inquiry) {
        if inquiry.mended > 0 {
            self.tell(Notice::Repaired {
                scope: inquiry.scope.clone(),
                cases: inquiry.mended,
            });
        }
    }

    fn later(&self, pause_ms: u64) -> Millis {
        self.now
            .saturating_add(Millis::try_from(pause_ms).unwrap_or(Millis::MAX))
    }
}
