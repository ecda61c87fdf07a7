//! Orders to destroy what a desk holds. The newest one that was not confirmed counts; each is confirmed once.

use super::device_acts::{self, Act};
use super::sql::{Connection, OptionalExtension, params};
use super::{RepoError, devices};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use desk_domain::ids::{DeviceId, UserId};
use desk_domain::time::Millis;
use desk_protocol::people::DeviceStatus;
use desk_protocol::wipe::{SignedWipe, WipeOrder, WipePace};

/// Keeps a signed order. At once also means that the desk is let in no more; after a sync it may still send.
pub fn put(
    conn: &Connection,
    order: &WipeOrder,
    signature: &[u8; 64],
    (by, reason): (Option<UserId>, &str),
) -> Result<bool, RepoError> {
    let (id, at) = (order.device, order.ordered_at);
    if devices::find(conn, id)?.is_none() {
        return Ok(false);
    }
    conn.execute(
        "INSERT INTO wipe_order (device, nonce, pace, ordered_at, signature, confirmed_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, NULL)",
        params![
            id.to_string(),
            order.nonce,
            order.pace.as_str(),
            at,
            signature.as_slice()
        ],
    )?;
    device_acts::note(conn, id, Act::WipeOrdered, (by, reason), at)?;
    if order.pace == WipePace::AtOnce {
        devices::revoke(conn, id, (by, reason), at)?;
    }
    Ok(true)
}

/// The order that a desk has to obey now.
pub fn of(conn: &Connection, device: DeviceId) -> Result<Option<SignedWipe>, RepoError> {
    let row: Option<(String, String, Millis, Vec<u8>)> = conn
        .prepare_cached(
            "SELECT nonce, pace, ordered_at, signature FROM wipe_order \
             WHERE device = ?1 AND confirmed_at IS NULL ORDER BY ordered_at DESC, nonce LIMIT 1",
        )?
        .query_row([device.to_string()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    let Some((nonce, pace, ordered_at, signature)) = row else {
        return Ok(None);
    };
    Ok(Some(SignedWipe {
        order: WipeOrder {
            device,
            nonce,
            pace: pace_of(&pace).ok_or(RepoError::Damaged("pace of a wipe"))?,
            ordered_at,
        },
        signature: STANDARD.encode(signature),
    }))
}

fn pace_of(text: &str) -> Option<WipePace> {
    [WipePace::AfterSync, WipePace::AtOnce]
        .into_iter()
        .find(|pace| pace.as_str() == text)
}

/// What came of a confirmation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Confirmed {
    /// At that time, by this confirmation or by the same one before: a lost reply may be asked for again.
    At(Millis),
    /// No such order for this desk.
    NoOrder,
}

/// The desk has obeyed: it is let in no more, and none of its older orders waits any longer.
pub fn confirm(
    conn: &Connection,
    device: DeviceId,
    nonce: &str,
    now: Millis,
) -> Result<Confirmed, RepoError> {
    let known: Option<Option<Millis>> = conn
        .prepare_cached("SELECT confirmed_at FROM wipe_order WHERE device = ?1 AND nonce = ?2")?
        .query_row(params![device.to_string(), nonce], |row| row.get(0))
        .optional()?;
    match known {
        None => return Ok(Confirmed::NoOrder),
        Some(Some(at)) => return Ok(Confirmed::At(at)),
        Some(None) => {}
    }
    conn.execute(
        "UPDATE wipe_order SET confirmed_at = ?2 WHERE device = ?1 AND confirmed_at IS NULL",
        params![device.to_string(), now],
    )?;
    devices::set_status(conn, device, DeviceStatus::Revoked, now)?;
    device_acts::note(conn, device, Act::Wiped, (None, ""), now)?;
    Ok(Confirmed::At(now))
}

/// When a desk said that it has obeyed, and whether an order still waits.
pub fn standing(conn: &Connection, device: DeviceId) -> Result<Option<&'static str>, RepoError> {
    let (all, open): (usize, usize) = conn
        .prepare_cached(
            "SELECT count(*), count(CASE WHEN confirmed_at IS NULL THEN 1 END) FROM wipe_order WHERE device = ?1",
        )?
        .query_row([device.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(match (all, open) {
        (0, _) => None,
        (_, 0) => Some("wiped"),
        _ => Some("wipe ordered"),
    })
}
