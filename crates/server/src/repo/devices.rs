//! Desks: one-time codes, enrolment, approval, revocation.

use super::device_acts::{self, Act};
use super::sql::{Connection, OptionalExtension, Row, params};
use super::{RepoError, offices, people, safeguards};
use desk_domain::ids::{DeviceId, OfficeCode, UserId};
use desk_domain::people::UserCard;
use desk_domain::time::Millis;
use desk_protocol::people::DeviceStatus;

/// Two characters in case numbers: 36 × 36 desks an office.
const DIGITS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// An enrolled desk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Device {
    pub id: DeviceId,
    pub office: OfficeCode,
    pub device_code: String,
    pub label: String,
    pub public_key: [u8; 32],
    pub status: DeviceStatus,
}

/// What an enrolment came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Enrolled {
    Yes {
        device: Device,
        office_name: String,
    },
    CodeWrong,
    CodeExpired,
    /// The office has no two characters left.
    OfficeFull,
}

/// Keeps the hash of a new code, and which admin made it.
pub fn put_code(
    conn: &Connection,
    hash: &[u8; 32],
    office: &OfficeCode,
    expires_at: Millis,
    issued_by: Option<UserId>,
) -> Result<(), RepoError> {
    conn.execute(
        "INSERT INTO enrol_code (code_hash, office, expires_at, used_by, issued_by) VALUES (?1, ?2, ?3, NULL, ?4)",
        params![
            hash.as_slice(),
            office.as_str(),
            expires_at,
            issued_by.map(|user| user.to_string())
        ],
    )?;
    Ok(())
}

/// A desk that shows a code and a key that it owns.
#[derive(Clone, Debug)]
pub struct Applicant {
    pub code_hash: [u8; 32],
    pub id: DeviceId,
    pub public_key: [u8; 32],
    pub label: String,
    pub status: DeviceStatus,
}

/// Spends the code. The same desk asking again with the same code and key is told where it stands.
pub fn enrol(conn: &Connection, applicant: &Applicant, now: Millis) -> Result<Enrolled, RepoError> {
    let row: Option<(String, Millis, Option<String>, Option<String>)> = conn
        .prepare_cached(
            "SELECT office, expires_at, used_by, issued_by FROM enrol_code WHERE code_hash = ?1",
        )?
        .query_row([applicant.code_hash.as_slice()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    let Some((office, expires_at, used_by, issued_by)) = row else {
        return Ok(Enrolled::CodeWrong);
    };
    let office = OfficeCode::parse(&office).ok_or(RepoError::Damaged("office code"))?;
    let office_name = offices::name(conn, &office)?.ok_or(RepoError::Damaged("office"))?;
    let known = find(conn, applicant.id)?;
    if let (Some(device), Some(used_by)) = (&known, &used_by) {
        let same =
            *used_by == applicant.id.to_string() && device.public_key == applicant.public_key;
        return Ok(if same {
            Enrolled::Yes {
                device: device.clone(),
                office_name,
            }
        } else {
            Enrolled::CodeWrong
        });
    }
    if known.is_some() || used_by.is_some() {
        return Ok(Enrolled::CodeWrong);
    }
    if now > expires_at {
        return Ok(Enrolled::CodeExpired);
    }
    let Some(device_code) = free_code(conn, &office)? else {
        return Ok(Enrolled::OfficeFull);
    };
    // A server that approves by itself must not stand in for the second admin.
    let status = if safeguards::load(conn)?.two_admins {
        DeviceStatus::Pending
    } else {
        applicant.status
    };
    let device = Device {
        id: applicant.id,
        office,
        device_code,
        label: applicant.label.clone(),
        public_key: applicant.public_key,
        status,
    };
    insert(conn, &device, now)?;
    let invited_by = issued_by.as_deref().and_then(UserId::parse);
    device_acts::note(conn, device.id, Act::Invited, (invited_by, ""), now)?;
    conn.execute(
        "UPDATE enrol_code SET used_by = ?2 WHERE code_hash = ?1",
        params![applicant.code_hash.as_slice(), applicant.id.to_string()],
    )?;
    Ok(Enrolled::Yes {
        device,
        office_name,
    })
}

fn insert(conn: &Connection, device: &Device, now: Millis) -> Result<(), RepoError> {
    conn.execute(
        "INSERT INTO device (id, office, device_code, label, public_key, status, enrolled_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            device.id.to_string(),
            device.office.as_str(),
            device.device_code,
            device.label,
            device.public_key.as_slice(),
            status_text(device.status),
            now
        ],
    )?;
    Ok(())
}

fn free_code(conn: &Connection, office: &OfficeCode) -> Result<Option<String>, RepoError> {
    let taken: usize = conn
        .prepare_cached("SELECT count(*) FROM device WHERE office = ?1")?
        .query_row([office.as_str()], |row| row.get(0))?;
    // Devices are never deleted, so the count is the next free number; 00 stays unused.
    let next = taken.saturating_add(1);
    let (Some(high), Some(low)) = (DIGITS.get(next / 36), DIGITS.get(next % 36)) else {
        return Ok(None);
    };
    Ok(Some([*high, *low].into_iter().map(char::from).collect()))
}

/// One desk.
pub fn find(conn: &Connection, id: DeviceId) -> Result<Option<Device>, RepoError> {
    let row = conn
        .prepare_cached(
            "SELECT id, office, device_code, label, public_key, status FROM device WHERE id = ?1",
        )?
        .query_row([id.to_string()], read)
        .optional()?;
    row.transpose()
}

/// All desks.
pub fn all(conn: &Connection) -> Result<Vec<Device>, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT id, office, device_code, label, public_key, status FROM device ORDER BY office, device_code",
    )?;
    let rows = select.query_map((), read)?;
    let mut devices = Vec::new();
    for row in rows {
        devices.push(row??);
    }
    Ok(devices)
}

/// The desks that somebody has ever signed in on.
pub fn worked_on_by(conn: &Connection, user: UserId) -> Result<Vec<Device>, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT d.id, d.office, d.device_code, d.label, d.public_key, d.status FROM device d \
         JOIN device_user u ON u.device = d.id WHERE u.\"user\" = ?1 ORDER BY d.office, d.device_code",
    )?;
    let rows = select.query_map([user.to_string()], read)?;
    let mut devices = Vec::new();
    for row in rows {
        devices.push(row??);
    }
    Ok(devices)
}

/// What came of an approval.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Approved {
    Yes,
    Unknown,
    /// It is active, or was revoked.
    NotPending(DeviceStatus),
    /// Two admins are asked for, and nobody says who approves.
    NobodyNamed,
    /// Two admins are asked for, and nobody was named when the code was made.
    IssuerUnknown,
    /// The one who made the code, by whichever account.
    SamePerson,
}

/// Lets a desk in; where two admins are asked for, by another human being than the one who made its code.
pub fn approve(
    conn: &Connection,
    id: DeviceId,
    by: Option<&UserCard>,
    now: Millis,
) -> Result<Approved, RepoError> {
    let Some(device) = find(conn, id)? else {
        return Ok(Approved::Unknown);
    };
    if device.status != DeviceStatus::Pending {
        return Ok(Approved::NotPending(device.status));
    }
    if safeguards::load(conn)?.two_admins {
        let Some(by) = by else {
            return Ok(Approved::NobodyNamed);
        };
        let issuer = match device_acts::invited_by(conn, id)? {
            Some(user) => people::card(conn, user)?,
            None => None,
        };
        let Some(issuer) = issuer else {
            return Ok(Approved::IssuerUnknown);
        };
        if issuer.person == by.person {
            return Ok(Approved::SamePerson);
        }
    }
    set_status(conn, id, DeviceStatus::Active, now)?;
    device_acts::note(conn, id, Act::Approved, (by.map(|by| by.user), ""), now)?;
    Ok(Approved::Yes)
}

/// Puts a desk out; false when there is no such desk.
pub fn revoke(
    conn: &Connection,
    id: DeviceId,
    (by, reason): (Option<UserId>, &str),
    now: Millis,
) -> Result<bool, RepoError> {
    let found = set_status(conn, id, DeviceStatus::Revoked, now)?;
    if found {
        device_acts::note(conn, id, Act::Revoked, (by, reason), now)?;
    }
    Ok(found)
}

/// Sets its status; false when there is no such desk. A revoked desk has no session.
pub fn set_status(
    conn: &Connection,
    id: DeviceId,
    status: DeviceStatus,
    now: Millis,
) -> Result<bool, RepoError> {
    let changed = conn.execute(
        "UPDATE device SET status = ?2 WHERE id = ?1",
        params![id.to_string(), status_text(status)],
    )?;
    if status == DeviceStatus::Revoked {
        conn.execute(
            "UPDATE session SET ended_at = ?2 WHERE device = ?1 AND ended_at IS NULL",
            params![id.to_string(), now],
        )?;
    }
    Ok(changed > 0)
}

fn read(row: &Row<'_>) -> Result<Result<Device, RepoError>, super::sql::SqlError> {
    let (id, office, status): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(5)?);
    let parsed = (
        DeviceId::parse(&id),
        OfficeCode::parse(&office),
        status_of(&status),
    );
    let (Some(id), Some(office), Some(status)) = parsed else {
        return Ok(Err(RepoError::Damaged("device")));
    };
    Ok(Ok(Device {
        id,
        office,
        device_code: row.get(2)?,
        label: row.get(3)?,
        public_key: row.get(4)?,
        status,
    }))
}

/// The stored word for a status.
pub const fn status_text(status: DeviceStatus) -> &'static str {
    match status {
        DeviceStatus::Pending => "pending",
        DeviceStatus::Active => "active",
        DeviceStatus::Revoked => "revoked",
    }
}

pub(super) fn status_of(text: &str) -> Option<DeviceStatus> {
    match text {
        "pending" => Some(DeviceStatus::Pending),
        "active" => Some(DeviceStatus::Active),
        "revoked" => Some(DeviceStatus::Revoked),
        _ => None,
    }
}
