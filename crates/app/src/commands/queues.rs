//! Lists: queues, search, notifications, calls.

use super::case::kept_calls;
use crate::content;
use crate::desk::Desk;
use crate::dto::{
    CallRow, CasePage, Nothing, NotificationRow, QueueCounts, QueueQuery, SearchArgs, SearchPage,
};
use crate::error::AppError;
use crate::screens::Painter;
use crate::screens::rows::merchant_row;
use crate::screens::title;
use crate::session::Session;
use crate::words;
use desk_domain::case::{Case, CaseState};
use desk_domain::ids::CaseId;
use desk_domain::people::Role;
use desk_domain::time::Millis;
use desk_store::{CaseRow, Key, OpState, OutboxRow, Queue, QueueFilter};
use std::collections::{BTreeMap, BTreeSet};

const QUERY_CHARS: usize = 100;
const HITS: usize = 20;
const NOTIFICATIONS: usize = 50;
const FILTERS: &[&str] = &[
    "mine",
    "returned",
    "drafts",
    "waiting",
    "unfinished_calls",
    "due_soon",
    "team",
    "review",
    "execute",
    "tell",
    "all",
];

pub fn queue(desk: &Desk, args: QueueQuery) -> Result<CasePage, AppError> {
    let session = desk.session()?;
    let painter = Painter::new(&session, desk.now());
    if args.filter == "unfinished_calls" {
        let rows = unfinished(&session)?;
        return Ok(CasePage {
            rows: rows.iter().map(|row| painter.row(row)).collect(),
            next: None,
        });
    }
    let after = args.after.as_deref().map(key).transpose()?;
    let most = usize::try_from(args.limit)
        .unwrap_or(usize::MAX)
        .clamp(1, 50);
    let rows = session
        .store
        .queue(&filter(&session, &args.filter)?, after, most)?;
    let next = rows
        .last()
        .filter(|_| rows.len() == most)
        .map(|row| format!("{}.{}", row.key.at, row.key.id));
    Ok(CasePage {
        rows: rows.iter().map(|row| painter.row(row)).collect(),
        next,
    })
}

pub fn queue_counts(desk: &Desk, _: Nothing) -> Result<QueueCounts, AppError> {
    let session = desk.session()?;
    let mut counts = BTreeMap::new();
    for name in FILTERS {
        let count = match *name {
            "unfinished_calls" => unfinished(&session)?.len(),
            name => session.store.queue_count(&filter(&session, name)?)?,
        };
        counts.insert((*name).to_owned(), u32::try_from(count).unwrap_or(u32::MAX));
    }
    Ok(QueueCounts { counts })
}

pub fn search(desk: &Desk, args: SearchArgs) -> Result<SearchPage, AppError> {
    let session = desk.session()?;
    let query = words::maybe_said(&args.query, "query", QUERY_CHARS)?;
    if query.is_empty() {
        return Ok(SearchPage {
            cases: Vec::new(),
            merchants: Vec::new(),
            articles: Vec::new(),
        });
    }
    let painter = Painter::new(&session, desk.now());
    let cases = session.store.search(&query, None, HITS)?.rows;
    let mut merchants = Vec::new();
    let mut found = session.store.find_merchants(&query)?;
    if found.is_empty() && is_name(&query) {
        found = session.store.merchants_named(&query, HITS)?;
    }
    for id in found.into_iter().take(HITS) {
        merchants.extend(session.store.merchant(id)?.as_ref().map(merchant_row));
    }
    Ok(SearchPage {
        cases: cases.iter().map(|row| painter.row(row)).collect(),
        merchants,
        articles: content::find_articles(&query, HITS),
    })
}

/// Two characters that are no part of a number: names are looked for one record after the other.
fn is_name(query: &str) -> bool {
    query.chars().filter(|letter| !letter.is_ascii()).count() >= 2
}

/// What happened to this person's cases while they looked elsewhere.
pub fn notifications(desk: &Desk, _: Nothing) -> Result<Vec<NotificationRow>, AppError> {
    let session = desk.session()?;
    let mine = Some(session.user.user);
    let mut found = Vec::new();
    for (state, kind) in [
        (CaseState::Returned, Some("returned")),
        (CaseState::Approved, Some("approved")),
        (CaseState::OnHold, None),
        (CaseState::Rejected, Some("rejected")),
        (CaseState::Unbound, Some("unbound")),
        // A closed case is news only when its terminal lives on.
        (CaseState::Closed, None),
    ] {
        // What a merchant has stopped is a supervisor's business, whoever collected it.
        let all = state == CaseState::OnHold && session.may(Role::Supervisor);
        let rows = session.store.queue(
            &QueueFilter {
                queue: Queue::State(state),
                mine: mine.filter(|_| !all),
            },
            None,
            NOTIFICATIONS,
        )?;
        for row in &rows {
            let kind = urgent(&session, row)?.or(kind);
            found.extend(kind.map(|kind| told(row, kind, row.updated_at)));
        }
    }
    let due = session.store.queue(
        &QueueFilter {
            queue: Queue::DueSoon,
            mine,
        },
        None,
        HITS,
    )?;
    let painter = Painter::new(&session, desk.now());
    for row in due {
        let shown = painter.row(&row);
        if shown
            .due_level
            .as_deref()
            .is_some_and(|level| matches!(level, "soon" | "late"))
        {
            found.push(told(&row, "due_soon", row.due_at.unwrap_or(row.updated_at)));
        }
    }
    for op in session.store.outbox_rows(NOTIFICATIONS)? {
        found.extend(troubled(&session, &op)?);
    }
    found.sort_by_key(|row| std::cmp::Reverse(row.at));
    found.truncate(NOTIFICATIONS);
    Ok(found)
}

/// What cannot wait: a terminal that trades though it was unbound, or a merchant whom no message reached.
fn urgent(session: &Session, row: &CaseRow) -> Result<Option<&'static str>, AppError> {
    let view = session.store.case_view(row.id)?;
    Ok(view.and_then(|view| urgent_kind(&view.case)))
}

fn urgent_kind(case: &Case) -> Option<&'static str> {
    if case.is_ghost() {
        return Some("trades_on");
    }
    if case.is_stopped_by_merchant() {
        return Some("merchant_stopped");
    }
    let calls = case.state != CaseState::Closed && case.asks_for_a_call();
    calls.then_some("call_needed")
}

pub fn calls(desk: &Desk, _: Nothing) -> Result<Vec<CallRow>, AppError> {
    let session = desk.session()?;
    let mut rows = Vec::new();
    for call in kept_calls(&session)? {
        let view = match call.case {
            Some(case) => session.store.case_view(case)?,
            None => None,
        };
        rows.push(CallRow {
            call_ref: call.call_ref,
            case: call.case.map(|case| case.to_string()),
            case_no: view.map(|view| view.case.case_no.to_string()),
            number: call.number,
            started_at: call.started_at,
            ended_at: call.ended_at,
        });
    }
    Ok(rows)
}

fn filter(session: &Session, name: &str) -> Result<QueueFilter, AppError> {
    let me = Some(session.user.user);
    let (queue, mine) = match name {
        "mine" => (Queue::Team, me),
        "returned" => (Queue::Returned, None),
        "drafts" => (Queue::Drafts, me),
        "waiting" => (Queue::Waiting, None),
        "due_soon" => (Queue::DueSoon, None),
        "team" => (Queue::Team, None),
        "review" => (Queue::Review, None),
        "execute" => (Queue::Execute, None),
        "tell" => (Queue::Tell, None),
        "all" => (Queue::All, None),
        _ => return Err(AppError::NotAChoice("filter")),
    };
    Ok(QueueFilter { queue, mine })
}

/// Calls that ended, or were taken, with a draft that nobody finished.
fn unfinished(session: &Session) -> Result<Vec<CaseRow>, AppError> {
    let called: BTreeSet<CaseId> = kept_calls(session)?
        .into_iter()
        .filter_map(|call| call.case)
        .collect();
    let drafts = QueueFilter {
        queue: Queue::Drafts,
        mine: Some(session.user.user),
    };
    let rows = session.store.queue(&drafts, None, 50)?;
    Ok(rows
        .into_iter()
        .filter(|row| called.contains(&row.id))
        .collect())
}

/// `at.id`, as `queue` gave it.
fn key(text: &str) -> Result<Key, AppError> {
    let (at, id) = text.split_once('.').ok_or(AppError::BadArguments)?;
    let at: Millis = at.parse().map_err(|_| AppError::BadArguments)?;
    Ok(Key {
        at,
        id: CaseId::parse(id).ok_or(AppError::BadArguments)?,
    })
}

fn told(row: &CaseRow, kind: &str, at: Millis) -> NotificationRow {
    NotificationRow {
        id: format!("{kind}.{}", row.id),
        kind: kind.to_owned(),
        case: row.id.to_string(),
        case_no: row.case_no.clone(),
        title: title(
            row.merchant_name.as_deref().unwrap_or_default(),
            row.caller_name.as_deref().unwrap_or_default(),
        ),
        at,
        read: false,
    }
}

fn troubled(session: &Session, op: &OutboxRow) -> Result<Option<NotificationRow>, AppError> {
    let kind = match op.state {
        OpState::Conflict => "conflict",
        OpState::Refused | OpState::Parked => "refused",
        OpState::Held => "held",
        OpState::Queued | OpState::Stored | OpState::Applied | OpState::Noop => return Ok(None),
    };
    let view = session.store.case_view(op.case)?;
    let shown = view.map(|view| {
        let case = view.case;
        title(
            case.text(desk_domain::field::FieldKey::MerchantName),
            case.text(desk_domain::field::FieldKey::CallerName),
        )
    });
    Ok(Some(NotificationRow {
        id: format!("{kind}.{}", op.op_id),
        kind: kind.to_owned(),
        case: op.case.to_string(),
        case_no: op.case_no.clone().unwrap_or_default(),
        title: shown.unwrap_or_default(),
        at: op.captured_at,
        read: false,
    }))
}

#[cfg(test)]
mod tests {
    use super::urgent_kind;
    use desk_domain::case::{CaseState, Notice, NoticeChannel};
    use desk_domain::testkit::{self, Story};

    #[test]
    fn a_terminal_that_lives_on_comes_before_a_message_that_did_not_arrive() {
        let mut case = Story::unbound().the_case().clone();
        assert_eq!(urgent_kind(&case), None);
        case.notices.push(Notice {
            channel: NoticeChannel::Sms,
            template: "done".to_owned(),
            delivered: false,
            by: testkit::system().user,
            at: 0,
        });
        assert_eq!(urgent_kind(&case), Some("call_needed"));
        case.state = CaseState::Closed;
        assert_eq!(urgent_kind(&case), None, "somebody has closed it");
        case.risk
            .signals
            .insert(desk_domain::risk::TRADED_AFTER_UNBIND.to_owned());
        assert_eq!(urgent_kind(&case), Some("trades_on"));
    }

    #[test]
    fn a_merchant_who_stopped_it_is_told_until_a_supervisor_has_looked() {
        let mut case = testkit::Story::judged().the_case().clone();
        let stop = desk_domain::risk::STOPPED_BY_MERCHANT.to_owned();
        case.risk.signals.insert(stop);
        assert_eq!(urgent_kind(&case), Some("merchant_stopped"));
        case.risk.cleared_by = Some(testkit::supervisor().user);
        assert_eq!(urgent_kind(&case), None);
    }
}
