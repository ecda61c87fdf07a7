//! The database: is it there, of this program's version, safe against a power cut, on time, and backed up?

use super::Finding;
use crate::config::ServerConfig;
use crate::metrics::began_at;
use crate::repo::Database;
use crate::repo::health::{self, Health};
use crate::repo::webhooks::Why;
use crate::run;
use chrono::DateTime;
use desk_domain::time::Millis;

const DATABASE: &str = "database";
const CLOCK: &str = "clock";
const BACKUP: &str = "backup";

const MINUTE: Millis = 60_000;
const DAY: Millis = 86_400_000;
/// A daily backup, and some hours of grace.
const BACKUP_LOOK: Millis = DAY + 4 * 60 * MINUTE;
const BACKUP_WRONG: Millis = 7 * DAY;
/// Clocks that differ by more are not kept by anybody.
const SKEW_LOOK: Millis = 2_000;

pub fn look(config: &ServerConfig) -> Vec<Finding> {
    let database = match run::database(config) {
        Ok(database) => database,
        Err(error) => {
            let todo = "mend --database or --database-ca";
            return vec![Finding::wrong(DATABASE, error.to_string(), todo)];
        }
    };
    if let Database::File(path) = &database
        && !path.is_file()
    {
        let what = format!("{} is not there", path.display());
        let todo = "start the server once, or name its directory with --data";
        return vec![Finding::wrong(DATABASE, what, todo)];
    }
    let mut found = Vec::from_iter(on_the_way(&database));
    let health = match health::look(&database) {
        Ok(health) => health,
        Err(error) => {
            let todo =
                "start it, mend its address and rights; a damaged file: restore from a backup";
            found.push(Finding::wrong(DATABASE, error.to_string(), todo));
            return found;
        }
    };
    let now = config.clock.now();
    found.push(version(&health));
    found.extend(safety(&health, &database));
    found.push(clock(&health, now));
    found.push(backup(&health, &database, now));
    found.push(epoch(&health));
    found.push(webhooks(&health, now));
    found
}

fn version(health: &Health) -> Finding {
    let (engine, done, known) = (&health.engine, health.migrated, health.known);
    let what = format!("{engine}, tables of version {done} of {known}");
    if done == 0 {
        return Finding::look(
            DATABASE,
            format!("{engine}, empty"),
            "start the server once",
        );
    }
    if done < known {
        return Finding::look(
            DATABASE,
            what,
            "back up, then start the server: it brings them up to date",
        );
    }
    if done > known {
        return Finding::wrong(
            DATABASE,
            what,
            "this program is older than the database: install the newer one",
        );
    }
    Finding::right(DATABASE, what)
}

/// Case files cross the network between server and database.
fn on_the_way(database: &Database) -> Option<Finding> {
    match database {
        Database::Postgres(address) if !address.is_private() => Some(Finding::wrong(
            DATABASE,
            "is spoken to in the clear when it offers no TLS",
            "add sslmode=require to the address",
        )),
        Database::Postgres(_) | Database::File(_) => None,
    }
}

fn safety(health: &Health, database: &Database) -> Vec<Finding> {
    let wanted = match database {
        Database::File(_) => "wal",
        Database::Postgres(_) => "serializable",
    };
    let mut found = Vec::new();
    if health.mode != wanted {
        let what = format!("works in mode {}, not {wanted}", health.mode);
        let todo = "start the server once, which sets it";
        found.push(Finding::wrong(DATABASE, what, todo));
    }
    if !health.risky.is_empty() {
        let todo = "switch it on: what was confirmed to desks must survive a power cut";
        found.push(Finding::wrong(DATABASE, health.risky.join(", "), todo));
    }
    if !health.unguarded.is_empty() {
        let what = format!(
            "does not keep offices apart in {}",
            health.unguarded.join(", ")
        );
        let todo = "find out who took row-level security away; as the owner call guard_rows('table') for each of them";
        found.push(Finding::wrong(DATABASE, what, todo));
    }
    if found.is_empty() {
        found.push(Finding::right(DATABASE, format!("mode {}", health.mode)));
    }
    found
}

fn clock(health: &Health, now: Millis) -> Finding {
    let todo = "set the clock (NTP) on both machines";
    if let Some(there) = health.now {
        let skew = now.saturating_sub(there);
        let what = format!("{skew} ms apart from the database's");
        return match skew.saturating_abs() {
            0..SKEW_LOOK => Finding::right(CLOCK, what),
            SKEW_LOOK..MINUTE => Finding::look(CLOCK, what, todo),
            _ => Finding::wrong(CLOCK, what, todo),
        };
    }
    let newest = health.newest_op_at.unwrap_or(0);
    if newest.saturating_sub(now) > MINUTE {
        let what = format!("{} is before the newest entry, {}", day(now), day(newest));
        return Finding::wrong(CLOCK, what, todo);
    }
    Finding::right(CLOCK, day(now))
}

fn backup(health: &Health, database: &Database, now: Millis) -> Finding {
    let Some(at) = health.newest_backup_at else {
        return match database {
            Database::File(_) => {
                Finding::look(BACKUP, "none was ever verified", "backup create, every day")
            }
            Database::Postgres(_) => Finding::look(
                BACKUP,
                "PostgreSQL's own tools make it, and it cannot be seen from here",
                "see that base backups and WAL arrive, and restore one every month",
            ),
        };
    };
    let what = format!("the last verified one is of {}", day(at));
    let todo = "find out why none came since: backup create, every day";
    match now.saturating_sub(at) {
        ..BACKUP_LOOK => Finding::right(BACKUP, what),
        BACKUP_LOOK..BACKUP_WRONG => Finding::look(BACKUP, what, todo),
        _ => Finding::wrong(BACKUP, what, todo),
    }
}

fn epoch(health: &Health) -> Finding {
    const PART: &str = "life";
    match health.epoch {
        Some(epoch) => {
            let since = began_at(epoch).map_or_else(String::new, day);
            Finding::right(PART, format!("{epoch}, since {since}"))
        }
        None if health.migrated == 0 => Finding::look(PART, "none yet", "start the server once"),
        None => Finding::wrong(
            PART,
            "the database has no identity",
            "restore from a backup",
        ),
    }
}

/// Endpoints that hear nothing any more, or soon will not.
fn webhooks(health: &Health, now: Millis) -> Finding {
    const PART: &str = "webhooks";
    let mut ill = Vec::new();
    for endpoint in &health.webhooks {
        let (office, id) = (&endpoint.office, endpoint.id);
        match (endpoint.disabled, endpoint.failing_since) {
            (Some(Why::Gone), _) => {
                ill.push(format!("{id} of {office} is disabled: it answered 410"));
            }
            (Some(Why::Failing), since) => {
                let since = since.map_or_else(String::new, day);
                ill.push(format!(
                    "{id} of {office} is disabled: it has failed since {since}"
                ));
            }
            (None, Some(since)) if now.saturating_sub(since) >= DAY => {
                ill.push(format!("{id} of {office} has failed since {}", day(since)));
            }
            (Some(Why::Admin) | None, _) => {}
        }
    }
    if ill.is_empty() {
        let active = health.webhooks.iter().filter(|one| one.disabled.is_none());
        return Finding::right(PART, format!("{} active endpoints", active.count()));
    }
    let todo =
        "webhook log ID says why; mend it, then webhook enable ID and webhook replay ID --failed";
    Finding::look(PART, ill.join("; "), todo)
}

fn day(at: Millis) -> String {
    DateTime::from_timestamp_millis(at).map_or_else(
        || at.to_string(),
        |at| at.format("%Y-%m-%d %H:%M UTC").to_string(),
    )
}
