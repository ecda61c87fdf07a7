//! What an admin does, step by step: the console and the desks go through this one door. Who may is judged before.

use super::acts::{Act, What};
use crate::bundles::BundleKeys;
use crate::repo::devices::{self, Approved, Device};
use crate::repo::invitations::{self, End, Kind, NewInvitation};
use crate::repo::people::{self, Account};
use crate::repo::sql::Connection;
use crate::repo::{RepoError, safeguards, second_factor as factors, sessions, wipes};
use crate::second_factor::{self, FactorKey, Shared};
use crate::secrets;
use desk_domain::ids::{DeviceId, OfficeCode, UserId};
use desk_domain::people::{Employer, UserCard};
use desk_domain::time::{Chance, Millis};
use desk_protocol::wipe::{WipeOrder, WipePace, wipe_message};
use std::sync::Arc;

/// A second factor that was just made.
#[derive(Clone)]
pub struct NewFactor {
    user: UserId,
    shared: Arc<Shared>,
    sealed: Vec<u8>,
    hashes: Vec<[u8; 32]>,
    /// Shown once.
    pub codes: Vec<String>,
}

impl NewFactor {
    /// Makes one; none when it cannot be sealed.
    pub fn new(key: &FactorKey, user: UserId, chance: &dyn Chance) -> Option<Self> {
        let shared = Shared::random(chance);
        let codes = second_factor::recovery_codes(chance);
        Some(Self {
            user,
            sealed: key.seal(user, &shared, chance)?,
            shared: Arc::new(shared),
            hashes: codes
                .iter()
                .filter_map(|code| second_factor::recovery_hash(user, code))
                .collect(),
            codes,
        })
    }

    /// For an authenticator app; none when it cannot hold the login.
    pub fn address(&self, login: &str) -> Option<String> {
        self.shared.address(login)
    }
}

/// Random bytes that make an order another one.
const NONCE_BYTES: usize = 16;

/// An order to destroy what a desk holds, signed before it is known whether it may be given; it leaves this server only
/// once it is stored.
#[derive(Clone)]
pub struct SignedOrder {
    order: WipeOrder,
    signature: [u8; 64],
}

impl SignedOrder {
    /// Makes one.
    pub fn new(
        keys: &BundleKeys,
        chance: &dyn Chance,
        device: DeviceId,
        (pace, ordered_at): (WipePace, Millis),
    ) -> Self {
        let mut nonce = [0; NONCE_BYTES];
        chance.fill(&mut nonce);
        let order = WipeOrder {
            device,
            nonce: hex::encode(nonce),
            pace,
            ordered_at,
        };
        let signature = keys.sign(&wipe_message(&order));
        Self { order, signature }
    }
}

/// Why it is not clear at which office a code works.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoOffice {
    /// Several, and none was named.
    Several,
    /// Not one of this person's.
    NotTheirs,
}

/// The office that is named, or the only one there is.
pub fn office_of(card: &UserCard, named: Option<&OfficeCode>) -> Result<OfficeCode, NoOffice> {
    match (named, card.offices.first()) {
        (Some(named), _) if card.offices.contains(named) => Ok(named.clone()),
        (Some(_), _) | (None, None) => Err(NoOffice::NotTheirs),
        (None, Some(only)) if card.offices.len() == 1 => Ok(only.clone()),
        (None, Some(_)) => Err(NoOffice::Several),
    }
}

/// An invitation of somebody, with a code of which only the hash goes into the database.
pub fn invitation(
    act: &Act,
    card: &UserCard,
    (office, kind, code): (OfficeCode, Kind, &str),
    lives_ms: Millis,
) -> NewInvitation {
    NewInvitation {
        office,
        code_hash: secrets::hash(code),
        account: card.user,
        kind,
        made_by: act.by,
        made_at: act.at,
        expires_at: act.at.saturating_add(lives_ms),
    }
}

/// A new account without a password, and its code.
pub fn invite(
    conn: &Connection,
    act: &Act,
    card: &UserCard,
    new: &NewInvitation,
) -> Result<(), RepoError> {
    let account = Account {
        card: card.clone(),
        password_phc: String::new(),
    };
    people::put(conn, &account, act.at)?;
    invitations::put(conn, new)?;
    note(conn, act, What::Invite, card, &rights_of(card))
}

/// The password ends with every session; a code makes way for a new one.
pub fn reset(
    conn: &Connection,
    act: &Act,
    card: &UserCard,
    new: &NewInvitation,
) -> Result<(), RepoError> {
    people::set_password(conn, card.user, "", act.at)?;
    sessions::end_all_of(conn, card.user, act.at)?;
    invitations::put(conn, new)?;
    note(conn, act, What::Reset, card, &at(&new.office))
}

/// A new code in place of the one that stands.
pub fn renew(
    conn: &Connection,
    act: &Act,
    card: &UserCard,
    new: &NewInvitation,
) -> Result<(), RepoError> {
    invitations::put(conn, new)?;
    note(conn, act, What::Renew, card, &at(&new.office))
}

/// Takes a code back; false when none stood.
pub fn uninvite(conn: &Connection, act: &Act, card: &UserCard) -> Result<bool, RepoError> {
    let ended = invitations::end(conn, card.user, End::Revoked, act.at)?;
    if ended {
        note(conn, act, What::Uninvite, card, "")?;
    }
    Ok(ended)
}

/// These rights in place of those before.
pub fn give_rights(
    conn: &Connection,
    act: &Act,
    before: &Account,
    card: UserCard,
) -> Result<(), RepoError> {
    if safeguards::load(conn)?.ask_factor_of(&card) {
        // What was opened as a lesser role may have been opened without a second factor.
        sessions::end_all_of(conn, card.user, act.at)?;
    }
    let detail = format!("{} was {}", rights_of(&card), rights_of(&before.card));
    let offices = before.card.offices.union(&card.offices);
    act.note(conn, What::Rights, offices, (&card.login, &detail))?;
    let after = Account {
        card,
        password_phc: before.password_phc.clone(),
    };
    people::put(conn, &after, act.at)
}

/// Lets somebody in no more, or again.
pub fn set_active(
    conn: &Connection,
    act: &Act,
    account: Account,
    active: bool,
) -> Result<(), RepoError> {
    let what = if active { What::Enable } else { What::Disable };
    note(conn, act, what, &account.card, "")?;
    switch(conn, act, account, active)
}

fn switch(
    conn: &Connection,
    act: &Act,
    mut account: Account,
    active: bool,
) -> Result<(), RepoError> {
    let user = account.card.user;
    account.card.active = active;
    sessions::end_all_of(conn, user, act.at)?;
    if !active {
        invitations::end(conn, user, End::Revoked, act.at)?;
    }
    people::put(conn, &account, act.at)
}

/// Somebody leaves: disabled, second factor gone. The desks that hold what they could see.
pub fn leave(conn: &Connection, act: &Act, account: Account) -> Result<Vec<Device>, RepoError> {
    let user = account.card.user;
    note(conn, act, What::Leave, &account.card, "")?;
    switch(conn, act, account, false)?;
    factors::remove(conn, user)?;
    devices::worked_on_by(conn, user)
}

/// A second factor in place of any before; a session that was opened with the password alone ends.
pub fn set_factor(
    conn: &Connection,
    act: &Act,
    card: &UserCard,
    new: &NewFactor,
) -> Result<(), RepoError> {
    factors::put(conn, new.user, &new.sealed, &new.hashes, act.at)?;
    sessions::end_all_of(conn, new.user, act.at)?;
    note(conn, act, What::SetFactor, card, "")
}

/// Takes it away; false when there was none.
pub fn remove_factor(conn: &Connection, act: &Act, card: &UserCard) -> Result<bool, RepoError> {
    let removed = factors::remove(conn, card.user)?;
    if removed {
        note(conn, act, What::RemoveFactor, card, "")?;
    }
    Ok(removed)
}

/// A one-time code for a new desk; only its hash stays.
pub fn new_desk(
    conn: &Connection,
    act: &Act,
    office: &OfficeCode,
    code: &str,
) -> Result<Millis, RepoError> {
    let expires_at = act.at.saturating_add(secrets::CODE_MS);
    devices::put_code(conn, &secrets::hash(code), office, expires_at, act.by)?;
    act.note(conn, What::NewDesk, [office], (office.as_str(), ""))?;
    Ok(expires_at)
}

/// Lets a desk in that waits.
pub fn approve(
    conn: &Connection,
    act: &Act,
    id: DeviceId,
    by: Option<&UserCard>,
) -> Result<Approved, RepoError> {
    let approved = devices::approve(conn, id, by, act.at)?;
    if approved == Approved::Yes {
        note_desk(conn, act, (What::Approve, id), "")?;
    }
    Ok(approved)
}

/// Puts a desk out; false when there is no such desk.
pub fn revoke(conn: &Connection, act: &Act, id: DeviceId, reason: &str) -> Result<bool, RepoError> {
    let found = devices::revoke(conn, id, (act.by, reason), act.at)?;
    note_desk(conn, act, (What::Revoke, id), "")?;
    Ok(found)
}

/// Keeps an order to destroy what a desk holds; false when there is no such desk.
pub fn wipe(
    conn: &Connection,
    act: &Act,
    SignedOrder { order, signature }: &SignedOrder,
    reason: &str,
) -> Result<bool, RepoError> {
    let found = wipes::put(conn, order, signature, (act.by, reason))?;
    let detail = format!("pace={}", order.pace.as_str());
    note_desk(conn, act, (What::Wipe, order.device), &detail)?;
    Ok(found)
}

/// A desk is named by its office and its two characters. Why it was done stands with the desk, in somebody's words.
fn note_desk(
    conn: &Connection,
    act: &Act,
    (what, id): (What, DeviceId),
    detail: &str,
) -> Result<(), RepoError> {
    let Some(device) = devices::find(conn, id)? else {
        return Ok(());
    };
    let subject = format!("{} {}", device.office, device.device_code);
    act.note(conn, what, [&device.office], (&subject, detail))
}

fn note(
    conn: &Connection,
    act: &Act,
    what: What,
    card: &UserCard,
    detail: &str,
) -> Result<(), RepoError> {
    act.note(conn, what, &card.offices, (&card.login, detail))
}

fn at(office: &OfficeCode) -> String {
    format!("office={office}")
}

/// As `key=value` words.
fn rights_of(card: &UserCard) -> String {
    let roles: Vec<String> = card
        .roles
        .iter()
        .map(|role| format!("{role:?}").to_lowercase())
        .collect();
    let offices: Vec<&str> = card.offices.iter().map(OfficeCode::as_str).collect();
    let employer = match card.employer {
        Employer::Acquirer => "acquirer",
        Employer::Outsourcer => "outsourcer",
    };
    format!(
        "roles={} employer={employer} offices={}",
        roles.join(","),
        offices.join(",")
    )
}
