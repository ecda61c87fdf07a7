//! `safeguards`: what the office asks of its people beyond a password.

use super::who::Who;
use super::{Site, say};
use crate::error::ServerError;
use crate::repo::safeguards::{self, Safeguards};
use crate::repo::{people, sessions};
use crate::run::House;
use clap::{Args, ValueEnum};

#[derive(Args)]
pub struct SafeguardArgs {
    #[command(flatten)]
    data: Site,
    /// Reviewers, operators, supervisors and admins sign in with an authenticator app; turning it on ends their sessions.
    #[arg(long, value_enum)]
    second_factor: Option<Switch>,
    /// A desk is approved by another person than the one who made its code.
    #[arg(long, value_enum)]
    two_admins: Option<Switch>,
    #[command(flatten)]
    who: Who,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

/// Shows them; changes those that are named. While two admins are asked for, an admin has to be named for a change.
pub fn run(args: SafeguardArgs) -> Result<(), ServerError> {
    let house = House::open(&args.data.config()?)?;
    let before = house.repo.read_blocking(safeguards::load)?;
    let choose = |switch: Option<Switch>, now| switch.map_or(now, |switch| switch == Switch::On);
    let wanted = Safeguards {
        second_factor: choose(args.second_factor, before.second_factor),
        two_admins: choose(args.two_admins, before.two_admins),
    };
    if wanted != before {
        if before.two_admins {
            args.who.must_prove(&house)?;
        }
        change(&house, before, wanted)?;
    }
    let word = |is_on| if is_on { "on" } else { "off" };
    say(&format!("second-factor {}", word(wanted.second_factor)))?;
    say(&format!("two-admins {}", word(wanted.two_admins)))
}

fn change(house: &House, before: Safeguards, wanted: Safeguards) -> Result<(), ServerError> {
    let now = house.rules.clock.now();
    Ok(house.repo.write_blocking(move |conn| {
        safeguards::put(conn, wanted)?;
        if !wanted.second_factor || before.second_factor {
            return Ok(());
        }
        // A session that was opened with a password alone would outlive the change by a week.
        for card in people::all(conn)? {
            if wanted.ask_factor_of(&card) {
                sessions::end_all_of(conn, card.user, now)?;
            }
        }
        Ok(())
    })?)
}
