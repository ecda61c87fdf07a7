//! Putting sealed files on the shelf and reading them.

use super::ledger::size_of;
use super::seal::{Seal, SealError};
use crate::error::StoreError;
use crate::open::sync_dir;
use crate::sql::{Blob, signed};
use crate::store::Store;
use desk_domain::case::{CHUNK_BYTES, DocumentManifest};
use desk_domain::ids::DocumentId;
use desk_domain::manifest::fits;
use desk_domain::time::Millis;
use rusqlite::{Connection, OptionalExtension, params};
use std::fs;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Which bytes of a document.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// As it came, never decoded outside the box.
    Original,
    /// Re-encoded for looking at.
    Rendition,
    /// Small, kept longest.
    Thumbnail,
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Rendition => "rendition",
            Self::Thumbnail => "thumbnail",
        }
    }
    const fn column(self) -> &'static str {
        match self {
            Self::Original => "original_file",
            Self::Rendition => "rendition_file",
            Self::Thumbnail => "thumbnail_file",
        }
    }
}

/// A document that came in on this desk. Put it on the shelf before the op that attaches it.
#[derive(Clone, Debug)]
pub struct NewDocument<'a> {
    pub id: DocumentId,
    pub original: &'a [u8],
    pub rendition: Option<&'a [u8]>,
    pub thumbnail: Option<&'a [u8]>,
    pub manifest: &'a DocumentManifest,
    /// The media room's hints, JSON.
    pub quality: Option<&'a str>,
    pub added_at: Millis,
}

/// File names of the parts that were written, all or none.
pub(super) struct Shelved {
    pub key: Zeroizing<[u8; 32]>,
    pub original: Option<String>,
    pub rendition: Option<String>,
    pub thumbnail: Option<String>,
}

impl Store {
    /// Seals a document into the tray. When this returns, its bytes are durable.
    pub fn put_document(&self, document: &NewDocument<'_>) -> Result<(), StoreError> {
        if self.disk_is_low() {
            return Err(StoreError::DiskFull);
        }
        if !fits(document.manifest, document.original) {
            return Err(StoreError::ManifestMismatch(document.id));
        }
        let parts = [
            Some(document.original),
            document.rendition,
            document.thumbnail,
        ];
        let shelved = self.shelve(document.id, parts)?;
        desk_failpoint::reached("store.document.after_rename");
        let written = self.write(|tx, touched| {
            tx.execute(
                "INSERT INTO document (id, manifest, quality, key, original_file, rendition_file, thumbnail_file,
                                       size_bytes, added_at, transfer)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'tray')",
                params![
                    document.id.blob(),
                    serde_json::to_string(document.manifest)?,
                    document.quality,
                    shelved.key.as_slice(),
                    shelved.original,
                    shelved.rendition,
                    shelved.thumbnail,
                    signed(document.manifest.size_bytes)?,
                    document.added_at
                ],
            )?;
            touched.documents = true;
            Ok(())
        });
        if written.is_err() {
            self.unshelve(&shelved);
        }
        written
    }

    /// The bytes of one part, whole; damaged ones are not given.
    pub fn open_document(&self, id: DocumentId, part: Part) -> Result<Vec<u8>, StoreError> {
        let (path, key) = self.place(id, part)?;
        let sealed_len = fs::metadata(&path)
            .map_err(|_| StoreError::DocumentDamaged(id))?
            .len();
        let total = match part {
            Part::Original => self.read(|conn| size_of(conn, id))?,
            Part::Rendition | Part::Thumbnail => {
                plain_len(sealed_len).ok_or(StoreError::DocumentDamaged(id))?
            }
        };
        let len = usize::try_from(total).map_err(|_| StoreError::OutOfRange)?;
        unseal(id, part, &path, &key, (total, 0, len))
    }

    /// Chunk `i` of the original, 1 MiB or the rest.
    pub fn read_chunk(&self, id: DocumentId, i: usize) -> Result<Vec<u8>, StoreError> {
        let (path, key) = self.place(id, Part::Original)?;
        let total = self.read(|conn| size_of(conn, id))?;
        let from = signed_offset(i)?;
        if from >= total.max(1) {
            return Err(StoreError::OutOfRange);
        }
        let len = usize::try_from((total - from).min(CHUNK_BYTES as u64))
            .map_err(|_| StoreError::OutOfRange)?;
        unseal(id, Part::Original, &path, &key, (total, from, len))
    }

    pub(super) fn key_of(&self, id: DocumentId) -> Result<Zeroizing<[u8; 32]>, StoreError> {
        self.read(|conn| find_file(conn, id, Part::Original))
            .map(|(_, key)| key)
    }

    /// The key of a document of which some part is here.
    pub(super) fn kept_key(
        &self,
        id: DocumentId,
    ) -> Result<Option<Zeroizing<[u8; 32]>>, StoreError> {
        self.read(|conn| {
            let key: Option<Option<[u8; 32]>> = conn
                .prepare_cached("SELECT key FROM document WHERE id = ?1")?
                .query_row(params![id.blob()], |row| row.get(0))
                .optional()?;
            Ok(key.flatten().map(Zeroizing::new))
        })
    }

    fn place(
        &self,
        id: DocumentId,
        part: Part,
    ) -> Result<(PathBuf, Zeroizing<[u8; 32]>), StoreError> {
        let (file, key) = self.read(|conn| find_file(conn, id, part))?;
        Ok((self.paths.documents_dir.join(file), key))
    }

    /// Writes the parts under random names with a fresh key: temporary file, fsync, rename, fsync of the directory.
    pub(super) fn shelve(
        &self,
        id: DocumentId,
        parts: [Option<&[u8]>; 3],
    ) -> Result<Shelved, StoreError> {
        let mut key = Zeroizing::new([0; 32]);
        self.chance.fill(key.as_mut_slice());
        self.shelve_with(id, key, parts)
    }

    /// The same with the key that the document has.
    pub(super) fn shelve_with(
        &self,
        id: DocumentId,
        key: Zeroizing<[u8; 32]>,
        parts: [Option<&[u8]>; 3],
    ) -> Result<Shelved, StoreError> {
        let mut shelved = Shelved {
            key,
            original: None,
            rendition: None,
            thumbnail: None,
        };
        let [original, rendition, thumbnail] = parts;
        let done = self
            .shelve_part(id, Part::Original, original, &mut shelved)
            .and_then(|()| self.shelve_part(id, Part::Rendition, rendition, &mut shelved))
            .and_then(|()| self.shelve_part(id, Part::Thumbnail, thumbnail, &mut shelved))
            .and_then(|()| sync_dir(Some(&self.paths.documents_dir)));
        match done {
            Ok(()) => Ok(shelved),
            Err(error) => {
                self.unshelve(&shelved);
                Err(error)
            }
        }
    }

    fn shelve_part(
        &self,
        id: DocumentId,
        part: Part,
        plain: Option<&[u8]>,
        shelved: &mut Shelved,
    ) -> Result<(), StoreError> {
        let Some(plain) = plain else { return Ok(()) };
        let mut name = [0_u8; 16];
        let mut nonce = [0_u8; 19];
        self.chance.fill(&mut name);
        self.chance.fill(&mut nonce);
        let name = hex::encode(name);
        let temporary = self.paths.documents_dir.join(format!("{name}.part"));
        let label = label(id, part);
        let written = Seal {
            key: &shelved.key,
            label: label.as_bytes(),
        }
        .write(&temporary, nonce, plain);
        desk_failpoint::reached("store.document.before_rename");
        let placed =
            written.and_then(|()| fs::rename(&temporary, self.paths.documents_dir.join(&name)));
        if let Err(error) = placed {
            let _ = fs::remove_file(&temporary);
            return Err(error.into());
        }
        match part {
            Part::Original => shelved.original = Some(name),
            Part::Rendition => shelved.rendition = Some(name),
            Part::Thumbnail => shelved.thumbnail = Some(name),
        }
        Ok(())
    }

    pub(super) fn unshelve(&self, shelved: &Shelved) {
        for name in [&shelved.original, &shelved.rendition, &shelved.thumbnail]
            .into_iter()
            .flatten()
        {
            let _ = fs::remove_file(self.paths.documents_dir.join(name));
        }
    }
}

fn unseal(
    id: DocumentId,
    part: Part,
    path: &std::path::Path,
    key: &Zeroizing<[u8; 32]>,
    (total, from, len): (u64, u64, usize),
) -> Result<Vec<u8>, StoreError> {
    let label = label(id, part);
    let seal = Seal {
        key,
        label: label.as_bytes(),
    };
    seal.read(path, total, from, len)
        .map_err(|error| match error {
            SealError::Damaged => StoreError::DocumentDamaged(id),
            SealError::Io(error) if error.kind() == std::io::ErrorKind::NotFound => {
                StoreError::DocumentDamaged(id)
            }
            SealError::Io(error) => error.into(),
        })
}

fn label(id: DocumentId, part: Part) -> String {
    format!("{id}/{}", part.name())
}

fn signed_offset(chunk: usize) -> Result<u64, StoreError> {
    let offset = chunk
        .checked_mul(CHUNK_BYTES)
        .ok_or(StoreError::OutOfRange)?;
    u64::try_from(offset).map_err(|_| StoreError::OutOfRange)
}

/// The plain length that a sealed length stands for.
fn plain_len(sealed: u64) -> Option<u64> {
    const HEADER: u64 = 8 + 19;
    const TAG: u64 = 16;
    let body = sealed.checked_sub(HEADER)?;
    let segments = body
        .div_ceil(super::seal::SEGMENT_BYTES as u64 + TAG)
        .max(1);
    body.checked_sub(segments * TAG)
}

fn find_file(
    conn: &Connection,
    id: DocumentId,
    part: Part,
) -> Result<(String, Zeroizing<[u8; 32]>), StoreError> {
    let sql = format!(
        "SELECT {}, key, transfer FROM document WHERE id = ?1",
        part.column()
    );
    let found: Option<(Option<String>, Option<[u8; 32]>, String)> = conn
        .prepare_cached(&sql)?
        .query_row(params![id.blob()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    match found {
        Some((_, _, transfer)) if transfer == "erased" => Err(StoreError::DocumentErased(id)),
        Some((Some(file), Some(key), _)) => Ok((file, Zeroizing::new(key))),
        _ => Err(StoreError::DocumentMissing(id)),
    }
}
