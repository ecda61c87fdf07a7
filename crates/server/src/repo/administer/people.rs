//! People of the admin's offices, seen and administered from a desk.

use super::acts::Act;
use super::steps::{self, NewFactor};
use super::{Refusal, Stop, desks, must_be_mine, typed};
use crate::repo::invitations::{self, Kind};
use crate::repo::people::{self, Account};
use crate::repo::second_factor as factors;
use crate::repo::sql::{Connection, OptionalExtension, params};
use desk_domain::ids::{OfficeCode, UserId};
use desk_domain::people::{Role, UserCard};
use desk_domain::time::Millis;
use desk_protocol::admin::{
    AdminInvitation, AdminPeople, AdminPerson, InvitePerson, IssuedCode, IssuedFactor, MOST_LISTED,
    PersonAct, PersonDone,
};
use std::collections::BTreeSet;

/// Accounts that are looked through at once.
const PORTION: usize = 500;
const LOGIN_CHARS: usize = 64;
const NAME_CHARS: usize = 100;
/// Characters in one group of a code that is read out.
const GROUP: usize = 4;
/// An invitation made at a desk lives three days, as at the console.
const INVITATION_MS: Millis = 72 * 3_600_000;

/// Which people.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Those after this login.
    pub after: String,
    /// Part of a login or a name.
    pub find: String,
    pub office: Option<OfficeCode>,
}

/// A page of them, by login.
pub fn list(conn: &Connection, me: &UserCard, wanted: &Wanted) -> Result<AdminPeople, Stop> {
    if let Some(office) = &wanted.office {
        must_be_mine(me, office)?;
    }
    let find = wanted.find.trim().to_lowercase();
    let (mut after, mut people) = (wanted.after.clone(), Vec::new());
    loop {
        let portion = portion(conn, &after)?;
        let Some(last) = portion.last().map(|account| account.card.login.clone()) else {
            return Ok(AdminPeople {
                people,
                more: false,
            });
        };
        after = last;
        for account in portion {
            let card = &account.card;
            let here = wanted.office.as_ref();
            let asked = here.is_none_or(|office| card.offices.contains(office))
                && (card.login.to_lowercase().contains(&find)
                    || card.name.to_lowercase().contains(&find));
            if !asked || !is_seen(me, card) {
                continue;
            }
            if people.len() >= MOST_LISTED {
                return Ok(AdminPeople { people, more: true });
            }
            people.push(person(conn, me, account)?);
        }
    }
}

fn portion(conn: &Connection, after: &str) -> Result<Vec<Account>, Stop> {
    let mut select = conn.prepare_cached(
        "SELECT card, password_phc FROM user_account WHERE login > ?1 ORDER BY login LIMIT ?2",
    )?;
    let mut rows = select.query(params![after, PORTION])?;
    let mut accounts = Vec::new();
    while let Some(row) = rows.next()? {
        let card: String = row.get(0)?;
        accounts.push(Account {
            card: serde_json::from_str(&card).map_err(crate::repo::RepoError::from)?,
            password_phc: row.get(1)?,
        });
    }
    Ok(accounts)
}

/// In an office of the admin's, and a person: the server itself is none.
fn is_seen(me: &UserCard, card: &UserCard) -> bool {
    !card.roles.contains(&Role::System) && !me.offices.is_disjoint(&card.offices)
}

fn person(conn: &Connection, me: &UserCard, account: Account) -> Result<AdminPerson, Stop> {
    let card = account.card;
    let user = card.user.to_string();
    let bound: Option<i64> = conn
        .prepare_cached("SELECT 1 FROM oidc_subject WHERE account = ?1 LIMIT 1")?
        .query_row([&user], |row| row.get(0))
        .optional()?;
    let standing: Option<(String, String, Millis)> = conn
        .prepare_cached(
            "SELECT kind, office, expires_at FROM invitation WHERE account = ?1 AND ended IS NULL",
        )?
        .query_row([&user], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let invitation = standing.and_then(|(kind, office, expires_at)| {
        let office = OfficeCode::parse(&office).filter(|office| me.offices.contains(office))?;
        Some(AdminInvitation {
            is_reset: kind == Kind::Reset.as_str(),
            office,
            expires_at,
        })
    });
    Ok(AdminPerson {
        mine: card.person != me.person && card.offices.is_subset(&me.offices),
        settled: !account.password_phc.is_empty() || bound.is_some(),
        second_factor: factors::is_set_up(conn, card.user)?,
        invitation,
        card,
    })
}

/// What was made outside the transaction: the same however often it runs.
#[derive(Clone)]
pub struct Made {
    /// Of a new person.
    pub user: UserId,
    pub code: String,
    pub factor: Option<NewFactor>,
}

/// A new person without a password, and the code by which it is chosen.
pub fn invite(
    conn: &Connection,
    me: &UserCard,
    act: &Act,
    (new, made): (&InvitePerson, &Made),
) -> Result<PersonDone, Stop> {
    let login = typed(&new.login, "login", LOGIN_CHARS)?;
    if login.chars().any(|c| c.is_whitespace() || c == ':') {
        return Err(Refusal::Field("login").into());
    }
    let card = UserCard {
        user: made.user,
        person: made.user,
        name: typed(&new.name, "name", NAME_CHARS)?,
        roles: roles(&new.roles)?,
        employer: new.employer,
        offices: offices(me, &new.offices)?,
        active: true,
        login,
    };
    let office = code_office(&card, new.office.as_ref())?;
    if people::by_login(conn, &card.login)?.is_some() {
        return Err(Refusal::LoginTaken.into());
    }
    act.must_be_few(conn)?;
    let terms = (office, Kind::Invite, made.code.as_str());
    let invitation = steps::invitation(act, &card, terms, INVITATION_MS);
    steps::invite(conn, act, &card, &invitation)?;
    let mut done = done(conn, me, card.user)?;
    done.code = Some(issued(&made.code, invitation.office, invitation.expires_at));
    Ok(done)
}

/// One act on a person.
pub fn act_on(
    conn: &Connection,
    me: &UserCard,
    act: &Act,
    (user, what, made): (UserId, &PersonAct, &Made),
) -> Result<PersonDone, Stop> {
    let account = target(conn, me, user)?;
    let card = account.card.clone();
    let (mut code, mut factor, mut left) = (None, None, Vec::new());
    match what {
        PersonAct::Rights {
            roles: new,
            employer,
            offices: at,
        } => {
            let after = UserCard {
                roles: roles(new)?,
                employer: *employer,
                offices: offices(me, at)?,
                ..card
            };
            steps::give_rights(conn, act, &account, after)?;
        }
        PersonAct::Disable => {
            must(card.active)?;
            steps::set_active(conn, act, account, false)?;
        }
        PersonAct::Enable => {
            must(!card.active)?;
            steps::set_active(conn, act, account, true)?;
        }
        PersonAct::Leave => left = steps::leave(conn, act, account)?,
        PersonAct::Reset { office } => {
            code = Some(recode(conn, act, &card, (office.as_ref(), false, made))?);
        }
        PersonAct::Renew { office } => {
            code = Some(recode(conn, act, &card, (office.as_ref(), true, made))?);
        }
        PersonAct::Uninvite => must(steps::uninvite(conn, act, &card)?)?,
        PersonAct::SetFactor => {
            let new = made.factor.as_ref().ok_or(Refusal::NotNow)?;
            let address = new.address(&card.login).ok_or(Refusal::Field("login"))?;
            steps::set_factor(conn, act, &card, new)?;
            factor = Some(IssuedFactor {
                address,
                recovery_codes: new.codes.clone(),
            });
        }
        PersonAct::RemoveFactor => must(steps::remove_factor(conn, act, &card)?)?,
    }
    let mut done = done(conn, me, user)?;
    (done.code, done.factor) = (code, factor);
    for device in left.into_iter().filter(|d| me.offices.contains(&d.office)) {
        done.desks.push(desks::told(conn, me, device)?);
    }
    Ok(done)
}

/// Somebody whom this admin may act on.
fn target(conn: &Connection, me: &UserCard, user: UserId) -> Result<Account, Stop> {
    let card = people::card(conn, user)?.filter(|card| is_seen(me, card));
    let card = card.ok_or(Refusal::Unknown)?;
    if card.person == me.person {
        return Err(Refusal::Yourself.into());
    }
    if !card.offices.is_subset(&me.offices) {
        return Err(Refusal::NotYours.into());
    }
    Ok(people::by_login(conn, &card.login)?.ok_or(Refusal::Unknown)?)
}

/// A code after a forgotten password, or in place of one that stands.
fn recode(
    conn: &Connection,
    act: &Act,
    card: &UserCard,
    (named, again, made): (Option<&OfficeCode>, bool, &Made),
) -> Result<IssuedCode, Stop> {
    must(card.active)?;
    let (kind, office) = if again {
        let (kind, before) = invitations::standing(conn, card.user)?.ok_or(Refusal::NotNow)?;
        (kind, named.cloned().unwrap_or(before))
    } else {
        (Kind::Reset, code_office(card, named)?)
    };
    let office = code_office(card, Some(&office))?;
    act.must_be_few(conn)?;
    let terms = (office, kind, made.code.as_str());
    let new = steps::invitation(act, card, terms, INVITATION_MS);
    if again {
        steps::renew(conn, act, card, &new)?;
    } else {
        steps::reset(conn, act, card, &new)?;
    }
    Ok(issued(&made.code, new.office, new.expires_at))
}

fn done(conn: &Connection, me: &UserCard, user: UserId) -> Result<PersonDone, Stop> {
    let card = people::card(conn, user)?.ok_or(Refusal::Unknown)?;
    let account = people::by_login(conn, &card.login)?.ok_or(Refusal::Unknown)?;
    Ok(PersonDone {
        person: person(conn, me, account)?,
        code: None,
        factor: None,
        desks: Vec::new(),
    })
}

/// A code as it is shown.
pub fn issued(code: &str, office: OfficeCode, expires_at: Millis) -> IssuedCode {
    let letters: Vec<char> = code.chars().collect();
    let groups: Vec<String> = letters.chunks(GROUP).map(|g| g.iter().collect()).collect();
    IssuedCode {
        code: groups.join("-"),
        office,
        expires_at,
    }
}

fn code_office(card: &UserCard, named: Option<&OfficeCode>) -> Result<OfficeCode, Stop> {
    steps::office_of(card, named).map_err(|_| Refusal::Field("office").into())
}

/// At least one, and never the server's own.
fn roles(roles: &BTreeSet<Role>) -> Result<BTreeSet<Role>, Stop> {
    if roles.is_empty() || roles.contains(&Role::System) {
        return Err(Refusal::Field("roles").into());
    }
    Ok(roles.clone())
}

/// At least one, and none that is not the admin's.
fn offices(me: &UserCard, offices: &BTreeSet<OfficeCode>) -> Result<BTreeSet<OfficeCode>, Stop> {
    if offices.is_empty() || !offices.is_subset(&me.offices) {
        return Err(Refusal::Field("offices").into());
    }
    Ok(offices.clone())
}

fn must(stands: bool) -> Result<(), Stop> {
    if stands {
        Ok(())
    } else {
        Err(Refusal::NotNow.into())
    }
}
