//! Why something waits, and the one thing that helps.

use crate::dto::{SyncCase, SyncRow};
use crate::words::word;
use desk_domain::ids::{CaseId, DocumentId};
use desk_domain::outcome::{HeldWhy, Outcome};
use desk_store::{OpState, OutboxRow};
use desk_sync::{DocProgress, Link, OfflineWhy, SyncStatus};
use std::collections::BTreeMap;

/// State, reason and next step, as catalogue keys.
type Told = (&'static str, String, &'static str);

/// The line to the server; none on a desk that stands alone.
#[derive(Clone, Copy)]
pub(super) struct Line<'a>(pub Option<&'a SyncStatus>);

impl Line<'_> {
    /// What holds an op that nobody has judged yet.
    fn of_op(self) -> Told {
        let Some(status) = self.0 else {
            return ("local", "no_server".to_owned(), "open_case");
        };
        if let Some(code) = &status.push_trouble {
            return ("queued", code.clone(), "contact_admin");
        }
        match &status.link {
            Link::Online { .. } if status.sending.is_some() => {
                ("sending", "sending".to_owned(), "none")
            }
            Link::Online { .. } | Link::Connecting { .. } => {
                ("queued", "in_line".to_owned(), "sync_now")
            }
            Link::Offline { why, .. } => ("local", why_name(*why).to_owned(), "sync_now"),
            Link::Portal { .. } => ("local", "portal".to_owned(), "sync_now"),
            Link::SignInNeeded => ("local", "sign_in_needed".to_owned(), "sign_in"),
            Link::Refused { code } => ("local", code.clone(), "contact_admin"),
            Link::UpgradeNeeded => ("queued", "upgrade_needed".to_owned(), "update"),
        }
    }

    /// The same for a document; one at a time is under way, the smallest first. One that was broken off goes on where
    /// it stopped, and is called so.
    pub(super) fn of_document(self, document: DocumentId, has_begun: bool) -> Told {
        let status = self.0.filter(|status| is_online(status));
        if status
            .is_some_and(|status| progress_of(status, document).is_some_and(|one| one.under_way))
        {
            return ("sending", "sending".to_owned(), "none");
        }
        match self.of_op() {
            ("sending", _, _) => ("queued", "in_line".to_owned(), "none"),
            ("local", why, action) if has_begun => ("paused", why, action),
            other => other,
        }
    }
}

pub(super) fn is_online(status: &SyncStatus) -> bool {
    matches!(status.link, Link::Online { .. })
}

pub(super) fn progress_of(status: &SyncStatus, document: DocumentId) -> Option<&DocProgress> {
    status.documents.iter().find(|one| one.id == document)
}

pub(super) const fn why_name(why: OfflineWhy) -> &'static str {
    match why {
        OfflineWhy::Dns => "dns",
        OfflineWhy::Refused => "no_answer",
        OfflineWhy::Timeout => "timeout",
        OfflineWhy::Cut => "cut",
        OfflineWhy::Tls => "tls",
        OfflineWhy::Server => "server",
    }
}

/// What simply waits, one entry per case, the case that waits longest first.
pub(super) fn waiting(rows: &[OutboxRow], line: Line<'_>) -> Vec<SyncCase> {
    let mut cases: BTreeMap<CaseId, SyncCase> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.state == OpState::Queued) {
        let entry = cases.entry(row.case).or_insert_with(|| fresh(row, line));
        entry.ops = entry.ops.saturating_add(1);
        entry.oldest_at = entry.oldest_at.min(row.captured_at);
        if !entry.kinds.contains(&row.kind) {
            entry.kinds.push(row.kind.clone());
        }
    }
    let mut cases: Vec<SyncCase> = cases.into_values().collect();
    cases.sort_by(|a, b| (a.oldest_at, &a.case).cmp(&(b.oldest_at, &b.case)));
    cases
}

fn fresh(row: &OutboxRow, line: Line<'_>) -> SyncCase {
    let (state, reason, action) = line.of_op();
    SyncCase {
        case: row.case.to_string(),
        case_no: row.case_no.clone().unwrap_or_default(),
        ops: 0,
        kinds: Vec::new(),
        oldest_at: row.captured_at,
        state: state.to_owned(),
        reason,
        action: action.to_owned(),
    }
}

/// Parked, refused and held ops: each with its own reason.
pub(super) fn needs_person(row: &OutboxRow) -> Option<SyncRow> {
    let (state, reason, action) = match row.state {
        OpState::Parked => (
            "parked",
            row.reason
                .clone()
                .filter(|reason| !reason.is_empty())
                .unwrap_or_else(|| "parked".to_owned()),
            "retry",
        ),
        OpState::Refused => ("refused", refusal(row), "open_case"),
        OpState::Held => held(row),
        OpState::Conflict
        | OpState::Queued
        | OpState::Stored
        | OpState::Applied
        | OpState::Noop => return None,
    };
    Some(SyncRow {
        op: row.op_id.to_string(),
        case: row.case.to_string(),
        case_no: row.case_no.clone().unwrap_or_default(),
        kind: row.kind.clone(),
        at: row.captured_at,
        state: state.to_owned(),
        reason,
        action: action.to_owned(),
    })
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

fn held(row: &OutboxRow) -> Told {
    let Some(Outcome::Held { why }) = &row.outcome else {
        return ("held", "held".to_owned(), "sync_now");
    };
    let action = match why {
        HeldWhy::UnknownKind | HeldWhy::ActorRevoked => "contact_admin",
        HeldWhy::BodyMissing => "retry",
        HeldWhy::MissingDependency | HeldWhy::Internal => "sync_now",
    };
    ("held", word(why), action)
}
