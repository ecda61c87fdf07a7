//! What the server sent, applied page by page: the changes and the cursor in one transaction.

use crate::documents::note_snapshot;
use crate::error::StoreError;
use crate::journal::{case_of, settle};
use crate::people::put_user;
use crate::registry::put_merchant;
use crate::search::{SearchKey, drain_some, forget_case};
use crate::sql::{Blob, signed, unsigned};
use crate::store::{Judge, Store};
use crate::timeline;
use crate::view::{confirmed_of, put_confirmed, rebuild_view};
use crate::write::Touched;
use desk_domain::case::{Case, TimelineEntry};
use desk_domain::ids::{CaseId, OfficeCode, OpId};
use desk_domain::outcome::Outcome;
use desk_domain::people::UserCard;
use desk_domain::registry::MerchantRecord;
use rusqlite::{Connection, OptionalExtension, params};

/// Cases of earlier saves whose search rows one page brings up to date beside its own.
const INDEXED_PER_PAGE: usize = 100;

/// One page of one scope's feed, or of its first fill.
#[derive(Clone, PartialEq, Debug)]
pub struct Page {
    pub scope: OfficeCode,
    /// Where the feed stands after this page; none in the middle of a fill.
    pub cursor: Option<u64>,
    pub fill: bool,
    pub changes: Vec<PageChange>,
}

/// One changed thing, whole: applying it twice is harmless.
#[derive(Clone, PartialEq, Debug)]
pub enum PageChange {
    Case {
        case: Box<Case>,
        timeline: Vec<TimelineEntry>,
        outcomes: Vec<(OpId, Outcome)>,
    },
    Merchant(Box<MerchantRecord>),
    User(Box<UserCard>),
    /// The case left the scope.
    CaseGone(CaseId),
    /// Verdicts on ops of this desk that travel with no case.
    Outcomes(Vec<(OpId, Outcome)>),
}

impl Store {
    /// Applies a page and moves the cursor; both or neither.
    pub fn apply_page(&self, page: &Page) -> Result<Touched, StoreError> {
        let judge = self.judge();
        self.write(|tx, touched| {
            // Users first: the replay of this very page may need their rights.
            for change in &page.changes {
                if let PageChange::User(card) = change {
                    touched.registry = true;
                    put_user(tx, card)?;
                }
            }
            for change in &page.changes {
                let here = Here {
                    scope: &page.scope,
                    key: &self.search_key,
                    judge: judge.as_ref(),
                };
                apply_change(tx, &here, change, touched)?;
            }
            if let Some(cursor) = page.cursor {
                put_cursor(tx, &page.scope, cursor)?;
                if page.fill {
                    drop_stale(tx, &self.search_key, &page.scope, touched)?;
                }
            }
            drain_some(tx, &self.search_key, page.changes.len() + INDEXED_PER_PAGE)?;
            desk_failpoint::reached("store.page.before_commit");
            Ok(touched.clone())
        })
        .inspect(|_| desk_failpoint::reached("store.page.after_commit"))
    }

    /// Where the feed of a scope stands; none before the first fill is complete.
    pub fn cursor(&self, scope: &OfficeCode) -> Result<Option<u64>, StoreError> {
        self.read(|conn| {
            let cursor: Option<i64> = conn
                .prepare_cached("SELECT cursor FROM feed WHERE scope = ?1")?
                .query_row(params![scope.as_str()], |row| row.get(0))
                .optional()?;
            cursor.map(unsigned).transpose()
        })
    }

    /// Every office of which something stands here: a place in its feed, or cases that came from it.
    pub fn known_scopes(&self) -> Result<Vec<OfficeCode>, StoreError> {
        self.read(|conn| {
            let mut find = conn.prepare_cached(
                "SELECT scope FROM feed UNION SELECT office FROM case_row WHERE confirmed_rev IS NOT NULL",
            )?;
            let rows = find.query_map([], |row| row.get::<_, String>(0))?;
            let names: Vec<String> = rows.collect::<Result<_, _>>()?;
            Ok(names.iter().filter_map(|name| OfficeCode::parse(name)).collect())
        })
    }

    /// Forgets the place in a feed. What came from it stays readable until the next fill is complete; the journal is untouched.
    pub fn reset_scope(&self, scope: &OfficeCode) -> Result<(), StoreError> {
        self.write(|tx, _| {
            tx.execute("DELETE FROM feed WHERE scope = ?1", params![scope.as_str()])?;
            tx.execute(
                "UPDATE case_row SET stale = 1 WHERE office = ?1 AND confirmed_rev IS NOT NULL",
                params![scope.as_str()],
            )?;
            Ok(())
        })
    }
}

/// What a change is applied with, and the office whose feed told it.
pub(crate) struct Here<'a> {
    pub scope: &'a OfficeCode,
    pub key: &'a SearchKey,
    pub judge: Option<&'a Judge>,
}

pub(crate) fn apply_change(
    tx: &Connection,
    here: &Here<'_>,
    change: &PageChange,
    touched: &mut Touched,
) -> Result<(), StoreError> {
    match change {
        PageChange::Case {
            case,
            timeline,
            outcomes,
        } => {
            apply_case(tx, here.judge, case, timeline, outcomes, touched)?;
            touched.cases.insert(case.id);
        }
        PageChange::Merchant(record) => {
            touched.registry = true;
            put_merchant(tx, here.key, record)?;
        }
        PageChange::User(_) => {}
        PageChange::CaseGone(case) => {
            leave(tx, here, *case)?;
            touched.cases.insert(*case);
        }
        PageChange::Outcomes(outcomes) => hear(tx, here.judge, outcomes, touched)?,
    }
    Ok(())
}

/// The case left this office. It may stand here already as a case of another office that this desk reads too.
fn leave(tx: &Connection, here: &Here<'_>, case: CaseId) -> Result<(), StoreError> {
    let elsewhere = tx
        .prepare_cached(
            "SELECT 1 FROM case_row WHERE id = ?1 AND office <> ?2 AND confirmed_rev IS NOT NULL",
        )?
        .exists(params![case.blob(), here.scope.as_str()])?;
    if elsewhere {
        return Ok(());
    }
    hide_case(tx, here.key, case)
}

fn hear(
    tx: &Connection,
    judge: Option<&Judge>,
    outcomes: &[(OpId, Outcome)],
    touched: &mut Touched,
) -> Result<(), StoreError> {
    for (op, outcome) in outcomes {
        let Some(case) = case_of(tx, *op)? else {
            continue;
        };
        let confirmed = confirmed_of(tx, case)?;
        settle(tx, *op, outcome, confirmed.as_ref(), false)?;
        rebuild_view(tx, judge, case)?;
        touched.outbox = true;
        touched.cases.insert(case);
    }
    Ok(())
}

fn apply_case(
    tx: &Connection,
    judge: Option<&Judge>,
    case: &Case,
    lines: &[TimelineEntry],
    outcomes: &[(OpId, Outcome)],
    touched: &mut Touched,
) -> Result<(), StoreError> {
    let newer = is_newer(tx, case)?;
    if newer {
        put_confirmed(tx, case)?;
        touched.documents |= note_snapshot(tx, case)?;
    }
    timeline::put_confirmed(tx, lines)?;
    let confirmed = if newer {
        None
    } else {
        confirmed_of(tx, case.id)?
    };
    let confirmed = confirmed.as_ref().unwrap_or(case);
    for (op, outcome) in outcomes {
        touched.outbox |= settle(tx, *op, outcome, Some(confirmed), true)?.is_some();
    }
    touched.outbox |= close_folded(tx, confirmed)?;
    rebuild_view(tx, judge, case.id)
}

/// A late or repeated page must not turn a case back; after a reset, whatever the server says is the newest.
pub(crate) fn is_newer(tx: &Connection, case: &Case) -> Result<bool, StoreError> {
    let known: Option<(Option<i64>, bool)> = tx
        .prepare_cached("SELECT confirmed_rev, stale FROM case_row WHERE id = ?1")?
        .query_row(params![case.id.blob()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    Ok(match known {
        Some((Some(rev), false)) => unsigned(rev)? <= case.rev,
        _ => true,
    })
}

/// Ops that are in the snapshot now need no replay any more; a conflict stays listed while it is open.
fn close_folded(tx: &Connection, confirmed: &Case) -> Result<bool, StoreError> {
    let closed = tx
        .prepare_cached(
            "UPDATE op_fate SET replay = 0, open = 0
             WHERE case_id = ?1 AND open = 1 AND state = 'applied' AND applied_rev <= ?2",
        )?
        .execute(params![confirmed.id.blob(), signed(confirmed.rev)?])?;
    let mut find = tx.prepare_cached(
        "SELECT op_id FROM op_fate WHERE case_id = ?1 AND open = 1 AND state = 'conflict'",
    )?;
    let conflicts: Vec<[u8; 16]> = find
        .query_map(params![confirmed.id.blob()], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for op in &conflicts {
        let open = confirmed.conflicts.contains_key(&OpId::from_blob(*op));
        tx.prepare_cached("UPDATE op_fate SET replay = 0, open = ?2 WHERE op_id = ?1")?
            .execute(params![op, open])?;
    }
    Ok(closed > 0 || !conflicts.is_empty())
}

fn put_cursor(tx: &Connection, scope: &OfficeCode, cursor: u64) -> Result<(), StoreError> {
    tx.prepare_cached("INSERT INTO feed (scope, cursor) VALUES (?1, ?2) ON CONFLICT (scope) DO UPDATE SET cursor = ?2")?
        .execute(params![scope.as_str(), signed(cursor)?])?;
    Ok(())
}

/// Losing access hides a case; with unsent ops on it, its row stays, out of the lists.
pub(crate) fn hide_case(tx: &Connection, key: &SearchKey, case: CaseId) -> Result<(), StoreError> {
    let waits = tx
        .prepare_cached("SELECT 1 FROM op_fate WHERE case_id = ?1 AND open = 1")?
        .exists(params![case.blob()])?;
    forget_case(tx, key, case)?;
    if waits {
        tx.execute(
            "UPDATE case_row SET gone = 1 WHERE id = ?1",
            params![case.blob()],
        )?;
    } else {
        tx.execute("DELETE FROM case_row WHERE id = ?1", params![case.blob()])?;
    }
    Ok(())
}

/// What a complete fill did not bring is not in the scope any more.
fn drop_stale(
    tx: &Connection,
    key: &SearchKey,
    scope: &OfficeCode,
    touched: &mut Touched,
) -> Result<(), StoreError> {
    let mut find = tx.prepare_cached("SELECT id FROM case_row WHERE office = ?1 AND stale = 1")?;
    let stale: Vec<[u8; 16]> = find
        .query_map(params![scope.as_str()], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for id in stale {
        let case = CaseId::from_blob(id);
        hide_case(tx, key, case)?;
        touched.cases.insert(case);
    }
    Ok(())
}
