//! Documents in the data directory.
//!
//! A chunk file appears by rename after fsync, so what is listed is whole and a restart resumes by looking. A document
//! appears by one create-if-absent link, after its hash was taken over every byte.

use super::{Completed, Whole, is_hash, no_hash};
use desk_domain::case::DocumentManifest;
use desk_domain::ids::{DocumentId, OfficeCode};
use desk_domain::time::Chance;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A folder of documents.
#[derive(Clone)]
pub struct Folder {
    whole: PathBuf,
    incoming: PathBuf,
    chance: Arc<dyn Chance>,
}

impl Folder {
    /// Makes the folders.
    pub fn open(data_dir: &Path, chance: Arc<dyn Chance>) -> io::Result<Self> {
        let (whole, incoming) = (data_dir.join("objects"), data_dir.join("incoming"));
        fs::create_dir_all(&whole)?;
        fs::create_dir_all(&incoming)?;
        sync_dir(data_dir)?;
        Ok(Self {
            whole,
            incoming,
            chance,
        })
    }

    /// Both folders are there.
    pub fn is_there(&self) -> io::Result<()> {
        fs::read_dir(&self.whole)?;
        fs::read_dir(&self.incoming)?;
        Ok(())
    }

    /// Writes, reads and removes a file; what was read.
    pub fn try_out(&self, name: &str, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let path = self.incoming.join(name);
        let mut file = File::create_new(&path)?;
        let tried = file
            .write_all(bytes)
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::read(&path));
        fs::remove_file(&path)?;
        tried
    }

    /// Where the whole stands. Office and hash are checked text, so the path stays inside the folder.
    fn path(&self, office: &OfficeCode, manifest: &DocumentManifest) -> Option<PathBuf> {
        place(&self.whole, office, &manifest.sha256)
    }

    /// Opens a whole.
    pub fn read(&self, office: &OfficeCode, sha256: &str) -> io::Result<Whole> {
        let path = place(&self.whole, office, sha256).ok_or_else(no_hash)?;
        Whole::of_file(File::open(path)?)
    }

    /// True when the office has these bytes.
    pub fn has(&self, office: &OfficeCode, manifest: &DocumentManifest) -> bool {
        let size = self
            .path(office, manifest)
            .and_then(|path| fs::metadata(path).ok());
        size.is_some_and(|found| found.len() == manifest.size_bytes)
    }

    /// One flag per chunk.
    pub fn chunks_of(
        &self,
        office: &OfficeCode,
        id: DocumentId,
        manifest: &DocumentManifest,
    ) -> Vec<bool> {
        let whole = self.has(office, manifest);
        let folder = self.folder(office, id);
        (0..manifest.chunks.len())
            .map(|i| whole || folder.join(i.to_string()).is_file())
            .collect()
    }

    /// Keeps one chunk whose hash has been checked.
    pub fn put_chunk(
        &self,
        office: &OfficeCode,
        id: DocumentId,
        index: usize,
        bytes: &[u8],
    ) -> io::Result<()> {
        let folder = self.folder(office, id);
        if !folder.is_dir() {
            fs::create_dir_all(&folder)?;
            sync_dir(&self.incoming)?;
        }
        let temporary = folder.join(self.temporary_name());
        let mut file = File::create_new(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        desk_failpoint::reached("server.chunk.before_rename");
        fs::rename(&temporary, folder.join(index.to_string()))?;
        desk_failpoint::reached("server.chunk.after_rename");
        sync_dir(&folder)
    }

    /// Joins the chunks, checks the whole and links it into place once.
    pub fn complete(
        &self,
        office: &OfficeCode,
        id: DocumentId,
        manifest: &DocumentManifest,
    ) -> io::Result<Completed> {
        let path = self.path(office, manifest);
        if self.has(office, manifest) {
            // Whoever linked it may have died before its name was durable.
            path.as_deref()
                .and_then(Path::parent)
                .map_or(Ok(()), sync_dir)?;
            self.forget(office, id);
            return Ok(Completed::Stored);
        }
        if self.chunks_of(office, id, manifest).contains(&false) {
            return Ok(Completed::Incomplete);
        }
        let Some(path) = path else {
            return Ok(Completed::Mismatch);
        };
        let shelf = self.shelf_of(&path)?;
        let temporary = shelf.join(self.temporary_name());
        let fits = self.join(&temporary, office, id, manifest)?;
        if fits {
            desk_failpoint::reached("server.complete.before_link");
            create_if_absent(&temporary, &path)?;
            sync_dir(shelf)?;
            desk_failpoint::reached("server.complete.after_link");
        } else {
            fs::remove_file(&temporary)?;
        }
        self.forget(office, id);
        Ok(if fits {
            Completed::Stored
        } else {
            Completed::Mismatch
        })
    }

    /// The bytes of all chunks in order; `NotFound` when one is missing.
    pub fn joined(&self, office: &OfficeCode, id: DocumentId, count: usize) -> io::Result<Vec<u8>> {
        let folder = self.folder(office, id);
        let mut all = Vec::new();
        for index in 0..count {
            File::open(folder.join(index.to_string()))?.read_to_end(&mut all)?;
        }
        Ok(all)
    }

    /// Puts a whole whose hash was taken of these bytes.
    pub fn put_whole(
        &self,
        office: &OfficeCode,
        manifest: &DocumentManifest,
        bytes: &[u8],
    ) -> io::Result<()> {
        let path = self.path(office, manifest).ok_or_else(no_hash)?;
        let shelf = self.shelf_of(&path)?;
        let temporary = shelf.join(self.temporary_name());
        let mut file = File::create_new(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        create_if_absent(&temporary, &path)?;
        sync_dir(shelf)
    }

    /// The folder in which a whole stands, made durable when it is new.
    fn shelf_of<'a>(&'a self, path: &'a Path) -> io::Result<&'a Path> {
        let shelf = path.parent().unwrap_or(&self.whole);
        if !shelf.is_dir() {
            fs::create_dir_all(shelf)?;
            sync_dir(&self.whole)?;
            shelf.parent().map_or(Ok(()), sync_dir)?;
        }
        Ok(shelf)
    }

    fn join(
        &self,
        target: &Path,
        office: &OfficeCode,
        id: DocumentId,
        manifest: &DocumentManifest,
    ) -> io::Result<bool> {
        let mut out = File::create_new(target)?;
        let mut hasher = Sha256::new();
        let mut length = 0_u64;
        let mut block = vec![0_u8; 64 * 1024];
        for index in 0..manifest.chunks.len() {
            let mut chunk = File::open(self.folder(office, id).join(index.to_string()))?;
            loop {
                let count = chunk.read(&mut block)?;
                let Some(read) = block.get(..count).filter(|read| !read.is_empty()) else {
                    break;
                };
                hasher.update(read);
                out.write_all(read)?;
                length = length.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
            }
        }
        out.sync_all()?;
        Ok(length == manifest.size_bytes && hex::encode(hasher.finalize()) == manifest.sha256)
    }

    fn folder(&self, office: &OfficeCode, id: DocumentId) -> PathBuf {
        self.incoming.join(format!("{office}-{id}"))
    }

    /// The chunks have done their work; what cannot be removed now is looked at as chunks again, which is harmless.
    pub fn forget(&self, office: &OfficeCode, id: DocumentId) {
        let folder = self.folder(office, id);
        if folder.is_dir()
            && let Err(error) = fs::remove_dir_all(&folder)
        {
            tracing::warn!(%error, "chunks stay");
        }
    }

    fn temporary_name(&self) -> String {
        let mut bytes = [0_u8; 12];
        self.chance.fill(&mut bytes);
        format!("t-{}", hex::encode(bytes))
    }
}

/// Where a whole stands below a folder of objects; none when the hash is not one.
pub fn place(whole: &Path, office: &OfficeCode, hash: &str) -> Option<PathBuf> {
    let shelf = hash.get(..2)?;
    is_hash(hash).then(|| whole.join(office.as_str()).join(shelf).join(hash))
}

/// A hard link fails when the name exists: the same bytes are there already.
fn create_if_absent(temporary: &Path, path: &Path) -> io::Result<()> {
    let linked = fs::hard_link(temporary, path);
    fs::remove_file(temporary)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Makes the entries of a folder durable.
#[cfg(unix)]
pub fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Windows cannot open a directory for fsync; NTFS journals the entry.
#[cfg(not(unix))]
pub fn sync_dir(_path: &Path) -> io::Result<()> {
    Ok(())
}
