//! Documents up: smallest first, one at a time, resumed from the server's own bitmap.
//!
//! Its chunks go one by one until the line has shown that it is quick, then up to three at once: at 50 kbit/s a chunk
//! takes some three minutes, and what a cut can cost is what is on the line.

use super::Machine;
use super::backoff::Backoff;
use super::line::Flying;
use super::port::{DocumentToSend, Lane, Request, StoreCall, StoreReply, chunk_range};
use super::status::DocProgress;
use super::triage::Setback;
use desk_domain::ids::DocumentId;
use desk_domain::time::Millis;
use desk_protocol::documents::OfferReply;
use std::collections::BTreeSet;

/// A chunk that took longer has a line on which it should be alone,
const SLOW_CHUNK_MS: u64 = 20_000;
/// and one that was faster has room beside it.
const QUICK_CHUNK_MS: u64 = 5_000;

#[derive(Clone, Debug)]
pub(super) struct DocumentsLane {
    dirty: bool,
    queue: Vec<DocumentToSend>,
    current: Option<Upload>,
    /// Not taken at the moment (its op has not arrived, say); tried again after a wait.
    aside: BTreeSet<DocumentId>,
    aside_wait: Backoff,
    most_parallel: u8,
    parallel: u8,
    chunk_bytes: u64,
}

#[derive(Clone, Debug)]
struct Upload {
    document: DocumentToSend,
    have: Vec<bool>,
    step: Step,
    run: Option<Run>,
}

/// Chunks sent without a break: the pace by which the end can be foretold.
#[derive(Clone, Copy, Debug)]
struct Run {
    since: Millis,
    confirmed_at: Millis,
    bytes: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Offer,
    /// The store notes the server's bitmap.
    Noting,
    Chunks,
    Complete,
    /// The server has the whole; the store notes it.
    Stored,
}

impl Upload {
    fn missing(&self) -> impl Iterator<Item = u32> + '_ {
        (0_u32..)
            .zip(&self.have)
            .filter(|(_, have)| !**have)
            .map(|(index, _)| index)
    }
    fn sent_bytes(&self, chunk_bytes: u64) -> u64 {
        let have = (0_u32..).zip(&self.have).filter(|(_, have)| **have);
        have.map(|(index, _)| self.bytes_of(index, chunk_bytes))
            .sum()
    }
    fn bytes_of(&self, index: u32, chunk_bytes: u64) -> u64 {
        let (from, to) = chunk_range(&self.document.manifest, index, chunk_bytes);
        to.saturating_sub(from)
    }
    fn done_at(&self, chunk_bytes: u64) -> Option<Millis> {
        let run = self.run.filter(|run| run.bytes > 0)?;
        let size_bytes = self.document.manifest.size_bytes;
        let left = size_bytes.saturating_sub(self.sent_bytes(chunk_bytes));
        let took = u128::from(run.confirmed_at.abs_diff(run.since));
        let more = took.saturating_mul(u128::from(left)) / u128::from(run.bytes);
        Some(
            run.confirmed_at
                .saturating_add(Millis::try_from(more).ok()?),
        )
    }
}

impl DocumentsLane {
    pub fn new(parallel: u8, chunk_bytes: u64) -> Self {
        Self {
            dirty: true,
            queue: Vec::new(),
            current: None,
            aside: BTreeSet::new(),
            aside_wait: Backoff::default(),
            most_parallel: parallel.max(1),
            parallel: 1,
            chunk_bytes,
        }
    }
    pub fn wake(&mut self) {
        self.dirty = true;
    }
    /// What was under way is uncertain: ask the server what it has.
    pub fn reoffer(&mut self) {
        self.dirty = true;
        if let Some(upload) = self
            .current
            .as_mut()
            .filter(|upload| upload.step != Step::Stored)
        {
            upload.step = Step::Offer;
            upload.run = None;
        }
    }
    /// How long a chunk took says how many the line can bear.
    fn paced(&mut self, took_ms: u64) {
        if took_ms > SLOW_CHUNK_MS {
            self.parallel = 1;
        } else if took_ms < QUICK_CHUNK_MS {
            self.parallel = self.parallel.saturating_add(1).min(self.most_parallel);
        }
    }
    pub fn progress(&self) -> Vec<DocProgress> {
        let current = self.current.iter().map(|upload| DocProgress {
            id: upload.document.id,
            sent_bytes: upload.sent_bytes(self.chunk_bytes),
            total_bytes: upload.document.manifest.size_bytes,
            under_way: true,
            done_at: upload.done_at(self.chunk_bytes),
        });
        let running = self.current.as_ref().map(|upload| upload.document.id);
        let waiting = self
            .queue
            .iter()
            .filter(move |document| Some(document.id) != running);
        let waiting = waiting.map(|document| DocProgress {
            id: document.id,
            sent_bytes: 0,
            total_bytes: document.manifest.size_bytes,
            under_way: false,
            done_at: None,
        });
        current.chain(waiting).collect()
    }
    fn take_smallest(&mut self) -> Option<Upload> {
        let free = self
            .queue
            .iter()
            .filter(|document| !self.aside.contains(&document.id));
        let document = free
            .min_by_key(|document| (document.manifest.size_bytes, document.id))?
            .clone();
        let have = vec![false; document.manifest.chunks.len()];
        Some(Upload {
            document,
            have,
            step: Step::Offer,
            run: None,
        })
    }
}

impl Machine {
    pub(super) fn resume_documents(&mut self) {
        if !self.line(&Lane::Documents).is_free() {
            return;
        }
        if std::mem::take(&mut self.documents.dirty) {
            return self.store(&Lane::Documents, StoreCall::LoadDocuments);
        }
        if self.documents.current.is_none() {
            self.documents.current = self.documents.take_smallest();
        }
        let Some(upload) = self.documents.current.clone() else {
            return self.wait_for_aside();
        };
        match upload.step {
            Step::Offer if self.chunks_in_flight().is_empty() => {
                self.send(&Lane::Documents, Request::Offer(upload.document));
            }
            Step::Offer => {}
            Step::Noting => {
                let call = StoreCall::SetChunks {
                    document: upload.document.id,
                    have: upload.have,
                };
                self.store(&Lane::Documents, call);
            }
            Step::Chunks => self.fill_slots(&upload),
            Step::Complete => {
                self.send(
                    &Lane::Documents,
                    Request::Complete {
                        document: upload.document.id,
                    },
                );
            }
            Step::Stored => {
                self.store(
                    &Lane::Documents,
                    StoreCall::MarkStored {
                        document: upload.document.id,
                    },
                );
            }
        }
    }

    fn fill_slots(&mut self, upload: &Upload) {
        let mut flying = self.chunks_in_flight();
        for slot in 0..self.documents.parallel {
            let next = upload.missing().find(|index| !flying.contains(index));
            let lane = Lane::Upload(slot);
            let Some(index) = next.filter(|_| self.line(&lane).is_free()) else {
                continue;
            };
            flying.insert(index);
            self.send(
                &lane,
                Request::PutChunk {
                    document: upload.document.id,
                    index,
                },
            );
        }
    }

    fn chunks_in_flight(&self) -> BTreeSet<u32> {
        let uploads = self
            .lines
            .iter()
            .filter(|(lane, _)| matches!(lane, Lane::Upload(_)));
        uploads
            .filter_map(|(_, line)| match line.request() {
                Some(Request::PutChunk { index, .. }) => Some(*index),
                _ => None,
            })
            .collect()
    }

    /// Only documents that were set aside are left: later.
    fn wait_for_aside(&mut self) {
        if self.documents.aside.is_empty() {
            return;
        }
        let chance = std::sync::Arc::clone(&self.chance);
        let wait = self
            .documents
            .aside_wait
            .fail(self.config.pace, None, chance.as_ref());
        self.documents.aside.clear();
        self.documents.dirty = true;
        self.arm(&Lane::Documents, wait);
    }

    pub(super) fn documents_stored(&mut self, reply: StoreReply) {
        if let StoreReply::Documents { to_send, wanted } = reply {
            self.documents.queue = to_send;
            self.downloads.want(wanted);
            return self.resume(&Lane::Download);
        }
        let Some(upload) = self.documents.current.as_mut() else {
            return;
        };
        match upload.step {
            Step::Noting => upload.step = Step::Chunks,
            Step::Stored => {
                let id = upload.document.id;
                self.documents.queue.retain(|document| document.id != id);
                self.documents.current = None;
            }
            Step::Offer | Step::Chunks | Step::Complete => {}
        }
    }

    pub(super) fn offered(&mut self, reply: OfferReply) {
        let Some(upload) = self.documents.current.as_mut() else {
            return;
        };
        if reply.stored {
            upload.step = Step::Stored;
        } else if reply.have.len() == upload.have.len() {
            let complete = reply.have.iter().all(|have| *have);
            upload.have = reply.have;
            upload.step = if complete {
                Step::Complete
            } else {
                Step::Noting
            };
        } else {
            self.set_document_aside();
        }
    }

    /// The answer to one chunk, or to `complete`.
    pub(super) fn chunk_answered(&mut self, flying: &Flying, stored: bool) {
        let request = &flying.request;
        if matches!(request, Request::PutChunk { .. }) {
            self.documents.paced(self.now.abs_diff(flying.sent_at));
        }
        let chunk_bytes = self.documents.chunk_bytes;
        let about = document_of(request);
        let current = self.documents.current.as_mut();
        let Some(upload) = current.filter(|upload| Some(upload.document.id) == about) else {
            return; // a document that was set aside meanwhile
        };
        if !stored {
            return self.set_document_aside();
        }
        self.lines
            .entry(Lane::Documents)
            .or_default()
            .backoff
            .reset();
        let Request::PutChunk { index, .. } = request else {
            upload.step = Step::Stored;
            return self.documents.aside_wait.reset();
        };
        if let Some(have) = usize::try_from(*index)
            .ok()
            .and_then(|at| upload.have.get_mut(at))
        {
            *have = true;
        }
        let bytes = upload.bytes_of(*index, chunk_bytes);
        let run = upload.run.get_or_insert(Run {
            since: flying.sent_at,
            confirmed_at: self.now,
            bytes: 0,
        });
        run.confirmed_at = self.now;
        run.bytes = run.bytes.saturating_add(bytes);
        if upload.missing().next().is_none() && upload.step == Step::Chunks {
            upload.step = Step::Complete;
        }
    }

    /// This document cannot go now; the others can.
    pub(super) fn document_refused(&mut self, request: &Request) {
        let current = self.documents.current.as_ref();
        if current.is_some_and(|upload| Some(upload.document.id) == document_of(request)) {
            self.set_document_aside();
        }
    }

    fn set_document_aside(&mut self) {
        if let Some(upload) = self.documents.current.take() {
            self.documents.aside.insert(upload.document.id);
        }
    }

    pub(super) fn documents_set_back(&mut self, setback: Setback) {
        if setback.halve {
            self.documents.parallel = 1;
        }
        self.documents.reoffer();
        if !self.line(&Lane::Documents).armed {
            self.arm_backoff(&Lane::Documents, setback.retry_after_ms);
        }
    }

    /// Ops arrived at the server: a document it did not know a moment ago may be welcome now.
    pub(super) fn documents_may_go_on(&mut self) {
        let waits_for_op = self.line(&Lane::Documents).backoff.failures() == 0;
        if waits_for_op && self.documents.aside_wait.failures() > 0 {
            self.line(&Lane::Documents).armed = false;
            self.documents.aside.clear();
            self.documents.aside_wait.reset();
        }
        // The store keeps a document back until its op has gone.
        self.documents.wake();
        self.resume(&Lane::Documents);
    }
}

fn document_of(request: &Request) -> Option<DocumentId> {
    match request {
        Request::Offer(document) => Some(document.id),
        Request::PutChunk { document, .. }
        | Request::Complete { document }
        | Request::Fetch { document, .. } => Some(*document),
        Request::Refresh { .. }
        | Request::Hello
        | Request::Push(_)
        | Request::Pull { .. }
        | Request::Snapshot { .. }
        | Request::Digest { .. }
        | Request::Calls { .. }
        | Request::Ask(_) => None,
    }
}
