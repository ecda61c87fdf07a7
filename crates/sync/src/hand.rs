//! The hand at the store: one thread that does the machine's store calls in the order they were given.
//!
//! The order matters: a page of an old server life must never be applied after a new life was adopted.

use crate::machine::port::{
    DocumentToSend, FeedPage, FillMark, JournalHead, Lane, NewLife, OutboxRow, RepairPage,
    StoreCall, StoreReply, StoreTrouble, WantedDocument,
};
use desk_domain::ids::{Epoch, Incarnation, OfficeCode};
use desk_domain::op::ChainHash;
use desk_domain::time::{Chance, Clock};
use desk_protocol::digest::DigestPlace;
use desk_protocol::sync::{Change, Head, OpOutcome};
use desk_store::{Acknowledged, DigestStand, Page, PageChange, Repair, Store, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Documents looked at in one go.
const MOST_DOCUMENTS: usize = 200;

/// Does store calls; knows nothing of lanes.
pub struct Hand {
    pub store: Arc<Store>,
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
}

/// One call and the lane that waits for it.
pub struct Task {
    pub lane: Lane,
    pub call: StoreCall,
}

impl Hand {
    /// Does one call.
    pub fn perform(&self, call: StoreCall) -> Result<StoreReply, StoreTrouble> {
        self.attempt(call).map_err(|error| StoreTrouble {
            code: error.code().to_owned(),
        })
    }

    fn attempt(&self, call: StoreCall) -> Result<StoreReply, StoreError> {
        let store = &self.store;
        match call {
            StoreCall::LoadUnsent { max_ops, max_bytes } => return self.unsent(max_ops, max_bytes),
            StoreCall::LoadHead {
                server,
                backup_safe,
            } => {
                store.note_backup_safe(&backup_safe)?;
                return self.head(&server);
            }
            StoreCall::LoadCursor { scope } => return self.cursor(&scope),
            StoreCall::LoadDocuments => return self.documents(),
            StoreCall::LoadDigest { scope } => return self.digest(&scope),
            StoreCall::ApplyRepair(page) => return self.mend(*page),
            StoreCall::Acknowledge {
                incarnation,
                first_seq,
                seq,
                hash,
                outcomes,
            } => {
                let outcomes = pairs(outcomes);
                store.acknowledge(&Acknowledged {
                    incarnation,
                    first_seq,
                    seq,
                    hash,
                    outcomes,
                })?;
            }
            StoreCall::Park { ops, code } => {
                for op in ops {
                    store.park(op, &code)?;
                }
            }
            StoreCall::Rewind { seq } => {
                let broken = store.rewind_acknowledged(self.incarnation()?, seq)?;
                store.offer_documents_again()?;
                self.tell_restored()?;
                if broken {
                    // Ops that a backup held are gone from here: the chain cannot be sent from that place on.
                    store.begin_incarnation(self.fresh())?;
                }
            }
            StoreCall::NewIncarnation { why } => {
                let code = match why {
                    NewLife::Forked => "desk.cloned",
                    NewLife::Behind => "desk.restored",
                };
                store.begin_life(self.fresh(), code, self.clock.now(), &BTreeMap::new())?;
            }
            StoreCall::AdoptEpoch {
                epoch,
                scopes,
                server,
            } => self.adopt(epoch, scopes, &server)?,
            StoreCall::ApplyPage(page) => self.apply(*page)?,
            StoreCall::ResetScope { scope } => self.reset(&scope)?,
            StoreCall::DropScope { scope } => self.drop_scope(&scope)?,
            StoreCall::KeepScopes { scopes } => self.keep_scopes(&scopes)?,
            StoreCall::SetChunks { document, have } => store.set_chunks(document, &have)?,
            StoreCall::MarkStored { document } => store.mark_stored(document)?,
            StoreCall::PutDownloaded { document, bytes } => {
                store.put_downloaded(document, &bytes)?;
            }
        }
        Ok(StoreReply::Done)
    }

    fn fresh(&self) -> Incarnation {
        Incarnation::new(self.clock.now(), self.chance.as_ref())
    }

    fn tell_restored(&self) -> Result<(), StoreError> {
        self.store
            .raise_alert("server.restored", self.clock.now(), &BTreeMap::new())
    }

    fn incarnation(&self) -> Result<Incarnation, StoreError> {
        Ok(self
            .store
            .identity()?
            .ok_or(StoreError::NoIdentity)?
            .incarnation)
    }

    fn unsent(&self, max_ops: usize, max_bytes: usize) -> Result<StoreReply, StoreError> {
        let incarnation = self.incarnation()?;
        let acknowledged = self
            .own_head(incarnation)?
            .map_or(0, |head| head.acknowledged_seq);
        let rows = self.store.unsent(acknowledged, max_ops, max_bytes)?;
        // The journal may have begun a new life in between: rows say which life they are of.
        let rows = rows
            .into_iter()
            .filter(|row| row.incarnation == incarnation);
        let rows = rows.map(|row| OutboxRow {
            seq: row.seq,
            op_id: row.op_id,
            bytes: row.bytes.into(),
            hash: row.hash,
            parked: row.parked,
        });
        Ok(StoreReply::Unsent {
            incarnation,
            rows: rows.collect(),
        })
    }

    fn own_head(
        &self,
        incarnation: Incarnation,
    ) -> Result<Option<desk_store::JournalHead>, StoreError> {
        Ok(self
            .store
            .heads()?
            .into_iter()
            .find(|head| head.incarnation == incarnation))
    }

    fn head(&self, server: &[Head]) -> Result<StoreReply, StoreError> {
        let incarnation = self.incarnation()?;
        self.bring_forward(incarnation, server)?;
        let own = self.own_head(incarnation)?;
        let nothing = Head {
            incarnation,
            seq: 0,
            hash: ChainHash::GENESIS,
        };
        let server = server
            .iter()
            .find(|head| head.incarnation == incarnation)
            .copied()
            .unwrap_or(nothing);
        let there = match server.seq.checked_sub(1) {
            Some(before) => self.store.unsent(before, 1, 1)?,
            None => Vec::new(),
        };
        let there = there
            .first()
            .filter(|row| row.seq == server.seq && row.incarnation == incarnation);
        Ok(StoreReply::Head(JournalHead {
            last_seq: own.as_ref().map_or(0, |head| head.seq),
            acknowledged_seq: own.as_ref().map_or(0, |head| head.acknowledged_seq),
            server,
            hash_there: there.map(|row| row.hash),
        }))
    }

    /// The server's database began a new life. The epoch is noted last: a cut before that repeats the whole.
    fn adopt(
        &self,
        epoch: Epoch,
        scopes: Vec<OfficeCode>,
        server: &[Head],
    ) -> Result<(), StoreError> {
        let store = &self.store;
        let before = store.server_epoch()?;
        if before.is_some_and(|before| before != epoch) {
            self.tell_restored()?;
        }
        // Also offices that are not read just now: their places are of the old life, too.
        for scope in scopes.into_iter().chain(store.known_scopes()?) {
            self.reset(&scope)?;
        }
        self.reconcile(server)?;
        store.offer_documents_again()?;
        store.set_server_epoch(epoch)
    }

    fn keep_scopes(&self, scopes: &[OfficeCode]) -> Result<(), StoreError> {
        for scope in self.store.known_scopes()? {
            if !scopes.contains(&scope) {
                self.drop_scope(&scope)?;
            }
        }
        Ok(())
    }

    /// A restored server may have lost ops of lives that this desk has left: they go out again under the present one.
    fn bring_forward(&self, present: Incarnation, server: &[Head]) -> Result<(), StoreError> {
        for own in self.store.heads()? {
            if own.incarnation == present {
                continue;
            }
            let there = server
                .iter()
                .find(|head| head.incarnation == own.incarnation);
            let again = self
                .store
                .bring_forward(own.incarnation, there.map_or(0, |head| head.seq))?;
            if again > 0 {
                self.store.offer_documents_again()?;
                self.tell_restored()?;
            }
        }
        Ok(())
    }

    /// What a restored server does not show to have of this journal is unsent again, in whichever life of it.
    fn reconcile(&self, server: &[Head]) -> Result<(), StoreError> {
        let present = self.incarnation()?;
        let mut broken = false;
        for own in self.store.heads()? {
            let there = self.common(own.incarnation, server)?;
            if own.incarnation == present {
                // Also when nothing above was acknowledged: a feed may have told verdicts of the old life.
                broken |= self.store.rewind_acknowledged(present, there)?;
            } else {
                self.store.bring_forward(own.incarnation, there)?;
            }
        }
        if broken {
            self.store.begin_incarnation(self.fresh())?;
        }
        self.store.doubt_verdicts()
    }

    /// Up to where the server's chain of a life is known to be ours; 0 when that cannot be told: a clone of this desk may
    /// have written on after the server was put back.
    fn common(&self, life: Incarnation, server: &[Head]) -> Result<u64, StoreError> {
        let Some(head) = server.iter().find(|head| head.incarnation == life) else {
            return Ok(0);
        };
        let ours = self.store.hash_at(life, head.seq)?;
        Ok(if ours == Some(head.hash) { head.seq } else { 0 })
    }

    fn cursor(&self, scope: &OfficeCode) -> Result<StoreReply, StoreError> {
        let cursor = self.store.cursor(scope)?;
        let mark = self.store.setting(&mark_name(scope))?;
        let mark = mark
            .and_then(|json| serde_json::from_str::<Option<FillMark>>(&json).ok())
            .flatten();
        Ok(StoreReply::Cursor {
            cursor,
            mark: mark.filter(|_| cursor.is_none()),
        })
    }

    fn documents(&self) -> Result<StoreReply, StoreError> {
        let to_send = self
            .store
            .documents_ready_to_send(MOST_DOCUMENTS)?
            .into_iter()
            .map(|upload| DocumentToSend {
                id: upload.id,
                case: upload.case,
                kind: upload.kind,
                manifest: upload.manifest,
            });
        let wanted = self.store.documents_wanted(MOST_DOCUMENTS)?.into_iter();
        let wanted = wanted.map(|wanted| WantedDocument {
            id: wanted.id,
            manifest: wanted.manifest,
        });
        Ok(StoreReply::Documents {
            to_send: to_send.collect(),
            wanted: wanted.collect(),
        })
    }

    fn apply(&self, page: FeedPage) -> Result<(), StoreError> {
        let FeedPage {
            scope,
            cursor,
            fill,
            changes,
            mark,
        } = page;
        let changes = changes.into_iter().map(change).collect();
        self.store.apply_page(&Page {
            scope: scope.clone(),
            cursor,
            fill,
            changes,
        })?;
        if fill {
            // After the page: a cut in between fetches this page once more.
            self.put_mark(&scope, mark.as_ref())?;
        }
        Ok(())
    }

    fn digest(&self, scope: &OfficeCode) -> Result<StoreReply, StoreError> {
        Ok(match self.store.scope_digest(scope)? {
            DigestStand::Working => StoreReply::DigestWorking,
            DigestStand::Unfilled => StoreReply::Done,
            DigestStand::Ready(digest) => StoreReply::Digest {
                cursor: digest.cursor,
                sums: Box::new(digest.sums),
            },
        })
    }

    fn mend(&self, page: RepairPage) -> Result<StoreReply, StoreError> {
        let place = |place: DigestPlace| (place.bucket, place.case);
        let done = self.store.apply_repair(&Repair {
            scope: page.scope,
            position: page.position,
            buckets: page.buckets,
            after: page.after.map(place),
            until: page.until.map(place),
            changes: page.changes.into_iter().map(change).collect(),
            at: self.clock.now(),
        })?;
        Ok(StoreReply::Mended {
            cases: done.cases,
            outdated: done.outdated,
        })
    }

    fn reset(&self, scope: &OfficeCode) -> Result<(), StoreError> {
        self.put_mark(scope, None)?;
        self.store.reset_scope(scope)
    }

    /// A complete fill that brings nothing hides every case of the scope; unsent ops stay.
    fn drop_scope(&self, scope: &OfficeCode) -> Result<(), StoreError> {
        self.reset(scope)?;
        let nothing = Page {
            scope: scope.clone(),
            cursor: Some(0),
            fill: true,
            changes: Vec::new(),
        };
        self.store.apply_page(&nothing)?;
        self.reset(scope)
    }

    fn put_mark(&self, scope: &OfficeCode, mark: Option<&FillMark>) -> Result<(), StoreError> {
        self.store
            .put_setting(&mark_name(scope), &serde_json::to_string(&mark)?)
    }
}

fn mark_name(scope: &OfficeCode) -> String {
    format!("sync.fill.{scope}")
}

fn change(change: Change) -> PageChange {
    match change {
        Change::Case(change) => PageChange::Case {
            case: Box::new(change.case),
            timeline: change.timeline,
            outcomes: pairs(change.outcomes),
        },
        Change::Merchant(merchant) => PageChange::Merchant(merchant),
        Change::User(user) => PageChange::User(user),
        Change::CaseGone { case } => PageChange::CaseGone(case),
        Change::Outcomes { outcomes } => PageChange::Outcomes(pairs(outcomes)),
    }
}

fn pairs(outcomes: Vec<OpOutcome>) -> Vec<(desk_domain::ids::OpId, desk_domain::outcome::Outcome)> {
    outcomes
        .into_iter()
        .map(|one| (one.op_id, one.outcome))
        .collect()
}
