//! Sign-in by the organisation's identity provider: the system's browser goes there and comes back to this machine.

use crate::desk::{Asked, Desk};
use crate::error::AppError;
use crate::line::from_server;
use desk_domain::time::Millis;
use desk_sync::{FrontDoor, Loopback, SessionTokens, Verifier};

/// How long a person may take; the server's own limit is longer.
const PATIENCE_MS: Millis = 300_000;

/// Waits for a person in the browser. It ends when somebody asks this desk for something else: locking comes first.
pub(crate) fn admitted(
    desk: &Desk,
    door: &FrontDoor,
    asked: Asked,
    invitation: Option<&str>,
    totp: Option<&str>,
) -> Result<SessionTokens, AppError> {
    let browser = desk.browser().ok_or(AppError::NoBrowser)?;
    let loopback = Loopback::open().map_err(from_server)?;
    let verifier = Verifier::random(desk.chance());
    let begun = door
        .begin_oidc(loopback.port(), &verifier)
        .map_err(from_server)?;
    if !browser(&begun.address) {
        return Err(AppError::NoBrowser);
    }
    let until = desk.now().saturating_add(PATIENCE_MS);
    let goes_on = || desk.now() < until && desk.is_newest(asked);
    let code = loopback.wait(&begun.state, &goes_on).map_err(from_server)?;
    door.finish_oidc(&begun, (&code, &verifier), invitation, totp)
        .map_err(from_server)
}
