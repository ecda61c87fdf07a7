//! The object folder: chunks on their way in, whole documents under office and SHA-256.
//!
//! A chunk file appears by rename after fsync, so what is listed is whole and a restart resumes by looking. A document
//! appears by one create-if-absent link, after its hash was taken over every byte.

use desk_domain::case::DocumentManifest;
use desk_domain::ids::{DocumentId, OfficeCode};
use desk_domain::time::Chance;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What came of putting a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Completed {
    Stored,
    Incomplete,
    /// The chunks together are not the document announced; they are gone and must be sent again.
    Mismatch,
}

/// A folder of documents.
#[derive(Clone)]
pub struct Objects {
    whole: PathBuf,
    incoming: PathBuf,
    chance: Arc<dyn Chance>,
}

impl Objects {
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

    /// Where the whole stands. Office and hash are checked text, so the path stays inside the folder.
    pub fn path(&self, office: &OfficeCode, manifest: &DocumentManifest) -> Option<PathBuf> {
        let hash = manifest.sha256.as_str();
        let safe = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        let shelf = hash.get(..2)?;
        safe.then(|| self.whole.join(office.as_str()).join(shelf).join(hash))
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
        if self.has(office, manifest) {
            self.forget(office, id);
            return Ok(Completed::Stored);
        }
        if self.chunks_of(office, id, manifest).contains(&false) {
            return Ok(Completed::Incomplete);
        }
        let Some(path) = self.path(office, manifest) else {
            return Ok(Completed::Mismatch);
        };
        let shelf = path.parent().unwrap_or(&self.whole);
        if !shelf.is_dir() {
            fs::create_dir_all(shelf)?;
            sync_dir(&self.whole)?;
            shelf.parent().map_or(Ok(()), sync_dir)?;
        }
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
    fn forget(&self, office: &OfficeCode, id: DocumentId) {
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

/// A hard link fails when the name exists: the same bytes are there already.
fn create_if_absent(temporary: &Path, path: &Path) -> io::Result<()> {
    let linked = fs::hard_link(temporary, path);
    fs::remove_file(temporary)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(unix)]
fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Windows cannot open a directory for fsync; NTFS journals the entry.
#[cfg(not(unix))]
fn sync_dir(_path: &Path) -> io::Result<()> {
    Ok(())
}
