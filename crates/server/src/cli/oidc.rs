//! `user oidc`: whom the identity provider's subjects are.

use super::admin::{open, unknown};
use super::devices::named;
use super::who::Who;
use super::{Site, say};
use crate::error::ServerError;
use crate::oidc::settings::OidcSettings;
use crate::repo::oidc::{self, Subject};
use crate::repo::{people, sessions};
use crate::run::House;
use clap::Subcommand;
use desk_domain::ids::UserId;
use std::path::{Path, PathBuf};

#[derive(Subcommand)]
pub enum OidcCommand {
    /// Bind a person's subject at the identity provider to an account. Never by e-mail: the provider's own id of that person.
    Bind {
        #[command(flatten)]
        data: Site,
        login: String,
        /// The provider's id of that person, as in the `sub` of its tokens.
        #[arg(long)]
        subject: String,
        #[command(flatten)]
        issuer: IssuerArgs,
        #[command(flatten)]
        who: Who,
    },
    /// Take a binding away, and end what is open; a password stays what it is.
    Unbind {
        #[command(flatten)]
        data: Site,
        login: String,
        #[command(flatten)]
        who: Who,
    },
    /// List who is bound.
    List {
        #[command(flatten)]
        data: Site,
        /// One line of JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(clap::Args)]
pub struct IssuerArgs {
    /// The issuer, as in --oidc-config of `serve`.
    #[arg(long)]
    issuer: Option<String>,
    /// The same file that `serve` is given.
    #[arg(long, env = super::OIDC_CONFIG)]
    oidc_config: Option<PathBuf>,
}

impl IssuerArgs {
    fn name(&self) -> Result<String, ServerError> {
        let file = self.oidc_config.as_deref();
        match (&self.issuer, file) {
            (Some(issuer), _) => Ok(issuer.clone()),
            (None, Some(file)) => from_file(file),
            (None, None) => Err(ServerError::Usage(
                "say which provider with --issuer or --oidc-config".to_owned(),
            )),
        }
    }
}

/// What the server is told of its provider.
pub fn settings(file: Option<&Path>) -> Result<OidcSettings, ServerError> {
    OidcSettings::read(file, |name| std::env::var(name).ok()).map_err(ServerError::Usage)
}

fn from_file(file: &Path) -> Result<String, ServerError> {
    let file = settings(Some(file))?.file;
    Ok(file.map(|file| file.issuer).unwrap_or_default())
}

pub fn run(command: OidcCommand) -> Result<(), ServerError> {
    match command {
        OidcCommand::Bind {
            data,
            login,
            subject,
            issuer,
            who,
        } => {
            let house = open(data)?;
            let by = named(&house, &who)?;
            let subject = Subject {
                issuer: issuer.name()?,
                subject,
            };
            bind(&house, &login, subject, by)
        }
        OidcCommand::Unbind { data, login, who } => {
            let house = open(data)?;
            named(&house, &who)?;
            unbind(&house, &login)
        }
        OidcCommand::List { data, json } => list(&open(data)?, json),
    }
}

fn bind(
    house: &House,
    login: &str,
    subject: Subject,
    by: Option<UserId>,
) -> Result<(), ServerError> {
    if subject.subject.trim().is_empty() {
        return Err(ServerError::Usage("--subject is empty".to_owned()));
    }
    let user = user(house, login)?;
    let now = house.rules.clock.now();
    let bound = house
        .repo
        .write_blocking(move |conn| oidc::bind(conn, &subject, (user, by), now))?;
    if bound {
        Ok(())
    } else {
        Err(ServerError::Usage(
            "this subject is bound to another account: unbind that one first".to_owned(),
        ))
    }
}

fn unbind(house: &House, login: &str) -> Result<(), ServerError> {
    let user = user(house, login)?;
    let now = house.rules.clock.now();
    let gone = house.repo.write_blocking(move |conn| {
        let gone = oidc::unbind(conn, user, None)?;
        if gone {
            sessions::end_all_of(conn, user, now)?;
        }
        Ok(gone)
    })?;
    if gone {
        Ok(())
    } else {
        Err(unknown("binding of", login))
    }
}

fn list(house: &House, json: bool) -> Result<(), ServerError> {
    let all = house.repo.read_blocking(oidc::all)?;
    if json {
        return say(&serde_json::to_string(&all)?);
    }
    all.iter()
        .try_for_each(|one| say(&format!("{} {} {}", one.login, one.issuer, one.subject)))
}

fn user(house: &House, login: &str) -> Result<UserId, ServerError> {
    let found = house
        .repo
        .read_blocking(|conn| people::by_login(conn, login))?;
    found
        .map(|account| account.card.user)
        .ok_or_else(|| unknown("user", login))
}
