//! The door to the database: opens, asserts, migrates.

use super::sql::{Connection, Pace, ROLE, SqlError};
use super::{Database, RepoError};
use rusqlite::OpenFlags;
use std::path::Path;
use std::time::Duration;
use tokio_postgres::Client;

mod embedded {
    refinery::embed_migrations!("migrations");
}
mod shared {
    refinery::embed_migrations!("migrations-postgres");
}

/// The oldest SQLite without known defects in WAL recovery.
const OLDEST_SQLITE: i32 = 3_051_003;
/// Another process (an admin's command) may hold the write lock for a moment.
const BUSY: Duration = Duration::from_secs(10);
/// Pages of the log after which a commit carries them over, 4 KiB each: a page that is written by each of a hundred commits
/// is carried over once. A start after a crash reads as much.
const CHECKPOINT_PAGES: i64 = 4_000;
/// Pages that the writing connection keeps in memory.
const CACHE_PAGES: i64 = 1_000;
/// Servers that start at once make the tables one after the other; the number is ours alone.
const LOCK: &str = "SELECT pg_advisory_lock(5639871264301)";
const UNLOCK: &str = "SELECT pg_advisory_unlock(5639871264301)";

/// Opens for writing, creates and migrates when needed. On a shared database other servers wait until [`release`].
pub fn writer(database: &Database) -> Result<Connection, RepoError> {
    match database {
        Database::File(path) => Ok(Connection::sqlite(file(path)?)),
        Database::Postgres(address) => {
            let mut link = address.open()?;
            link.with_client(migrate)??;
            Ok(Connection::postgres(link))
        }
    }
}

async fn migrate(client: &mut Client) -> Result<(), RepoError> {
    client.batch_execute(LOCK).await.map_err(SqlError::from)?;
    make_role(client).await?;
    let migrated = shared::migrations::runner().run_async(client).await;
    migrated.map_err(|error| RepoError::Migration(Box::new(error)))?;
    Ok(())
}

/// The role under which transactions run: made if this login may make it, else an administrator has. It belongs to the
/// whole cluster, so another database of it may be making it at this moment.
async fn make_role(client: &Client) -> Result<(), RepoError> {
    let take = format!("SET ROLE {ROLE}; RESET ROLE");
    if client.batch_execute(&take).await.is_ok() {
        return Ok(());
    }
    let make = format!(
        "DO $$ BEGIN CREATE ROLE {ROLE} NOLOGIN; \
         EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    );
    // Whatever they answer: what counts is whether the role can be taken then.
    let _ = client.batch_execute(&make).await;
    let grant = format!("GRANT {ROLE} TO CURRENT_USER");
    let _ = client.batch_execute(&grant).await;
    let taken = client.batch_execute(&take).await;
    taken.map_err(|_| RepoError::NoRole)
}

/// What follows a migration is done too: other servers may start.
pub fn release(conn: &Connection) -> Result<(), RepoError> {
    if conn.as_sqlite().is_none() {
        conn.execute_batch(UNLOCK)?;
    }
    Ok(())
}

/// Opens for reading a database that [`writer`] has prepared.
pub fn reader(database: &Database) -> Result<Connection, RepoError> {
    match database {
        Database::File(path) => {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            Ok(Connection::sqlite(connect(path, flags)?))
        }
        Database::Postgres(address) => {
            let conn = Connection::postgres(address.open()?);
            // Nothing that a reader fails at would be better known stepwise.
            conn.set_pace(Pace::Ahead);
            Ok(conn)
        }
    }
}

/// The newest migration that this program knows.
pub fn newest(database: &Database) -> i64 {
    let all = match database {
        Database::File(_) => embedded::migrations::runner(),
        Database::Postgres(_) => shared::migrations::runner(),
    };
    let versions = all.get_migrations().iter();
    versions
        .map(|one| i64::from(one.version()))
        .max()
        .unwrap_or(0)
}

/// Opens an SQLite file for writing, creates and migrates when needed.
pub fn file(path: &Path) -> Result<rusqlite::Connection, RepoError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(RepoError::Damaged("this SQLite is too old"));
    }
    let mut conn = connect(path, read_write())?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    conn.pragma_update(None, "cache_size", CACHE_PAGES)?;
    embedded::migrations::runner()
        .run(&mut conn)
        .map_err(|error| RepoError::Migration(Box::new(error)))?;
    Ok(conn)
}

/// Makes a new file for a copy.
pub fn copy(path: &Path) -> Result<rusqlite::Connection, RepoError> {
    let conn = connect(path, read_write())?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    Ok(conn)
}

fn read_write() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

#[expect(clippy::disallowed_methods, reason = "the door itself")]
fn connect(path: &Path, flags: OpenFlags) -> Result<rusqlite::Connection, RepoError> {
    let conn = rusqlite::Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(BUSY)?;
    conn.pragma_update(None, "foreign_keys", "ON")?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(conn)
}
