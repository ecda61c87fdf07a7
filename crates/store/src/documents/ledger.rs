//! What is known of each document: whose it is, where it is on its way.

use crate::error::StoreError;
use crate::sql::{Blob, name_of, named, signed, unsigned};
use crate::store::Store;
use desk_domain::case::{Case, CaseDocument, CaseState, DocumentKind, DocumentManifest};
use desk_domain::ids::{CaseId, DocumentId};
use desk_domain::op::{Op, OpBody};
use desk_domain::time::Millis;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

/// Where the bytes are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transfer {
    /// Here, not attached to a case yet.
    Tray,
    /// Here, the server does not have all of it.
    ToSend,
    /// Here and at the server.
    Stored,
    /// Only elsewhere, nobody asked for it.
    Absent,
    /// Only elsewhere, to be fetched.
    Wanted,
    /// Fetched from the server.
    Fetched,
    /// The key is gone; nobody can read it here.
    Erased,
}

/// One document without its bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DocumentSummary {
    pub id: DocumentId,
    pub case: Option<CaseId>,
    pub kind: Option<DocumentKind>,
    pub manifest: DocumentManifest,
    /// The media room's hints, as it wrote them.
    pub quality: Option<String>,
    pub added_at: Millis,
    pub transfer: Transfer,
    pub has_rendition: bool,
    pub has_thumbnail: bool,
    /// One flag per chunk: the server has it.
    pub chunks_have: Vec<bool>,
}

const COLUMNS: &str = "id, case_id, kind, manifest, quality, added_at, transfer, rendition_file, thumbnail_file, chunks_have";

impl Store {
    /// Documents that belong to no case yet, oldest first. Bounded by 200.
    pub fn tray(&self) -> Result<Vec<DocumentSummary>, StoreError> {
        self.read(|conn| {
            let sql = format!(
                "SELECT {COLUMNS} FROM document WHERE transfer = 'tray' ORDER BY added_at LIMIT 200"
            );
            let mut find = conn.prepare_cached(&sql)?;
            let mut rows = find.query([])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(summary(row)?);
            }
            Ok(found)
        })
    }

    /// One document.
    pub fn document(&self, id: DocumentId) -> Result<Option<DocumentSummary>, StoreError> {
        self.read(|conn| find_summary(conn, id))
    }
}

pub(super) fn find_summary(
    conn: &Connection,
    id: DocumentId,
) -> Result<Option<DocumentSummary>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM document WHERE id = ?1");
    let mut find = conn.prepare_cached(&sql)?;
    let mut rows = find.query(params![id.blob()])?;
    rows.next()?.map(summary).transpose()
}

pub(super) fn summary(row: &Row<'_>) -> Result<DocumentSummary, StoreError> {
    Ok(DocumentSummary {
        id: DocumentId::from_blob(row.get(0)?),
        case: row.get::<_, Option<[u8; 16]>>(1)?.map(CaseId::from_blob),
        kind: row
            .get::<_, Option<String>>(2)?
            .map(|kind| named(&kind))
            .transpose()?,
        manifest: serde_json::from_str(&row.get::<_, String>(3)?)?,
        quality: row.get(4)?,
        added_at: row.get(5)?,
        transfer: named(&row.get::<_, String>(6)?)?,
        has_rendition: row.get::<_, Option<String>>(7)?.is_some(),
        has_thumbnail: row.get::<_, Option<String>>(8)?.is_some(),
        chunks_have: serde_json::from_str(&row.get::<_, String>(9)?)?,
    })
}

/// An op attaches a document: it leaves the tray and is to be sent. Says whether a document was touched.
pub(crate) fn note_attachment(conn: &Connection, op: &Op) -> Result<bool, StoreError> {
    if op.kind != "document.attach" {
        return Ok(false);
    }
    let OpBody::DocumentAttach { document, kind, .. } = op.body()? else {
        return Ok(false);
    };
    let changed = conn
        .prepare_cached(
            "UPDATE document SET case_id = ?2, kind = ?3, transfer = CASE transfer WHEN 'tray' THEN 'to_send' ELSE transfer END
             WHERE id = ?1",
        )?
        .execute(params![document.blob(), op.case.blob(), name_of(&kind)?])?;
    // Op first, bytes first: an attachment without bytes here would never reach anybody.
    if changed == 0 {
        Err(StoreError::DocumentMissing(document))
    } else {
        Ok(true)
    }
}

/// A snapshot names documents: ours may be stored now, others' may be fetched. Says whether a document was touched.
pub(crate) fn note_snapshot(conn: &Connection, case: &Case) -> Result<bool, StoreError> {
    let mut touched = false;
    for (id, document) in &case.documents {
        touched |= note_one(conn, case, *id, document)?;
    }
    Ok(touched)
}

fn note_one(
    conn: &Connection,
    case: &Case,
    id: DocumentId,
    document: &CaseDocument,
) -> Result<bool, StoreError> {
    let known: Option<String> = conn
        .prepare_cached("SELECT transfer FROM document WHERE id = ?1")?
        .query_row(params![id.blob()], |row| row.get(0))
        .optional()?;
    let known: Option<Transfer> = known.map(|known| named(&known)).transpose()?;
    let next = match (known, document.stored) {
        (None | Some(Transfer::Absent), true) if is_needed(case, document) => Transfer::Wanted,
        (None, _) => Transfer::Absent,
        (Some(Transfer::ToSend), true) => Transfer::Stored,
        (Some(_), _) => return Ok(false),
    };
    conn.prepare_cached(
        "INSERT INTO document (id, case_id, kind, manifest, size_bytes, added_at, transfer)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO UPDATE SET transfer = ?7",
    )?
    .execute(params![
        id.blob(),
        case.id.blob(),
        name_of(&document.kind)?,
        serde_json::to_string(&document.manifest)?,
        signed(document.manifest.size_bytes)?,
        document.at,
        name_of(&next)?
    ])?;
    Ok(true)
}

/// Work in hand is fetched without being asked for; closed cases are fetched when somebody opens one.
fn is_needed(case: &Case, document: &CaseDocument) -> bool {
    use CaseState as S;
    let in_hand = match case.state {
        S::Draft
        | S::Waiting
        | S::Submitted
        | S::InReview
        | S::Returned
        | S::Approved
        | S::Executing
        | S::ExecFailed
        | S::ExecUnknown
        | S::OnHold => true,
        S::Unbound
        | S::Closed
        | S::Rejected
        | S::Withdrawn
        | S::Resolved
        | S::Referred
        | S::Duplicate => false,
    };
    in_hand && document.replaced_by.is_none() && document.detached.is_none()
}

/// The counts of a transfer state.
pub(super) fn set_transfer(
    conn: &Connection,
    id: DocumentId,
    next: Transfer,
) -> Result<(), StoreError> {
    let changed = conn
        .prepare_cached("UPDATE document SET transfer = ?2 WHERE id = ?1 AND transfer <> 'erased'")?
        .execute(params![id.blob(), name_of(&next)?])?;
    if changed == 0 {
        Err(StoreError::DocumentMissing(id))
    } else {
        Ok(())
    }
}

/// Plain length of the original.
pub(super) fn size_of(conn: &Connection, id: DocumentId) -> Result<u64, StoreError> {
    let size: Option<i64> = conn
        .prepare_cached("SELECT size_bytes FROM document WHERE id = ?1")?
        .query_row(params![id.blob()], |row| row.get(0))
        .optional()?;
    unsigned(size.ok_or(StoreError::DocumentMissing(id))?)
}
