//! A new life for a database that came from a backup by other tools than ours: a PostgreSQL that was put back, a disk image.

use super::sql::{Connection, Purpose, Scope};
use super::{Database, RepoError, Rules, open, system};
use desk_domain::ids::Epoch;

/// What became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Renewal {
    Done {
        before: Epoch,
        epoch: Epoch,
        /// People who must sign in again.
        sessions_ended: usize,
    },
    /// So many connections of servers, or of their commands, are open: each of them knows the old life.
    InUse(u64),
}

/// Begins a new life, and brings the tables up to date before. Servers that start meanwhile wait.
///
/// # Errors
/// When the database cannot be reached or written; then the old life goes on.
pub fn renew(database: &Database, rules: &Rules) -> Result<Renewal, RepoError> {
    let conn = open::writer(database)?;
    let before = system::prepare(&conn, rules)?;
    conn.begin(Purpose::Write, &Scope::House)?;
    let others = others(&conn)?;
    if others > 0 {
        conn.roll_back()?;
        return Ok(Renewal::InUse(others));
    }
    let epoch = Epoch::new(rules.clock.now(), rules.chance.as_ref());
    let sessions_ended = system::begin_life(&conn, epoch, rules)?;
    conn.commit()?;
    open::release(&conn)?;
    Ok(Renewal::Done {
        before,
        epoch,
        sessions_ended,
    })
}

/// Connections of this program beside our own. An engine that keeps no such list shows none.
fn others(conn: &Connection) -> Result<u64, RepoError> {
    if conn.as_sqlite().is_some() {
        return Ok(0); // the lock on the data directory tells
    }
    let count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                 AND pid <> pg_backend_pid() AND application_name = current_setting('application_name')";
    Ok(conn.query_row(count, (), |row| row.get(0))?)
}
