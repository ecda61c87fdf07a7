//! Which documents are expected and which are whole. The bytes are [`crate::objects`]'s business.

use super::bench::Bench;
use super::sql::{Connection, OptionalExtension, params};
use super::{RepoError, Rules, system};
use desk_domain::case::{Case, DocumentManifest};
use desk_domain::ids::{CaseId, DocumentId, OfficeCode};
use desk_domain::op::OpBody;
use desk_domain::time::Millis;
use std::collections::BTreeSet;

/// One document of an office.
#[derive(Clone, Debug)]
pub struct Expected {
    pub office: OfficeCode,
    pub id: DocumentId,
    pub case: CaseId,
    /// JSON text of the kind, to compare with an offer.
    pub kind: String,
    pub manifest: DocumentManifest,
    pub stored_at: Option<Millis>,
}

/// Notes that an op has announced a document. A late one is expected too: its bytes are a fact like its op.
pub fn expect(conn: &Connection, case: &Case, attach: &OpBody) -> Result<(), RepoError> {
    let OpBody::DocumentAttach {
        document,
        kind,
        manifest,
        ..
    } = attach
    else {
        return Ok(());
    };
    conn.prepare_cached(
        "INSERT INTO document (office, id, case_id, kind, sha256, manifest, stored_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL) ON CONFLICT (office, id) DO NOTHING",
    )?
    .put(params![
        case.office.as_str(),
        document.to_string(),
        case.id.to_string(),
        serde_json::to_string(kind)?,
        manifest.sha256,
        serde_json::to_string(manifest)?,
    ])?;
    Ok(())
}

/// Finds a document within offices; one of another office is not there.
pub fn find(
    conn: &Connection,
    offices: &BTreeSet<OfficeCode>,
    id: DocumentId,
) -> Result<Option<Expected>, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT case_id, kind, manifest, stored_at FROM document WHERE office = ?1 AND id = ?2",
    )?;
    for office in offices {
        let row: Option<(String, String, String, Option<Millis>)> = select
            .query_row(params![office.as_str(), id.to_string()], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .optional()?;
        let Some((case, kind, manifest, stored_at)) = row else {
            continue;
        };
        return Ok(Some(Expected {
            office: office.clone(),
            id,
            case: CaseId::parse(&case).ok_or(RepoError::Damaged("case id"))?,
            kind,
            manifest: serde_json::from_str(&manifest)?,
            stored_at,
        }));
    }
    Ok(None)
}

/// Says on the case that every byte is here, once.
pub fn stored(conn: &Connection, rules: &Rules, document: &Expected) -> Result<(), RepoError> {
    let now = rules.clock.now();
    let first = conn
        .prepare_cached("UPDATE document SET stored_at = ?3 WHERE office = ?1 AND id = ?2 AND stored_at IS NULL")?
        .execute(params![document.office.as_str(), document.id.to_string(), now])?;
    if first == 0 {
        return Ok(());
    }
    let mut bench = Bench::new(conn, rules)?;
    system::say(
        &mut bench,
        vec![(
            document.case,
            OpBody::DocumentStored {
                document: document.id,
            },
        )],
    )?;
    bench.finish()
}

/// True when a document of the case has the same bytes as one of another case.
pub fn seen_elsewhere(conn: &Connection, case: &Case, sha256: &str) -> Result<bool, RepoError> {
    let other: Option<i64> = conn
        .prepare_cached("SELECT 1 FROM document WHERE sha256 = ?1 AND case_id <> ?2 LIMIT 1")?
        .query_row(params![sha256, case.id.to_string()], |row| row.get(0))
        .optional()?;
    Ok(other.is_some())
}
