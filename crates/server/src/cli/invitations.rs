//! `user invite` and its kin: people choose their own passwords, by a one-time code that is shown once.

use super::admin::{office_code, open, unknown};
use super::devices::named;
use super::people::{NewPerson, card};
use super::who::Who;
use super::{Site, say};
use crate::error::ServerError;
use crate::repo::administer::acts::Act;
use crate::repo::administer::steps::{self, NoOffice};
use crate::repo::invitations::{self, Kind, Listed, NewInvitation};
use crate::repo::{offices, people};
use crate::run::House;
use crate::secrets;
use chrono::{DateTime, SecondsFormat};
use clap::{Args, Subcommand};
use desk_domain::ids::{OfficeCode, UserId};
use desk_domain::people::UserCard;
use desk_domain::time::Millis;

/// Most invitations in one list.
const MOST: usize = 10_000;
/// Two weeks: what nobody used by then is forgotten in a drawer.
const MOST_HOURS: i64 = 336;
const HOUR_MS: Millis = 3_600_000;

#[derive(Subcommand)]
pub enum InvitationCommand {
    /// Make an account without a password, and a one-time code by which its owner chooses one at a desk of the office.
    Invite {
        #[command(flatten)]
        data: Site,
        login: String,
        #[command(flatten)]
        person: NewPerson,
        #[command(flatten)]
        terms: Terms,
        #[command(flatten)]
        who: Who,
    },
    /// A password was forgotten, or may be known to others: it ends now, with every session; a code makes way for a new one.
    Reset {
        #[command(flatten)]
        data: Site,
        login: String,
        #[command(flatten)]
        terms: Terms,
        #[command(flatten)]
        who: Who,
    },
    /// Make a new code in place of one that was lost or is too old.
    Renew {
        #[command(flatten)]
        data: Site,
        login: String,
        #[command(flatten)]
        terms: Terms,
        #[command(flatten)]
        who: Who,
    },
    /// Take a code back that was not used yet. The account stays, without a password.
    Uninvite {
        #[command(flatten)]
        data: Site,
        login: String,
        #[command(flatten)]
        who: Who,
    },
    /// List the codes that were not used yet.
    Invitations {
        #[command(flatten)]
        data: Site,
        /// Those that were used, replaced or taken back as well.
        #[arg(long)]
        all: bool,
        /// One line of JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Where a code works, and how long.
#[derive(Args)]
pub struct Terms {
    /// The office at whose desks the code works; needed for somebody of several offices.
    #[arg(long, value_name = "OFFICE")]
    at: Option<String>,
    /// Hours until it expires.
    #[arg(long, default_value_t = secrets::INVITATION_HOURS.into(), value_parser = clap::value_parser!(i64).range(1..=MOST_HOURS))]
    hours: i64,
}

pub fn run(command: InvitationCommand) -> Result<(), ServerError> {
    match command {
        InvitationCommand::Invite {
            data,
            login,
            person,
            terms,
            who,
        } => {
            let house = open(data)?;
            let by = named(&house, &who)?;
            invite(&house, card(&house, login, person)?, &terms, by)
        }
        InvitationCommand::Reset {
            data,
            login,
            terms,
            who,
        } => {
            let house = open(data)?;
            let by = named(&house, &who)?;
            reset(&house, &login, &terms, by)
        }
        InvitationCommand::Renew {
            data,
            login,
            terms,
            who,
        } => {
            let house = open(data)?;
            let by = named(&house, &who)?;
            renew(&house, &login, terms, by)
        }
        InvitationCommand::Uninvite { data, login, who } => {
            let house = open(data)?;
            let by = named(&house, &who)?;
            uninvite(&house, &login, by)
        }
        InvitationCommand::Invitations { data, all, json } => list(&open(data)?, all, json),
    }
}

fn invite(
    house: &House,
    card: UserCard,
    terms: &Terms,
    by: Option<UserId>,
) -> Result<(), ServerError> {
    let act = Act::new(&house.rules, by);
    let (code, new) = code(house, &act, &card, (Kind::Invite, terms))?;
    let made = new.clone();
    house
        .repo
        .write_blocking(move |conn| steps::invite(conn, &act, &card, &made))?;
    show(&code, &new)
}

fn reset(house: &House, login: &str, terms: &Terms, by: Option<UserId>) -> Result<(), ServerError> {
    let card = account(house, login)?;
    must_be_active(&card)?;
    let act = Act::new(&house.rules, by);
    let (code, new) = code(house, &act, &card, (Kind::Reset, terms))?;
    let made = new.clone();
    house
        .repo
        .write_blocking(move |conn| steps::reset(conn, &act, &card, &made))?;
    show(&code, &new)
}

fn renew(
    house: &House,
    login: &str,
    mut terms: Terms,
    by: Option<UserId>,
) -> Result<(), ServerError> {
    let card = account(house, login)?;
    must_be_active(&card)?;
    let standing = house
        .repo
        .read_blocking(|conn| invitations::standing(conn, card.user))?;
    let Some((kind, office)) = standing else {
        return Err(ServerError::Usage(format!(
            "{login} has no unused code; after a forgotten password: user reset {login}"
        )));
    };
    terms.at.get_or_insert_with(|| office.as_str().to_owned());
    let act = Act::new(&house.rules, by);
    let (code, new) = code(house, &act, &card, (kind, &terms))?;
    let made = new.clone();
    house
        .repo
        .write_blocking(move |conn| steps::renew(conn, &act, &card, &made))?;
    show(&code, &new)
}

fn uninvite(house: &House, login: &str, by: Option<UserId>) -> Result<(), ServerError> {
    let (card, act) = (account(house, login)?, Act::new(&house.rules, by));
    let ended = house
        .repo
        .write_blocking(move |conn| steps::uninvite(conn, &act, &card))?;
    if ended {
        Ok(())
    } else {
        Err(unknown("unused code of", login))
    }
}

fn list(house: &House, all: bool, json: bool) -> Result<(), ServerError> {
    let ended_since = if all { 0 } else { Millis::MAX };
    let listed = house
        .repo
        .read_blocking(|conn| invitations::list(conn, ended_since, MOST))?;
    if json {
        return say(&serde_json::to_string(&listed)?);
    }
    let now = house.rules.clock.now();
    listed.iter().try_for_each(|one| say(&line(one, now)))
}

fn line(one: &Listed, now: Millis) -> String {
    let state = match (&one.ended, one.ended_at) {
        (Some(ended), at) => format!("{ended} {}", moment(at.unwrap_or_default())),
        (None, _) if one.expires_at < now => format!("expired {}", moment(one.expires_at)),
        (None, _) => format!("until {}", moment(one.expires_at)),
    };
    format!(
        "{} {} {} at {} {state}",
        one.login, one.name, one.kind, one.office
    )
}

fn account(house: &House, login: &str) -> Result<UserCard, ServerError> {
    let found = house
        .repo
        .read_blocking(|conn| people::by_login(conn, login))?;
    found
        .map(|account| account.card)
        .ok_or_else(|| unknown("user", login))
}

fn must_be_active(card: &UserCard) -> Result<(), ServerError> {
    if card.active {
        Ok(())
    } else {
        Err(ServerError::Usage(format!(
            "user {} is disabled: enable it first",
            card.login
        )))
    }
}

/// A new code; only its hash goes into the database.
fn code(
    house: &House,
    act: &Act,
    card: &UserCard,
    (kind, terms): (Kind, &Terms),
) -> Result<(String, NewInvitation), ServerError> {
    let office = office_of(house, card, terms.at.as_deref())?;
    let code = secrets::enrol_code(house.rules.chance.as_ref());
    let lives_ms = terms.hours.saturating_mul(HOUR_MS);
    let new = steps::invitation(act, card, (office, kind, &code), lives_ms);
    Ok((code, new))
}

/// The office that is named, or the only one there is.
fn office_of(
    house: &House,
    card: &UserCard,
    named: Option<&str>,
) -> Result<OfficeCode, ServerError> {
    let named = named.map(office_code).transpose()?;
    let office = steps::office_of(card, named.as_ref()).map_err(|no| match (no, &named) {
        (NoOffice::NotTheirs, Some(named)) => {
            ServerError::Usage(format!("{} does not belong to {named}", card.login))
        }
        (NoOffice::NotTheirs, None) => unknown("office of", &card.login),
        (NoOffice::Several, _) => ServerError::Usage(
            "several offices: say with --at OFFICE at which of them the code works".to_owned(),
        ),
    })?;
    let name = house
        .repo
        .read_blocking(|conn| offices::name(conn, &office))?;
    match name {
        Some(_) => Ok(office),
        None => Err(unknown("office", office.as_str())),
    }
}

fn show(code: &str, new: &NewInvitation) -> Result<(), ServerError> {
    say(code)?;
    say(&format!(
        "works once, at a desk of {}, until {}",
        new.office,
        moment(new.expires_at)
    ))
}

fn moment(at: Millis) -> String {
    let at = DateTime::from_timestamp_millis(at).unwrap_or_default();
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
