//! Who this desk is, the server's epoch, the counters of case numbers, and preferences.

use crate::error::StoreError;
use crate::sql::Blob;
use crate::store::Store;
use desk_domain::ids::{DeviceId, Epoch, Incarnation, OfficeCode};
use desk_domain::op::ChainHash;
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

/// Given at enrolment; the incarnation is the desk's own.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Identity {
    pub device: DeviceId,
    pub incarnation: Incarnation,
    pub office: OfficeCode,
    pub office_name: String,
    /// Two characters of the case number.
    pub device_code: String,
}

const EPOCH: &str = "server.epoch";

impl Store {
    /// Sets or replaces the identity. A new incarnation starts a new chain; ops of older ones stay.
    pub fn set_identity(&self, identity: &Identity) -> Result<(), StoreError> {
        self.write(|tx, _| write_identity(tx, identity))
    }

    /// Who this desk is, once enrolled.
    pub fn identity(&self) -> Result<Option<Identity>, StoreError> {
        self.read(read_identity)
    }

    /// The server life that this desk last spoke to.
    pub fn server_epoch(&self) -> Result<Option<Epoch>, StoreError> {
        Ok(self
            .setting(EPOCH)?
            .and_then(|json| Epoch::parse(json.trim_matches('"'))))
    }

    /// Remembers the server's life.
    pub fn set_server_epoch(&self, epoch: Epoch) -> Result<(), StoreError> {
        self.put_setting(EPOCH, &format!("\"{epoch}\""))
    }

    /// The next number of a day (`yyMMdd`), from 1; each is given once, whatever becomes of it.
    pub fn next_case_sequence(&self, day: &str) -> Result<u32, StoreError> {
        self.write(|tx, _| {
            let taken: i64 = tx.query_row(
                "INSERT INTO case_sequence (day, taken) VALUES (?1, 1)
                 ON CONFLICT (day) DO UPDATE SET taken = taken + 1 RETURNING taken",
                params![day],
                |row| row.get(0),
            )?;
            u32::try_from(taken).map_err(|_| StoreError::OutOfRange)
        })
    }

    /// Keeps a preference or a small note of another room, as JSON.
    pub fn put_setting(&self, name: &str, json: &str) -> Result<(), StoreError> {
        self.write(|tx, _| {
            tx.execute(
                "INSERT INTO setting (name, json) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET json = ?2",
                params![name, json],
            )?;
            Ok(())
        })
    }

    /// Reads a preference.
    pub fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.read(|conn| {
            let json = conn
                .prepare_cached("SELECT json FROM setting WHERE name = ?1")?
                .query_row(params![name], |row| row.get(0))
                .optional()?;
            Ok(json)
        })
    }
}

pub(crate) fn write_identity(tx: &Connection, identity: &Identity) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO identity (only, device, incarnation, office, office_name, device_code)
         VALUES (1, ?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (only) DO UPDATE SET device = ?1, incarnation = ?2, office = ?3, office_name = ?4, device_code = ?5",
        params![
            identity.device.blob(),
            identity.incarnation.blob(),
            identity.office.as_str(),
            identity.office_name,
            identity.device_code
        ],
    )?;
    start_chain(tx, identity.incarnation)
}

pub(crate) fn read_identity(conn: &Connection) -> Result<Option<Identity>, StoreError> {
    let found = conn
        .prepare_cached("SELECT device, incarnation, office, office_name, device_code FROM identity WHERE only = 1")?
        .query_row([], |row| {
            Ok((row.get::<_, [u8; 16]>(0)?, row.get::<_, [u8; 16]>(1)?, row.get::<_, String>(2)?, row.get(3)?, row.get(4)?))
        })
        .optional()?;
    let Some((device, incarnation, office, office_name, device_code)) = found else {
        return Ok(None);
    };
    let office =
        OfficeCode::parse(&office).ok_or_else(|| StoreError::Damaged("office code".to_owned()))?;
    Ok(Some(Identity {
        device: DeviceId::from_blob(device),
        incarnation: Incarnation::from_blob(incarnation),
        office,
        office_name,
        device_code,
    }))
}

/// Begins the chain of an incarnation unless it has begun.
pub(crate) fn start_chain(conn: &Connection, incarnation: Incarnation) -> Result<(), StoreError> {
    conn.execute(
        "INSERT INTO journal_head (incarnation, seq, hash, hlc_ms, hlc_n) VALUES (?1, 0, ?2, 0, 0)
         ON CONFLICT (incarnation) DO NOTHING",
        params![incarnation.blob(), ChainHash::GENESIS.as_bytes()],
    )?;
    Ok(())
}
