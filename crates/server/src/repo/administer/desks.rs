//! Desks of the admin's offices, seen and administered from a desk.

use super::acts::Act;
use super::people::issued;
use super::steps::{self, SignedOrder};
use super::{Refusal, Stop, must_be_mine, typed};
use crate::repo::devices::{self, Approved, Device};
use crate::repo::sql::{Connection, params};
use crate::repo::{RepoError, device_acts, offices, people, safeguards, wipes};
use desk_domain::ids::{DeviceId, OfficeCode};
use desk_domain::people::UserCard;
use desk_domain::time::Millis;
use desk_protocol::admin::{
    AdminAct, AdminDesk, AdminDesks, AdminEvent, DeskAct, DeskWipe, IssuedCode, MOST_LISTED,
};
use desk_protocol::people::{DeviceStatus, fingerprint};

/// Most events of one desk, the newest first.
const MOST_EVENTS: usize = 20;
const REASON_CHARS: usize = 200;
const WAITING: &str = "SELECT id FROM device WHERE office = ?1 AND status = 'pending' AND device_code > ?2 \
    ORDER BY device_code LIMIT ?3";
const OTHERS: &str = "SELECT id FROM device WHERE office = ?1 AND status <> 'pending' AND device_code > ?2 \
    ORDER BY device_code LIMIT ?3";

/// A page of desks: those that wait first, then by office and code.
pub fn list(
    conn: &Connection,
    me: &UserCard,
    (after, office): (Option<DeviceId>, Option<&OfficeCode>),
) -> Result<AdminDesks, Stop> {
    if let Some(office) = office {
        must_be_mine(me, office)?;
    }
    let after = after.map(|id| mine(conn, me, id)).transpose()?;
    let mut found = Vec::new();
    for (group, sql) in [WAITING, OTHERS].into_iter().enumerate() {
        for at in me
            .offices
            .iter()
            .filter(|at| office.is_none_or(|o| o == *at))
        {
            let from = match &after {
                None => "",
                Some(last) => {
                    let key = (
                        usize::from(last.status != DeviceStatus::Pending),
                        &last.office,
                    );
                    match (group, at).cmp(&key) {
                        std::cmp::Ordering::Less => continue,
                        std::cmp::Ordering::Equal => last.device_code.as_str(),
                        std::cmp::Ordering::Greater => "",
                    }
                }
            };
            let left = MOST_LISTED.saturating_add(1).saturating_sub(found.len());
            let mut select = conn.prepare_cached(sql)?;
            let rows =
                select.query_map(params![at.as_str(), from, left], |row| row.get::<String>(0))?;
            found.extend(rows.collect::<Result<Vec<_>, _>>()?);
        }
    }
    let more = found.len() > MOST_LISTED;
    let mut desks = Vec::new();
    for id in found.iter().take(MOST_LISTED) {
        let id = DeviceId::parse(id).ok_or(RepoError::Damaged("device id"))?;
        desks.push(told(conn, me, mine(conn, me, id)?)?);
    }
    Ok(AdminDesks { desks, more })
}

/// A desk of the admin's offices.
fn mine(conn: &Connection, me: &UserCard, id: DeviceId) -> Result<Device, Stop> {
    let device = devices::find(conn, id)?.filter(|device| me.offices.contains(&device.office));
    Ok(device.ok_or(Refusal::Unknown)?)
}

/// All that an admin is told of a desk.
pub fn told(conn: &Connection, me: &UserCard, device: Device) -> Result<AdminDesk, Stop> {
    let enrolled_at: Millis = conn
        .prepare_cached("SELECT enrolled_at FROM device WHERE id = ?1")?
        .query_row([device.id.to_string()], |row| row.get(0))?;
    let acts = device_acts::of(conn, device.id)?;
    Ok(AdminDesk {
        approve_barred: barred(conn, me, &device)?.map(str::to_owned),
        wipe: match wipes::standing(conn, device.id)? {
            None => DeskWipe::None,
            Some("wiped") => DeskWipe::Done,
            Some(_) => DeskWipe::Ordered,
        },
        acts: acts
            .into_iter()
            .map(|act| AdminAct {
                at: act.at,
                what: act.what,
                by: act.by,
                reason: act.reason,
            })
            .collect(),
        events: events(conn, device.id)?,
        fingerprint: fingerprint(&device.public_key),
        enrolled_at,
        device: device.id,
        office: device.office,
        device_code: device.device_code,
        label: device.label,
        status: device.status,
    })
}

/// Why this admin may not approve it.
fn barred(conn: &Connection, me: &UserCard, device: &Device) -> Result<Option<&'static str>, Stop> {
    if device.status != DeviceStatus::Pending || !safeguards::load(conn)?.two_admins {
        return Ok(None);
    }
    let issuer = match device_acts::invited_by(conn, device.id)? {
        Some(user) => people::card(conn, user)?,
        None => None,
    };
    Ok(match issuer {
        None => Some("code_by_nobody"),
        Some(issuer) if issuer.person == me.person => Some("code_by_you"),
        Some(_) => None,
    })
}

fn events(conn: &Connection, device: DeviceId) -> Result<Vec<AdminEvent>, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT last_at, what, times FROM device_event WHERE device = ?1 ORDER BY last_at DESC, what LIMIT ?2",
    )?;
    let rows = select.query_map(params![device.to_string(), MOST_EVENTS], |row| {
        Ok(AdminEvent {
            last_at: row.get(0)?,
            what: row.get(1)?,
            times: row.get(2)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A one-time code for a new desk.
pub fn new_code(
    conn: &Connection,
    me: &UserCard,
    act: &Act,
    (office, code): (&OfficeCode, &str),
) -> Result<IssuedCode, Stop> {
    must_be_mine(me, office)?;
    if offices::name(conn, office)?.is_none() {
        return Err(Refusal::Unknown.into());
    }
    act.must_be_few(conn)?;
    let expires_at = steps::new_desk(conn, act, office, code)?;
    Ok(issued(code, office.clone(), expires_at))
}

/// One act on a desk.
pub fn act_on(
    conn: &Connection,
    me: &UserCard,
    act: &Act,
    (id, what, signed): (DeviceId, &DeskAct, Option<&SignedOrder>),
) -> Result<AdminDesk, Stop> {
    let device = mine(conn, me, id)?;
    match what {
        DeskAct::Approve => match steps::approve(conn, act, id, Some(me))? {
            Approved::Yes => {}
            Approved::Unknown => return Err(Refusal::Unknown.into()),
            Approved::NotPending(_) => return Err(Refusal::NotNow.into()),
            Approved::SamePerson => return Err(Refusal::SecondPerson("code_by_you").into()),
            Approved::NobodyNamed | Approved::IssuerUnknown => {
                return Err(Refusal::SecondPerson("code_by_nobody").into());
            }
        },
        DeskAct::Revoke { reason } => {
            let reason = typed(reason, "reason", REASON_CHARS)?;
            if device.status == DeviceStatus::Revoked {
                return Err(Refusal::NotNow.into());
            }
            steps::revoke(conn, act, id, &reason)?;
        }
        DeskAct::Wipe { reason, .. } => {
            let reason = typed(reason, "reason", REASON_CHARS)?;
            let signed = signed.ok_or(Refusal::NotNow)?;
            if wipes::standing(conn, id)? == Some("wiped") {
                return Err(Refusal::NotNow.into());
            }
            steps::wipe(conn, act, signed, &reason)?;
        }
    }
    told(conn, me, mine(conn, me, id)?)
}
