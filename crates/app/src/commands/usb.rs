//! The hand-over by stick, in the sync centre.

use crate::desk::Desk;
use crate::dto::{
    Nothing, SyncCase, UsbExport, UsbExported, UsbImport, UsbScreen, UsbTaken, UsbWritten,
};
use crate::error::AppError;
use crate::opening::is_silent;
use crate::session::{Mode, Session};
use crate::usb::export::{export, small};
use crate::usb::import::{exported, import};
use crate::usb::{in_turn, places};
use desk_store::{OpState, OutboxRow};
use std::collections::BTreeSet;
use std::path::Path;

/// Most documents counted for the screen.
const DOCUMENTS: usize = 5_000;

/// Where a stick may be, what runs, and what waits for a receipt.
pub fn usb_places(desk: &Desk, _: Nothing) -> Result<UsbScreen, AppError> {
    let session = desk.opened()?;
    let last = exported(&session)?.map(|(exported, waiting)| UsbExported {
        at: exported.at,
        waiting: small(waiting),
        files: exported.files,
    });
    let documents = session.store.documents_to_send_count(DOCUMENTS)?;
    Ok(UsbScreen {
        places: places::places(),
        running: desk.usb().view(),
        exported: last,
        ops: small(session.store.outbox()?.unsent),
        documents: small(documents),
    })
}

/// Writes everything unsent to a folder; when this answers, the stick may be taken out. Blocks; `usb_places` tells how
/// far it is, and a call without a folder stops it.
pub fn usb_export(desk: &Desk, args: UsbExport) -> Result<UsbWritten, AppError> {
    let session = desk.session()?;
    let Some(folder) = args.folder else {
        desk.usb().stop();
        return Ok(UsbWritten {
            files: Vec::new(),
            ops: 0,
            documents: 0,
            bytes: 0,
        });
    };
    with_server(&session)?;
    in_turn(desk, "export", |running| {
        export(desk, &session, Path::new(&folder), running)
    })
}

/// Takes a return bundle in. Also a desk that waits for word from headquarters may: a bundle is such a word.
pub fn usb_import(desk: &Desk, args: UsbImport) -> Result<UsbTaken, AppError> {
    let session = desk.opened()?;
    with_server(&session)?;
    let taken = in_turn(desk, "import", |running| {
        import(desk, &session, Path::new(&args.path), running)
    })?;
    let me = session.store.user(session.user.user)?;
    if me.is_some_and(|me| me.active) && !is_silent(desk, &session)? {
        desk.admit();
    }
    Ok(taken)
}

fn with_server(session: &Session) -> Result<(), AppError> {
    match session.mode {
        Mode::Server { .. } => Ok(()),
        Mode::Standalone | Mode::Demo => Err(AppError::NoServer),
    }
}

/// Cases whose waiting ops all lie on a stick say so, until a receipt came by either way.
pub(crate) fn mark_exported(
    session: &Session,
    rows: &[OutboxRow],
    waiting: &mut [SyncCase],
) -> Result<(), AppError> {
    let Some((exported, _)) = exported(session)? else {
        return Ok(());
    };
    let mut left_here = BTreeSet::new();
    for row in rows.iter().filter(|row| row.state == OpState::Queued) {
        let place = session.store.place_of(row.op_id)?;
        let on_the_stick = place.is_some_and(|(incarnation, seq)| {
            incarnation == exported.incarnation && seq <= exported.through_seq
        });
        if !on_the_stick {
            left_here.insert(row.case.to_string());
        }
    }
    for case in waiting
        .iter_mut()
        .filter(|case| !left_here.contains(&case.case))
    {
        "exported".clone_into(&mut case.state);
        "exported".clone_into(&mut case.reason);
        "none".clone_into(&mut case.action);
    }
    Ok(())
}
