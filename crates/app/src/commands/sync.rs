//! The second axis: what of this machine the server has, what waits, and what to do about it.

use crate::desk::Desk;
use crate::dto::{AlertView, Diagnostics, Nothing, SyncBadge, SyncDocument, SyncRow, SyncScreen};
use crate::error::AppError;
use crate::screens::Painter;
use crate::session::{Mode, Session};
use crate::words::word;
use desk_domain::case::CaseState;
use desk_domain::outcome::{HeldWhy, Outcome};
use desk_domain::time::Millis;
use desk_store::{OpState, OutboxRow, OutboxSummary, Queue, QueueFilter};
use desk_sync::{Link, OfflineWhy, SyncStatus};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

const ROWS: usize = 200;
const UPLOADS: usize = 200;

pub fn sync_status(desk: &Desk, _: Nothing) -> Result<SyncScreen, AppError> {
    let session = desk.session()?;
    screen(desk, &session)
}

pub fn sync_now(desk: &Desk, _: Nothing) -> Result<SyncScreen, AppError> {
    let session = desk.session()?;
    if let Some(courier) = session.courier() {
        courier.sync_now();
    }
    screen(desk, &session)
}

/// For support: counts, codes and versions, never a value, a name or a number of anybody.
pub fn sync_diagnostics(desk: &Desk, _: Nothing) -> Result<Diagnostics, AppError> {
    let session = desk.session()?;
    let screen = screen(desk, &session)?;
    let heads = session.store.heads()?;
    let mut text = String::new();
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name}: {value}");
    };
    line("version", &env!("CARGO_PKG_VERSION"));
    line(
        "server_version",
        &screen.server_version.as_deref().unwrap_or("-"),
    );
    line("device", &session.identity.device);
    line("office", &session.identity.office);
    line("keystore", &session.vault.keystore().as_str());
    line("link", &screen.link);
    line("why", &screen.why.as_deref().unwrap_or("-"));
    line("last_success_at", &screen.last_success_at.unwrap_or(0));
    line("clock_skew_ms", &screen.clock_skew_ms.unwrap_or(0));
    line("unsent", &screen.badge.unsent);
    line("attention", &screen.badge.attention);
    line("conflicts", &screen.badge.conflicts);
    line("documents_waiting", &screen.documents.len());
    line("database_bytes", &screen.database_bytes);
    line("documents_bytes", &screen.documents_bytes);
    for head in heads {
        line(
            "head",
            &format!(
                "{} seq {} acknowledged {} hash {}",
                head.incarnation, head.seq, head.acknowledged_seq, head.hash
            ),
        );
    }
    for alert in &screen.alerts {
        line(
            "alert",
            &format!("{} at {} {:?}", alert.code, alert.at, alert.params),
        );
    }
    for row in &screen.rows {
        line(
            "op",
            &format!("{} {} {} {}", row.op, row.kind, row.state, row.reason),
        );
    }
    Ok(Diagnostics { text })
}

/// The badge in the top bar, from the file and the line.
pub(super) fn badge(session: &Session) -> Result<SyncBadge, AppError> {
    let outbox = session.store.outbox()?;
    Ok(badge_of(
        session,
        &outbox,
        session.courier().map(|courier| courier.status()).as_ref(),
    ))
}

fn badge_of(session: &Session, outbox: &OutboxSummary, line: Option<&SyncStatus>) -> SyncBadge {
    let small = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    let attention = small(outbox.parked + outbox.refused + outbox.held);
    let conflicts = small(outbox.conflicts);
    let unsent = small(outbox.unsent);
    let (state, since) = match (line, &session.mode) {
        (None, _) | (_, Mode::Standalone | Mode::Demo) => ("local_only", None),
        (Some(status), Mode::Server { .. }) => link_state(status, outbox),
    };
    let state = match state {
        "local_only" | "offline" => state,
        _ if conflicts > 0 => "conflict",
        _ if attention > 0 => "attention",
        state => state,
    };
    SyncBadge {
        state: state.to_owned(),
        unsent,
        percent: line
            .and_then(|status| status.sending)
            .map(|(done, total)| percent(done, total)),
        since,
        oldest_unsent_at: outbox.oldest_captured_at,
        conflicts,
        attention,
    }
}

fn link_state(status: &SyncStatus, outbox: &OutboxSummary) -> (&'static str, Option<Millis>) {
    match &status.link {
        Link::Offline { since, .. } | Link::Portal { since } => ("offline", Some(*since)),
        Link::SignInNeeded | Link::Refused { .. } | Link::UpgradeNeeded => ("attention", None),
        Link::Connecting { since } => ("waiting", Some(*since)),
        Link::Online { .. } if status.sending.is_some() => ("sending", status.last_success_at),
        Link::Online { .. } if outbox.unsent > 0 => ("waiting", status.last_success_at),
        Link::Online { .. } => ("synced", status.last_success_at),
    }
}

fn percent(done: u64, total: u64) -> u8 {
    u8::try_from(done.min(total).saturating_mul(100) / total.max(1)).unwrap_or(100)
}

fn screen(desk: &Desk, session: &Session) -> Result<SyncScreen, AppError> {
    let outbox = session.store.outbox()?;
    let status = session.courier().map(|courier| courier.status());
    let rows = session.store.outbox_rows(ROWS)?;
    let mut listed: Vec<SyncRow> = rows
        .iter()
        .map(|row| sync_row(row, status.as_ref()))
        .collect();
    super::usb::mark_exported(session, &mut listed)?;
    let (link, why) = link_of(status.as_ref());
    let dir = session.vault.dir();
    Ok(SyncScreen {
        badge: badge_of(session, &outbox, status.as_ref()),
        server_url: super::status::server_url(&session.mode),
        link,
        why,
        last_success_at: status.as_ref().and_then(|status| status.last_success_at),
        clock_skew_ms: status.as_ref().and_then(|status| status.clock_skew_ms),
        server_version: status
            .as_ref()
            .and_then(|status| status.server_version.clone()),
        rows: listed,
        documents: documents(session, status.as_ref())?,
        conflicts: conflicts(desk, session, &rows)?,
        alerts: alerts(session)?,
        database_bytes: ["desk.db", "desk.db-wal"]
            .iter()
            .map(|name| file_bytes(&dir.join(name)))
            .sum(),
        documents_bytes: folder_bytes(&dir.join("documents")),
        free_bytes: free_bytes(dir),
    })
}

fn alerts(session: &Session) -> Result<Vec<AlertView>, AppError> {
    let alerts = session.store.alerts()?;
    let views = alerts.into_iter().map(|alert| AlertView {
        id: alert.id,
        code: alert.code,
        at: alert.at,
        params: alert.params,
    });
    Ok(views.collect())
}

fn link_of(status: Option<&SyncStatus>) -> (String, Option<String>) {
    let (link, why) = match status.map(|status| &status.link) {
        None => ("standalone", None),
        Some(Link::Online { .. }) => ("online", None),
        Some(Link::Connecting { .. }) => ("offline", None),
        Some(Link::Offline { why, .. }) => ("offline", Some(why_name(*why).to_owned())),
        Some(Link::Portal { .. }) => ("portal", Some("portal".to_owned())),
        Some(Link::SignInNeeded) => ("sign_in_needed", None),
        Some(Link::Refused { code }) => ("sign_in_needed", Some(code.clone())),
        Some(Link::UpgradeNeeded) => ("upgrade_needed", None),
    };
    (link.to_owned(), why)
}

const fn why_name(why: OfflineWhy) -> &'static str {
    match why {
        OfflineWhy::Dns => "dns",
        OfflineWhy::Refused => "refused",
        OfflineWhy::Timeout | OfflineWhy::Cut => "timeout",
        OfflineWhy::Tls => "tls",
        OfflineWhy::Server => "server",
    }
}

/// Why it waits, and the one thing that helps.
fn sync_row(row: &OutboxRow, status: Option<&SyncStatus>) -> SyncRow {
    let (state, reason, action) = match row.state {
        OpState::Parked => ("parked", row.reason.clone().unwrap_or_default(), "retry"),
        OpState::Refused => ("refused", refusal(row), "open_case"),
        OpState::Conflict => ("queued", "conflict".to_owned(), "open_case"),
        OpState::Held => held(row),
        OpState::Queued => queued(status),
        OpState::Stored | OpState::Applied | OpState::Noop => {
            ("queued", "stored".to_owned(), "none")
        }
    };
    SyncRow {
        op: row.op_id.to_string(),
        case: row.case.to_string(),
        case_no: row.case_no.clone().unwrap_or_default(),
        kind: row.kind.clone(),
        at: row.captured_at,
        state: state.to_owned(),
        reason,
        action: action.to_owned(),
    }
}

fn refusal(row: &OutboxRow) -> String {
    match &row.outcome {
        Some(Outcome::Refused { code, .. }) => code.clone(),
        Some(
            Outcome::Applied { .. }
            | Outcome::Noop { .. }
            | Outcome::Conflict { .. }
            | Outcome::Held { .. },
        )
        | None => "refused".to_owned(),
    }
}

fn held(row: &OutboxRow) -> (&'static str, String, &'static str) {
    let Some(Outcome::Held { why }) = &row.outcome else {
        return ("held", "held".to_owned(), "wait");
    };
    let action = match why {
        HeldWhy::UnknownKind => "update",
        HeldWhy::ActorRevoked => "contact_admin",
        HeldWhy::BodyMissing => "retry",
        HeldWhy::MissingDependency | HeldWhy::Internal => "wait",
    };
    ("held", word(why), action)
}

fn queued(status: Option<&SyncStatus>) -> (&'static str, String, &'static str) {
    let Some(status) = status else {
        return ("local", "no_server".to_owned(), "none");
    };
    if let Some(code) = &status.push_trouble {
        return ("queued", code.clone(), "contact_admin");
    }
    match &status.link {
        Link::Online { .. } if status.sending.is_some() => {
            ("sending", "sending".to_owned(), "none")
        }
        Link::Online { .. } | Link::Connecting { .. } => ("queued", "in_line".to_owned(), "wait"),
        Link::Offline { why, .. } => ("local", why_name(*why).to_owned(), "wait"),
        Link::Portal { .. } => ("local", "portal".to_owned(), "sign_in"),
        Link::SignInNeeded => ("local", "sign_in_needed".to_owned(), "sign_in"),
        Link::Refused { code } => ("local", code.clone(), "contact_admin"),
        Link::UpgradeNeeded => ("queued", "upgrade_needed".to_owned(), "update"),
    }
}

fn documents(
    session: &Session,
    status: Option<&SyncStatus>,
) -> Result<Vec<SyncDocument>, AppError> {
    let mut waiting = Vec::new();
    for upload in session.store.documents_to_send(UPLOADS)? {
        let under_way =
            status.and_then(|status| status.documents.iter().find(|one| one.id == upload.id));
        let have = upload.have.iter().filter(|have| **have).count();
        let have = u32::try_from(have).unwrap_or(u32::MAX);
        let case_no = session
            .store
            .case_view(upload.case)?
            .map(|view| view.case.case_no.to_string());
        waiting.push(SyncDocument {
            id: upload.id.to_string(),
            case: upload.case.to_string(),
            case_no: case_no.unwrap_or_default(),
            kind: word(&upload.kind),
            sent: under_way.map_or(have, |one| one.sent_chunks),
            total: u32::try_from(upload.manifest.chunks.len()).unwrap_or(u32::MAX),
        });
    }
    Ok(waiting)
}

/// Conflicts of this desk's own ops, and of the cases that are still being worked on.
fn conflicts(
    desk: &Desk,
    session: &Session,
    rows: &[OutboxRow],
) -> Result<Vec<crate::dto::ConflictView>, AppError> {
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
