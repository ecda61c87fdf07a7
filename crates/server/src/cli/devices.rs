//! `device`: desks are invited, let in, put out.

use super::admin::{office_code, open, unknown};
use super::who::Who;
use super::{Site, say};
use crate::error::ServerError;
use crate::repo::administer::acts::Act;
use crate::repo::administer::steps::{self, SignedOrder};
use crate::repo::device_acts::{self, Told};
use crate::repo::devices::{self, Approved, Device};
use crate::repo::{RepoError, device_events, offices, safeguards, wipes};
use crate::run::House;
use crate::secrets;
use clap::Subcommand;
use desk_domain::ids::{DeviceId, OfficeCode, UserId};
use desk_domain::people::UserCard;
use desk_protocol::people::DeviceStatus;
use desk_protocol::wipe::WipePace;
use serde::Serialize;

/// Most events in one list.
const MOST_EVENTS: usize = 1000;

#[derive(Subcommand)]
pub enum DeviceCommand {
    /// Make a one-time code for a new desk of an office.
    Code {
        #[command(flatten)]
        data: Site,
        office: String,
        #[command(flatten)]
        who: Who,
    },
    /// List desks.
    List {
        #[command(flatten)]
        data: Site,
        /// One line of JSON, with who let each desk in.
        #[arg(long)]
        json: bool,
    },
    /// Let a desk in that waits. Where two admins are asked for: by another person than the one who made its code.
    Approve {
        #[command(flatten)]
        data: Site,
        device: String,
        #[command(flatten)]
        who: Who,
    },
    /// Let a desk in no more; what it holds stays on it (see `wipe`).
    Revoke {
        #[command(flatten)]
        data: Site,
        device: String,
        #[arg(long, default_value = "")]
        reason: String,
        #[command(flatten)]
        who: Who,
    },
    /// Order a desk to destroy what it holds. It obeys at its next contact, confirms, and is let in no more.
    Wipe {
        #[command(flatten)]
        data: Site,
        device: String,
        /// Kept with the order.
        #[arg(long)]
        reason: String,
        /// Once everything that was done on it is stored here; the default.
        #[arg(long, conflicts_with = "at_once")]
        after_sync: bool,
        /// Now, whatever is lost by it; the desk is let in no more from this moment.
        #[arg(long)]
        at_once: bool,
        #[command(flatten)]
        who: Who,
    },
    /// What headquarters should know: desks that were cloned or restored, and the like; newest first.
    Events {
        #[command(flatten)]
        data: Site,
    },
}

/// A desk in a list for programs.
#[derive(Serialize)]
struct Listed {
    id: DeviceId,
    office: OfficeCode,
    device_code: String,
    label: String,
    status: DeviceStatus,
    /// `wipe ordered` or `wiped`.
    wipe: Option<&'static str>,
    acts: Vec<Told>,
}

pub fn device(command: DeviceCommand) -> Result<(), ServerError> {
    match command {
        DeviceCommand::Code { data, office, who } => {
            let house = open(data)?;
            let office = office_code(&office)?;
            let by = named(&house, &who)?;
            say(&new_code(&house, &office, by)?)
        }
        DeviceCommand::List { data, json } => list(&open(data)?, json),
        DeviceCommand::Events { data } => {
            let events = open(data)?
                .repo
                .read_blocking(|conn| device_events::newest(conn, MOST_EVENTS))?;
            for event in events {
                say(&serde_json::to_string(&event)?)?;
            }
            Ok(())
        }
        DeviceCommand::Approve { data, device, who } => {
            let house = open(data)?;
            let by = who.prove(&house)?;
            approve(&house, &device, by)
        }
        DeviceCommand::Wipe {
            data,
            device,
            reason,
            at_once,
            who,
            ..
        } => {
            let house = open(data)?;
            let by = named(&house, &who)?;
            let pace = if at_once {
                WipePace::AtOnce
            } else {
                WipePace::AfterSync
            };
            wipe(&house, &device, pace, (by, reason))
        }
        DeviceCommand::Revoke {
            data,
            device,
            reason,
            who,
        } => {
            let house = open(data)?;
            let by = who.prove(&house)?.map(|by| by.user);
            revoke(&house, &device, (by, reason))
        }
    }
}

/// The admin who acts; somebody must be named where two admins are asked for.
pub fn named(house: &House, who: &Who) -> Result<Option<UserId>, ServerError> {
    let by = if house.repo.read_blocking(safeguards::load)?.two_admins {
        Some(who.must_prove(house)?)
    } else {
        who.prove(house)?
    };
    Ok(by.map(|by| by.user))
}

fn revoke(
    house: &House,
    device: &str,
    (by, reason): (Option<UserId>, String),
) -> Result<(), ServerError> {
    let (id, act) = (device_id(device)?, Act::new(&house.rules, by));
    let found = house
        .repo
        .write_blocking(move |conn| steps::revoke(conn, &act, id, &reason))?;
    if found {
        Ok(())
    } else {
        Err(unknown("device", device))
    }
}

fn wipe(
    house: &House,
    device: &str,
    pace: WipePace,
    (by, reason): (Option<UserId>, String),
) -> Result<(), ServerError> {
    let act = Act::new(&house.rules, by);
    let (keys, chance) = (&house.bundles.keys, house.rules.chance.as_ref());
    let order = SignedOrder::new(keys, chance, device_id(device)?, (pace, act.at));
    let found = house
        .repo
        .write_blocking(move |conn| steps::wipe(conn, &act, &order, &reason))?;
    if found {
        Ok(())
    } else {
        Err(unknown("device", device))
    }
}

fn list(house: &House, json: bool) -> Result<(), ServerError> {
    if json {
        let all = house.repo.read_blocking(|conn| {
            let listed = |device: Device| {
                Ok(Listed {
                    acts: device_acts::of(conn, device.id)?,
                    wipe: wipes::standing(conn, device.id)?,
                    id: device.id,
                    office: device.office,
                    device_code: device.device_code,
                    label: device.label,
                    status: device.status,
                })
            };
            devices::all(conn)?
                .into_iter()
                .map(listed)
                .collect::<Result<Vec<_>, RepoError>>()
        })?;
        return say(&serde_json::to_string(&all)?);
    }
    for device in house.repo.read_blocking(devices::all)? {
        say(&row(&device))?;
    }
    Ok(())
}

/// A desk in a list for people.
pub fn row(device: &Device) -> String {
    let status = devices::status_text(device.status);
    format!(
        "{} {} {} {status} {}",
        device.id, device.office, device.device_code, device.label
    )
}

fn device_id(text: &str) -> Result<DeviceId, ServerError> {
    DeviceId::parse(text).ok_or_else(|| unknown("device", text))
}

fn approve(house: &House, device: &str, by: Option<UserCard>) -> Result<(), ServerError> {
    let id = device_id(device)?;
    let act = Act::new(&house.rules, by.as_ref().map(|by| by.user));
    let approved = house
        .repo
        .write_blocking(move |conn| steps::approve(conn, &act, id, by.as_ref()))?;
    let why = match approved {
        Approved::Yes => return Ok(()),
        Approved::Unknown => return Err(unknown("device", device)),
        Approved::NotPending(DeviceStatus::Revoked) => {
            "it was revoked: set it up anew with a new code"
        }
        Approved::NotPending(DeviceStatus::Active | DeviceStatus::Pending) => {
            "it is active already"
        }
        Approved::NobodyNamed => "two admins are asked for: say who approves with --as LOGIN",
        Approved::IssuerUnknown => {
            "two admins are asked for, and nobody was named when its code was made: make a new code with --as LOGIN"
        }
        Approved::SamePerson => {
            "two admins are asked for: whoever made its code cannot approve it, by no account of theirs"
        }
    };
    Err(ServerError::Usage(format!("device {device}: {why}")))
}

/// Makes a one-time code for an office; only its hash stays.
pub fn new_code(
    house: &House,
    office: &OfficeCode,
    by: Option<UserId>,
) -> Result<String, ServerError> {
    let code = secrets::enrol_code(house.rules.chance.as_ref());
    let (act, owner, shown) = (Act::new(&house.rules, by), office.clone(), code.clone());
    let made = house
        .repo
        .write_blocking(move |conn| match offices::name(conn, &owner)? {
            Some(_) => steps::new_desk(conn, &act, &owner, &shown).map(|_| true),
            None => Ok(false),
        })?;
    if made {
        Ok(code)
    } else {
        Err(unknown("office", office.as_str()))
    }
}
