//! What is still to be sent, smallest first.

use super::ledger::{Transfer, set_transfer};
use crate::error::StoreError;
use crate::sql::{Blob, limit, named, unsigned};
use crate::store::Store;
use desk_domain::case::{DocumentKind, DocumentManifest};
use desk_domain::ids::{CaseId, DocumentId};
use rusqlite::{Connection, params};

/// One document on its way to the server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Upload {
    pub id: DocumentId,
    pub case: CaseId,
    pub kind: DocumentKind,
    pub manifest: DocumentManifest,
    /// One flag per chunk, as the server last said; empty when it was never asked.
    pub have: Vec<bool>,
}

impl Store {
    /// Attached documents that the server does not have, smallest first.
    pub fn documents_to_send(&self, most: usize) -> Result<Vec<Upload>, StoreError> {
        self.read(|conn| {
            uploads(
                conn,
                "SELECT id, case_id, kind, manifest, chunks_have FROM document
                 WHERE transfer = 'to_send' ORDER BY size_bytes LIMIT ?1",
                most,
            )
        })
    }

    /// Those of them that may be offered: the server knows no document before the op that attaches it, and an offer made
    /// too early only waits. The index is named: by state, each document would look at everything that is unsent.
    pub fn documents_ready_to_send(&self, most: usize) -> Result<Vec<Upload>, StoreError> {
        self.read(|conn| {
            uploads(
                conn,
                "SELECT d.id, d.case_id, d.kind, d.manifest, d.chunks_have FROM document d
                 WHERE d.transfer = 'to_send' AND NOT EXISTS (
                   SELECT 1 FROM op_fate f INDEXED BY op_fate_open_by_case WHERE f.case_id = d.case_id AND f.open = 1
                     AND f.state = 'queued' AND f.kind = 'document.attach')
                 ORDER BY d.size_bytes LIMIT ?1",
                most,
            )
        })
    }

    /// How many attached documents the server does not have, at most `most`; no manifest is read.
    pub fn documents_to_send_count(&self, most: usize) -> Result<u64, StoreError> {
        self.read(|conn| {
            let mut count = conn.prepare_cached(
                "SELECT count(*) FROM (SELECT 1 FROM document WHERE transfer = 'to_send' LIMIT ?1)",
            )?;
            unsigned(count.query_row(params![limit(most)], |row| row.get(0))?)
        })
    }

    /// Notes which chunks the server has.
    pub fn set_chunks(&self, id: DocumentId, have: &[bool]) -> Result<(), StoreError> {
        self.write(|tx, touched| {
            let changed = tx.execute(
                "UPDATE document SET chunks_have = ?2 WHERE id = ?1",
                params![id.blob(), serde_json::to_string(have)?],
            )?;
            touched.documents = true;
            if changed == 0 {
                Err(StoreError::DocumentMissing(id))
            } else {
                Ok(())
            }
        })
    }

    /// The server holds every byte.
    pub fn mark_stored(&self, id: DocumentId) -> Result<(), StoreError> {
        self.write(|tx, touched| {
            touched.documents = true;
            desk_failpoint::reached("store.stored.before_commit");
            set_transfer(tx, id, Transfer::Stored)
        })
    }

    /// The server was restored and may have lost bytes: everything that this desk sent is offered again.
    pub fn offer_documents_again(&self) -> Result<(), StoreError> {
        self.write(|tx, touched| {
            touched.documents = true;
            tx.execute("UPDATE document SET transfer = 'to_send', chunks_have = '[]' WHERE transfer = 'stored'", [])?;
            Ok(())
        })
    }
}

fn uploads(conn: &Connection, sql: &str, most: usize) -> Result<Vec<Upload>, StoreError> {
    let mut find = conn.prepare_cached(sql)?;
    let mut rows = find.query(params![limit(most)])?;
    let mut uploads = Vec::new();
    while let Some(row) = rows.next()? {
        uploads.push(Upload {
            id: DocumentId::from_blob(row.get(0)?),
            case: CaseId::from_blob(row.get(1)?),
            kind: named(&row.get::<_, String>(2)?)?,
            manifest: serde_json::from_str(&row.get::<_, String>(3)?)?,
            have: serde_json::from_str(&row.get::<_, String>(4)?)?,
        });
    }
    Ok(uploads)
}
