//! Questions to the server about a case, which it can answer only when it knows what this desk has just done to it.

use crate::error::AppError;
use crate::line::from_server;
use crate::session::Session;
use desk_domain::ids::CaseId;
use desk_sync::{Courier, SyncError};
use std::time::Duration;

/// How long the desk's own work may take to get there before the first answer stands, in looks.
const LOOKS: u32 = 75;
const BETWEEN: Duration = Duration::from_millis(200);

/// Asks about a case. A refusal that may come from work that is still on its way is asked again once it has arrived.
/// Blocks; not for the thread that draws.
pub(crate) fn about<T>(
    session: &Session,
    case: CaseId,
    ask: impl Fn(&Courier) -> Result<T, SyncError>,
) -> Result<T, AppError> {
    let courier = session.courier().ok_or(AppError::NoServer)?;
    let waits = session.store.has_unsent(case)?;
    let answer = ask(&courier);
    let refused = matches!(answer, Err(SyncError::Refused(_)));
    if refused && waits && arrives(session, &courier, case)? {
        return ask(&courier).map_err(from_server);
    }
    answer.map_err(from_server)
}

/// Waits until nothing of the case waits to be sent; false when that takes too long.
fn arrives(session: &Session, courier: &Courier, case: CaseId) -> Result<bool, AppError> {
    let news = courier.subscribe();
    courier.sync_now();
    for _ in 0..LOOKS {
        if !session.store.has_unsent(case)? {
            return Ok(true);
        }
        // Whatever it hears, and silence as well, is a reason to look.
        let _ = news.recv_timeout(BETWEEN);
    }
    Ok(false)
}
