//! Erasing the key erases the document: what is left on the disk is noise.

use crate::error::StoreError;
use crate::sql::Blob;
use crate::store::{Store, hold};
use desk_domain::ids::DocumentId;
use rusqlite::params;
use std::fs;

impl Store {
    /// Destroys the key, then the files. A document that the server does not have yet is not erased.
    pub fn erase_document(&self, id: DocumentId) -> Result<(), StoreError> {
        let files = self.write(|tx, touched| {
            let files: [Option<String>; 3] = tx.query_row(
                "SELECT original_file, rendition_file, thumbnail_file FROM document WHERE id = ?1",
                params![id.blob()],
                |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]),
            )?;
            let erased = tx.execute(
                "UPDATE document SET key = NULL, original_file = NULL, rendition_file = NULL, thumbnail_file = NULL,
                   transfer = 'erased' WHERE id = ?1 AND transfer <> 'to_send'",
                params![id.blob()],
            )?;
            touched.documents = true;
            if erased == 0 { Err(StoreError::DocumentMissing(id)) } else { Ok(files) }
        })?;
        for file in files.into_iter().flatten() {
            let _ = fs::remove_file(self.paths.documents_dir.join(file));
        }
        // The page that held the key must not live on in the WAL.
        hold(&self.writer).query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    }
}
