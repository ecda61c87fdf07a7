//! First start, unlocking, locking, signing in. One after the other, never two at once.

use super::status::app_status;
use crate::desk::Desk;
use crate::dto::{AppStatus, Nothing, SetupServer, SetupStandalone, SignIn, Unlock};
use crate::error::AppError;
use crate::founding;
use crate::opening;

pub fn setup_demo(desk: &Desk, _: Nothing) -> Result<AppStatus, AppError> {
    desk.ask();
    let _turn = desk.turn();
    desk.shut();
    let session = founding::open_demo(desk)?;
    desk.enter(session);
    app_status(desk, Nothing {})
}

pub fn setup_server(desk: &Desk, args: SetupServer) -> Result<AppStatus, AppError> {
    let asked = desk.ask();
    let _turn = desk.turn();
    desk.shut();
    let session = founding::found_with_server(desk, &args, asked)?;
    desk.enter(session);
    app_status(desk, Nothing {})
}

pub fn setup_standalone(desk: &Desk, args: SetupStandalone) -> Result<AppStatus, AppError> {
    desk.ask();
    let _turn = desk.turn();
    desk.shut();
    let session = founding::found_standalone(desk, &args)?;
    desk.enter(session);
    app_status(desk, Nothing {})
}

/// After too long a silence the file is open, but nothing is shown before a sign-in at the server.
pub fn unlock(desk: &Desk, args: Unlock) -> Result<AppStatus, AppError> {
    desk.ask();
    let _turn = desk.turn();
    desk.shut();
    let who = args.user.as_deref().filter(|who| !who.trim().is_empty());
    let (session, silent) = opening::unlock(desk, who, &args.passphrase)?;
    if silent {
        desk.gate(session);
        return Err(AppError::ContactNeeded);
    }
    desk.enter(session);
    app_status(desk, Nothing {})
}

pub fn lock(desk: &Desk, _: Nothing) -> Result<AppStatus, AppError> {
    desk.ask();
    let _turn = desk.turn();
    desk.shut();
    desk.ringing().clear();
    app_status(desk, Nothing {})
}

pub fn sign_in(desk: &Desk, args: SignIn) -> Result<AppStatus, AppError> {
    let asked = desk.ask();
    let _turn = desk.turn();
    let session = desk.opened()?;
    let other = opening::sign_in(desk, &session, &args, asked)?;
    match other {
        Some(other) => {
            desk.enter(other);
        }
        None => desk.admit(),
    }
    app_status(desk, Nothing {})
}
