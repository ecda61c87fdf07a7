//! A data directory full of visibly fake things: offices, people, a register, and cases in every state, each of them
//! written by demo desks through the same door as real ones.

mod answers;
mod cases;
mod desk;
mod papers;
mod people;
mod register;

pub use people::password;

use crate::config::ServerConfig;
use crate::error::ServerError;
use crate::repo::{cases as stored, register as merchants};
use crate::run::House;
use desk::{DemoChance, DemoClock};
use std::fmt;
use std::sync::Arc;

/// Merchants of the register.
const MERCHANTS: u32 = 200;

/// What was made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Made {
    pub merchants: usize,
    /// Cases by state.
    pub states: Vec<(String, u64)>,
    pub logins: Vec<&'static str>,
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} merchants;", self.merchants)?;
        for (state, count) in &self.states {
            write!(f, " {state} {count}")?;
        }
        write!(
            f,
            "; sign in as {} with {}",
            self.logins.join(", "),
            password("<login>")
        )
    }
}

/// Fills the data directory, which must be new. The same seed gives the same ids and values.
pub fn fill(config: &ServerConfig, cases: u32, seed: u64) -> Result<Made, ServerError> {
    let now = config.clock.now();
    let clock = Arc::new(DemoClock::new(now));
    let seeded = ServerConfig {
        clock: clock.clone(),
        chance: Arc::new(DemoChance::new(seed)),
        ..config.clone()
    };
    let house = House::open(&seeded)?;
    if !house.repo.read_blocking(stored::count_by_state)?.is_empty() {
        return Err(ServerError::Usage(
            "the data directory already holds cases; choose a new one".into(),
        ));
    }
    clock.set(now.saturating_sub(cases::OLDEST_MS));
    people::add(&house)?;
    let register = register::draw(&house, MERCHANTS)?;
    let rows = register.clone();
    let count = house
        .repo
        .write_blocking(move |conn| merchants::import(conn, &rows))?;
    let staff = people::desks(&house)?;
    cases::write(&house, &clock, staff, &register, (cases, now))?;
    let states = house.repo.read_blocking(stored::count_by_state)?;
    Ok(Made {
        merchants: count,
        states,
        logins: people::logins(),
    })
}
