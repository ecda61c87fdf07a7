//! The admin's offices, and what holds in the whole house.

use super::acts::{Act, What};
use super::{Refusal, Stop, must_be_mine, typed};
use crate::repo::offices::{self, Moved};
use crate::repo::people::{self, Account};
use crate::repo::policies::{self, Approved};
use crate::repo::sql::{Connection, OptionalExtension};
use crate::repo::{RepoError, Rules, safeguards};
use desk_domain::ids::OfficeCode;
use desk_domain::people::{Role, UserCard};
use desk_domain::policy::{Policy, changes};
use desk_domain::time::Millis;
use desk_protocol::admin::{
    AdminOffice, AdminOverview, AdminPolicy, PolicyChange, PutOffice, WaitingPolicy,
};
use std::collections::BTreeMap;

const NAME_CHARS: usize = 60;

/// How many there are in an office.
#[derive(Clone, Copy, Default)]
struct Count {
    people: u32,
    desks: u32,
    waiting: u32,
}

/// What the admin's start page shows.
pub fn overview(conn: &Connection, me: &UserCard, rules: &Rules) -> Result<AdminOverview, Stop> {
    let counts = counts(conn)?;
    let mut listed = Vec::new();
    for office in offices::all(conn)? {
        let code = OfficeCode::parse(&office.code).ok_or(RepoError::Damaged("office code"))?;
        if !me.offices.contains(&code) {
            continue;
        }
        let count = counts.get(&office.code).copied().unwrap_or_default();
        listed.push(AdminOffice {
            code,
            name: office.name,
            parent: office.parent.as_deref().and_then(OfficeCode::parse),
            people: count.people,
            desks: count.desks,
            waiting: count.waiting,
        });
    }
    let asked = safeguards::load(conn)?;
    Ok(AdminOverview {
        offices: listed,
        second_factor: asked.second_factor,
        two_admins: asked.two_admins,
        policy: policy(conn, rules)?,
    })
}

fn counts(conn: &Connection) -> Result<BTreeMap<String, Count>, Stop> {
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    for card in people::all(conn)? {
        if card.active && !card.roles.contains(&Role::System) {
            for office in &card.offices {
                let count = counts.entry(office.to_string()).or_default();
                count.people = count.people.saturating_add(1);
            }
        }
    }
    let mut select =
        conn.prepare_cached("SELECT office, status, count(*) FROM device GROUP BY office, status")?;
    let mut rows = select.query(())?;
    while let Some(row) = rows.next()? {
        let (office, status, many): (String, String, u32) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let count = counts.entry(office).or_default();
        match status.as_str() {
            "active" => count.desks = many,
            "pending" => count.waiting = many,
            _ => {}
        }
    }
    Ok(counts)
}

fn policy(conn: &Connection, rules: &Rules) -> Result<AdminPolicy, Stop> {
    let now = policies::current(conn, rules)?;
    let version = now.version;
    let since: Option<Option<Millis>> = conn
        .prepare_cached("SELECT approved_at FROM policy WHERE version = ?1")?
        .query_row([i64::from(version)], |row| row.get(0))
        .optional()?;
    let told = policies::all(conn)?;
    let newest = told.into_iter().find(|told| told.approved_at.is_none());
    let mut waiting = None;
    if let Some(told) = newest.filter(|told| told.version > version) {
        let toml = policies::text_of(conn, told.version)?.unwrap_or_default();
        let to = Policy::parse(&toml).map_err(|_| RepoError::Damaged("text of a policy"))?;
        let word = |value: Option<String>| value.unwrap_or_default();
        waiting = Some(WaitingPolicy {
            version: told.version,
            proposed_at: told.proposed_at,
            proposed_by: told.proposed_by,
            changes: changes(&now.policy, &to)
                .into_iter()
                .map(|change| PolicyChange {
                    key: change.name,
                    from: word(change.from),
                    to: word(change.to),
                    eases: change.easier,
                })
                .collect(),
        });
    }
    Ok(AdminPolicy {
        version,
        since: since.flatten().unwrap_or_default(),
        waiting,
    })
}

/// The second admin's word on a policy.
pub fn approve(
    conn: &Connection,
    me: &UserCard,
    act: &Act,
    (version, rules): (u32, &Rules),
) -> Result<AdminOverview, Stop> {
    match policies::approve(conn, version, me.user, act.at)? {
        Approved::Yes => {}
        Approved::SamePerson => return Err(Refusal::SecondPerson("proposed_by_you").into()),
        Approved::NoSuch | Approved::Overtaken { .. } => return Err(Refusal::NotNow.into()),
    }
    let subject = version.to_string();
    act.note(conn, What::ApprovePolicy, &me.offices, (&subject, ""))?;
    overview(conn, me, rules)
}

/// Adds an office under one of the admin's, or gives one of them another name or place.
pub fn put(
    conn: &Connection,
    me: &UserCard,
    act: &Act,
    (office, rules): (&PutOffice, &Rules),
) -> Result<AdminOverview, Stop> {
    let name = typed(&office.name, "name", NAME_CHARS)?;
    let (code, parent) = (&office.code, office.parent.as_ref());
    let before: Option<Option<String>> = conn
        .prepare_cached("SELECT parent FROM office WHERE code = ?1")?
        .query_row([code.as_str()], |row| row.get(0))
        .optional()?;
    let is_new = before.is_none();
    match before {
        Some(_) if !me.offices.contains(code) => return Err(Refusal::OfficeTaken.into()),
        // Left where it is.
        Some(before) if before.as_deref() == parent.map(OfficeCode::as_str) => {}
        Some(_) | None => match parent {
            Some(parent) => {
                must_be_mine(me, parent).map_err(|_| Refusal::Field("parent"))?;
            }
            None => return Err(Refusal::Field("parent").into()),
        },
    }
    if offices::fits(conn, code, parent)? != Moved::Yes {
        return Err(Refusal::Field("parent").into());
    }
    offices::put(conn, code, &name, act.at)?;
    offices::set_parent(conn, code, parent)?;
    let mut me = me.clone();
    if is_new && me.offices.insert(code.clone()) {
        let account = people::by_login(conn, &me.login)?.ok_or(Refusal::Forbidden)?;
        let account = Account {
            card: me.clone(),
            password_phc: account.password_phc,
        };
        people::put(conn, &account, act.at)?;
    }
    let under = parent.map(ToString::to_string).unwrap_or_default();
    let detail = format!("parent={under} name={name}");
    act.note(conn, What::PutOffice, [code], (code.as_str(), &detail))?;
    overview(conn, &me, rules)
}
