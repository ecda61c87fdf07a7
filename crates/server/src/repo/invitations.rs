//! One-time codes by which people choose a password of their own: once invited, or after the old one was forgotten.

use super::RepoError;
use super::oidc::{self, Subject};
use super::people::{self, Account};
use super::second_factor::Tried;
use super::sessions::{self, Admitted, NewSession, Throttles};
use super::sql::{Connection, OptionalExtension, Row, SqlError, params};
use crate::second_factor::FactorKey;
use desk_domain::ids::{DeviceId, OfficeCode, UserId};
use desk_domain::people::UserCard;
use desk_domain::time::Millis;
use serde::Serialize;
use std::sync::Arc;

/// How long the desk that redeemed a code may do so again: its reply was lost, or it lacked a passphrase.
const REPEAT_MS: Millis = 600_000;

/// What the code is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Invite,
    Reset,
}

impl Kind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invite => "invite",
            Self::Reset => "reset",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let all = [Self::Invite, Self::Reset];
        all.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Why a code works no more, beside its age.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    Redeemed,
    Replaced,
    Revoked,
}

impl End {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Redeemed => "redeemed",
            Self::Replaced => "replaced",
            Self::Revoked => "revoked",
        }
    }
}

/// A code that was just made.
#[derive(Clone, Debug)]
pub struct NewInvitation {
    pub office: OfficeCode,
    pub code_hash: [u8; 32],
    pub account: UserId,
    pub kind: Kind,
    pub made_by: Option<UserId>,
    pub made_at: Millis,
    pub expires_at: Millis,
}

/// Keeps the hash of a new code; the one before it works no more.
pub fn put(conn: &Connection, new: &NewInvitation) -> Result<(), RepoError> {
    end(conn, new.account, End::Replaced, new.made_at)?;
    conn.execute(
        "INSERT INTO invitation (office, code_hash, account, kind, made_by, made_at, expires_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            new.office.as_str(),
            new.code_hash.as_slice(),
            new.account.to_string(),
            new.kind.as_str(),
            new.made_by.map(|user| user.to_string()),
            new.made_at,
            new.expires_at
        ],
    )?;
    Ok(())
}

/// Ends what stands of an account; false when nothing did.
pub fn end(conn: &Connection, account: UserId, why: End, now: Millis) -> Result<bool, RepoError> {
    let ended = conn.execute(
        "UPDATE invitation SET ended = ?2, ended_at = ?3 WHERE account = ?1 AND ended IS NULL",
        params![account.to_string(), why.as_str(), now],
    )?;
    Ok(ended > 0)
}

/// What stands of an account, also when it has expired: its kind and its office.
pub fn standing(
    conn: &Connection,
    account: UserId,
) -> Result<Option<(Kind, OfficeCode)>, RepoError> {
    let row: Option<(String, String)> = conn
        .prepare_cached("SELECT kind, office FROM invitation WHERE account = ?1 AND ended IS NULL")?
        .query_row([account.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((kind, office)) = row else {
        return Ok(None);
    };
    let read = Kind::parse(&kind).zip(OfficeCode::parse(&office));
    read.map(Some).ok_or(RepoError::Damaged("invitation"))
}

/// An invitation in a list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Listed {
    pub login: String,
    pub name: String,
    pub office: String,
    pub kind: String,
    pub made_at: Millis,
    pub expires_at: Millis,
    /// User id of the admin who made it.
    pub made_by: Option<String>,
    pub ended: Option<String>,
    pub ended_at: Option<Millis>,
    /// The desk at which it was redeemed.
    pub device: Option<String>,
}

/// The newest ones first; of those that ended only the ones that did so since then.
pub fn list(
    conn: &Connection,
    ended_since: Millis,
    limit: usize,
) -> Result<Vec<Listed>, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT u.card, i.office, i.kind, i.made_at, i.expires_at, i.made_by, i.ended, i.ended_at, i.device \
         FROM invitation i JOIN user_account u ON u.id = i.account WHERE i.ended IS NULL OR i.ended_at >= ?1 \
         ORDER BY i.made_at DESC, i.office, i.code_hash LIMIT ?2",
    )?;
    let rows = select.query_map(params![ended_since, limit], listed)?;
    let mut all = Vec::new();
    for row in rows {
        let (card, listed) = row?;
        let card: UserCard = serde_json::from_str(&card)?;
        all.push(Listed {
            login: card.login,
            name: card.name,
            ..listed
        });
    }
    Ok(all)
}

fn listed(row: &Row<'_>) -> Result<(String, Listed), SqlError> {
    let listed = Listed {
        login: String::new(),
        name: String::new(),
        office: row.get(1)?,
        kind: row.get(2)?,
        made_at: row.get(3)?,
        expires_at: row.get(4)?,
        made_by: row.get(5)?,
        ended: row.get(6)?,
        ended_at: row.get(7)?,
        device: row.get(8)?,
    };
    Ok((row.get(0)?, listed))
}

/// A code as it is shown at a desk of that office.
#[derive(Clone, Debug)]
pub struct Shown {
    pub office: OfficeCode,
    pub code_hash: [u8; 32],
    pub device: DeviceId,
}

/// Whose code it is.
#[derive(Clone, Debug)]
pub struct Found {
    pub account: Account,
    /// This desk has redeemed it just now.
    pub repeated: bool,
}

struct Kept {
    expires_at: Millis,
    ended: Option<String>,
    ended_at: Option<Millis>,
    device: Option<String>,
    card: String,
    password_phc: String,
}

/// The account behind a code that works here and now; why another does not is told to nobody.
pub fn find(conn: &Connection, shown: &Shown, now: Millis) -> Result<Option<Found>, RepoError> {
    let kept = conn
        .prepare_cached(
            "SELECT i.expires_at, i.ended, i.ended_at, i.device, u.card, u.password_phc FROM invitation i \
             JOIN user_account u ON u.id = i.account WHERE i.office = ?1 AND i.code_hash = ?2",
        )?
        .query_row(params![shown.office.as_str(), shown.code_hash.as_slice()], kept)
        .optional()?;
    let Some(kept) = kept else {
        return Ok(None);
    };
    let Some(repeated) = works(&kept, shown.device, now) else {
        return Ok(None);
    };
    let account = Account {
        card: serde_json::from_str(&kept.card)?,
        password_phc: kept.password_phc,
    };
    // Somebody who was disabled, or went to another office, is not let in by an old code.
    let may = account.card.active && account.card.offices.contains(&shown.office);
    Ok(may.then_some(Found { account, repeated }))
}

fn kept(row: &Row<'_>) -> Result<Kept, SqlError> {
    Ok(Kept {
        expires_at: row.get(0)?,
        ended: row.get(1)?,
        ended_at: row.get(2)?,
        device: row.get(3)?,
        card: row.get(4)?,
        password_phc: row.get(5)?,
    })
}

/// Whether it works, and then whether for a second time.
fn works(kept: &Kept, device: DeviceId, now: Millis) -> Option<bool> {
    let Some(ended) = kept.ended.as_deref() else {
        return (now <= kept.expires_at).then_some(false);
    };
    let here = kept.device.as_deref() == Some(device.to_string().as_str());
    let just_now = kept
        .ended_at
        .is_some_and(|at| now.saturating_sub(at) <= REPEAT_MS);
    (ended == End::Redeemed.as_str() && here && just_now).then_some(true)
}

/// The password, hashed.
#[derive(Clone, Debug)]
pub enum Chosen {
    New(String),
    /// Chosen by the same desk just now; typed again, it agreed with this hash.
    Again(String),
    /// None: the identity provider knows this person.
    Subject(Subject),
}

/// Everything that a person brings.
#[derive(Clone)]
pub struct Bid {
    pub shown: Shown,
    pub chosen: Chosen,
    /// What was typed as the second factor.
    pub typed: Option<String>,
    pub key: Arc<FactorKey>,
    pub throttles: Throttles,
    /// Forgiven once the code was right: who forgot a password has tried a few.
    pub sign_in: Throttles,
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Redeemed {
    Wrong,
    /// The subject is bound to another account.
    SomebodyElses,
    /// As for a right password; the code is spent by `Yes` only.
    Judged(Admitted),
}

/// Spends the code: sets the password, ends what was open under the old one, opens a session. A second factor that is
/// set up, or asked of the role, is asked for first, so that a code alone never takes its place.
pub fn redeem(
    conn: &Connection,
    bid: &Bid,
    new: &NewSession,
    now: Millis,
) -> Result<Redeemed, RepoError> {
    let Some(found) = find(conn, &bid.shown, now)? else {
        return Ok(Redeemed::Wrong);
    };
    let agrees = match &bid.chosen {
        Chosen::New(_) | Chosen::Subject(_) => !found.repeated,
        Chosen::Again(phc) => found.repeated && *phc == found.account.password_phc,
    };
    if !agrees || found.account.card.user != new.user {
        return Ok(Redeemed::Wrong);
    }
    if let Chosen::Subject(subject) = &bid.chosen {
        let holder = oidc::account(conn, subject)?;
        if holder.is_some_and(|holder| holder.card.user != new.user) {
            return Ok(Redeemed::SomebodyElses);
        }
    }
    let tried = Tried {
        card: &found.account.card,
        typed: bid.typed.as_deref(),
        key: &bid.key,
    };
    let admitted = sessions::prove(conn, &tried, &bid.throttles, now)?;
    if admitted == Admitted::Yes {
        match &bid.chosen {
            Chosen::New(phc) => people::set_password(conn, new.user, phc, now)?,
            Chosen::Subject(subject) => {
                oidc::bind(conn, subject, (new.user, None), now)?;
            }
            Chosen::Again(_) => {}
        }
        if !found.repeated {
            sessions::end_all_of(conn, new.user, now)?;
            spend(conn, &bid.shown, now)?;
        }
        sessions::forgive_all(conn, &bid.sign_in)?;
        sessions::open(conn, new, now)?;
    }
    Ok(Redeemed::Judged(admitted))
}

fn spend(conn: &Connection, shown: &Shown, now: Millis) -> Result<(), RepoError> {
    conn.execute(
        "UPDATE invitation SET ended = 'redeemed', ended_at = ?3, device = ?4 WHERE office = ?1 AND code_hash = ?2",
        params![
            shown.office.as_str(),
            shown.code_hash.as_slice(),
            now,
            shown.device.to_string()
        ],
    )?;
    Ok(())
}
