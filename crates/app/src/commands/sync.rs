//! The second axis: what of this machine the server has, what waits, and what to do about it.

use crate::desk::Desk;
use crate::dto::{Diagnostics, DiagnosticsArgs, Nothing, SyncBadge, SyncScreen};
use crate::error::AppError;
use crate::report;
use crate::screens::sync_centre;
use crate::session::{Mode, Session};
use desk_domain::time::Millis;
use desk_store::OutboxSummary;
use desk_sync::{Link, SyncStatus};

pub fn sync_status(desk: &Desk, _: Nothing) -> Result<SyncScreen, AppError> {
    let session = desk.session()?;
    sync_centre::screen(desk, &session)
}

pub fn sync_now(desk: &Desk, _: Nothing) -> Result<SyncScreen, AppError> {
    let session = desk.session()?;
    if let Some(courier) = session.courier() {
        courier.sync_now();
    }
    sync_centre::screen(desk, &session)
}

/// The text for support; with `save` also as a file, in the folder for what a person takes out of the desk.
pub fn sync_diagnostics(desk: &Desk, args: DiagnosticsArgs) -> Result<Diagnostics, AppError> {
    let text = report::diagnostics(desk, &*desk.session()?)?;
    let saved = args
        .save
        .unwrap_or(false)
        .then(|| report::save(&desk.config().exports_dir, desk.now(), &text));
    let path = saved.transpose()?.map(|path| path.display().to_string());
    Ok(Diagnostics { text, path })
}

/// The badge in the top bar, from the file and the line.
pub(crate) fn badge(session: &Session) -> Result<SyncBadge, AppError> {
    let outbox = session.store.outbox()?;
    let status = session.courier().map(|courier| courier.status());
    badge_of(session, &outbox, status.as_ref())
}

pub(crate) fn badge_of(
    session: &Session,
    outbox: &OutboxSummary,
    line: Option<&SyncStatus>,
) -> Result<SyncBadge, AppError> {
    let papers = session.store.documents_to_send_count(1)? > 0;
    let small = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    let attention = small(outbox.parked + outbox.refused + outbox.held);
    let conflicts = small(outbox.conflicts);
    let unsent = small(outbox.unsent);
    let (state, since) = match (line, &session.mode) {
        (None, _) | (_, Mode::Standalone | Mode::Demo) => ("local_only", None),
        (Some(status), Mode::Server { .. }) => link_state(status, outbox, papers),
    };
    let state = match state {
        "local_only" | "offline" => state,
        _ if conflicts > 0 => "conflict",
        _ if attention > 0 => "attention",
        state => state,
    };
    Ok(SyncBadge {
        state: state.to_owned(),
        unsent,
        percent: line
            .and_then(moving)
            .map(|(done, total)| percent(done, total)),
        since,
        oldest_unsent_at: outbox.oldest_captured_at,
        conflicts,
        attention,
    })
}

/// How far what is on its way just now has come: ops first, then bytes of documents.
fn moving(status: &SyncStatus) -> Option<(u64, u64)> {
    let bytes = || {
        let all = status.documents.iter();
        let sum = all.fold((0, 0), |(done, total), one| {
            (done + one.sent_bytes, total + one.total_bytes)
        });
        Some(sum).filter(|(_, total)| *total > 0)
    };
    status.sending.or_else(bytes)
}

/// `papers`: a document is not with the server yet. "Synced" means that nothing is on its way any more.
fn link_state(
    status: &SyncStatus,
    outbox: &OutboxSummary,
    papers: bool,
) -> (&'static str, Option<Millis>) {
    match &status.link {
        Link::Offline { since, .. } | Link::Portal { since } => ("offline", Some(*since)),
        Link::SignInNeeded | Link::Refused { .. } | Link::UpgradeNeeded => ("attention", None),
        Link::Connecting { since } => ("waiting", Some(*since)),
        Link::Online { .. } if status.sending.is_some() => ("sending", status.last_success_at),
        Link::Online { .. } if outbox.unsent > 0 => ("waiting", status.last_success_at),
        Link::Online { .. } if papers => ("sending", status.last_success_at),
        Link::Online { .. } => ("synced", status.last_success_at),
    }
}

fn percent(done: u64, total: u64) -> u8 {
    u8::try_from(done.min(total).saturating_mul(100) / total.max(1)).unwrap_or(100)
}
