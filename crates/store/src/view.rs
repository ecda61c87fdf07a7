//! What people see: the confirmed snapshot ⊕ this desk's pending ops replayed through `decide()`.

use crate::drafts::drafts_of;
use crate::error::StoreError;
use crate::journal::{Fate, OpState, fates_of, write_fate_preview};
use crate::people::actor;
use crate::row::{last_change_at, number_of, text_of, write_row};
use crate::search::mark_pending;
use crate::sql::{Blob, signed, unsigned};
use crate::store::{Judge, Store};
use desk_domain::case::Case;
use desk_domain::case_no::CaseNo;
use desk_domain::clocks::{Urgency, due};
use desk_domain::decide::{Context, Decision, decide};
use desk_domain::field::FieldKey;
use desk_domain::ids::{CaseId, OpId};
use desk_domain::op::Op;
use desk_domain::outcome::Outcome;
use desk_domain::people::Actor;
use desk_domain::time::Millis;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// One of this desk's ops that is not simply part of the confirmed case.
#[derive(Clone, PartialEq, Debug)]
pub struct PendingOp {
    pub op_id: OpId,
    pub seq: u64,
    pub kind: String,
    pub captured_at: Millis,
    pub state: OpState,
    /// What the replay over the newest snapshot says; `Refused` means "will probably be refused".
    pub preview: Option<Outcome>,
    /// The server's verdict, once it is known.
    pub outcome: Option<Outcome>,
}

/// One case as this desk sees it.
#[derive(Clone, PartialEq, Debug)]
pub struct CaseView {
    pub case: Case,
    /// Revision of the snapshot below the pending ops; none when the server has not sent one.
    pub confirmed_rev: Option<u64>,
    pub pending: Vec<PendingOp>,
    /// Raw text that is not a value yet.
    pub drafts: BTreeMap<FieldKey, String>,
}

impl Store {
    /// One case, with what is pending on it and what is half typed.
    pub fn case_view(&self, id: CaseId) -> Result<Option<CaseView>, StoreError> {
        self.read(|conn| {
            let Some(case) = view_of(conn, id)? else {
                return Ok(None);
            };
            let rev: Option<i64> = conn
                .prepare_cached("SELECT confirmed_rev FROM case_row WHERE id = ?1")?
                .query_row(params![id.blob()], |row| row.get(0))?;
            let mut pending = Vec::new();
            for fate in fates_of(conn, id)? {
                pending.push(pending_op(conn, fate)?);
            }
            let confirmed_rev = rev.map(unsigned).transpose()?;
            Ok(Some(CaseView {
                case,
                confirmed_rev,
                pending,
                drafts: drafts_of(conn, id)?,
            }))
        })
    }
}

fn pending_op(conn: &Connection, fate: Fate) -> Result<PendingOp, StoreError> {
    let seq: i64 = conn
        .prepare_cached("SELECT seq FROM op WHERE ord = ?1")?
        .query_row(params![fate.ord], |row| row.get(0))?;
    Ok(PendingOp {
        op_id: fate.op_id,
        seq: unsigned(seq)?,
        kind: fate.kind,
        captured_at: fate.captured_at,
        state: fate.state,
        preview: fate.preview,
        outcome: fate.outcome,
    })
}

/// The view of a case; none when this desk does not know it.
pub(crate) fn view_of(conn: &Connection, id: CaseId) -> Result<Option<Case>, StoreError> {
    read_body(
        conn,
        "SELECT coalesce(b.view, b.confirmed) FROM case_row r JOIN case_body b ON b.n = r.n WHERE r.id = ?1",
        id,
    )
}

/// The server's snapshot alone.
pub(crate) fn confirmed_of(conn: &Connection, id: CaseId) -> Result<Option<Case>, StoreError> {
    read_body(
        conn,
        "SELECT b.confirmed FROM case_row r JOIN case_body b ON b.n = r.n WHERE r.id = ?1",
        id,
    )
}

fn read_body(conn: &Connection, sql: &str, id: CaseId) -> Result<Option<Case>, StoreError> {
    let json: Option<Option<String>> = conn
        .prepare_cached(sql)?
        .query_row(params![id.blob()], |row| row.get(0))
        .optional()?;
    Ok(json
        .flatten()
        .map(|json| serde_json::from_str(&json))
        .transpose()?)
}

/// The view by row number, for search.
pub(crate) fn view_at(conn: &Connection, n: i64) -> Result<Option<Case>, StoreError> {
    let json: Option<String> = conn
        .prepare_cached("SELECT coalesce(view, confirmed) FROM case_body WHERE n = ?1")?
        .query_row(params![n], |row| row.get(0))
        .optional()?;
    Ok(json.map(|json| serde_json::from_str(&json)).transpose()?)
}

/// The views that one append moves, loaded once each.
#[derive(Default)]
pub(crate) struct Views {
    loaded: BTreeMap<CaseId, Option<Case>>,
}

impl Views {
    /// The view of a case as the ops so far have made it.
    pub(crate) fn of(
        &mut self,
        conn: &Connection,
        id: CaseId,
    ) -> Result<Option<&Case>, StoreError> {
        let view = match self.loaded.entry(id) {
            Entry::Occupied(loaded) => loaded.into_mut(),
            Entry::Vacant(place) => place.insert(view_of(conn, id)?),
        };
        Ok(view.as_ref())
    }

    /// An op changed it.
    pub(crate) fn moved(&mut self, id: CaseId, case: Case) {
        self.loaded.insert(id, Some(case));
    }

    /// Writes all of them back.
    pub(crate) fn save(
        &self,
        conn: &Connection,
        judge: &Judge,
        at: Millis,
    ) -> Result<(), StoreError> {
        for case in self.loaded.values().flatten() {
            save_view(conn, Some(judge), case, last_change_at(case).max(at))?;
        }
        Ok(())
    }
}

fn save_view(
    conn: &Connection,
    judge: Option<&Judge>,
    case: &Case,
    at: Millis,
) -> Result<(), StoreError> {
    let n = write_row(conn, case, at, due_at(case, judge, at))?;
    conn.prepare_cached(
        "INSERT INTO case_body (n, view) VALUES (?1, ?2) ON CONFLICT (n) DO UPDATE SET view = ?2",
    )?
    .execute(params![n, serde_json::to_string(case)?])?;
    mark_pending(conn, n)
}

/// Puts the server's snapshot below the view. The view is rebuilt afterwards.
pub(crate) fn put_confirmed(conn: &Connection, case: &Case) -> Result<(), StoreError> {
    let n = match number_of(conn, case.id)? {
        Some(n) => n,
        None => write_row(conn, case, last_change_at(case), None)?,
    };
    conn.prepare_cached(
        "INSERT INTO case_body (n, confirmed) VALUES (?1, ?2) ON CONFLICT (n) DO UPDATE SET confirmed = ?2",
    )?
    .execute(params![n, serde_json::to_string(case)?])?;
    conn.prepare_cached(
        "UPDATE case_row SET confirmed_rev = ?2, stale = 0, gone = 0 WHERE n = ?1",
    )?
    .execute(params![n, signed(case.rev)?])?;
    Ok(())
}

/// Makes the view anew: snapshot, then every pending op in the order in which it was done.
///
/// An op that would now fail stays where it is; only its preview says so.
pub(crate) fn rebuild_view(
    conn: &Connection,
    judge: Option<&Judge>,
    id: CaseId,
) -> Result<(), StoreError> {
    let mut case = confirmed_of(conn, id)?;
    let confirmed = case.is_some();
    let mut at = case.as_ref().map_or(0, last_change_at);
    let mut replayed = false;
    for fate in fates_of(conn, id)?.iter().filter(|fate| fate.replay) {
        let judge = judge.ok_or(StoreError::NoJudge)?;
        let op = op_at(conn, fate.ord)?;
        replayed = true;
        at = at.max(op.captured_at);
        let Some(by) = actor(conn, op.actor)? else {
            continue;
        };
        let decision = judge_one(conn, judge, &by, case.as_ref(), &op)?;
        write_fate_preview(conn, fate, &decision.outcome)?;
        case = decision.case.or(case);
    }
    // Ops on a case that neither the server nor a local creation made: nothing to show yet.
    let Some(case) = case else { return Ok(()) };
    if replayed || !confirmed {
        return save_view(conn, judge, &case, at);
    }
    let n = write_row(conn, &case, at, due_at(&case, judge, at))?;
    conn.prepare_cached("UPDATE case_body SET view = NULL WHERE n = ?1 AND view IS NOT NULL")?
        .execute(params![n])?;
    mark_pending(conn, n)
}

fn op_at(conn: &Connection, ord: i64) -> Result<Op, StoreError> {
    let bytes: String = conn
        .prepare_cached("SELECT bytes FROM op WHERE ord = ?1")?
        .query_row(params![ord], |row| row.get(0))?;
    Ok(Op::parse(&bytes)?)
}

/// Asks the rules about one op on one state of the case.
pub(crate) fn judge_one(
    conn: &Connection,
    judge: &Judge,
    by: &Actor,
    case: Option<&Case>,
    op: &Op,
) -> Result<Decision, StoreError> {
    let same_serial_open = match case {
        Some(case) if op.kind == "case.submit" => same_serial_open(conn, case)?,
        _ => None,
    };
    let context = Context {
        actor: by,
        policy: &judge.policy,
        calendar: &judge.calendar,
        now: op.captured_at,
        same_serial_open,
        call_doubt: None,
    };
    Ok(decide(case, op, &context))
}

fn same_serial_open(conn: &Connection, case: &Case) -> Result<Option<CaseNo>, StoreError> {
    let Some(serial) = text_of(case, FieldKey::TerminalSerial) else {
        return Ok(None);
    };
    let other: Option<String> = conn
        .prepare_cached(
            "SELECT case_no FROM case_row WHERE serial = ?1 AND id <> ?2 AND gone = 0 AND state NOT IN
               ('unbound', 'closed', 'rejected', 'withdrawn', 'resolved', 'referred', 'duplicate') LIMIT 1",
        )?
        .query_row(params![serial, case.id.blob()], |row| row.get(0))
        .optional()?;
    Ok(other.and_then(|text| CaseNo::parse(&text).ok()))
}

/// The next instant by which somebody has to act, if a clock runs.
fn due_at(case: &Case, judge: Option<&Judge>, now: Millis) -> Option<Millis> {
    let judge = judge?;
    let running = due(case, &judge.calendar, &judge.policy.clocks, now);
    running
        .into_iter()
        .find(|clock| clock.urgency != Urgency::Paused)
        .map(|clock| clock.due_at)
}
