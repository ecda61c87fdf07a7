//! Documents down, for desks that lack them: by ranges, each chunk verified, the whole verified, then stored.

use super::Machine;
use super::backoff::Backoff;
use super::port::{Lane, Request, StoreCall, WantedDocument, chunk_count, chunk_range};
use super::status::OfflineWhy;
use desk_domain::ids::DocumentId;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Largest document that is fetched: it is held in memory until it is whole.
const MAX_DOCUMENT_BYTES: u64 = 64 * 1024 * 1024;

#[derive(Clone, Debug, Default)]
pub(super) struct DownloadLane {
    wanted: Vec<WantedDocument>,
    current: Option<Download>,
    aside: BTreeSet<DocumentId>,
    aside_wait: Backoff,
}

/// A document and its verified beginning.
#[derive(Clone, Debug)]
struct Download {
    document: WantedDocument,
    got: Arc<Vec<u8>>,
    done_chunks: u32,
}

impl Download {
    fn is_whole(&self) -> bool {
        self.done_chunks == chunk_count(&self.document.manifest)
    }
    /// Takes bytes if they are what the manifest says; a server that ignores Range sends the whole.
    fn take(&mut self, from: u64, bytes: Vec<u8>, chunk_bytes: u64) -> bool {
        let manifest = &self.document.manifest;
        let whole = from == 0 && length(&bytes) == manifest.size_bytes;
        if whole {
            self.done_chunks = chunk_count(&self.document.manifest);
            self.got = Arc::new(bytes);
            return hash(&self.got) == manifest.sha256;
        }
        let (start, end) = chunk_range(manifest, self.done_chunks, chunk_bytes);
        let at = usize::try_from(self.done_chunks).unwrap_or(usize::MAX);
        let agrees = manifest
            .chunks
            .get(at)
            .is_some_and(|expected| hash(&bytes) == *expected);
        if from != start || length(&bytes) != end.saturating_sub(start) || !agrees {
            return false;
        }
        Arc::make_mut(&mut self.got).extend_from_slice(&bytes);
        self.done_chunks += 1;
        !self.is_whole() || hash(&self.got) == manifest.sha256
    }
}

impl DownloadLane {
    pub fn want(&mut self, wanted: Vec<WantedDocument>) {
        self.wanted = wanted;
    }
    pub fn clear_aside(&mut self) {
        self.aside.clear();
    }
    fn next(&self, chunk_bytes: u64) -> Option<Download> {
        let free = self
            .wanted
            .iter()
            .filter(|document| !self.aside.contains(&document.id));
        let fits = free.filter(|document| is_sane(document, chunk_bytes));
        let document = fits
            .min_by_key(|document| (document.manifest.size_bytes, document.id))?
            .clone();
        Some(Download {
            document,
            got: Arc::new(Vec::new()),
            done_chunks: 0,
        })
    }
}

impl Machine {
    pub(super) fn resume_download(&mut self) {
        if self.downloads.current.is_none() {
            self.downloads.current = self.downloads.next(self.config.chunk_bytes);
        }
        let Some(download) = &self.downloads.current else {
            return self.wait_for_wanted();
        };
        let document = download.document.id;
        if download.is_whole() {
            let bytes = Arc::clone(&download.got);
            return self.store(
                &Lane::Download,
                StoreCall::PutDownloaded { document, bytes },
            );
        }
        let manifest = &download.document.manifest;
        let (from, to) = chunk_range(manifest, download.done_chunks, self.config.chunk_bytes);
        self.send(&Lane::Download, Request::Fetch { document, from, to });
    }

    fn wait_for_wanted(&mut self) {
        if self.downloads.aside.is_empty() {
            return;
        }
        let chance = Arc::clone(&self.chance);
        let wait = self
            .downloads
            .aside_wait
            .fail(self.config.pace, None, chance.as_ref());
        self.downloads.aside.clear();
        self.arm(&Lane::Download, wait);
    }

    /// Bytes came. They prove themselves by their hash; anything else is taken for a stranger's.
    pub(super) fn fetched(&mut self, lane: &Lane, from: u64, bytes: Vec<u8>) {
        let chunk_bytes = self.config.chunk_bytes;
        let Some(download) = self
            .downloads
            .current
            .as_mut()
            .filter(|_| *lane == Lane::Download)
        else {
            return self.arm_backoff(lane, None);
        };
        if download.take(from, bytes, chunk_bytes) {
            self.note_alive();
            self.line(lane).backoff.reset();
        } else {
            self.note_failure(OfflineWhy::Server, self.now);
            self.download_refused();
        }
    }

    /// Not there yet, or not what the manifest says: the next one first.
    pub(super) fn download_refused(&mut self) {
        if let Some(download) = self.downloads.current.take() {
            self.downloads.aside.insert(download.document.id);
        }
    }

    pub(super) fn download_stored(&mut self) {
        if let Some(download) = self.downloads.current.take() {
            self.downloads
                .wanted
                .retain(|document| document.id != download.document.id);
            self.downloads.aside_wait.reset();
        }
    }
}

fn is_sane(document: &WantedDocument, chunk: u64) -> bool {
    let size = document.manifest.size_bytes;
    size > 0
        && size <= MAX_DOCUMENT_BYTES
        && u64::from(chunk_count(&document.manifest)) == size.div_ceil(chunk)
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
