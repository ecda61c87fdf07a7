//! The admin's words: offices, people, desks, register. They work beside a running server.

use super::{Data, DeviceCommand, OfficeCommand, RegistryCommand, RoleArg, UserCommand, say};
use crate::config::ServerConfig;
use crate::error::ServerError;
use crate::repo::people::Account;
use crate::repo::{device_events, devices, offices, people, register, sessions};
use crate::run::House;
use crate::secrets;
use desk_domain::ids::{DeviceId, OfficeCode, UserId};
use desk_domain::people::{Employer, Role, UserCard};
use desk_domain::registry::MerchantRecord;
use desk_protocol::people::DeviceStatus;
use std::fs;
use std::io;

/// Most events in one list.
const MOST_EVENTS: usize = 1000;
/// Most bytes of a register file.
const REGISTER_BYTES: u64 = 256 * 1024 * 1024;

fn open(data: Data) -> Result<House, ServerError> {
    House::open(&ServerConfig::new(data.data))
}

fn office_code(text: &str) -> Result<OfficeCode, ServerError> {
    OfficeCode::parse(text)
        .ok_or_else(|| ServerError::Usage(format!("office code {text}: five characters of 0-9A-Z")))
}

fn unknown(what: &str, name: &str) -> ServerError {
    ServerError::Usage(format!("no {what} {name}"))
}

pub fn office(command: OfficeCommand) -> Result<(), ServerError> {
    let OfficeCommand::Add { data, code, name } = command;
    let (house, code) = (open(data)?, office_code(&code)?);
    let now = house.rules.clock.now();
    house
        .repo
        .write_blocking(move |conn| offices::put(conn, &code, &name, now))?;
    Ok(())
}

pub fn user(command: UserCommand) -> Result<(), ServerError> {
    match command {
        UserCommand::Add {
            data,
            login,
            name,
            roles,
            offices,
            outsourced,
            same_person_as,
        } => {
            let house = open(data)?;
            let user = UserId::new(house.rules.clock.now(), house.rules.chance.as_ref());
            let person = match same_person_as {
                Some(other) => account(&house, &other)?.card.person,
                None => user,
            };
            let card = UserCard {
                user,
                person,
                login,
                name,
                roles: roles.into_iter().map(role).collect(),
                employer: if outsourced {
                    Employer::Outsourcer
                } else {
                    Employer::Acquirer
                },
                offices: offices
                    .iter()
                    .map(|code| office_code(code))
                    .collect::<Result<_, _>>()?,
                active: true,
            };
            let password_phc = read_password(&house)?;
            put(&house, Account { card, password_phc })
        }
        UserCommand::List { data } => {
            let house = open(data)?;
            for card in house.repo.read_blocking(people::all)? {
                say(&format!(
                    "{} {} {:?} active={}",
                    card.login, card.name, card.roles, card.active
                ))?;
            }
            Ok(())
        }
        UserCommand::Password { data, login } => {
            let house = open(data)?;
            let card = account(&house, &login)?.card;
            let password_phc = read_password(&house)?;
            end_sessions(&house, card.user)?;
            put(&house, Account { card, password_phc })
        }
        UserCommand::Revoke { data, login } => {
            let house = open(data)?;
            let mut account = account(&house, &login)?;
            account.card.active = false;
            end_sessions(&house, account.card.user)?;
            put(&house, account)
        }
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

fn read_password(house: &House) -> Result<String, ServerError> {
    let mut line = String::new();
    io::stdin()
        .read_line(&mut line)
        .map_err(|error| ServerError::Io("stdin", error))?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.chars().count() < secrets::PASSWORD_CHARS {
        return Err(ServerError::Usage(format!(
            "a password has at least {} characters",
            secrets::PASSWORD_CHARS
        )));
    }
    secrets::hash_password(password, house.rules.chance.as_ref())
        .ok_or_else(|| ServerError::Usage("the password cannot be hashed".into()))
}

pub fn device(command: DeviceCommand) -> Result<(), ServerError> {
    match command {
        DeviceCommand::Code { data, office } => {
            let code = new_code(&open(data)?, &office_code(&office)?)?;
            say(&code)
        }
        DeviceCommand::List { data } => {
            for device in open(data)?.repo.read_blocking(devices::all)? {
                let status = devices::status_text(device.status);
                say(&format!(
                    "{} {} {} {status} {}",
                    device.id, device.office, device.device_code, device.label
                ))?;
            }
            Ok(())
        }
        DeviceCommand::Events { data } => {
            let events = open(data)?
                .repo
                .read_blocking(|conn| device_events::newest(conn, MOST_EVENTS))?;
            for event in events {
                say(&serde_json::to_string(&event)?)?;
            }
            Ok(())
        }
        DeviceCommand::Approve { data, device } => set_status(data, &device, DeviceStatus::Active),
        DeviceCommand::Revoke { data, device } => set_status(data, &device, DeviceStatus::Revoked),
    }
}

/// Makes a one-time code for an office; only its hash stays.
pub fn new_code(house: &House, office: &OfficeCode) -> Result<String, ServerError> {
    let code = secrets::enrol_code(house.rules.chance.as_ref());
    let (hash, expires_at) = (
        secrets::hash(&code),
        house.rules.clock.now().saturating_add(secrets::CODE_MS),
    );
    let owner = office.clone();
    let made = house
        .repo
        .write_blocking(move |conn| match offices::name(conn, &owner)? {
            Some(_) => devices::put_code(conn, &hash, &owner, expires_at).map(|()| true),
            None => Ok(false),
        })?;
    if made {
        Ok(code)
    } else {
        Err(unknown("office", office.as_str()))
    }
}

fn set_status(data: Data, device: &str, status: DeviceStatus) -> Result<(), ServerError> {
    let house = open(data)?;
    let id = DeviceId::parse(device).ok_or_else(|| unknown("device", device))?;
    let now = house.rules.clock.now();
    let found = house
        .repo
        .write_blocking(move |conn| devices::set_status(conn, id, status, now))?;
    if found {
        Ok(())
    } else {
        Err(unknown("device", device))
    }
}

pub fn registry(command: RegistryCommand) -> Result<(), ServerError> {
    let RegistryCommand::Import { data, file } = command;
    let size = fs::metadata(&file)
        .map_err(|error| ServerError::Io("register file", error))?
        .len();
    if size > REGISTER_BYTES {
        return Err(ServerError::Usage(
            "the register file is too large; split it".into(),
        ));
    }
    let text =
        fs::read_to_string(&file).map_err(|error| ServerError::Io("register file", error))?;
    let records: Vec<MerchantRecord> = serde_json::from_str(&text)?;
    let count = open(data)?
        .repo
        .write_blocking(move |conn| register::import(conn, records))?;
    say(&format!("{count} merchants"))
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
