//! The sync centre as it is shown: every row with its reason and its next step.

use super::Painter;
use super::sync_rows::{Line, needs_person, progress_of, waiting};
use crate::commands::sync::badge_of;
use crate::desk::Desk;
use crate::dto::{AlertView, ConflictView, SyncDocument, SyncScreen};
use crate::error::AppError;
use crate::session::{Mode, Session, kept};
use crate::words::word;
use desk_domain::case::CaseState;
use desk_domain::time::Millis;
use desk_store::{OpState, OutboxRow, Queue, QueueFilter, Upload};
use desk_sync::{Link, SyncStatus};
use std::collections::BTreeSet;
use std::path::Path;

/// Ops looked at for one screen.
const ROWS: usize = 500;
const UPLOADS: usize = 200;
/// Documents travel in pieces of this size; the last one is shorter.
const CHUNK_BYTES: u64 = 1024 * 1024;

pub(crate) fn screen(desk: &Desk, session: &Session) -> Result<SyncScreen, AppError> {
    let outbox = session.store.outbox()?;
    let status = session.courier().map(|courier| courier.status());
    let line = Line(status.as_ref());
    let rows = session.store.outbox_rows(ROWS)?;
    let mut waiting = waiting(&rows, line);
    crate::commands::usb::mark_exported(session, &rows, &mut waiting)?;
    let listed: u64 = waiting.iter().map(|case| u64::from(case.ops)).sum();
    let (link, why) = link_of(status.as_ref());
    let dir = session.vault.dir();
    Ok(SyncScreen {
        badge: badge_of(session, &outbox, status.as_ref())?,
        server_url: match &session.mode {
            Mode::Server { url } => Some(url.clone()),
            Mode::Standalone | Mode::Demo => None,
        },
        link,
        why,
        last_contact_at: last_contact(session, status.as_ref())?,
        clock_skew_ms: status.as_ref().and_then(|status| status.clock_skew_ms),
        server_version: status
            .as_ref()
            .and_then(|status| status.server_version.clone()),
        rows: rows.iter().filter_map(needs_person).collect(),
        waiting,
        waiting_more: outbox.unsent.saturating_sub(listed),
        documents: documents(session, status.as_ref())?,
        conflicts: conflicts(desk, session, &rows)?,
        alerts: alerts(session)?,
        database_bytes: ["desk.db", "desk.db-wal"]
            .iter()
            .map(|name| file_bytes(&dir.join(name)))
            .sum(),
        documents_bytes: folder_bytes(&dir.join("documents")),
        free_bytes: free_bytes(dir),
        disk_low: session.store.disk_is_low(),
    })
}

/// What a person should know about the desk itself.
pub(crate) fn alerts(session: &Session) -> Result<Vec<AlertView>, AppError> {
    let alerts = session.store.alerts()?;
    let views = alerts.into_iter().map(|alert| AlertView {
        id: alert.id,
        code: alert.code,
        at: alert.at,
        params: alert.params,
    });
    Ok(views.collect())
}

fn last_contact(
    session: &Session,
    status: Option<&SyncStatus>,
) -> Result<Option<Millis>, AppError> {
    let before: Option<Millis> = session.recall(kept::LAST_CONTACT)?;
    Ok(before.max(status.and_then(|status| status.last_success_at)))
}

fn link_of(status: Option<&SyncStatus>) -> (String, Option<String>) {
    let (link, why) = match status.map(|status| &status.link) {
        None => ("standalone", None),
        Some(Link::Online { .. }) => ("online", None),
        Some(Link::Connecting { .. }) => ("offline", None),
        Some(Link::Offline { why, .. }) => {
            ("offline", Some(super::sync_rows::why_name(*why).to_owned()))
        }
        Some(Link::Portal { .. }) => ("portal", Some("portal".to_owned())),
        Some(Link::SignInNeeded) => ("sign_in_needed", None),
        Some(Link::Refused { code }) => ("sign_in_needed", Some(code.clone())),
        Some(Link::UpgradeNeeded) => ("upgrade_needed", None),
    };
    (link.to_owned(), why)
}

fn documents(
    session: &Session,
    status: Option<&SyncStatus>,
) -> Result<Vec<SyncDocument>, AppError> {
    let mut waiting = Vec::new();
    for upload in session.store.documents_to_send(UPLOADS)? {
        let case_no = session
            .store
            .case_view(upload.case)?
            .map(|view| view.case.case_no.to_string());
        let sent_bytes = sent_bytes(&upload, status);
        let total_bytes = upload.manifest.size_bytes;
        let (state, reason, action) = Line(status).of_document(upload.id, sent_bytes > 0);
        let pace = status.and_then(|status| progress_of(status, upload.id));
        waiting.push(SyncDocument {
            id: upload.id.to_string(),
            case: upload.case.to_string(),
            case_no: case_no.unwrap_or_default(),
            kind: word(&upload.kind),
            sent_bytes,
            total_bytes,
            percent: percent_below_100(sent_bytes, total_bytes),
            done_at: pace
                .filter(|_| state == "sending")
                .and_then(|one| one.done_at),
            state: state.to_owned(),
            reason,
            action: action.to_owned(),
        });
    }
    Ok(waiting)
}

/// What the server confirmed: the ledger knows it from earlier runs, the courier from this one. Both only grow, until
/// the server itself says that it lost something.
fn sent_bytes(upload: &Upload, status: Option<&SyncStatus>) -> u64 {
    let size_bytes = upload.manifest.size_bytes;
    let kept = (0_u64..).zip(&upload.have).filter(|(_, have)| **have);
    let kept = kept.map(|(index, _)| {
        let from = index.saturating_mul(CHUNK_BYTES);
        size_bytes.saturating_sub(from).min(CHUNK_BYTES)
    });
    let live = status.and_then(|status| progress_of(status, upload.id));
    kept.sum::<u64>().max(live.map_or(0, |one| one.sent_bytes))
}

/// Every byte there is still not "stored": that word is the server's, and then the row is gone.
fn percent_below_100(done: u64, total: u64) -> u8 {
    let percent = done.min(total).saturating_mul(100) / total.max(1);
    u8::try_from(percent.min(99)).unwrap_or(99)
}

/// Conflicts of this desk's own ops, and of the cases that are still being worked on.
fn conflicts(
    desk: &Desk,
    session: &Session,
    rows: &[OutboxRow],
) -> Result<Vec<ConflictView>, AppError> {
    let own = rows
        .iter()
        .filter(|row| row.state == OpState::Conflict)
        .map(|row| row.case);
    let mut cases: BTreeSet<_> = own.collect();
    for state in [
        CaseState::Draft,
        CaseState::Returned,
        CaseState::Submitted,
        CaseState::InReview,
    ] {
        let listed = session.store.queue(
            &QueueFilter {
                queue: Queue::State(state),
                mine: None,
            },
            None,
            50,
        )?;
        cases.extend(
            listed
                .into_iter()
                .filter(|row| row.conflicts > 0)
                .map(|row| row.id),
        );
    }
    let painter = Painter::new(session, desk.now());
    let mut open = Vec::new();
    for case in cases {
        if let Some(view) = session.store.case_view(case)? {
            open.extend(painter.conflicts(&view.case));
        }
    }
    Ok(open)
}

fn file_bytes(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |meta| meta.len())
}

fn folder_bytes(path: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(path) else {
        return 0;
    };
    entries
        .filter_map(Result::ok)
        .filter_map(|entry| entry.metadata().ok())
        .map(|meta| meta.len())
        .sum()
}

/// Room on the disk of the profile; 0 where the platform does not say.
#[cfg(unix)]
fn free_bytes(path: &Path) -> u64 {
    rustix::fs::statvfs(path).map_or(0, |disk| disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
fn free_bytes(_: &Path) -> u64 {
    0
}
