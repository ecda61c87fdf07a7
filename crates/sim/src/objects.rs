//! The object folder as a model: chunks on their way in, whole documents under office and SHA-256, with what
//! `fsync` and `rename` promise and no more.

use crate::dice::Dice;
use crate::fail::{FailPoint, Traps};
use crate::paper::{Bytes, hash};
use desk_domain::case::DocumentManifest;
use desk_domain::ids::{DocumentId, OfficeCode};
use desk_domain::time::Millis;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Until the system writes back a file that nobody synced.
const WRITE_BACK_MS: Millis = 30_000;

/// One file under its final name.
#[derive(Clone, Debug)]
pub struct File {
    pub bytes: Bytes,
    /// From here on the content outlives a power cut.
    safe_at: Millis,
    /// The folder was synced: the name outlives a power cut.
    named: bool,
}

/// What came of putting a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Completed {
    Stored,
    Incomplete,
    /// The chunks together are not the document announced; they are gone and must be sent again.
    Mismatch,
    /// The process died on the way.
    Died,
}

type Chunk = (OfficeCode, DocumentId, usize);

/// A folder of documents.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    incoming: BTreeMap<Chunk, File>,
    pub whole: BTreeMap<(OfficeCode, String), File>,
    /// M07: files are renamed into place without being synced.
    careless: bool,
}

impl Objects {
    /// An empty folder.
    pub fn new(careless: bool) -> Self {
        Self {
            careless,
            ..Self::default()
        }
    }

    fn file(&self, bytes: Bytes, now: Millis) -> File {
        File {
            bytes,
            safe_at: if self.careless {
                now + WRITE_BACK_MS
            } else {
                now
            },
            named: self.careless,
        }
    }

    /// True when the office has a file of this name and length.
    pub fn has(&self, office: &OfficeCode, manifest: &DocumentManifest) -> bool {
        let found = self.whole.get(&(office.clone(), manifest.sha256.clone()));
        found.is_some_and(|file| u64::try_from(file.bytes.len()) == Ok(manifest.size_bytes))
    }

    /// One flag per chunk.
    pub fn chunks_of(
        &self,
        office: &OfficeCode,
        id: DocumentId,
        manifest: &DocumentManifest,
    ) -> Vec<bool> {
        let whole = self.has(office, manifest);
        let there = |index| self.incoming.contains_key(&(office.clone(), id, index));
        (0..manifest.chunks.len())
            .map(|index| whole || there(index))
            .collect()
    }

    /// Keeps one chunk whose hash has been checked; false when the process died on the way.
    pub fn put_chunk(
        &mut self,
        chunk: Chunk,
        bytes: Bytes,
        now: Millis,
        traps: &mut Traps,
    ) -> bool {
        if traps.spring(FailPoint::ChunkWritten) {
            return false;
        }
        let file = self.file(bytes, now);
        self.incoming.insert(chunk.clone(), file);
        if traps.spring(FailPoint::ChunkRenamed) {
            return false;
        }
        if let Some(file) = self.incoming.get_mut(&chunk) {
            file.named = true;
        }
        !traps.spring(FailPoint::ChunkKept)
    }

    /// Joins the chunks, checks the whole and links it into place once.
    pub fn complete(
        &mut self,
        office: &OfficeCode,
        id: DocumentId,
        manifest: &DocumentManifest,
        now: Millis,
        traps: &mut Traps,
    ) -> Completed {
        let key = (office.clone(), manifest.sha256.clone());
        if self.has(office, manifest) {
            // Found, perhaps linked by a process that died before it synced the folder.
            self.whole.entry(key).and_modify(|file| file.named = true);
            self.forget(office, id);
            return Completed::Stored;
        }
        if self.chunks_of(office, id, manifest).contains(&false) {
            return Completed::Incomplete;
        }
        let chunks = (0..manifest.chunks.len()).map(|index| (office.clone(), id, index));
        let parts = chunks.filter_map(|chunk| self.incoming.get(&chunk));
        let joined: Vec<u8> = parts.flat_map(|file| file.bytes.iter().copied()).collect();
        if traps.spring(FailPoint::WholeJoined) {
            return Completed::Died;
        }
        if hash(&joined) != manifest.sha256 {
            self.forget(office, id);
            return Completed::Mismatch;
        }
        let file = self.file(Rc::new(joined), now);
        self.whole.insert(key.clone(), file);
        if traps.spring(FailPoint::WholeLinked) {
            return Completed::Died;
        }
        self.whole.entry(key).and_modify(|file| file.named = true);
        self.forget(office, id);
        if traps.spring(FailPoint::WholeKept) {
            return Completed::Died;
        }
        Completed::Stored
    }

    /// The machine lost its power: names that were not synced may be gone, content that was not synced is.
    pub fn power_cut(&mut self, now: Millis, dice: &Dice) -> bool {
        let mut lost = false;
        let mut cut = |file: &mut File| {
            if now < file.safe_at {
                file.bytes = Rc::new(vec![0; file.bytes.len()]);
                lost = true;
            }
            let stays = file.named || dice.permille(500);
            lost |= !stays;
            file.named = true;
            stays
        };
        self.incoming.retain(|_, file| cut(file));
        self.whole.retain(|_, file| cut(file));
        lost
    }

    /// What a backup takes along: whole documents only.
    #[must_use]
    pub fn backup(&self) -> Self {
        Self {
            incoming: BTreeMap::new(),
            ..self.clone()
        }
    }

    fn forget(&mut self, office: &OfficeCode, id: DocumentId) {
        self.incoming
            .retain(|(of, document, _), _| of != office || *document != id);
    }
}
