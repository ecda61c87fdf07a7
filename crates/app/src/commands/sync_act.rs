//! What a person can do in the sync centre about a row or an alert.

use super::read;
use super::sync::sync_status;
use crate::desk::Desk;
use crate::dto::{Nothing, SyncAct, SyncScreen};
use crate::error::{AppError, Thing};
use crate::session::Session;
use desk_domain::ids::OpId;
use desk_store::OpState;

/// Ops looked at by "try everything again".
const MOST: usize = 200;

/// Does one thing and shows the screen as it is then.
pub fn sync_act(desk: &Desk, act: SyncAct) -> Result<SyncScreen, AppError> {
    let session = desk.session()?;
    match act {
        SyncAct::Retry { op } => {
            session.store.retry_parked(op_of(&op)?)?;
        }
        SyncAct::RetryAll {} => retry_all(&session)?,
        SyncAct::Dismiss { op, reason } => dismiss(desk, &session, &op, &reason)?,
        SyncAct::AlertSeen { alert } => session.store.dismiss_alert(alert)?,
    }
    session.poke();
    sync_status(desk, Nothing {})
}

/// After an upgrade, say: what one server refused another may take.
fn retry_all(session: &Session) -> Result<(), AppError> {
    let rows = session.store.outbox_rows(MOST)?;
    for row in rows.iter().filter(|row| row.state == OpState::Parked) {
        // Done already with the action that it is part of: then this is nothing.
        session.store.retry_parked(row.op_id)?;
    }
    Ok(())
}

/// A parked op needs a reason, which is kept; a refusal or a settled conflict has only to be seen.
fn dismiss(desk: &Desk, session: &Session, op: &str, reason: &str) -> Result<(), AppError> {
    let op = op_of(op)?;
    let rows = session.store.outbox_rows(MOST)?;
    let parked = rows
        .iter()
        .any(|row| row.op_id == op && matches!(row.state, OpState::Parked | OpState::Held));
    if !parked {
        return Ok(session.store.dismiss(op)?);
    }
    let reason = read::said(desk, reason, "reason")?;
    let done = session
        .store
        .dismiss_parked(op, session.user.user, desk.now(), &reason)?;
    if done == 0 {
        // Held by the server for another reason: there it is, and nobody here can take it back.
        return Err(AppError::NotFound(Thing::Parked));
    }
    Ok(())
}

fn op_of(text: &str) -> Result<OpId, AppError> {
    OpId::parse(text).ok_or(AppError::NotFound(Thing::Parked))
}
