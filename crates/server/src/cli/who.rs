//! Who gives the order. Whoever may run commands on the server may give most of them; some are an admin's own, who is
//! named and proves it as at any desk.

use crate::error::ServerError;
use crate::hashing::Scratch;
use crate::http::session::throttles;
use crate::repo::ask::Knock;
use crate::repo::sessions::{self, Admitted};
use crate::repo::{people, second_factor};
use crate::run::House;
use crate::secrets;
use clap::Args;
use desk_domain::people::{Role, UserCard};
use desk_domain::time::Millis;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

/// The command line counts as one desk for the locks.
const PLACE: &str = "command-line";

#[derive(Args, Clone)]
pub struct Who {
    /// The admin who acts. The password is read from stdin, and the second factor from its next line if there is one.
    #[arg(long = "as", value_name = "LOGIN")]
    acting: Option<String>,
}

impl Who {
    /// The admin, proved; none when nobody was named.
    pub fn prove(&self, house: &House) -> Result<Option<UserCard>, ServerError> {
        self.acting
            .as_deref()
            .map(|login| admin(house, login))
            .transpose()
    }

    /// The same where somebody must be named.
    pub fn must_prove(&self, house: &House) -> Result<UserCard, ServerError> {
        self.prove(house)?.ok_or_else(|| {
            ServerError::Usage("two admins are asked for: say who acts with --as LOGIN".to_owned())
        })
    }
}

fn admin(house: &House, login: &str) -> Result<UserCard, ServerError> {
    let (now, counted) = (house.rules.clock.now(), throttles(PLACE, login));
    let keys = counted.clone();
    if let Some(until) = house
        .repo
        .read_blocking(|conn| sessions::locked(conn, &keys, now))?
    {
        return Err(locked(until, now));
    }
    let password = line(&format!("password of {login}"))?;
    let account = house
        .repo
        .read_blocking(|conn| people::by_login(conn, login))?;
    let right = account.filter(|account| {
        secrets::password_holds(&password, &account.password_phc, &mut Scratch::default())
            && account.card.active
    });
    let Some(account) = right else {
        let keys = counted.clone();
        house
            .repo
            .write_blocking(move |conn| sessions::count_failures(conn, &keys, now))?;
        return Err(refused(login, "login or password is wrong"));
    };
    if !account.card.roles.contains(&Role::Admin) {
        return Err(refused(login, "is not an admin"));
    }
    factor(house, account.card)
}

/// The second factor, counted and spent as at a desk.
fn factor(house: &House, card: UserCard) -> Result<UserCard, ServerError> {
    let (now, user) = (house.rules.clock.now(), card.user);
    let asked = house
        .repo
        .read_blocking(|conn| second_factor::is_set_up(conn, user))?;
    let login = card.login.clone();
    let typed = asked
        .then(|| line(&format!("second factor of {login}")))
        .transpose()?;
    let knock = Knock {
        card: card.clone(),
        typed,
        key: Arc::clone(&house.factors),
    };
    let keys = throttles(PLACE, &login);
    let admitted = house
        .repo
        .write_blocking(move |conn| sessions::prove(conn, &knock.tried(), &keys, now))?;
    match admitted {
        Admitted::Yes => Ok(card),
        Admitted::Locked(until) => Err(locked(until, now)),
        Admitted::FactorMissing => Err(refused(&login, "the second factor is missing")),
        Admitted::FactorWrong => Err(refused(&login, "the second factor is wrong or used up")),
        Admitted::FactorNotSetUp => Err(refused(
            &login,
            "admins need a second factor: set it up with `user totp` first",
        )),
    }
}

fn refused(login: &str, why: &str) -> ServerError {
    ServerError::Usage(format!("--as {login}: {why}"))
}

fn locked(until: Millis, now: Millis) -> ServerError {
    let seconds = until.saturating_sub(now) / 1000 + 1;
    ServerError::Usage(format!("too many tries: wait {seconds} s"))
}

/// One line of stdin; a person at a terminal is told what is asked for.
pub fn line(what: &str) -> Result<String, ServerError> {
    if io::stdin().is_terminal() {
        let mut out = io::stderr().lock();
        write!(out, "{what}: ")
            .and_then(|()| out.flush())
            .map_err(|error| ServerError::Io("stderr", error))?;
    }
    let mut typed = String::new();
    io::stdin()
        .read_line(&mut typed)
        .map_err(|error| ServerError::Io("stdin", error))?;
    Ok(typed.trim_end_matches(['\r', '\n']).to_owned())
}
