//! The demo's offices and people. Their passphrases stand in the guide, so nobody mistakes them for secrets.

use super::desk::DemoDesk;
use crate::error::ServerError;
use crate::hashing::Scratch;
use crate::repo::devices::{self, Applicant, Enrolled};
use crate::repo::people::{self, Account};
use crate::repo::{offices, sessions};
use crate::run::House;
use crate::secrets;
use desk_domain::ids::{OfficeCode, UserId};
use desk_domain::people::{Employer, Role, UserCard};
use desk_protocol::people::DeviceStatus;
use std::collections::BTreeMap;

/// Headquarters and the branch whose cases these are.
pub const HEAD: &str = "HQ000";
pub const BRANCH: &str = "HZ001";

struct Person {
    login: &'static str,
    name: &'static str,
    role: Role,
    employer: Employer,
}

const fn person(login: &'static str, name: &'static str, role: Role) -> Person {
    Person {
        login,
        name,
        role,
        employer: Employer::Acquirer,
    }
}

const PEOPLE: &[Person] = &[
    person("agent1", "坐席示例一", Role::Agent),
    Person {
        employer: Employer::Outsourcer,
        ..person("agent2", "外包坐席示例二", Role::Agent)
    },
    person("clerk1", "网点经办示例", Role::Clerk),
    person("reviewer1", "审核示例一", Role::Reviewer),
    person("reviewer2", "审核示例二", Role::Reviewer),
    person("operator1", "执行示例", Role::Operator),
    person("supervisor1", "主管示例", Role::Supervisor),
    person("admin1", "管理员示例", Role::Admin),
    person("auditor1", "审计示例", Role::Auditor),
];

/// The passphrase of a demo user: known to everybody, and it says so.
pub fn password(login: &str) -> String {
    format!("demo-{login}-请勿外用")
}

pub fn logins() -> Vec<&'static str> {
    PEOPLE.iter().map(|person| person.login).collect()
}

pub fn code(text: &str) -> Result<OfficeCode, ServerError> {
    OfficeCode::parse(text).ok_or_else(|| ServerError::Usage(format!("office code {text}")))
}

/// Adds the offices and the people.
pub fn add(house: &House) -> Result<(), ServerError> {
    let now = house.rules.clock.now();
    for (office, name) in [(HEAD, "总部（示例）"), (BRANCH, "网点（示例）")] {
        let office = code(office)?;
        house
            .repo
            .write_blocking(move |conn| offices::put(conn, &office, name, now))?;
    }
    let mut scratch = Scratch::default();
    for person in PEOPLE {
        let user = UserId::new(now, house.rules.chance.as_ref());
        let card = UserCard {
            user,
            person: user,
            login: person.login.to_owned(),
            name: person.name.to_owned(),
            roles: [person.role].into(),
            employer: person.employer,
            offices: [code(HEAD)?, code(BRANCH)?].into(),
            active: true,
        };
        let password_phc = secrets::hash_password(
            &password(person.login),
            house.rules.chance.as_ref(),
            &mut scratch,
        )
        .ok_or_else(|| ServerError::Usage("the password cannot be hashed".into()))?;
        let account = Account { card, password_phc };
        house
            .repo
            .write_blocking(move |conn| people::put(conn, &account, now))?;
    }
    Ok(())
}

/// One enrolled desk for each person that writes ops.
pub fn desks(house: &House) -> Result<BTreeMap<&'static str, DemoDesk>, ServerError> {
    let mut desks = BTreeMap::new();
    for person in PEOPLE
        .iter()
        .filter(|person| !matches!(person.role, Role::Admin | Role::Auditor))
    {
        desks.insert(person.login, desk(house, person.login)?);
    }
    Ok(desks)
}

fn desk(house: &House, login: &'static str) -> Result<DemoDesk, ServerError> {
    let (now, chance) = (house.rules.clock.now(), house.rules.chance.as_ref());
    let account = house
        .repo
        .read_blocking(|conn| people::by_login(conn, login))?;
    let user = account
        .ok_or_else(|| ServerError::Usage(format!("no user {login}")))?
        .card
        .user;
    let mut desk = DemoDesk::new(user, now, chance);
    let code_hash = secrets::hash(&secrets::enrol_code(chance));
    let applicant = Applicant {
        code_hash,
        id: desk.id,
        public_key: desk.key.verifying_key().to_bytes(),
        label: format!("演示桌面 {login}"),
        status: DeviceStatus::Active,
    };
    let branch = code(BRANCH)?;
    let enrolled = house.repo.write_blocking(move |conn| {
        devices::put_code(conn, &code_hash, &branch, now, None)?;
        let enrolled = devices::enrol(conn, &applicant, now)?;
        sessions::works_on(conn, applicant.id, user, now)?;
        Ok(enrolled)
    })?;
    let Enrolled::Yes { device, .. } = enrolled else {
        return Err(ServerError::Usage(format!(
            "the desk of {login} was not enrolled"
        )));
    };
    desk.device_code = device.device_code;
    Ok(desk)
}
