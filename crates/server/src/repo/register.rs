//! The register of merchants and their terminals.

use super::RepoError;
use super::bindings::{self, Cause};
use super::feed::{self, Changes, Thing};
use super::sql::{Connection, OptionalExtension, params};
use desk_domain::ids::{MerchantId, OfficeCode};
use desk_domain::registry::MerchantRecord;

/// Writes rows; each gets the next version and a place in its office's feed. Returns how many.
pub fn import(conn: &Connection, records: &[MerchantRecord]) -> Result<usize, RepoError> {
    let count = records.len();
    let mut changes = Changes::new();
    for record in records {
        changes
            .entry(record.office.clone())
            .or_default()
            .insert(Thing::Merchant(record.id));
        let record = put(conn, record.clone())?;
        bindings::follow(conn, &record, Cause { run: None, at: 0 })?;
    }
    feed::raise(conn, &changes)?;
    Ok(count)
}

/// Writes one row with the next version, and returns it so. Who calls it tells the office's feed.
pub(super) fn put(
    conn: &Connection,
    mut record: MerchantRecord,
) -> Result<MerchantRecord, RepoError> {
    let before: Option<u64> = conn
        .prepare_cached("SELECT version FROM merchant WHERE office = ?1 AND id = ?2")?
        .query_row(
            params![record.office.as_str(), record.id.to_string()],
            |row| row.get(0),
        )
        .optional()?;
    record.version = before.unwrap_or(0).saturating_add(1);
    conn.prepare_cached(
        "INSERT INTO merchant (office, id, merchant_no, version, record) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (office, id) DO UPDATE SET merchant_no = excluded.merchant_no, version = excluded.version, \
         record = excluded.record",
    )?
    .execute(params![
        record.office.as_str(),
        record.id.to_string(),
        record.merchant_no,
        record.version,
        serde_json::to_string(&record)?
    ])?;
    Ok(record)
}

/// One row of an office.
pub fn load(
    conn: &Connection,
    office: &OfficeCode,
    id: MerchantId,
) -> Result<Option<MerchantRecord>, RepoError> {
    one(
        conn,
        "SELECT record FROM merchant WHERE office = ?1 AND id = ?2",
        office,
        &id.to_string(),
    )
}

/// The row with that merchant number in an office.
pub fn by_number(
    conn: &Connection,
    office: &OfficeCode,
    number: &str,
) -> Result<Option<MerchantRecord>, RepoError> {
    one(
        conn,
        "SELECT record FROM merchant WHERE office = ?1 AND merchant_no = ?2 ORDER BY id LIMIT 1",
        office,
        number,
    )
}

fn one(
    conn: &Connection,
    sql: &str,
    office: &OfficeCode,
    key: &str,
) -> Result<Option<MerchantRecord>, RepoError> {
    let text: Option<String> = conn
        .prepare_cached(sql)?
        .query_row(params![office.as_str(), key], |row| row.get(0))
        .optional()?;
    Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
}
