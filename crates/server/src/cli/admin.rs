//! What the admin's commands share, and the offices. They work beside a running server.

use super::{Site, say};
use crate::error::ServerError;
use crate::repo::offices::{self, Listed, Moved};
use crate::run::House;
use clap::Subcommand;
use desk_domain::ids::OfficeCode;

#[derive(Subcommand)]
pub enum OfficeCommand {
    /// Add an office, or rename it.
    Add {
        #[command(flatten)]
        data: Site,
        /// Five characters 0-9A-Z.
        code: String,
        name: String,
        /// The office it stands under; rights do not follow the tree.
        #[arg(long, value_name = "CODE")]
        under: Option<String>,
    },
    /// List the offices as they stand under each other.
    List {
        #[command(flatten)]
        data: Site,
        /// One line of JSON.
        #[arg(long)]
        json: bool,
    },
    /// Put an office under another one, or on top.
    Move {
        #[command(flatten)]
        data: Site,
        code: String,
        #[arg(long, value_name = "CODE", required_unless_present = "top")]
        under: Option<String>,
        #[arg(long, conflicts_with = "under")]
        top: bool,
    },
}

pub fn open(data: Site) -> Result<House, ServerError> {
    House::open(&data.config()?)
}

pub fn office_code(text: &str) -> Result<OfficeCode, ServerError> {
    OfficeCode::parse(text)
        .ok_or_else(|| ServerError::Usage(format!("office code {text}: five characters of 0-9A-Z")))
}

pub fn unknown(what: &str, name: &str) -> ServerError {
    ServerError::Usage(format!("no {what} {name}"))
}

pub fn office(command: OfficeCommand) -> Result<(), ServerError> {
    match command {
        OfficeCommand::Add {
            data,
            code,
            name,
            under,
        } => {
            let (house, code) = (open(data)?, office_code(&code)?);
            let now = house.rules.clock.now();
            let put = code.clone();
            house
                .repo
                .write_blocking(move |conn| offices::put(conn, &put, &name, now))?;
            under.map_or(Ok(()), |under| place(&house, &code, Some(&under)))
        }
        OfficeCommand::List { data, json } => {
            let all = open(data)?.repo.read_blocking(offices::all)?;
            if json {
                return say(&serde_json::to_string(&all)?);
            }
            branch(&all, None, 0)
        }
        OfficeCommand::Move {
            data, code, under, ..
        } => {
            let (house, code) = (open(data)?, office_code(&code)?);
            place(&house, &code, under.as_deref())
        }
    }
}

/// The offices under one, each with those under it.
fn branch(all: &[Listed], parent: Option<&str>, depth: usize) -> Result<(), ServerError> {
    for office in all {
        if office.parent.as_deref() == parent {
            say(&format!(
                "{}{} {}",
                "  ".repeat(depth),
                office.code,
                office.name
            ))?;
            branch(all, Some(&office.code), depth + 1)?;
        }
    }
    Ok(())
}

fn place(house: &House, code: &OfficeCode, under: Option<&str>) -> Result<(), ServerError> {
    let parent = under.map(office_code).transpose()?;
    let (office, above) = (code.clone(), parent.clone());
    let moved = house
        .repo
        .write_blocking(move |conn| offices::place(conn, &office, above.as_ref()))?;
    let above = under.unwrap_or_default();
    match moved {
        Moved::Yes => Ok(()),
        Moved::NoOffice => Err(unknown("office", code.as_str())),
        Moved::NoParent => Err(unknown("office", above)),
        Moved::Circle => Err(ServerError::Usage(format!(
            "{above} stands under {code}: {code} cannot stand under it"
        ))),
        Moved::TooDeep => Err(ServerError::Usage(format!(
            "{above} stands too deep in the tree for another level"
        ))),
    }
}
