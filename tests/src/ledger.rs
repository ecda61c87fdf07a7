//! The server's database as a test reads it: beside a running server, or when it is at rest.

use crate::Failure;
use desk_domain::case::Case;
use desk_domain::ids::{CaseId, DeviceId, OfficeCode};
use desk_domain::op::ChainHash;
use desk_domain::outcome::Outcome;
use desk_server::ServerConfig;
use desk_server::repo::sql::{Connection, ToSql};
use desk_server::repo::{RepoError, cases, feed};
use desk_server::run::House;
use std::path::Path;

/// One op as the server keeps it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredOp {
    pub incarnation: String,
    pub seq: u64,
    pub op_id: String,
    /// False for a copy of an op that was judged before.
    pub counted: bool,
    /// None where the desk parked the op.
    pub bytes: Option<String>,
    pub hash: ChainHash,
    pub outcome: Outcome,
}

/// An open server database.
pub struct Ledger(House);

impl Ledger {
    /// Opens what lies in a server's data directory.
    pub fn open(data: &Path) -> Result<Self, Failure> {
        House::open(&ServerConfig::new(data))
            .map(Self)
            .map_err(Failure::at("open the server's database"))
    }

    /// Every op of a device after the `skip` first ones, in the order in which they came.
    pub fn ops_of(&self, device: DeviceId, skip: u64) -> Result<Vec<StoredOp>, Failure> {
        self.ask(move |conn| {
            let mut find = conn.prepare_cached(
                "SELECT incarnation, seq, op_id, counted, bytes, hash, outcome FROM journal
                 WHERE device = ?1 ORDER BY rowid LIMIT -1 OFFSET ?2",
            )?;
            let mut rows = find.query(&[&device.to_string() as &dyn ToSql, &skip][..])?;
            let mut ops = Vec::new();
            while let Some(row) = rows.next()? {
                ops.push(StoredOp {
                    incarnation: row.get(0)?,
                    seq: row.get(1)?,
                    op_id: row.get(2)?,
                    counted: row.get(3)?,
                    bytes: row.get(4)?,
                    hash: ChainHash::from_bytes(row.get(5)?),
                    outcome: serde_json::from_str(&row.get::<String>(6)?)?,
                });
            }
            Ok(ops)
        })
    }

    /// Op ids that count more than once. There must be none.
    pub fn doubled(&self) -> Result<Vec<String>, Failure> {
        self.ask(|conn| {
            let mut find = conn.prepare_cached(
                "SELECT op_id FROM journal WHERE counted = 1 GROUP BY op_id HAVING count(*) > 1",
            )?;
            let found = find.query_map((), |row| row.get(0))?;
            Ok(found.collect::<Result<_, _>>()?)
        })
    }

    /// The ids of the ops that count.
    pub fn counted(&self) -> Result<Vec<String>, Failure> {
        self.ask(|conn| {
            let mut find = conn.prepare_cached("SELECT op_id FROM journal WHERE counted = 1")?;
            let found = find.query_map((), |row| row.get(0))?;
            Ok(found.collect::<Result<_, _>>()?)
        })
    }

    /// Ops stored, and ops that count.
    pub fn count(&self) -> Result<(u64, u64), Failure> {
        self.ask(desk_server::repo::journal::count)
    }

    /// Where the feed of an office stands.
    pub fn position(&self, office: &OfficeCode) -> Result<u64, Failure> {
        let office = office.clone();
        self.ask(move |conn| Ok(feed::position(conn, &office)?.unwrap_or(0)))
    }

    /// Every case.
    pub fn cases(&self) -> Result<Vec<Case>, Failure> {
        self.ask(|conn| {
            let mut find = conn.prepare_cached("SELECT snapshot FROM case_file ORDER BY id")?;
            let mut rows = find.query(())?;
            let mut cases = Vec::new();
            while let Some(row) = rows.next()? {
                cases.push(serde_json::from_str(&row.get::<String>(0)?)?);
            }
            Ok(cases)
        })
    }

    /// One case as it stands.
    pub fn case(&self, id: CaseId) -> Result<Option<Case>, Failure> {
        self.ask(move |conn| cases::load(conn, id))
    }

    fn ask<T>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, RepoError>,
    ) -> Result<T, Failure> {
        self.0
            .repo
            .read_blocking(question)
            .map_err(Failure::at("read the server's database"))
    }
}
