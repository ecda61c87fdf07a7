//! Runs of the register's import, and what each of them changed.

use super::RepoError;
use super::sql::{Connection, Row, params};
use crate::registry::counts::Counts;
use desk_domain::ids::{MerchantId, OfficeCode};
use desk_domain::registry::MerchantRecord;
use desk_domain::time::Millis;

/// Where a run stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RunState {
    /// At work, or cut short.
    Applying,
    Done,
    RolledBack,
}

impl RunState {
    /// As it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applying => "applying",
            Self::Done => "done",
            Self::RolledBack => "rolled_back",
        }
    }
    fn parse(text: &str) -> Option<Self> {
        [Self::Applying, Self::Done, Self::RolledBack]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// What begins a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewRun {
    /// The run that is taken back; none for an import.
    pub undoes: Option<u64>,
    pub file_name: String,
    pub sha256: String,
    pub run_by: String,
    pub started_at: Millis,
}

/// One run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
    pub run: u64,
    pub undoes: Option<u64>,
    pub file_name: String,
    pub sha256: String,
    pub run_by: String,
    pub started_at: Millis,
    pub ended_at: Option<Millis>,
    pub state: RunState,
    pub counts: Counts,
}

/// What a run did to one merchant.
#[derive(Clone, PartialEq, Eq)]
pub struct RunChange {
    /// Of the record after the run.
    pub version: u64,
    /// None when it was new.
    pub before: Option<MerchantRecord>,
    pub after: MerchantRecord,
}

const COLUMNS: &str = "run, undoes, file_name, sha256, run_by, started_at, ended_at, state, counts";

/// Begins a run; returns its number.
pub fn begin(conn: &Connection, new: &NewRun) -> Result<u64, RepoError> {
    let run: u64 = conn
        .prepare_cached("SELECT COALESCE(MAX(run), 0) + 1 FROM register_run")?
        .query_row((), |row| row.get(0))?;
    let kind = if new.undoes.is_some() {
        "rollback"
    } else {
        "import"
    };
    conn.prepare_cached(
        "INSERT INTO register_run (run, kind, undoes, file_name, sha256, run_by, started_at, ended_at, state, counts) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL, ?8, ?9)",
    )?
    .execute(params![
        run,
        kind,
        new.undoes,
        new.file_name,
        new.sha256,
        new.run_by,
        new.started_at,
        RunState::Applying.as_str(),
        serde_json::to_string(&Counts::default())?
    ])?;
    Ok(run)
}

/// Keeps what a run came to so far.
pub fn put_counts(conn: &Connection, run: u64, counts: &Counts) -> Result<(), RepoError> {
    conn.prepare_cached("UPDATE register_run SET counts = ?1 WHERE run = ?2")?
        .execute(params![serde_json::to_string(counts)?, run])?;
    Ok(())
}

/// Says where a run stands now.
pub fn put_state(
    conn: &Connection,
    run: u64,
    state: RunState,
    ended_at: Millis,
) -> Result<(), RepoError> {
    conn.prepare_cached("UPDATE register_run SET state = ?1, ended_at = ?2 WHERE run = ?3")?
        .execute(params![state.as_str(), ended_at, run])?;
    Ok(())
}

/// One run by its number.
pub fn run(conn: &Connection, run: u64) -> Result<Option<Run>, RepoError> {
    let sql = format!("SELECT {COLUMNS} FROM register_run WHERE run = ?1");
    let mut select = conn.prepare_cached(&sql)?;
    let mut rows = select.query([run])?;
    rows.next()?.map(|row| read(&row)).transpose()
}

/// The run that was cut short, if there is one.
pub fn unfinished(conn: &Connection) -> Result<Option<Run>, RepoError> {
    let sql =
        format!("SELECT {COLUMNS} FROM register_run WHERE state = 'applying' ORDER BY run LIMIT 1");
    let mut select = conn.prepare_cached(&sql)?;
    let mut rows = select.query(())?;
    rows.next()?.map(|row| read(&row)).transpose()
}

/// The newest import of a file that was not taken back.
pub fn import_of(conn: &Connection, sha256: &str) -> Result<Option<Run>, RepoError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM register_run WHERE sha256 = ?1 AND kind = 'import' AND state = 'done' \
         ORDER BY run DESC LIMIT 1"
    );
    let mut select = conn.prepare_cached(&sql)?;
    let mut rows = select.query([sha256])?;
    rows.next()?.map(|row| read(&row)).transpose()
}

/// All runs, the newest first.
pub fn newest(conn: &Connection, most: usize) -> Result<Vec<Run>, RepoError> {
    let sql = format!("SELECT {COLUMNS} FROM register_run ORDER BY run DESC LIMIT ?1");
    let mut select = conn.prepare_cached(&sql)?;
    let mut rows = select.query([most])?;
    let mut runs = Vec::new();
    while let Some(row) = rows.next()? {
        runs.push(read(&row)?);
    }
    Ok(runs)
}

fn read(row: &Row<'_>) -> Result<Run, RepoError> {
    let (state, counts): (String, String) = (row.get(7)?, row.get(8)?);
    Ok(Run {
        run: row.get(0)?,
        undoes: row.get(1)?,
        file_name: row.get(2)?,
        sha256: row.get(3)?,
        run_by: row.get(4)?,
        started_at: row.get(5)?,
        ended_at: row.get(6)?,
        state: RunState::parse(&state).ok_or(RepoError::Damaged("state of a run"))?,
        counts: serde_json::from_str(&counts)?,
    })
}

/// Keeps what a run did to a merchant; of several changes in one run the first `before` and the last `after`.
pub fn note_change(
    conn: &Connection,
    run: u64,
    before: Option<&MerchantRecord>,
    after: &MerchantRecord,
) -> Result<(), RepoError> {
    let before = before.map(serde_json::to_string).transpose()?;
    conn.prepare_cached(
        "INSERT INTO register_change (office, run, merchant, version, record_before, record_after) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
         ON CONFLICT (office, run, merchant) DO UPDATE SET version = excluded.version, record_after = excluded.record_after",
    )?
    .execute(params![
        after.office.as_str(),
        run,
        after.id.to_string(),
        after.version,
        before,
        serde_json::to_string(after)?
    ])?;
    Ok(())
}

/// The next changes of a run after a merchant of an office, in that order.
pub fn changes_after(
    conn: &Connection,
    run: u64,
    after: &(String, String),
    most: usize,
) -> Result<Vec<RunChange>, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT version, record_before, record_after FROM register_change \
         WHERE run = ?1 AND (office > ?2 OR (office = ?2 AND merchant > ?3)) ORDER BY office, merchant LIMIT ?4",
    )?;
    let mut rows = select.query(params![run, after.0, after.1, most])?;
    let mut changes = Vec::new();
    while let Some(row) = rows.next()? {
        let (before, after): (Option<String>, String) = (row.get(1)?, row.get(2)?);
        changes.push(RunChange {
            version: row.get(0)?,
            before: before.map(|text| serde_json::from_str(&text)).transpose()?,
            after: serde_json::from_str(&after)?,
        });
    }
    Ok(changes)
}

/// Whether a run did something to a merchant.
pub fn has_changed(
    conn: &Connection,
    run: u64,
    office: &OfficeCode,
    merchant: MerchantId,
) -> Result<bool, RepoError> {
    Ok(conn
        .prepare_cached(
            "SELECT 1 FROM register_change WHERE office = ?1 AND run = ?2 AND merchant = ?3",
        )?
        .exists(params![office.as_str(), run, merchant.to_string()])?)
}
