//! What a database says of itself to whoever looks after it. Nothing is written, made or migrated.

use super::sql::{Connection, OptionalExtension, Purpose, Scope};
use super::webhooks::{self, Endpoint};
use super::{Database, RepoError, open, system};
use desk_domain::ids::Epoch;
use desk_domain::time::Millis;

/// What was seen.
#[derive(Clone, Debug)]
pub struct Health {
    /// Name and version of the engine.
    pub engine: String,
    /// Newest migration that was done; 0 in an empty database.
    pub migrated: i64,
    /// Newest migration that this program knows.
    pub known: i64,
    /// How the file is kept; the kind of a writing transaction.
    pub mode: String,
    /// Settings that give away what was confirmed, if the power fails.
    pub risky: Vec<String>,
    /// Tables with an office whose rows the database does not guard, where it could.
    pub unguarded: Vec<String>,
    /// The database's own clock, where it has one.
    pub now: Option<Millis>,
    pub newest_op_at: Option<Millis>,
    pub newest_backup_at: Option<Millis>,
    pub epoch: Option<Epoch>,
    /// The endpoints of webhooks.
    pub webhooks: Vec<Endpoint>,
}

/// Looks at a database that is there.
///
/// # Errors
/// When it cannot be reached or read.
pub fn look(database: &Database) -> Result<Health, RepoError> {
    let conn = open::reader(database)?;
    let mut health = match database {
        Database::File(_) => of_file(&conn)?,
        Database::Postgres(_) => of_postgres(&conn)?,
    };
    health.known = open::newest(database);
    let tables: i64 = conn.query_row(tables(database), (), |row| row.get(0))?;
    if tables == 0 {
        return Ok(health);
    }
    let newest = "SELECT CAST(max(version) AS BIGINT) FROM refinery_schema_history";
    health.migrated = latest(&conn, newest)?.unwrap_or_default();
    // Tables of later migrations may be missing, but these are as old as the database.
    health.newest_op_at = latest(&conn, "SELECT max(received_at) FROM journal")?;
    health.epoch = system::epoch(&conn).ok();
    if health.migrated >= health.known {
        conn.begin(Purpose::Read, &Scope::House)?;
        health.newest_backup_at = latest(&conn, "SELECT max(verified_at) FROM backup_safe")?;
        health.webhooks = webhooks::all(&conn)?;
        if conn.as_sqlite().is_none() {
            health.unguarded = unguarded(&conn)?;
        }
        conn.roll_back()?;
    }
    Ok(health)
}

/// Somebody with the owner's rights may have taken a guard away; ADR 26.
fn unguarded(conn: &Connection) -> Result<Vec<String>, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT CAST(c.relname AS TEXT) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
         WHERE c.relnamespace = CAST(current_schema() AS regnamespace) AND c.relkind IN ('r', 'p') \
         AND a.attname = 'office' AND NOT (c.relrowsecurity AND c.relforcerowsecurity AND \
         (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid) = 4) ORDER BY c.relname",
    )?;
    let names = select.query_map((), |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

fn latest(conn: &Connection, sql: &str) -> Result<Option<i64>, RepoError> {
    Ok(conn
        .query_row(sql, (), |row| row.get::<Option<i64>>(0))
        .optional()?
        .flatten())
}

fn tables(database: &Database) -> &'static str {
    match database {
        Database::File(_) => {
            "SELECT count(*) FROM sqlite_master WHERE name = 'refinery_schema_history'"
        }
        Database::Postgres(_) => {
            "SELECT count(*) FROM information_schema.tables \
             WHERE table_schema = current_schema() AND table_name = 'refinery_schema_history'"
        }
    }
}

fn empty(engine: String, mode: String) -> Health {
    Health {
        engine,
        migrated: 0,
        known: 0,
        mode,
        risky: Vec::new(),
        unguarded: Vec::new(),
        now: None,
        newest_op_at: None,
        newest_backup_at: None,
        epoch: None,
        webhooks: Vec::new(),
    }
}

fn of_file(conn: &Connection) -> Result<Health, RepoError> {
    let version: String = conn.query_row("SELECT sqlite_version()", (), |row| row.get(0))?;
    let mode: String = conn.query_row("PRAGMA journal_mode", (), |row| row.get(0))?;
    Ok(empty(format!("SQLite {version}"), mode))
}

fn of_postgres(conn: &Connection) -> Result<Health, RepoError> {
    // As a writing transaction begins, but for the role, which an empty database may not have yet.
    conn.execute_batch("BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE")?;
    let setting = |name: &str| {
        let sql = "SELECT CAST(current_setting(?1) AS TEXT)";
        conn.query_row(sql, [name], |row| row.get::<String>(0))
    };
    let version = setting("server_version")?;
    let mode = setting("transaction_isolation")?;
    let mut health = empty(format!("PostgreSQL {version}"), mode);
    for name in ["fsync", "full_page_writes", "synchronous_commit"] {
        if setting(name)? == "off" {
            health.risky.push(format!("{name} = off"));
        }
    }
    let clock = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";
    health.now = latest(conn, clock)?;
    conn.roll_back()?;
    Ok(health)
}
