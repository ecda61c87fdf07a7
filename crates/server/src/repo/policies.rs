//! Policies as they are kept: proposed, approved, for ever. Which one is in force is asked in the transaction that
//! judges, so that every server goes by the same one from its approval on.

use super::sql::{Connection, OptionalExtension, params};
use super::{Repo, RepoError, Rules, Scope, people, safeguards};
use crate::policies::InForce;
use desk_domain::ids::UserId;
use desk_domain::time::Millis;
use serde::Serialize;
use std::sync::Arc;

/// Most versions in one list, the newest first.
const MOST: usize = 200;

/// A version to be put in force.
#[derive(Clone)]
pub struct NewPolicy {
    pub version: u32,
    pub toml: String,
    pub signature: [u8; 64],
    pub reason: String,
    pub by: Option<UserId>,
}

/// What came of proposing one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Proposed {
    InForce,
    /// Two admins are asked for: it waits for the second.
    Waits,
    /// There is a version as high as this one already: the highest.
    NotNewer {
        highest: u32,
    },
}

/// What came of approving one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Approved {
    Yes,
    /// No version of that number waits.
    NoSuch,
    /// The person who proposed it, by whichever account, or somebody who cannot be told from that person.
    SamePerson,
    /// A newer one has been approved since.
    Overtaken {
        by: u32,
    },
}

/// One version, for a list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Told {
    pub version: u32,
    pub reason: String,
    /// Logins, where somebody was named.
    pub proposed_by: Option<String>,
    pub proposed_at: Millis,
    pub approved_by: Option<String>,
    pub approved_at: Option<Millis>,
}

impl Repo {
    /// The policy in force.
    pub async fn policy(self: &Arc<Self>, rules: &Rules) -> Result<Arc<InForce>, RepoError> {
        let rules = rules.clone();
        self.read(Scope::House, move |conn| current(conn, &rules))
            .await
    }

    /// The same for threads without a runtime.
    pub fn policy_blocking(&self, rules: &Rules) -> Result<Arc<InForce>, RepoError> {
        let rules = rules.clone();
        self.read_blocking(move |conn| current(conn, &rules))
    }
}

/// The policy by which is judged now. A stored one that is not believed leaves the one before in force here, if that came
/// from the database too.
///
/// # Errors
/// When nothing that is in force by the database can be believed: judging by another policy than the others is no way out.
pub fn current(conn: &Connection, rules: &Rules) -> Result<Arc<InForce>, RepoError> {
    let known = rules.policies.now();
    let Some(version) = newest(conn)? else {
        return Ok(known);
    };
    if known.signature.is_some() && known.version == version {
        return Ok(known);
    }
    let (toml, signature): (String, Vec<u8>) = conn
        .prepare_cached("SELECT toml, signature FROM policy WHERE version = ?1")?
        .query_row([i64::from(version)], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let signature = <[u8; 64]>::try_from(signature.as_slice())
        .map_err(|_| RepoError::Damaged("signature of a policy"))?;
    match rules.policies.take(version, toml, signature) {
        Ok(taken) => {
            tracing::info!(version, "a policy is in force");
            Ok(taken)
        }
        Err(doubt) if known.signature.is_some() => {
            tracing::error!(%doubt, "the policy before stays in force here");
            Ok(known)
        }
        Err(doubt) => Err(RepoError::Policy(doubt)),
    }
}

const NEWEST: &str =
    "SELECT version FROM policy WHERE approved_at IS NOT NULL ORDER BY version DESC LIMIT 1";

/// Asks ahead for what [`current`] reads first.
pub fn ask_newest(conn: &Connection) -> Result<(), RepoError> {
    Ok(conn.ahead(NEWEST, ())?)
}

fn newest(conn: &Connection) -> Result<Option<u32>, RepoError> {
    Ok(conn
        .prepare_cached(NEWEST)?
        .query_row((), |row| row.get(0))
        .optional()?)
}

/// Keeps a new version; in force at once unless two admins are asked for.
pub fn propose(
    conn: &Connection,
    new: &NewPolicy,
    (shipped, now): (u32, Millis),
) -> Result<Proposed, RepoError> {
    let stored: Option<u32> = conn
        .prepare_cached("SELECT version FROM policy ORDER BY version DESC LIMIT 1")?
        .query_row((), |row| row.get(0))
        .optional()?;
    let highest = stored.unwrap_or(shipped).max(shipped);
    if new.version <= highest {
        return Ok(Proposed::NotNewer { highest });
    }
    let waits = safeguards::load(conn)?.two_admins;
    let by = new.by.map(|user| user.to_string());
    conn.execute(
        "INSERT INTO policy (version, toml, signature, reason, proposed_by, proposed_at, approved_by, approved_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            i64::from(new.version),
            new.toml,
            new.signature.as_slice(),
            new.reason,
            by,
            now,
            None::<String>,
            (!waits).then_some(now)
        ],
    )?;
    Ok(if waits {
        Proposed::Waits
    } else {
        Proposed::InForce
    })
}

/// The second admin's word.
pub fn approve(
    conn: &Connection,
    version: u32,
    by: UserId,
    now: Millis,
) -> Result<Approved, RepoError> {
    let row: Option<Option<String>> = conn
        .prepare_cached(
            "SELECT proposed_by FROM policy WHERE version = ?1 AND approved_at IS NULL",
        )?
        .query_row([i64::from(version)], |row| row.get(0))
        .optional()?;
    let Some(proposer) = row else {
        return Ok(Approved::NoSuch);
    };
    let person =
        |user: UserId| Ok::<_, RepoError>(people::card(conn, user)?.map(|card| card.person));
    let first = match proposer.as_deref().and_then(UserId::parse) {
        Some(user) => person(user)?,
        None => None,
    };
    let second = person(by)?;
    if first.is_none() || second.is_none() || first == second {
        return Ok(Approved::SamePerson);
    }
    if let Some(by) = newest(conn)?.filter(|newest| *newest > version) {
        return Ok(Approved::Overtaken { by });
    }
    conn.execute(
        "UPDATE policy SET approved_by = ?2, approved_at = ?3 WHERE version = ?1",
        params![i64::from(version), by.to_string(), now],
    )?;
    Ok(Approved::Yes)
}

/// The versions that were set, the newest first.
pub fn all(conn: &Connection) -> Result<Vec<Told>, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT p.version, p.reason, a.login, p.proposed_at, b.login, p.approved_at FROM policy p \
         LEFT JOIN user_account a ON a.id = p.proposed_by LEFT JOIN user_account b ON b.id = p.approved_by \
         ORDER BY p.version DESC LIMIT ?1",
    )?;
    let rows = select.query_map([MOST], |row| {
        Ok(Told {
            version: row.get(0)?,
            reason: row.get(1)?,
            proposed_by: row.get(2)?,
            proposed_at: row.get(3)?,
            approved_by: row.get(4)?,
            approved_at: row.get(5)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The text of a version that was set.
pub fn text_of(conn: &Connection, version: u32) -> Result<Option<String>, RepoError> {
    Ok(conn
        .prepare_cached("SELECT toml FROM policy WHERE version = ?1")?
        .query_row([i64::from(version)], |row| row.get(0))
        .optional()?)
}
