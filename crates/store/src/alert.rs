//! What happened to the desk itself and a person should know: told in the window until somebody has seen it.

use crate::error::StoreError;
use crate::store::Store;
use desk_domain::time::Millis;
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// One thing to tell. Codes are catalogue keys; parameters are counts and codes, never a value of anybody.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Alert {
    pub id: i64,
    /// `area.reason`, stable for ever.
    pub code: String,
    /// When it was noticed, last.
    pub at: Millis,
    pub params: BTreeMap<String, String>,
}

/// Alerts kept, seen or not; the oldest go first.
const MOST_KEPT: i64 = 200;

impl Store {
    /// Tells a person. The same thing said again while nobody has seen it only moves its time.
    pub fn raise_alert(
        &self,
        code: &str,
        at: Millis,
        params: &BTreeMap<String, String>,
    ) -> Result<(), StoreError> {
        self.write(|tx, touched| {
            raise(tx, code, at, params)?;
            touched.alerts = true;
            Ok(())
        })
    }

    /// What nobody has seen yet, newest first.
    pub fn alerts(&self) -> Result<Vec<Alert>, StoreError> {
        self.read(|conn| {
            let mut find = conn.prepare_cached(
                "SELECT id, code, at, params FROM alert WHERE seen = 0 ORDER BY id DESC",
            )?;
            let mut rows = find.query([])?;
            let mut alerts = Vec::new();
            while let Some(row) = rows.next()? {
                alerts.push(Alert {
                    id: row.get(0)?,
                    code: row.get(1)?,
                    at: row.get(2)?,
                    params: serde_json::from_str(&row.get::<_, String>(3)?)?,
                });
            }
            Ok(alerts)
        })
    }

    /// Somebody has seen it. One that is not there any more is seen as well.
    pub fn dismiss_alert(&self, id: i64) -> Result<(), StoreError> {
        self.write(|tx, touched| {
            tx.prepare_cached("UPDATE alert SET seen = 1 WHERE id = ?1")?
                .execute(params![id])?;
            touched.alerts = true;
            Ok(())
        })
    }

    /// The state that was told of is over: its alert needs nobody any more.
    pub fn settle_alert(&self, code: &str) -> Result<(), StoreError> {
        let told = self.alerts()?.iter().any(|alert| alert.code == code);
        if !told {
            return Ok(());
        }
        self.write(|tx, touched| {
            tx.prepare_cached("UPDATE alert SET seen = 1 WHERE code = ?1 AND seen = 0")?
                .execute(params![code])?;
            touched.alerts = true;
            Ok(())
        })
    }
}

/// Within a transaction that does what is told of: both or neither.
pub(crate) fn raise(
    tx: &Connection,
    code: &str,
    at: Millis,
    params: &BTreeMap<String, String>,
) -> Result<(), StoreError> {
    let json = serde_json::to_string(params)?;
    let again = tx
        .prepare_cached("UPDATE alert SET at = ?2 WHERE code = ?1 AND params = ?3 AND seen = 0")?
        .execute(params![code, at, json])?;
    if again > 0 {
        return Ok(());
    }
    tx.prepare_cached("INSERT INTO alert (code, at, params) VALUES (?1, ?2, ?3)")?
        .execute(params![code, at, json])?;
    tx.prepare_cached("DELETE FROM alert WHERE id <= ?1 - ?2")?
        .execute(params![tx.last_insert_rowid(), MOST_KEPT])?;
    Ok(())
}
