//! `execution`: what the connector has asked the core system, and what it waits for.

use super::{ConnectorArgs, Site, say};
use crate::connector::settings::ConnectorSettings;
use crate::error::ServerError;
use crate::repo::executions::results::TOKEN;
use crate::repo::executions::rows::{self, Kept, State};
use crate::repo::sql::Connection;
use crate::repo::{RepoError, cases, system};
use crate::run::House;
use chrono::{DateTime, SecondsFormat};
use clap::Subcommand;
use desk_domain::case_no::CaseNo;
use desk_domain::time::Millis;
use serde::Serialize;

/// Longest list.
const MOST: usize = 1_000;

#[derive(Subcommand)]
pub enum ExecutionCommand {
    /// Show what is not over: since when, what it waits for, and when it is asked for next.
    List {
        #[command(flatten)]
        data: Site,
        /// One line of JSON for programs.
        #[arg(long)]
        json: bool,
    },
    /// Ask for the result of a case at once; nothing is sent a second time by it.
    Requery {
        #[command(flatten)]
        data: Site,
        case_no: String,
    },
    /// Show where the core system's callbacks go, below this server's public address.
    Hook {
        #[command(flatten)]
        data: Site,
    },
}

/// One line of the list.
#[derive(Serialize)]
struct Line {
    case_no: String,
    office: String,
    key: String,
    state: &'static str,
    why: String,
    attempts: u32,
    unknown: bool,
    next_at: Millis,
}

pub fn run(command: ExecutionCommand) -> Result<(), ServerError> {
    match command {
        ExecutionCommand::List { data, json } => list(data, json),
        ExecutionCommand::Requery { data, case_no } => requery(data, &case_no),
        ExecutionCommand::Hook { data } => {
            let house = open(data)?;
            let token = house.repo.read_blocking(|conn| system::note(conn, TOKEN))?;
            say(&format!("/hooks/execution/{}", token.unwrap_or_default()))
        }
    }
}

/// What the connector is told, from a file and from the environment.
pub fn settings(given: &ConnectorArgs) -> Result<ConnectorSettings, ServerError> {
    let file = given.connector_config.as_deref();
    ConnectorSettings::read(file, |name| std::env::var(name).ok()).map_err(ServerError::Usage)
}

fn open(data: Site) -> Result<House, ServerError> {
    data.must_hold_an_office()?;
    House::open(&data.config()?)
}

fn list(data: Site, json: bool) -> Result<(), ServerError> {
    let house = open(data)?;
    let lines = house.repo.read_blocking(|conn| {
        let open = rows::open(conn, MOST)?;
        open.iter()
            .map(|kept| line(conn, kept))
            .collect::<Result<Vec<_>, _>>()
    })?;
    if json {
        return say(&serde_json::to_string(&lines)?);
    }
    lines.iter().try_for_each(|line| {
        let next = DateTime::from_timestamp_millis(line.next_at).unwrap_or_default();
        let next = next.to_rfc3339_opts(SecondsFormat::Secs, true);
        say(&format!(
            "{} {} {} ({} asked), next {next}",
            line.case_no, line.key, line.why, line.attempts
        ))
    })
}

fn line(conn: &Connection, kept: &Kept) -> Result<Line, RepoError> {
    let case = cases::load_in(conn, &kept.office, kept.case)?;
    Ok(Line {
        case_no: case
            .map(|case| case.case_no.to_string())
            .unwrap_or_default(),
        office: kept.office.as_str().to_owned(),
        key: kept.key.to_string(),
        state: kept.state.as_str(),
        why: why(kept),
        attempts: kept.attempt,
        unknown: kept.unknown_at.is_some(),
        next_at: kept.next_at,
    })
}

fn why(kept: &Kept) -> String {
    let error = kept.error.as_deref().filter(|error| !error.is_empty());
    match (kept.state, error) {
        (State::Ready, None) => "waits to be sent".to_owned(),
        (State::Ready, Some(error)) => format!("waits to be sent: {error}"),
        (State::Asked, None) => "the core system is at work on it".to_owned(),
        (State::Asked, Some(error)) => format!("no clear answer: {error}"),
        (State::Answered, error) => {
            let error = error.unwrap_or("-");
            format!("the result is known, the case cannot take it: {error}")
        }
        (State::Ended, _) => "over".to_owned(),
    }
}

fn requery(data: Site, number: &str) -> Result<(), ServerError> {
    let number = serde_json::Value::String(number.to_owned());
    let number: CaseNo = serde_json::from_value(number)
        .map_err(|_| ServerError::Usage("this is not a case number".to_owned()))?;
    let house = open(data)?;
    let now = house.rules.clock.now();
    let hurried = house.repo.write_blocking(move |conn| {
        let case = cases::by_number(conn, &number)?;
        let kept = case.map(|case| rows::of_case(conn, &case.office, case.id));
        match kept.transpose()?.flatten() {
            Some(kept) => rows::hurry(conn, kept.key, now),
            None => Ok(false),
        }
    })?;
    if hurried {
        return say("it is asked for now");
    }
    let why = "the connector waits for nothing on this case";
    Err(ServerError::Usage(why.to_owned()))
}
