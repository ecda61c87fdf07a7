//! After an unclean exit: files that no row names were never promised to anybody and go.

use crate::error::StoreError;
use crate::salvage::was_recovered;
use crate::store::Store;
use std::collections::BTreeSet;
use std::fs;

impl Store {
    pub(crate) fn sweep_documents(&self) -> Result<(), StoreError> {
        if was_recovered(&self.paths.db) {
            // A damaged file beside this one may still hold the keys of documents that no row here names.
            return Ok(());
        }
        let named = self.named_files()?;
        for entry in fs::read_dir(&self.paths.documents_dir)? {
            let name = entry?.file_name();
            let Some(name) = name.to_str() else { continue };
            if is_ours(name) && !named.contains(name) {
                let _ = fs::remove_file(self.paths.documents_dir.join(name));
            }
        }
        Ok(())
    }

    fn named_files(&self) -> Result<BTreeSet<String>, StoreError> {
        self.read(|conn| {
            let mut find = conn.prepare_cached(
                "SELECT original_file, rendition_file, thumbnail_file FROM document",
            )?;
            let mut rows = find.query([])?;
            let mut named = BTreeSet::new();
            while let Some(row) = rows.next()? {
                for column in 0..3 {
                    named.extend(row.get::<_, Option<String>>(column)?);
                }
            }
            Ok(named)
        })
    }
}

/// 32 hexadecimal characters, or such a name while it was being written.
fn is_ours(name: &str) -> bool {
    let name = name.strip_suffix(".part").unwrap_or(name);
    name.len() == 32 && name.bytes().all(|b| b.is_ascii_hexdigit())
}
