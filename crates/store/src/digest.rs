//! Does this desk hold the cases that the server holds? Sums of digests over the confirmed snapshots, by bucket, taken
//! from this desk's own rows; and the repair of buckets that differ. The journal is never touched.

use crate::alert;
use crate::error::StoreError;
use crate::feed::{Here, PageChange, apply_change, hide_case};
use crate::sql::{Blob, limit, unsigned};
use crate::store::Store;
use crate::view::confirmed_of;
use crate::write::Touched;
use desk_domain::case::Case;
use desk_domain::digest::{SHAPE, Sum, Sums, bucket_of};
use desk_domain::ids::{CaseId, OfficeCode};
use desk_domain::time::Millis;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::{BTreeMap, BTreeSet};

/// Digests that one call takes: a few dozen milliseconds of the writer.
const PORTION: usize = 500;
/// What a person is told after a repair.
const REPAIRED: &str = "digest.repaired";
/// The shape of a case that the digests here were taken over.
const SHAPE_NOTE: &str = "digest.shape";

/// How the digests of a scope stand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DigestStand {
    /// Some are not taken yet: ask again.
    Working,
    /// The scope is not filled; there is nothing to compare.
    Unfilled,
    Ready(ScopeDigest),
}

/// The sums of a scope at one place in its feed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScopeDigest {
    pub cursor: u64,
    pub sums: Sums,
}

/// What the server has in some buckets, from one place to another.
#[derive(Clone, PartialEq, Debug)]
pub struct Repair {
    pub scope: OfficeCode,
    /// Where the server stood in the feed when it said so.
    pub position: u64,
    pub buckets: Vec<u8>,
    /// Behind this place; from the start when none.
    pub after: Option<(u8, CaseId)>,
    /// Up to this place; to the end when none.
    pub until: Option<(u8, CaseId)>,
    pub changes: Vec<PageChange>,
    /// When this is done, for people.
    pub at: Millis,
}

/// What a repair did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Repaired {
    /// Cases that were not as the server has them.
    pub cases: u64,
    /// The feed has gone past what the server said: nothing was done.
    pub outdated: bool,
}

impl Store {
    /// The sums of a scope. Costs what has changed since the last call, at most a portion of it at once.
    pub fn scope_digest(&self, scope: &OfficeCode) -> Result<DigestStand, StoreError> {
        self.keep_shape()?;
        if self.read(is_pending)? {
            self.write(|tx, _| settle_some(tx))?;
        }
        self.read(|conn| {
            if is_pending(conn)? {
                return Ok(DigestStand::Working);
            }
            let Some(cursor) = cursor_of(conn, scope)? else {
                return Ok(DigestStand::Unfilled);
            };
            Ok(DigestStand::Ready(ScopeDigest {
                cursor,
                sums: sums_of(conn, scope)?,
            }))
        })
    }

    /// Makes the cases of some buckets what the server has: cases that differ are replaced, cases that it does not have
    /// are hidden. Ops that wait are replayed over the result.
    pub fn apply_repair(&self, repair: &Repair) -> Result<Repaired, StoreError> {
        let judge = self.judge();
        let here = Here {
            scope: &repair.scope,
            key: &self.search_key,
            judge: judge.as_ref(),
        };
        self.write(|tx, touched| {
            let outdated = cursor_of(tx, &repair.scope)?.is_none_or(|at| at > repair.position);
            if outdated {
                return Ok(Repaired { cases: 0, outdated });
            }
            let mut listed = BTreeSet::new();
            let mut cases = 0;
            for change in &repair.changes {
                let PageChange::Case { case, .. } = change else {
                    continue;
                };
                listed.insert(case.id);
                if !differs(tx, case)? {
                    continue;
                }
                cases += 1;
                // Whatever the server says is the newest, also under the same or a lower revision.
                tx.prepare_cached("UPDATE case_row SET stale = 1 WHERE id = ?1")?
                    .execute(params![case.id.blob()])?;
                apply_change(tx, &here, change, touched)?;
            }
            cases += self.hide_others(tx, repair, &listed, touched)?;
            if cases > 0 {
                let params = BTreeMap::from([("cases".to_owned(), cases.to_string())]);
                alert::raise(tx, REPAIRED, repair.at, &params)?;
                touched.alerts = true;
            }
            Ok(Repaired { cases, outdated })
        })
    }

    /// Another shape of a case: every digest is taken anew.
    fn keep_shape(&self) -> Result<(), StoreError> {
        let shape = SHAPE.to_string();
        if self.setting(SHAPE_NOTE)?.as_ref() == Some(&shape) {
            return Ok(());
        }
        self.write(|tx, _| {
            tx.execute(
                "INSERT INTO digest_pending (n) SELECT n FROM case_digest WHERE true ON CONFLICT (n) DO NOTHING",
                [],
            )?;
            Ok(())
        })?;
        self.put_setting(SHAPE_NOTE, &shape)
    }

    fn hide_others(
        &self,
        tx: &Connection,
        repair: &Repair,
        listed: &BTreeSet<CaseId>,
        touched: &mut Touched,
    ) -> Result<u64, StoreError> {
        let mut hidden = 0;
        let buckets: BTreeSet<u8> = repair.buckets.iter().copied().collect();
        for bucket in buckets {
            for case in cases_in(tx, &repair.scope, bucket)? {
                let place = (bucket, case);
                let covered = repair.after.is_none_or(|after| place > after)
                    && repair.until.is_none_or(|until| place <= until);
                if covered && !listed.contains(&case) {
                    hide_case(tx, &self.search_key, case)?;
                    touched.cases.insert(case);
                    hidden += 1;
                }
            }
        }
        Ok(hidden)
    }
}

fn is_pending(conn: &Connection) -> Result<bool, StoreError> {
    Ok(conn
        .prepare_cached("SELECT 1 FROM digest_pending")?
        .exists([])?)
}

fn cursor_of(conn: &Connection, scope: &OfficeCode) -> Result<Option<u64>, StoreError> {
    let cursor: Option<i64> = conn
        .prepare_cached("SELECT cursor FROM feed WHERE scope = ?1")?
        .query_row(params![scope.as_str()], |row| row.get(0))
        .optional()?;
    cursor.map(unsigned).transpose()
}

fn sums_of(conn: &Connection, scope: &OfficeCode) -> Result<Sums, StoreError> {
    let mut find = conn.prepare_cached("SELECT bucket, sum FROM digest_bucket WHERE scope = ?1")?;
    let mut rows = find.query(params![scope.as_str()])?;
    let mut sums = Sums::default();
    while let Some(row) = rows.next()? {
        sums.add(row.get(0)?, Sum::from_bytes(row.get(1)?));
    }
    Ok(sums)
}

fn cases_in(conn: &Connection, scope: &OfficeCode, bucket: u8) -> Result<Vec<CaseId>, StoreError> {
    let mut find = conn.prepare_cached(
        "SELECT r.id FROM case_digest d JOIN case_row r ON r.n = d.n
         WHERE d.scope = ?1 AND d.bucket = ?2 AND r.gone = 0",
    )?;
    let ids: Vec<[u8; 16]> = find
        .query_map(params![scope.as_str(), bucket], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(ids.into_iter().map(CaseId::from_blob).collect())
}

/// True when this desk shows the case otherwise than the server has it, or not at all.
fn differs(conn: &Connection, case: &Case) -> Result<bool, StoreError> {
    let shown = conn
        .prepare_cached("SELECT 1 FROM case_row WHERE id = ?1 AND gone = 0")?
        .exists(params![case.id.blob()])?;
    let own = match confirmed_of(conn, case.id) {
        Ok(own) => own,
        Err(StoreError::Json(_)) => None,
        Err(error) => return Err(error),
    };
    Ok(!shown || own.as_ref() != Some(case))
}

/// Takes the digests that are behind, up to a portion.
fn settle_some(tx: &Connection) -> Result<(), StoreError> {
    let mut find = tx.prepare_cached("SELECT n FROM digest_pending LIMIT ?1")?;
    let pending: Vec<i64> = find
        .query_map(params![limit(PORTION)], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for n in pending {
        settle_one(tx, n)?;
    }
    Ok(())
}

fn settle_one(tx: &Connection, n: i64) -> Result<(), StoreError> {
    let before: Option<(String, u8, [u8; 32])> = tx
        .prepare_cached("SELECT scope, bucket, digest FROM case_digest WHERE n = ?1")?
        .query_row(params![n], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    if let Some((scope, bucket, digest)) = before {
        add_to(tx, &scope, bucket, Sum::from_bytes(digest))?;
        tx.prepare_cached("DELETE FROM case_digest WHERE n = ?1")?
            .execute(params![n])?;
    }
    let now: Option<([u8; 16], String, String)> = tx
        .prepare_cached(
            "SELECT r.id, r.office, b.confirmed FROM case_body b JOIN case_row r ON r.n = b.n
             WHERE b.n = ?1 AND b.confirmed IS NOT NULL AND r.gone = 0",
        )?
        .query_row(params![n], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    if let Some((id, scope, confirmed)) = now {
        let bucket = bucket_of(CaseId::from_blob(id));
        // A snapshot that cannot be read is unlike what the server has: it will be fetched anew.
        let sum = match serde_json::from_str::<Case>(&confirmed) {
            Ok(case) => Sum::of(&case)?,
            Err(_) => Sum::of_damaged(confirmed.as_bytes()),
        };
        add_to(tx, &scope, bucket, sum)?;
        tx.prepare_cached(
            "INSERT INTO case_digest (n, scope, bucket, digest) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![n, scope, bucket, sum.as_bytes()])?;
    }
    tx.prepare_cached("DELETE FROM digest_pending WHERE n = ?1")?
        .execute(params![n])?;
    Ok(())
}

/// Into a bucket's sum, or out of it.
fn add_to(tx: &Connection, scope: &str, bucket: u8, sum: Sum) -> Result<(), StoreError> {
    let there: Option<[u8; 32]> = tx
        .prepare_cached("SELECT sum FROM digest_bucket WHERE scope = ?1 AND bucket = ?2")?
        .query_row(params![scope, bucket], |row| row.get(0))
        .optional()?;
    let sum = Sum::from_bytes(there.unwrap_or_default()).with(sum);
    tx.prepare_cached(
        "INSERT INTO digest_bucket (scope, bucket, sum) VALUES (?1, ?2, ?3)
         ON CONFLICT (scope, bucket) DO UPDATE SET sum = ?3",
    )?
    .execute(params![scope, bucket, sum.as_bytes()])?;
    Ok(())
}
