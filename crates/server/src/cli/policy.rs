//! `policy`: what an action needs, what risk weighs, what the clocks promise.

use super::admin::open;
use super::webhook::moment;
use super::who::Who;
use super::{Site, say};
use crate::error::ServerError;
use crate::policies::InForce;
use crate::repo::policies::{self, Approved, NewPolicy, Proposed};
use crate::repo::{RepoError, safeguards};
use crate::run::House;
use clap::{Args, Subcommand};
use desk_domain::policy::{Policy, changes};
use desk_protocol::policy::policy_message;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Largest policy text: many times the shipped one.
const TEXT_BYTES: u64 = 256 * 1024;

#[derive(Subcommand)]
pub enum PolicyCommand {
    /// Print the text in force, or of a version that was set; the start of every change.
    Show {
        #[command(flatten)]
        data: Site,
        version: Option<u32>,
    },
    /// Read a text as `set` would, and say what it would change; `!` marks what makes an unbind easier.
    Check {
        #[command(flatten)]
        data: Site,
        file: PathBuf,
    },
    /// Sign a text and put it in force; where two admins are asked for, propose it to the second.
    Set(SetArgs),
    /// Put a proposed version in force, as another admin than the one who proposed it.
    Approve {
        #[command(flatten)]
        data: Site,
        version: u32,
        #[command(flatten)]
        who: Who,
    },
    /// List the versions that were set: when, by whom, and why.
    List {
        #[command(flatten)]
        data: Site,
        /// One line of JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
pub struct SetArgs {
    #[command(flatten)]
    data: Site,
    file: PathBuf,
    /// Why, in words for those who read it later.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    who: Who,
}

pub fn run(command: PolicyCommand) -> Result<(), ServerError> {
    match command {
        PolicyCommand::Show { data, version } => show(&open(data)?, version),
        PolicyCommand::Check { data, file } => check(&open(data)?, &file),
        PolicyCommand::Set(args) => set(args),
        PolicyCommand::Approve { data, version, who } => approve(&open(data)?, version, &who),
        PolicyCommand::List { data, json } => list(&open(data)?, json),
    }
}

fn show(house: &House, version: Option<u32>) -> Result<(), ServerError> {
    let text = match version {
        None => in_force(house)?.toml.clone(),
        Some(version) => house
            .repo
            .read_blocking(move |conn| policies::text_of(conn, version))?
            .ok_or_else(|| {
                usage(format!(
                    "no version {version} was set; `policy list` shows them"
                ))
            })?,
    };
    say(text.trim_end())
}

fn check(house: &House, file: &Path) -> Result<(), ServerError> {
    let (_, policy) = read(file)?;
    tell_changes(house, &policy)?;
    say(&format!("version {} can be set", policy.version))
}

fn set(args: SetArgs) -> Result<(), ServerError> {
    let house = open(args.data)?;
    if args.reason.trim().is_empty() {
        return Err(usage(
            "--reason: say why, in words for those who read it later".to_owned(),
        ));
    }
    let (toml, policy) = read(&args.file)?;
    let two = house.repo.read_blocking(safeguards::load)?.two_admins;
    let admin = if two {
        Some(args.who.must_prove(&house)?)
    } else {
        args.who.prove(&house)?
    };
    tell_changes(&house, &policy)?;
    let version = policy.version;
    let new = NewPolicy {
        version,
        signature: house.bundles.keys.sign(&policy_message(version, &toml)),
        toml,
        reason: args.reason.trim().to_owned(),
        by: admin.map(|card| card.user),
    };
    let (shipped, now) = (Policy::shipped().version, house.rules.clock.now());
    let proposed = house
        .repo
        .write_blocking(move |conn| policies::propose(conn, &new, (shipped, now)))?;
    match proposed {
        Proposed::InForce => say(&format!(
            "version {version} is in force; desks have it within ten minutes of being online"
        )),
        Proposed::Waits => say(&format!(
            "version {version} waits for another admin: policy approve {version} --as LOGIN"
        )),
        Proposed::NotNewer { highest } => Err(usage(format!(
            "{}: there is a version {highest} already; write version = {} into the text",
            args.file.display(),
            highest.saturating_add(1)
        ))),
    }
}

fn approve(house: &House, version: u32, who: &Who) -> Result<(), ServerError> {
    let admin = who.must_prove(house)?;
    let (by, now) = (admin.user, house.rules.clock.now());
    let approved = house
        .repo
        .write_blocking(move |conn| policies::approve(conn, version, by, now))?;
    match approved {
        Approved::Yes => say(&format!("version {version} is in force")),
        Approved::NoSuch => Err(usage(format!(
            "no version {version} waits; `policy list` shows what was set"
        ))),
        Approved::SamePerson => Err(usage(
            "another person than the one who proposed it has to approve it".to_owned(),
        )),
        Approved::Overtaken { by } => Err(usage(format!(
            "version {by} is in force already: set the text anew under a higher number"
        ))),
    }
}

fn list(house: &House, json: bool) -> Result<(), ServerError> {
    let all = house.repo.read_blocking(policies::all)?;
    if json {
        let text = serde_json::to_string(&all).map_err(|error| usage(error.to_string()))?;
        return say(&text);
    }
    for one in all {
        let standing = match one.approved_at {
            Some(at) => format!("in force since {}", moment(at)),
            None => "waits for the second admin".to_owned(),
        };
        let by = [one.proposed_by, one.approved_by];
        let by: Vec<String> = by.into_iter().flatten().collect();
        say(&format!(
            "{}  {standing}  {}  {}",
            one.version,
            by.join("+"),
            one.reason
        ))?;
    }
    say(&format!("in force: version {}", in_force(house)?.version))
}

fn in_force(house: &House) -> Result<Arc<InForce>, ServerError> {
    Ok(house.repo.policy_blocking(&house.rules)?)
}

/// A text as it would be kept. Errors name the place in the file.
fn read(file: &Path) -> Result<(String, Policy), ServerError> {
    let named = |why: String| usage(format!("{}: {why}", file.display()));
    let size = fs::metadata(file).map_err(|error| named(error.to_string()))?;
    if size.len() > TEXT_BYTES {
        return Err(named(format!("a policy has at most {TEXT_BYTES} bytes")));
    }
    let toml = fs::read_to_string(file).map_err(|error| named(error.to_string()))?;
    let policy = Policy::parse(&toml).map_err(|error| named(error.to_string()))?;
    Ok((toml, policy))
}

fn tell_changes(house: &House, to: &Policy) -> Result<(), ServerError> {
    let from = match house.repo.policy_blocking(&house.rules) {
        Ok(from) => from,
        // A new text is the way out of one that cannot be believed or read.
        Err(RepoError::Policy(doubt)) => {
            say(&format!("{doubt}"))?;
            say("compared with the one that ships with the program:")?;
            house.rules.policies.now()
        }
        Err(error) => return Err(error.into()),
    };
    for change in changes(&from.policy, to) {
        let mark = if change.easier { '!' } else { ' ' };
        let word = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        say(&format!(
            "{mark} {}: {} -> {}",
            change.name,
            word(&change.from),
            word(&change.to)
        ))?;
    }
    Ok(())
}

fn usage(why: String) -> ServerError {
    ServerError::Usage(why)
}
