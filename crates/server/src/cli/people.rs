//! `user`: people, their rights, their passwords and their second factors.

use super::admin::{office_code, open, unknown};
use super::devices::row;
use super::invitations::{self, InvitationCommand};
use super::oidc::{self, OidcCommand};
use super::who::line;
use super::{Site, say};
use crate::error::ServerError;
use crate::hashing::Scratch;
use crate::repo::administer::acts::Act;
use crate::repo::administer::steps::{self, NewFactor};
use crate::repo::invitations::{self as codes, End};
use crate::repo::people::{self, Account};
use crate::repo::{second_factor as factors, sessions};
use crate::run::House;
use crate::second_factor;
use crate::secrets;
use clap::{Args, Subcommand, ValueEnum};
use desk_domain::ids::UserId;
use desk_domain::people::{Employer, Role, UserCard};
use serde::Serialize;

#[derive(Subcommand)]
pub enum UserCommand {
    #[command(flatten)]
    Invitation(InvitationCommand),
    /// Whom the subjects of the identity provider are.
    #[command(subcommand)]
    Oidc(OidcCommand),
    /// Add a user whose password the admin knows; it is read from stdin. For people: `invite`.
    Add {
        #[command(flatten)]
        data: Site,
        login: String,
        #[command(flatten)]
        person: NewPerson,
    },
    /// List people with their roles and offices.
    List {
        #[command(flatten)]
        data: Site,
        /// One line of JSON.
        #[arg(long)]
        json: bool,
    },
    /// Give a user these roles, and these offices if any are named, in place of those before.
    Role {
        #[command(flatten)]
        data: Site,
        login: String,
        #[arg(long = "role", required = true)]
        roles: Vec<RoleArg>,
        #[arg(long = "office")]
        offices: Vec<String>,
    },
    /// Set a password that the admin knows; it is read from stdin. Whatever is open under the old one ends. For people:
    /// `reset`.
    Password {
        #[command(flatten)]
        data: Site,
        login: String,
    },
    /// Set up an authenticator app: prints the address, its QR, and recovery codes, once.
    Totp {
        #[command(flatten)]
        data: Site,
        login: String,
        /// Take it away instead: the phone is lost, and the recovery codes too.
        #[arg(long)]
        remove: bool,
    },
    /// Let somebody in no more; `enable` takes it back.
    #[command(alias = "revoke")]
    Disable {
        #[command(flatten)]
        data: Site,
        login: String,
    },
    /// Let a disabled user in again.
    Enable {
        #[command(flatten)]
        data: Site,
        login: String,
    },
    /// Somebody leaves: disabled for good, second factor gone; lists the desks that hold what they could see.
    Offboard {
        #[command(flatten)]
        data: Site,
        login: String,
    },
}

/// Who an account is for.
#[derive(Args)]
pub struct NewPerson {
    /// The name that colleagues see.
    #[arg(long)]
    name: String,
    #[arg(long = "role", required = true)]
    roles: Vec<RoleArg>,
    #[arg(long = "office", required = true)]
    offices: Vec<String>,
    /// Outsourced users collect; they never decide or execute.
    #[arg(long)]
    outsourced: bool,
    /// Login of another account of the same human being.
    #[arg(long)]
    same_person_as: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum RoleArg {
    Agent,
    Clerk,
    Reviewer,
    Operator,
    Supervisor,
    Admin,
    Auditor,
}

/// A person in a list for programs.
#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    card: UserCard,
    second_factor: bool,
    recovery_codes_left: usize,
}

pub fn user(command: UserCommand) -> Result<(), ServerError> {
    match command {
        UserCommand::Invitation(command) => invitations::run(command),
        UserCommand::Oidc(command) => oidc::run(command),
        UserCommand::Add {
            data,
            login,
            person,
        } => {
            let house = open(data)?;
            let card = card(&house, login, person)?;
            let password_phc = read_password(&house)?;
            put(&house, Account { card, password_phc })
        }
        UserCommand::List { data, json } => list(&open(data)?, json),
        UserCommand::Role {
            data,
            login,
            roles,
            offices,
        } => change_roles(&open(data)?, &login, roles, &offices),
        UserCommand::Password { data, login } => {
            let house = open(data)?;
            let card = account(&house, &login)?.card;
            let password_phc = read_password(&house)?;
            end_sessions(&house, card.user)?;
            end_code(&house, card.user, End::Replaced)?;
            put(&house, Account { card, password_phc })
        }
        UserCommand::Totp {
            data,
            login,
            remove,
        } => {
            let house = open(data)?;
            let card = account(&house, &login)?.card;
            if remove {
                remove_factor(&house, card)
            } else {
                set_up_factor(&house, card)
            }
        }
        UserCommand::Disable { data, login } => set_active(&open(data)?, &login, false),
        UserCommand::Enable { data, login } => set_active(&open(data)?, &login, true),
        UserCommand::Offboard { data, login } => offboard(&open(data)?, &login),
    }
}

/// The card of a new account; its login must be free.
pub fn card(house: &House, login: String, new: NewPerson) -> Result<UserCard, ServerError> {
    let taken = house
        .repo
        .read_blocking(|conn| people::by_login(conn, &login))?;
    if taken.is_some() {
        return Err(ServerError::Usage(format!("user {login} exists already")));
    }
    let user = UserId::new(house.rules.clock.now(), house.rules.chance.as_ref());
    let person = match new.same_person_as {
        Some(other) => account(house, &other)?.card.person,
        None => user,
    };
    Ok(UserCard {
        user,
        person,
        login,
        name: new.name,
        roles: new.roles.into_iter().map(role).collect(),
        employer: if new.outsourced {
            Employer::Outsourcer
        } else {
            Employer::Acquirer
        },
        offices: new
            .offices
            .iter()
            .map(|code| office_code(code))
            .collect::<Result<_, _>>()?,
        active: true,
    })
}

fn list(house: &House, json: bool) -> Result<(), ServerError> {
    let all = house.repo.read_blocking(|conn| {
        people::all(conn)?
            .into_iter()
            .map(|card| {
                Ok(Listed {
                    second_factor: factors::is_set_up(conn, card.user)?,
                    recovery_codes_left: factors::recovery_left(conn, card.user)?,
                    card,
                })
            })
            .collect::<Result<Vec<_>, _>>()
    })?;
    if json {
        return say(&serde_json::to_string(&all)?);
    }
    for Listed {
        card,
        second_factor,
        ..
    } in &all
    {
        say(&format!(
            "{} {} {:?} active={} second_factor={second_factor}",
            card.login, card.name, card.roles, card.active
        ))?;
    }
    Ok(())
}

fn change_roles(
    house: &House,
    login: &str,
    roles: Vec<RoleArg>,
    offices: &[String],
) -> Result<(), ServerError> {
    let before = account(house, login)?;
    let mut card = before.card.clone();
    card.roles = roles.into_iter().map(role).collect();
    if !offices.is_empty() {
        card.offices = offices
            .iter()
            .map(|code| office_code(code))
            .collect::<Result<_, _>>()?;
    }
    let act = Act::new(&house.rules, None);
    Ok(house
        .repo
        .write_blocking(move |conn| steps::give_rights(conn, &act, &before, card.clone()))?)
}

fn set_active(house: &House, login: &str, active: bool) -> Result<(), ServerError> {
    let (account, act) = (account(house, login)?, Act::new(&house.rules, None));
    Ok(house
        .repo
        .write_blocking(move |conn| steps::set_active(conn, &act, account.clone(), active))?)
}

fn offboard(house: &House, login: &str) -> Result<(), ServerError> {
    let (account, act) = (account(house, login)?, Act::new(&house.rules, None));
    let desks = house
        .repo
        .write_blocking(move |conn| steps::leave(conn, &act, account.clone()))?;
    for desk in desks {
        say(&row(&desk))?;
    }
    Ok(())
}

fn set_up_factor(house: &House, card: UserCard) -> Result<(), ServerError> {
    let failed = || ServerError::Usage("the second factor cannot be made".to_owned());
    let new = NewFactor::new(&house.factors, card.user, house.rules.chance.as_ref());
    let new = new.ok_or_else(failed)?;
    let login = &card.login;
    let address = new.address(login).ok_or_else(|| {
        ServerError::Usage(format!(
            "login {login}: an authenticator app cannot hold it"
        ))
    })?;
    let (act, stored) = (Act::new(&house.rules, None), new.clone());
    house
        .repo
        .write_blocking(move |conn| steps::set_factor(conn, &act, &card, &stored))?;
    say(&address)?;
    say(&second_factor::qr(&address).ok_or_else(failed)?)?;
    say("recovery codes, each works once:")?;
    new.codes.iter().try_for_each(|code| say(code))
}

fn remove_factor(house: &House, card: UserCard) -> Result<(), ServerError> {
    let (act, login) = (Act::new(&house.rules, None), card.login.clone());
    let removed = house
        .repo
        .write_blocking(move |conn| steps::remove_factor(conn, &act, &card))?;
    if removed {
        Ok(())
    } else {
        Err(unknown("second factor of", &login))
    }
}

fn account(house: &House, login: &str) -> Result<Account, ServerError> {
    house
        .repo
        .read_blocking(|conn| people::by_login(conn, login))?
        .ok_or_else(|| unknown("user", login))
}

fn put(house: &House, account: Account) -> Result<(), ServerError> {
    let now = house.rules.clock.now();
    Ok(house
        .repo
        .write_blocking(move |conn| people::put(conn, &account, now))?)
}

fn end_sessions(house: &House, user: UserId) -> Result<(), ServerError> {
    let now = house.rules.clock.now();
    Ok(house
        .repo
        .write_blocking(move |conn| sessions::end_all_of(conn, user, now))?)
}

/// A code that was made before works no more.
fn end_code(house: &House, user: UserId, why: End) -> Result<(), ServerError> {
    let now = house.rules.clock.now();
    house
        .repo
        .write_blocking(move |conn| codes::end(conn, user, why, now))?;
    Ok(())
}

fn read_password(house: &House) -> Result<String, ServerError> {
    let password = line("new password")?;
    if password.chars().count() < secrets::PASSWORD_CHARS {
        return Err(ServerError::Usage(format!(
            "a password has at least {} characters",
            secrets::PASSWORD_CHARS
        )));
    }
    secrets::hash_password(
        &password,
        house.rules.chance.as_ref(),
        &mut Scratch::default(),
    )
    .ok_or_else(|| ServerError::Usage("the password cannot be hashed".into()))
}

fn role(role: RoleArg) -> Role {
    match role {
        RoleArg::Agent => Role::Agent,
        RoleArg::Clerk => Role::Clerk,
        RoleArg::Reviewer => Role::Reviewer,
        RoleArg::Operator => Role::Operator,
        RoleArg::Supervisor => Role::Supervisor,
        RoleArg::Admin => Role::Admin,
        RoleArg::Auditor => Role::Auditor,
    }
}
