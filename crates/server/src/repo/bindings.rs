//! To whom each terminal was bound, when, and by which run. Follows the records of the register as they are written.

use super::sql::{Connection, OptionalExtension, params};
use super::{RepoError, system};
use desk_domain::ids::{MerchantId, OfficeCode};
use desk_domain::registry::{MerchantRecord, TerminalRecord};
use desk_domain::time::Millis;
use std::collections::{BTreeMap, BTreeSet};

/// Records looked at in one transaction of [`fill`].
const PORTION: usize = 500;
/// Note that an office's bindings are complete, by office.
const FILLED: &str = "bindings_filled";

/// Who writes, and when.
#[derive(Clone, Copy, Debug)]
pub struct Cause {
    pub run: Option<u64>,
    pub at: Millis,
}

/// One stretch of time that a terminal was bound to one merchant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Binding {
    pub office: OfficeCode,
    pub merchant: MerchantId,
    /// None when the record is not in the register any more.
    pub merchant_no: Option<String>,
    pub from_at: Millis,
    pub until_at: Option<Millis>,
    pub run: Option<u64>,
    pub ended_run: Option<u64>,
}

/// Brings the bindings of one merchant in line with its record.
pub fn follow(conn: &Connection, record: &MerchantRecord, cause: Cause) -> Result<(), RepoError> {
    let bound: BTreeMap<&str, &TerminalRecord> = record
        .terminals
        .iter()
        .filter(|terminal| terminal.unbound_at.is_none())
        .map(|terminal| (terminal.serial.as_str(), terminal))
        .collect();
    let open = open_of(conn, record)?;
    for (serial, from_at) in &open {
        if !bound.contains_key(serial.as_str()) {
            let said = record.terminals.iter().find(|one| one.serial == *serial);
            let until = said.and_then(|one| one.unbound_at).unwrap_or(cause.at);
            close(conn, record, (serial, *from_at), until, cause.run)?;
        }
    }
    let known: BTreeSet<&str> = open.iter().map(|(serial, _)| serial.as_str()).collect();
    for terminal in &record.terminals {
        if !known.contains(terminal.serial.as_str()) {
            begin(conn, record, terminal, cause)?;
        }
    }
    Ok(())
}

fn open_of(conn: &Connection, record: &MerchantRecord) -> Result<Vec<(String, Millis)>, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT serial, from_at FROM terminal_binding WHERE office = ?1 AND merchant = ?2 AND until_at IS NULL \
         ORDER BY serial",
    )?;
    let key = params![record.office.as_str(), record.id.to_string()];
    let rows = select.query_map(key, |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn close(
    conn: &Connection,
    record: &MerchantRecord,
    (serial, from_at): (&str, Millis),
    until: Millis,
    run: Option<u64>,
) -> Result<(), RepoError> {
    conn.prepare_cached(
        "UPDATE terminal_binding SET until_at = ?1, ended_run = ?2 \
         WHERE office = ?3 AND serial = ?4 AND merchant = ?5 AND from_at = ?6",
    )?
    .execute(params![
        until.max(from_at),
        run,
        record.office.as_str(),
        serial,
        record.id.to_string(),
        from_at
    ])?;
    Ok(())
}

/// A binding that begins where one stood before is that one again: a roll-back opens what its run had closed.
fn begin(
    conn: &Connection,
    record: &MerchantRecord,
    terminal: &TerminalRecord,
    cause: Cause,
) -> Result<(), RepoError> {
    let from_at = if terminal.bound_at > 0 {
        terminal.bound_at
    } else {
        cause.at
    };
    conn.prepare_cached(
        "INSERT INTO terminal_binding (office, serial, merchant, from_at, until_at, run, ended_run) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL) \
         ON CONFLICT (office, serial, merchant, from_at) DO UPDATE SET until_at = excluded.until_at, ended_run = NULL \
         WHERE terminal_binding.until_at IS NOT NULL AND excluded.until_at IS NULL",
    )?
    .execute(params![
        record.office.as_str(),
        terminal.serial,
        record.id.to_string(),
        from_at,
        terminal.unbound_at,
        cause.run
    ])?;
    Ok(())
}

/// Who holds a terminal in an office now.
pub fn holder(
    conn: &Connection,
    office: &OfficeCode,
    serial: &str,
) -> Result<Option<MerchantId>, RepoError> {
    let found: Option<String> = conn
        .prepare_cached(
            "SELECT merchant FROM terminal_binding WHERE office = ?1 AND serial = ?2 AND until_at IS NULL \
             ORDER BY from_at DESC, merchant LIMIT 1",
        )?
        .query_row(params![office.as_str(), serial], |row| row.get(0))
        .optional()?;
    found
        .map(|id| MerchantId::parse(&id).ok_or(RepoError::Damaged("merchant id")))
        .transpose()
}

/// Another office in which a merchant with another number holds the terminal now.
pub fn held_elsewhere(
    conn: &Connection,
    office: &OfficeCode,
    serial: &str,
    merchant_no: &str,
) -> Result<Option<String>, RepoError> {
    Ok(conn
        .prepare_cached(
            "SELECT b.office FROM terminal_binding b JOIN merchant m ON m.office = b.office AND m.id = b.merchant \
             WHERE b.serial = ?1 AND b.until_at IS NULL AND b.office <> ?2 AND m.merchant_no <> ?3 \
             ORDER BY b.office LIMIT 1",
        )?
        .query_row(params![serial, office.as_str(), merchant_no], |row| {
            row.get(0)
        })
        .optional()?)
}

/// Every binding of a terminal in every office, the oldest first.
pub fn of_serial(conn: &Connection, serial: &str) -> Result<Vec<Binding>, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT b.office, b.merchant, m.merchant_no, b.from_at, b.until_at, b.run, b.ended_run \
         FROM terminal_binding b LEFT JOIN merchant m ON m.office = b.office AND m.id = b.merchant \
         WHERE b.serial = ?1 ORDER BY b.from_at, b.office, b.merchant",
    )?;
    let mut rows = select.query([serial])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (office, merchant): (String, String) = (row.get(0)?, row.get(1)?);
        found.push(Binding {
            office: OfficeCode::parse(&office).ok_or(RepoError::Damaged("office code"))?,
            merchant: MerchantId::parse(&merchant).ok_or(RepoError::Damaged("merchant id"))?,
            merchant_no: row.get(2)?,
            from_at: row.get(3)?,
            until_at: row.get(4)?,
            run: row.get(5)?,
            ended_run: row.get(6)?,
        });
    }
    Ok(found)
}

/// Whether [`fill`] has come to the end of this office's register.
pub fn is_filled(conn: &Connection, office: &OfficeCode) -> Result<bool, RepoError> {
    Ok(system::note(conn, &note_of(office))?.is_some())
}

/// Records that were written before there were bindings get theirs, a portion at a time; `after` is the last merchant
/// of the portion before. Returns none at the end.
pub fn fill(
    conn: &Connection,
    office: &OfficeCode,
    after: &str,
) -> Result<Option<String>, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT id, record FROM merchant WHERE office = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
    )?;
    let rows = select.query_map(params![office.as_str(), after, PORTION], |row| {
        Ok((row.get::<String>(0)?, row.get::<String>(1)?))
    })?;
    let rows: Vec<(String, String)> = rows.collect::<Result<_, _>>()?;
    for (_, text) in &rows {
        let record: MerchantRecord = serde_json::from_str(text)?;
        follow(conn, &record, Cause { run: None, at: 0 })?;
    }
    let last = rows.into_iter().next_back().map(|(id, _)| id);
    if last.is_none() {
        system::put_note(conn, &note_of(office), "1")?;
    }
    Ok(last)
}

fn note_of(office: &OfficeCode) -> String {
    format!("{FILLED}.{office}")
}
