//! Half-typed text: durable within a keystroke's pause, and never a value.

use crate::error::StoreError;
use crate::sql::Blob;
use crate::store::Store;
use desk_domain::field::FieldKey;
use desk_domain::ids::CaseId;
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

impl Store {
    /// Keeps the raw text of a field; empty text clears it.
    pub fn put_draft(&self, case: CaseId, field: FieldKey, raw: &str) -> Result<(), StoreError> {
        self.write(|tx, _| {
            if raw.is_empty() {
                return clear_draft(tx, case, field);
            }
            tx.prepare_cached(
                "INSERT INTO draft_text (case_id, field, raw) VALUES (?1, ?2, ?3)
                 ON CONFLICT (case_id, field) DO UPDATE SET raw = ?3",
            )?
            .execute(params![case.blob(), field.as_str(), raw])?;
            Ok(())
        })
    }

    /// The raw texts of a case.
    pub fn drafts(&self, case: CaseId) -> Result<BTreeMap<FieldKey, String>, StoreError> {
        self.read(|conn| drafts_of(conn, case))
    }
}

pub(crate) fn clear_draft(
    conn: &Connection,
    case: CaseId,
    field: FieldKey,
) -> Result<(), StoreError> {
    conn.prepare_cached("DELETE FROM draft_text WHERE case_id = ?1 AND field = ?2")?
        .execute(params![case.blob(), field.as_str()])?;
    Ok(())
}

pub(crate) fn drafts_of(
    conn: &Connection,
    case: CaseId,
) -> Result<BTreeMap<FieldKey, String>, StoreError> {
    let mut find = conn.prepare_cached("SELECT field, raw FROM draft_text WHERE case_id = ?1")?;
    let mut rows = find.query(params![case.blob()])?;
    let mut drafts = BTreeMap::new();
    while let Some(row) = rows.next()? {
        // A field that a newer desk knew stays in the file, out of sight.
        if let Some(field) = FieldKey::parse(&row.get::<_, String>(0)?) {
            drafts.insert(field, row.get(1)?);
        }
    }
    Ok(drafts)
}
