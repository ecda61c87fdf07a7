//! What admins did: one row for each office that it concerns, kept for ever.

use super::{Refusal, Stop};
use crate::repo::sql::{Connection, params};
use crate::repo::{RepoError, Rules};
use desk_domain::ids::{GroupId, OfficeCode, UserId};
use desk_domain::people::UserCard;
use desk_domain::time::Millis;
use desk_protocol::admin::{AdminLine, AdminLog, MOST_LISTED};
use std::collections::{BTreeMap, BTreeSet};

/// Codes that one admin may make within [`WINDOW_MS`].
const MOST_CODES: usize = 60;
const WINDOW_MS: Millis = 3_600_000;
/// Who acts where nobody was named.
const CONSOLE: &str = "console";

/// What was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    Invite,
    Rights,
    Disable,
    Enable,
    Leave,
    Reset,
    Renew,
    Uninvite,
    SetFactor,
    RemoveFactor,
    NewDesk,
    Approve,
    Revoke,
    Wipe,
    PutOffice,
    ApprovePolicy,
}

impl What {
    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invite => "invite",
            Self::Rights => "rights",
            Self::Disable => "disable",
            Self::Enable => "enable",
            Self::Leave => "leave",
            Self::Reset => "reset",
            Self::Renew => "renew",
            Self::Uninvite => "uninvite",
            Self::SetFactor => "set_factor",
            Self::RemoveFactor => "remove_factor",
            Self::NewDesk => "new_desk",
            Self::Approve => "approve",
            Self::Revoke => "revoke",
            Self::Wipe => "wipe",
            Self::PutOffice => "put_office",
            Self::ApprovePolicy => "approve_policy",
        }
    }
}

/// One act: by whom and when. The id is the same however often its transaction runs.
#[derive(Clone, Debug)]
pub struct Act {
    id: String,
    pub by: Option<UserId>,
    pub at: Millis,
}

impl Act {
    /// Begins one.
    pub fn new(rules: &Rules, by: Option<UserId>) -> Self {
        let at = rules.clock.now();
        Self {
            id: GroupId::new(at, rules.chance.as_ref()).to_string(),
            by,
            at,
        }
    }

    /// Keeps it, for each of these offices.
    pub fn note<'a>(
        &self,
        conn: &Connection,
        what: What,
        offices: impl IntoIterator<Item = &'a OfficeCode>,
        (subject, detail): (&str, &str),
    ) -> Result<(), RepoError> {
        let offices: BTreeSet<&OfficeCode> = offices.into_iter().collect();
        for office in offices {
            conn.execute(
                "INSERT INTO admin_act (office, at, id, by_user, what, subject, detail) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    office.as_str(),
                    self.at,
                    self.id,
                    self.by.map(|user| user.to_string()),
                    what.as_str(),
                    subject,
                    detail
                ],
            )?;
        }
        Ok(())
    }

    /// Refuses one code more than an admin may make in an hour.
    pub fn must_be_few(&self, conn: &Connection) -> Result<(), Stop> {
        let mut select = conn.prepare_cached(
            "SELECT DISTINCT at, id FROM admin_act WHERE by_user = ?1 AND at > ?2 \
             AND what IN ('invite', 'reset', 'renew', 'new_desk') ORDER BY at DESC, id LIMIT ?3",
        )?;
        let since = self.at.saturating_sub(WINDOW_MS);
        let by = self.by.map(|user| user.to_string());
        let rows = select.query_map(params![by, since, MOST_CODES], |row| row.get(0))?;
        let made: Vec<Millis> = rows.collect::<Result<_, _>>()?;
        match made.last() {
            Some(oldest) if made.len() >= MOST_CODES => Err(Refusal::TooMany {
                until: oldest.saturating_add(WINDOW_MS),
            }
            .into()),
            _ => Ok(()),
        }
    }
}

/// The acts of the admin's offices before that time, the newest first. Acts of one moment stay on one page.
pub fn log(conn: &Connection, me: &UserCard, before: Millis) -> Result<AdminLog, Stop> {
    let mut found = BTreeMap::new();
    for office in &me.offices {
        for (id, line) in of(conn, office, before)? {
            found.insert((std::cmp::Reverse(line.at), id), line);
        }
    }
    let more = found.len() > MOST_LISTED;
    let mut lines: Vec<AdminLine> = found.into_values().collect();
    let cut = lines.get(MOST_LISTED).map(|line| line.at);
    lines.truncate(MOST_LISTED);
    if lines.first().map(|line| line.at) != cut {
        lines.retain(|line| Some(line.at) != cut);
    }
    Ok(AdminLog { lines, more })
}

fn of(
    conn: &Connection,
    office: &OfficeCode,
    before: Millis,
) -> Result<Vec<(String, AdminLine)>, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT a.id, a.at, u.login, a.what, a.subject, a.detail FROM admin_act a \
         LEFT JOIN user_account u ON u.id = a.by_user WHERE a.office = ?1 AND a.at < ?2 \
         ORDER BY a.at DESC, a.id LIMIT ?3",
    )?;
    let most = MOST_LISTED.saturating_add(1);
    let rows = select.query_map(params![office.as_str(), before, most], |row| {
        let by: Option<String> = row.get(2)?;
        let line = AdminLine {
            at: row.get(1)?,
            by: by.unwrap_or_else(|| CONSOLE.to_owned()),
            what: row.get(3)?,
            subject: row.get(4)?,
            detail: row.get(5)?,
        };
        Ok((row.get(0)?, line))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
