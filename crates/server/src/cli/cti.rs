//! `cti`: telephone systems that tell of an office's calls, and whose telephone an extension is. A token is shown once, when
//! it is made.

use super::admin::{office_code, open, unknown};
use super::devices::named;
use super::who::Who;
use super::{Site, say};
use crate::calls::event::NAMED_CHARS;
use crate::error::ServerError;
use crate::repo::lines::{self, Added, Line, MOST_EXTENSIONS, MOST_LINES, NewLine};
use crate::repo::people;
use crate::run::House;
use crate::secrets;
use clap::{Args, Subcommand};
use desk_domain::ids::{LineId, OfficeCode};
use serde_json::{Value, json};

#[derive(Subcommand)]
pub enum CtiCommand {
    /// Add a telephone system of an office; prints its id and, this once, the path that its events go to.
    Add {
        #[command(flatten)]
        data: Site,
        office: String,
        /// One line of JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        who: Who,
    },
    /// List telephone systems, without their tokens.
    List {
        #[command(flatten)]
        data: Site,
        /// One line of JSON.
        #[arg(long)]
        json: bool,
    },
    /// Give one a new token, shown this once; the old one opens nothing any more.
    Rotate(One),
    /// Take one away.
    Revoke(One),
    /// Whose telephone an extension is.
    #[command(subcommand)]
    Extension(ExtensionCommand),
}

#[derive(Subcommand)]
pub enum ExtensionCommand {
    /// Calls for this extension ring at this person's desk alone.
    Set {
        #[command(flatten)]
        data: Site,
        office: String,
        /// As the telephone system names it: a number, a name or an address.
        extension: String,
        login: String,
        #[command(flatten)]
        who: Who,
    },
    /// List an office's extensions.
    List {
        #[command(flatten)]
        data: Site,
        office: String,
        /// One line of JSON.
        #[arg(long)]
        json: bool,
    },
    /// Calls for this extension ring at every desk of the office again.
    Clear {
        #[command(flatten)]
        data: Site,
        office: String,
        extension: String,
        #[command(flatten)]
        who: Who,
    },
}

/// A telephone system, and who acts.
#[derive(Args)]
pub struct One {
    #[command(flatten)]
    data: Site,
    line: String,
    #[command(flatten)]
    who: Who,
}

impl One {
    fn open(self) -> Result<(House, Line), ServerError> {
        let house = open(self.data)?;
        named(&house, &self.who)?;
        let id =
            LineId::parse(&self.line).ok_or_else(|| unknown("telephone system", &self.line))?;
        let found = house.repo.read_blocking(|conn| lines::find(conn, id))?;
        let line = found.ok_or_else(|| unknown("telephone system", &self.line))?;
        Ok((house, line))
    }
}

pub fn run(command: CtiCommand) -> Result<(), ServerError> {
    match command {
        CtiCommand::Add {
            data,
            office,
            json,
            who,
        } => {
            let (office, house) = (office_code(&office)?, open(data)?);
            add(&house, office, &who, json)
        }
        CtiCommand::List { data, json } => list(&open(data)?, json),
        CtiCommand::Rotate(one) => {
            let (house, line) = one.open()?;
            let token = secrets::token(house.rules.chance.as_ref());
            let (hash, now) = (lines::token_hash(&token), house.rules.clock.now());
            house
                .repo
                .write_blocking(move |conn| lines::rotate(conn, &line, &hash, now))?;
            say(&path(&token))
        }
        CtiCommand::Revoke(one) => {
            let (house, line) = one.open()?;
            let work = move |conn: &_| lines::revoke(conn, &line);
            Ok(house.repo.write_blocking(work)?)
        }
        CtiCommand::Extension(command) => extension(command),
    }
}

fn path(token: &str) -> String {
    format!("/hooks/cti/{token}")
}

fn add(house: &House, office: OfficeCode, who: &Who, as_json: bool) -> Result<(), ServerError> {
    let made_by = named(house, who)?;
    let chance = house.rules.chance.as_ref();
    let now = house.rules.clock.now();
    let (id, token) = (LineId::new(now, chance), secrets::token(chance));
    let new = NewLine {
        office: office.clone(),
        id,
        token_hash: lines::token_hash(&token),
        made_by,
    };
    let added = house
        .repo
        .write_blocking(move |conn| lines::add(conn, &new, now))?;
    match added {
        Added::Yes if as_json => say(&json!({ "id": id, "path": path(&token) }).to_string()),
        Added::Yes => {
            say(&id.to_string())?;
            say(&path(&token))
        }
        Added::NoOffice => Err(unknown("office", office.as_str())),
        Added::TooMany => Err(ServerError::Usage(format!(
            "{office} has {MOST_LINES} telephone systems, as many as an office may have"
        ))),
    }
}

fn list(house: &House, as_json: bool) -> Result<(), ServerError> {
    let all = house.repo.read_blocking(lines::all)?;
    if as_json {
        let all: Vec<Value> = all
            .iter()
            .map(|line| {
                json!({
                    "id": line.id,
                    "office": line.office,
                    "made_by": line.made_by,
                    "created_at": line.created_at,
                    "rotated_at": line.rotated_at,
                })
            })
            .collect();
        return say(&json!(all).to_string());
    }
    for line in all {
        say(&format!("{} {}", line.id, line.office))?;
    }
    Ok(())
}

fn extension(command: ExtensionCommand) -> Result<(), ServerError> {
    match command {
        ExtensionCommand::Set {
            data,
            office,
            extension,
            login,
            who,
        } => {
            let (office, extension) = (office_code(&office)?, wanted(&extension)?);
            let house = open(data)?;
            named(&house, &who)?;
            set(&house, office, extension, &login)
        }
        ExtensionCommand::List { data, office, json } => {
            let (office, house) = (office_code(&office)?, open(data)?);
            let all = house
                .repo
                .read_blocking(|conn| lines::extensions(conn, &office))?;
            if json {
                let all = all.iter();
                let all = all.map(|one| json!({"extension": one.extension, "login": one.login}));
                return say(&Value::Array(all.collect()).to_string());
            }
            for one in all {
                say(&format!("{} {}", one.extension, one.login))?;
            }
            Ok(())
        }
        ExtensionCommand::Clear {
            data,
            office,
            extension,
            who,
        } => {
            let office = office_code(&office)?;
            let house = open(data)?;
            named(&house, &who)?;
            let asked = extension.clone();
            let gone = house
                .repo
                .write_blocking(move |conn| lines::clear_extension(conn, &office, &extension))?;
            if gone {
                Ok(())
            } else {
                Err(unknown("extension", &asked))
            }
        }
    }
}

fn wanted(extension: &str) -> Result<String, ServerError> {
    let extension = extension.trim();
    let fits = (1..=NAMED_CHARS).contains(&extension.chars().count())
        && !extension.contains(char::is_control);
    if fits {
        Ok(extension.to_owned())
    } else {
        Err(ServerError::Usage(format!(
            "an extension has 1 to {NAMED_CHARS} characters of one line"
        )))
    }
}

fn set(
    house: &House,
    office: OfficeCode,
    extension: String,
    login: &str,
) -> Result<(), ServerError> {
    let account = house
        .repo
        .read_blocking(|conn| people::by_login(conn, login))?;
    let card = account.ok_or_else(|| unknown("user", login))?.card;
    if !lines::collects(&card) || !card.offices.contains(&office) {
        return Err(ServerError::Usage(format!(
            "{login} is no active agent or clerk of {office}"
        )));
    }
    let fits = house
        .repo
        .write_blocking(move |conn| lines::set_extension(conn, &office, &extension, card.user))?;
    if fits {
        Ok(())
    } else {
        Err(ServerError::Usage(format!(
            "the office has {MOST_EXTENSIONS} extensions, as many as it may have"
        )))
    }
}
