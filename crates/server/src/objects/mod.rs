//! The object store: chunks on their way in, whole documents under office and SHA-256. In the data directory, or in a
//! bucket that several servers share; callers cannot tell which.
//!
//! Invariants: what is listed is whole; a document appears once, after its hash was taken over every byte; nothing that
//! is there is overwritten. Every call blocks: from async code it is made through `spawn_blocking`.

mod answer;
mod bucket;
mod client;
mod folder;
mod location;
mod whole;

pub use folder::{place, sync_dir};
pub use location::{BadLocation, BucketAt, Location};
pub use whole::Whole;

use bucket::Bucket;
use desk_domain::case::DocumentManifest;
use desk_domain::ids::{DocumentId, OfficeCode};
use desk_domain::time::Chance;
use folder::Folder;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// What came of putting a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Completed {
    Stored,
    Incomplete,
    /// The chunks together are not the document announced; they are gone and must be sent again.
    Mismatch,
}

/// Where documents are kept.
#[derive(Clone)]
pub struct Objects {
    room: Room,
}

#[derive(Clone)]
enum Room {
    Folder(Folder),
    Bucket(Bucket),
}

impl Objects {
    /// Makes the folders, or the client of the bucket; no request leaves yet.
    ///
    /// # Errors
    /// When the folders cannot be made, or the settings of the bucket are not usable.
    pub fn open(data_dir: &Path, at: &Location, chance: Arc<dyn Chance>) -> io::Result<Self> {
        let room = match at {
            Location::Folder => Room::Folder(Folder::open(data_dir, chance)?),
            Location::Bucket(bucket) => Room::Bucket(Bucket::open(bucket)?),
        };
        Ok(Self { room })
    }

    /// Asks whether the store is there at all: cheap, and nothing is written.
    ///
    /// # Errors
    /// When it is not, or does not say.
    pub fn is_there(&self) -> io::Result<()> {
        match &self.room {
            Room::Folder(folder) => folder.is_there(),
            Room::Bucket(bucket) => bucket.is_there(),
        }
    }

    /// Writes a few bytes beside the chunks on their way in, reads them back and takes them away.
    ///
    /// # Errors
    /// At the first of the three that fails, or when other bytes come back.
    pub fn try_out(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let read = match &self.room {
            Room::Folder(folder) => folder.try_out(name, bytes),
            Room::Bucket(bucket) => bucket.try_out(name, bytes),
        }?;
        if read == bytes {
            return Ok(());
        }
        let words = "what was read is not what was written";
        Err(io::Error::new(io::ErrorKind::InvalidData, words))
    }

    /// True when the office has these bytes.
    ///
    /// # Errors
    /// When the store does not say.
    pub fn has(&self, office: &OfficeCode, manifest: &DocumentManifest) -> io::Result<bool> {
        match &self.room {
            Room::Folder(folder) => Ok(folder.has(office, manifest)),
            Room::Bucket(bucket) => bucket.has(office, manifest),
        }
    }

    /// One flag per chunk.
    ///
    /// # Errors
    /// When the store does not say.
    pub fn chunks_of(
        &self,
        office: &OfficeCode,
        id: DocumentId,
        manifest: &DocumentManifest,
    ) -> io::Result<Vec<bool>> {
        match &self.room {
            Room::Folder(folder) => Ok(folder.chunks_of(office, id, manifest)),
            Room::Bucket(bucket) => bucket.chunks_of(office, id, manifest),
        }
    }

    /// Keeps one chunk whose hash has been checked.
    ///
    /// # Errors
    /// When it is not kept for certain; the same call may be made again.
    pub fn put_chunk(
        &self,
        office: &OfficeCode,
        id: DocumentId,
        index: usize,
        bytes: &[u8],
    ) -> io::Result<()> {
        match &self.room {
            Room::Folder(folder) => folder.put_chunk(office, id, index, bytes),
            Room::Bucket(bucket) => bucket.put_chunk(office, id, index, bytes),
        }
    }

    /// Joins the chunks, checks the whole and puts it into its place once.
    ///
    /// # Errors
    /// When it is not stored for certain; the chunks are still there and the same call may be made again.
    pub fn complete(
        &self,
        office: &OfficeCode,
        id: DocumentId,
        manifest: &DocumentManifest,
    ) -> io::Result<Completed> {
        match &self.room {
            Room::Folder(folder) => folder.complete(office, id, manifest),
            Room::Bucket(bucket) => bucket.complete(office, id, manifest),
        }
    }

    /// The bytes of all chunks in order, of a document whose hash nobody has announced; none when one is missing. At
    /// most 20 MiB: whoever puts chunks bounds them.
    ///
    /// # Errors
    /// When the store does not say.
    pub fn joined(
        &self,
        office: &OfficeCode,
        id: DocumentId,
        count: usize,
    ) -> io::Result<Option<Vec<u8>>> {
        let read = match &self.room {
            Room::Folder(folder) => folder.joined(office, id, count),
            Room::Bucket(bucket) => bucket.joined(office, id, count),
        };
        match read {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }

    /// Puts a whole whose manifest was taken of these very bytes into its place once.
    ///
    /// # Errors
    /// When it is not stored for certain; the same call may be made again.
    pub fn put_whole(
        &self,
        office: &OfficeCode,
        manifest: &DocumentManifest,
        bytes: Vec<u8>,
    ) -> io::Result<()> {
        match &self.room {
            Room::Folder(folder) => folder.put_whole(office, manifest, &bytes),
            Room::Bucket(bucket) => bucket.put_whole(office, manifest, bytes),
        }
    }

    /// Drops the chunks of a document; those that stay are harmless.
    pub fn forget(&self, office: &OfficeCode, id: DocumentId) {
        match &self.room {
            Room::Folder(folder) => folder.forget(office, id),
            Room::Bucket(bucket) => bucket.forget(office, id),
        }
    }

    /// Opens a whole for reading, by the hash of it.
    ///
    /// # Errors
    /// `NotFound` when the office has no such document, `InvalidInput` when the hash is none; otherwise what the store
    /// says.
    pub fn read(&self, office: &OfficeCode, sha256: &str) -> io::Result<Whole> {
        match &self.room {
            Room::Folder(folder) => folder.read(office, sha256),
            Room::Bucket(bucket) => bucket.read(office, sha256),
        }
    }

    /// Takes a document over from a folder of objects in which it was checked. Nothing is to do where documents are
    /// kept in such a folder.
    ///
    /// # Errors
    /// When it is not stored for certain.
    pub fn take_over(&self, folder: &Path, office: &OfficeCode, sha256: &str) -> io::Result<()> {
        match &self.room {
            Room::Folder(_) => Ok(()),
            Room::Bucket(bucket) => bucket.take_over(folder, office, sha256),
        }
    }
}

/// A document is asked for by something that is not a hash.
fn no_hash() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "not a hash of a document")
}

/// True for 64 lower-case hexadecimal characters: only such text becomes part of a name.
fn is_hash(text: &str) -> bool {
    let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == 64 && text.bytes().all(lower)
}
