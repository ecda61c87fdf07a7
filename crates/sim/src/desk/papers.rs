//! The desk's documents: where the bytes are, what is still to be sent, what may go.

use super::{Books, State};
use crate::paper::{Bytes, hash, to_scale};
use desk_domain::case::{Case, CaseDocument, CaseState, DocumentKind, DocumentManifest};
use desk_domain::ids::{CaseId, DocumentId, Incarnation, OpId};
use desk_domain::op::{Op, OpBody};
use desk_sync::machine::port::{DocumentToSend, WantedDocument};

/// Where the bytes are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transfer {
    ToSend,
    Stored,
    Absent,
    Wanted,
    Fetched,
}

/// One document as a desk knows it.
#[derive(Clone, Debug)]
pub struct Paper {
    pub case: CaseId,
    pub kind: DocumentKind,
    pub manifest: DocumentManifest,
    pub transfer: Transfer,
    pub bytes: Option<Bytes>,
    /// The op of this desk that attached it.
    pub op: Option<OpId>,
    /// Where the journal stood when the desk heard that the server has every byte.
    stored_at: Option<(Incarnation, u64)>,
}

impl Books {
    /// Bytes first, then the op that names them: both are in the journal's transaction here.
    pub(super) fn note_attachment(&mut self, op: &Op, shelf: Option<&(DocumentId, Bytes)>) {
        let Ok(OpBody::DocumentAttach {
            document,
            kind,
            manifest,
            ..
        }) = op.body()
        else {
            return;
        };
        let bytes = shelf.filter(|(id, _)| *id == document);
        let paper = Paper {
            case: op.case,
            kind,
            manifest,
            transfer: Transfer::ToSend,
            bytes: bytes.map(|(_, bytes)| bytes.clone()),
            op: Some(op.op_id),
            stored_at: None,
        };
        self.papers.insert(document, paper);
    }

    /// A snapshot names documents: ours may be stored now, others' may be fetched.
    pub(super) fn note_snapshot(&mut self, case: &Case) {
        let here = self.place();
        for (id, document) in &case.documents {
            let known = self.papers.get_mut(id);
            let transfer = known.as_ref().map(|paper| paper.transfer);
            let next = match (transfer, document.stored) {
                (None | Some(Transfer::Absent), true) if is_needed(case, document) => {
                    Transfer::Wanted
                }
                (None, _) => Transfer::Absent,
                (Some(Transfer::ToSend), true) => Transfer::Stored,
                (Some(_), _) => continue,
            };
            if let Some(paper) = known {
                paper.settle(next, here);
                continue;
            }
            let paper = Paper {
                case: case.id,
                kind: document.kind,
                manifest: document.manifest.clone(),
                transfer: next,
                bytes: None,
                op: None,
                stored_at: None,
            };
            self.papers.insert(*id, paper);
        }
    }

    /// The server holds every byte.
    pub(super) fn mark_stored(&mut self, id: DocumentId) {
        let here = self.place();
        if let Some(paper) = self.papers.get_mut(&id) {
            paper.settle(Transfer::Stored, here);
        }
    }

    /// Takes in a fetched original; false for bytes that are not the manifest's.
    pub(super) fn put_downloaded(&mut self, id: DocumentId, bytes: &[u8]) -> bool {
        let Some(paper) = self.papers.get_mut(&id) else {
            return false;
        };
        if !matches!(paper.transfer, Transfer::Wanted | Transfer::Absent) {
            return true;
        }
        if hash(bytes) != paper.manifest.sha256 {
            return false;
        }
        paper.bytes = Some(Bytes::new(bytes.to_vec()));
        paper.transfer = Transfer::Fetched;
        true
    }

    /// The server was restored and may have lost bytes: everything that this desk sent is offered again.
    pub(super) fn offer_again(&mut self) {
        for paper in self.papers.values_mut() {
            if paper.transfer == Transfer::Stored {
                paper.transfer = Transfer::ToSend;
                paper.stored_at = None;
            }
        }
    }

    /// What the machine asks for.
    pub(super) fn to_move(&self) -> (Vec<DocumentToSend>, Vec<WantedDocument>) {
        let of = |transfer| {
            self.papers
                .iter()
                .filter(move |(_, paper)| paper.transfer == transfer)
        };
        let waits = |paper: &Paper| {
            let fate = paper.op.and_then(|op| self.fates.get(&op));
            fate.is_some_and(|fate| fate.state == State::Queued)
        };
        let ready = of(Transfer::ToSend).filter(|(_, paper)| !waits(paper));
        let to_send = ready.map(|(id, paper)| DocumentToSend {
            id: *id,
            case: paper.case,
            kind: paper.kind,
            manifest: to_scale(&paper.manifest),
        });
        let wanted = of(Transfer::Wanted).map(|(id, paper)| WantedDocument {
            id: *id,
            manifest: to_scale(&paper.manifest),
        });
        (to_send.collect(), wanted.collect())
    }

    /// The desk's own copy goes only when a verified backup holds the document: that is certain once the backup holds
    /// an op of this journal that the server took after the desk had heard "stored".
    pub fn tidy(&mut self) {
        let tip = self.tip();
        let own = (self.incarnation, self.safe.get(&self.incarnation).copied());
        for paper in self.papers.values_mut() {
            let may_go = paper.transfer == Transfer::Stored
                && paper.stored_at.is_some_and(|(incarnation, seq)| {
                    own.0 == incarnation
                        && own.1.is_some_and(|safe| safe.min(tip.acknowledged) > seq)
                });
            if may_go {
                paper.bytes = None;
            }
        }
    }

    /// The end of the journal, sent or not: what stands behind it later was also sent later.
    fn place(&self) -> (Incarnation, u64) {
        (self.incarnation, self.tip().seq)
    }
}

impl Paper {
    fn settle(&mut self, next: Transfer, here: (Incarnation, u64)) {
        if next == Transfer::Stored && self.transfer != Transfer::Stored {
            self.stored_at = Some(here);
        }
        self.transfer = next;
    }
}

/// Work in hand is fetched without being asked for.
fn is_needed(case: &Case, document: &CaseDocument) -> bool {
    let done = case.state.is_final() || case.state == CaseState::Unbound;
    !done && document.is_active()
}
