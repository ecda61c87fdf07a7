//! What is to be fetched, and taking it in once it is all there.

use super::ledger::{Transfer, find_summary, set_transfer};
use crate::error::StoreError;
use crate::sql::{Blob, limit};
use crate::store::Store;
use desk_domain::case::DocumentManifest;
use desk_domain::ids::DocumentId;
use desk_domain::manifest::fits;
use rusqlite::params;

/// One document to be fetched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DownloadWanted {
    pub id: DocumentId,
    pub manifest: DocumentManifest,
}

impl Store {
    /// Documents to be fetched, smallest first.
    pub fn documents_wanted(&self, most: usize) -> Result<Vec<DownloadWanted>, StoreError> {
        self.read(|conn| {
            let mut find = conn.prepare_cached(
                "SELECT id, manifest FROM document WHERE transfer = 'wanted' ORDER BY size_bytes LIMIT ?1",
            )?;
            let mut rows = find.query(params![limit(most)])?;
            let mut wanted = Vec::new();
            while let Some(row) = rows.next()? {
                wanted.push(DownloadWanted {
                    id: DocumentId::from_blob(row.get(0)?),
                    manifest: serde_json::from_str(&row.get::<_, String>(1)?)?,
                });
            }
            Ok(wanted)
        })
    }

    /// Somebody wants to see a document that is not here. One that is here stays as it is.
    pub fn want_document(&self, id: DocumentId) -> Result<(), StoreError> {
        self.write(|tx, touched| {
            let known = find_summary(tx, id)?.ok_or(StoreError::DocumentMissing(id))?;
            if known.transfer == Transfer::Absent {
                touched.documents = true;
                set_transfer(tx, id, Transfer::Wanted)?;
            }
            Ok(())
        })
    }

    /// Takes in the fetched original. Bytes that are not the manifest's are refused and change nothing.
    pub fn put_downloaded(&self, id: DocumentId, original: &[u8]) -> Result<(), StoreError> {
        if self.disk_is_low() {
            return Err(StoreError::DiskFull);
        }
        let known = self.document(id)?.ok_or(StoreError::DocumentMissing(id))?;
        match known.transfer {
            Transfer::Wanted | Transfer::Absent => {}
            Transfer::Erased => return Err(StoreError::DocumentErased(id)),
            Transfer::Tray | Transfer::ToSend | Transfer::Stored | Transfer::Fetched => {
                return Ok(());
            }
        }
        if !fits(&known.manifest, original) {
            return Err(StoreError::ManifestMismatch(id));
        }
        // The thumbnail of a copy that was let go is still here, under the key that the row has.
        let shelved = match self.kept_key(id)? {
            Some(key) => self.shelve_with(id, key, [Some(original), None, None])?,
            None => self.shelve(id, [Some(original), None, None])?,
        };
        let written = self.write(|tx, touched| {
            touched.documents = true;
            touched.cases.extend(known.case);
            tx.execute(
                "UPDATE document SET key = ?2, original_file = ?3, transfer = 'fetched' WHERE id = ?1",
                params![id.blob(), shelved.key.as_slice(), shelved.original],
            )?;
            desk_failpoint::reached("store.download.before_commit");
            Ok(())
        });
        if written.is_err() {
            self.unshelve(&shelved);
        }
        written
    }

    /// Adds what the media room made of a fetched original.
    pub fn put_rendition(
        &self,
        id: DocumentId,
        rendition: &[u8],
        thumbnail: &[u8],
    ) -> Result<(), StoreError> {
        let key = self.key_of(id)?;
        let known = self.document(id)?.ok_or(StoreError::DocumentMissing(id))?;
        let thumbnail = Some(thumbnail).filter(|_| !known.has_thumbnail);
        let shelved = self.shelve_with(id, key, [None, Some(rendition), thumbnail])?;
        let written = self.write(|tx, touched| {
            touched.documents = true;
            let changed = tx.execute(
                "UPDATE document SET rendition_file = ?2, thumbnail_file = coalesce(thumbnail_file, ?3)
                 WHERE id = ?1 AND rendition_file IS NULL AND (?3 IS NULL OR thumbnail_file IS NULL)",
                params![id.blob(), shelved.rendition, shelved.thumbnail],
            )?;
            Ok(changed == 1)
        });
        if !matches!(written, Ok(true)) {
            self.unshelve(&shelved);
        }
        written.map(|_| ())
    }
}
