//! The feed of each office: positions come from its counter row, raised by the last statements of a transaction.
//! Reading asks for what stands above a position of that counter; no sequence of ids is ever compared with a cursor.

use super::sql::Kind::{Int, Text};
use super::sql::{Connection, Insert, OptionalExtension, Row, SqlError, params};
use super::{RepoError, cases, people, register};
use desk_domain::ids::{CaseId, DeviceId, MerchantId, OfficeCode, OpId, UserId};
use desk_protocol::sync::{CaseChange, Change, OpOutcome, PullReply, SnapshotReply};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// What stands above a position. At most 2000 rows are looked at for one page: a case written a thousand times still
/// stands once on it.
const ABOVE: &str = "SELECT position, thing, id FROM feed WHERE office = ?1 AND position > ?2 ORDER BY position LIMIT 2000";

static ROWS: LazyLock<Insert> = LazyLock::new(|| {
    let columns = [
        ("office", Text),
        ("position", Int),
        ("thing", Text),
        ("id", Text),
    ];
    Insert::into("feed", &columns, "")
});

/// What may change.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Thing {
    User(UserId),
    Merchant(MerchantId),
    Case(CaseId),
}

impl Thing {
    fn parts(self) -> (&'static str, String) {
        match self {
            Self::User(id) => ("user", id.to_string()),
            Self::Merchant(id) => ("merchant", id.to_string()),
            Self::Case(id) => ("case", id.to_string()),
        }
    }
    fn parse(thing: &str, id: &str) -> Option<Self> {
        match thing {
            "user" => UserId::parse(id).map(Self::User),
            "merchant" => MerchantId::parse(id).map(Self::Merchant),
            "case" => CaseId::parse(id).map(Self::Case),
            _ => None,
        }
    }
}

/// The changes of one transaction, by office in sorted order.
pub type Changes = BTreeMap<OfficeCode, BTreeSet<Thing>>;

/// Raises the counters and writes the rows. Call it last: on a shared database it takes the locks that others wait for.
pub fn raise(
    conn: &Connection,
    changes: &Changes,
) -> Result<BTreeMap<(OfficeCode, Thing), u64>, RepoError> {
    let standing = standing(conn, changes)?;
    raise_from(conn, changes, &standing)
}

/// Asks ahead for what [`standing`] reads.
pub fn ask_standing(conn: &Connection, office: &OfficeCode) -> Result<(), RepoError> {
    Ok(conn.ahead(POSITION, [office.as_str()])?)
}

/// Where the feeds stand that `changes` will raise, in the order of the changes. Another transaction that raises one
/// meanwhile makes this one be done once more.
pub fn standing(conn: &Connection, changes: &Changes) -> Result<Vec<u64>, RepoError> {
    let offices = changes.keys();
    let standing =
        offices.map(|office| position(conn, office)?.ok_or(RepoError::Sql(SqlError::NoRow)));
    standing.collect()
}

/// [`raise`], where it is known how the feeds stand.
pub fn raise_from(
    conn: &Connection,
    changes: &Changes,
    standing: &[u64],
) -> Result<BTreeMap<(OfficeCode, Thing), u64>, RepoError> {
    let mut at = BTreeMap::new();
    let mut move_on = conn.prepare_cached("UPDATE counter SET position = ?2 WHERE office = ?1")?;
    for ((office, things), before) in changes.iter().zip(standing) {
        let count = u64::try_from(things.len()).unwrap_or(u64::MAX);
        // First: whoever was overtaken fails at the counter, where it is plain that the same again may pass.
        move_on.put(params![office.as_str(), before.saturating_add(count)])?;
        for (thing, position) in things.iter().zip(before.saturating_add(1)..) {
            at.insert((office.clone(), *thing), position);
        }
    }
    conn.put_rows(&ROWS, |rows| {
        for ((office, thing), position) in &at {
            let (name, id) = thing.parts();
            rows.put(params![office.as_str(), *position, name, id])?;
        }
        Ok::<_, RepoError>(())
    })?;
    Ok(at)
}

/// Where each feed stands.
pub fn positions(conn: &Connection) -> Result<BTreeMap<OfficeCode, u64>, RepoError> {
    let mut select = conn.prepare_cached("SELECT office, position FROM counter")?;
    let rows = select.query_map((), |row| Ok((row.get::<String>(0)?, row.get::<u64>(1)?)))?;
    let mut at = BTreeMap::new();
    for row in rows {
        let (office, position) = row?;
        at.insert(
            OfficeCode::parse(&office).ok_or(RepoError::Damaged("office code"))?,
            position,
        );
    }
    Ok(at)
}

const POSITION: &str = "SELECT position FROM counter WHERE office = ?1";

/// Where one feed stands; none for an office that does not exist.
pub fn position(conn: &Connection, office: &OfficeCode) -> Result<Option<u64>, RepoError> {
    Ok(conn
        .prepare_cached(POSITION)?
        .query_row([office.as_str()], |row| row.get(0))
        .optional()?)
}

/// One question for a page.
#[derive(Clone, Debug)]
pub struct PageOf {
    pub office: OfficeCode,
    pub cursor: u64,
    pub limit: usize,
    /// Whose outcomes travel with the cases.
    pub device: DeviceId,
}

/// The next page, or none when the cursor is ahead of the feed.
pub fn pull(conn: &Connection, page: &PageOf) -> Result<Option<PullReply>, RepoError> {
    let Some(top) = position(conn, &page.office)? else {
        return Ok(None);
    };
    if page.cursor > top {
        return Ok(None);
    }
    let (things, cursor) = above(conn, &page.office, page.cursor, page.limit)?;
    let mut changes = Vec::with_capacity(things.len());
    for thing in things {
        changes.extend(change(conn, page, thing)?);
    }
    let scope = page.office.clone();
    Ok(Some(PullReply {
        scope,
        cursor,
        more: cursor < top,
        changes,
    }))
}

/// True when something has changed since a position.
pub fn has_above(conn: &Connection, office: &OfficeCode, position: u64) -> Result<bool, RepoError> {
    let sql = "SELECT 1 FROM feed WHERE office = ?1 AND position > ?2 LIMIT 1";
    let mut one = conn.prepare_cached(sql)?;
    Ok(one.exists(params![office.as_str(), position])?)
}

/// At most `most` different things that have changed since a position, and the position up to which these are all.
pub fn above(
    conn: &Connection,
    office: &OfficeCode,
    position: u64,
    most: usize,
) -> Result<(BTreeSet<Thing>, u64), RepoError> {
    let mut select = conn.prepare_cached(ABOVE)?;
    let mut rows = select.query(params![office.as_str(), position])?;
    let mut things = BTreeSet::new();
    let mut last = position;
    while let Some(row) = rows.next()? {
        let id: String = row.get(2)?;
        let thing: String = row.get(1)?;
        let thing = Thing::parse(&thing, &id).ok_or(RepoError::Damaged("feed row"))?;
        if !things.contains(&thing) && things.len() >= most {
            break;
        }
        things.insert(thing);
        last = row.get(0)?;
    }
    Ok((things, last))
}

/// One changed thing as it stands now; history and outcomes from the page's cursor on.
pub(super) fn change(
    conn: &Connection,
    page: &PageOf,
    thing: Thing,
) -> Result<Option<Change>, RepoError> {
    Ok(match thing {
        Thing::User(id) => people::card(conn, id)?.map(|card| Change::User(Box::new(card))),
        Thing::Merchant(id) => {
            register::load(conn, &page.office, id)?.map(|record| Change::Merchant(Box::new(record)))
        }
        Thing::Case(id) => match cases::load_in(conn, &page.office, id)? {
            Some(case) => Some(Change::Case(Box::new(CaseChange {
                case,
                timeline: cases::timeline_after(conn, &page.office, id, page.cursor)?,
                outcomes: outcomes_after(conn, page, id)?,
            }))),
            None => Some(Change::CaseGone { case: id }),
        },
    })
}

fn outcomes_after(
    conn: &Connection,
    page: &PageOf,
    case: CaseId,
) -> Result<Vec<OpOutcome>, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT op_id, outcome FROM journal WHERE case_id = ?1 AND device = ?2 AND position > ?3 ORDER BY position, seq",
    )?;
    let rows = select.query_map(
        params![case.to_string(), page.device.to_string(), page.cursor],
        verdict,
    )?;
    outcomes(rows)
}

fn verdict(row: &Row<'_>) -> Result<(String, String), super::sql::SqlError> {
    Ok((row.get(0)?, row.get(1)?))
}

fn outcomes(
    rows: impl Iterator<Item = Result<(String, String), super::sql::SqlError>>,
) -> Result<Vec<OpOutcome>, RepoError> {
    let mut outcomes = Vec::new();
    for row in rows {
        let (op, outcome) = row?;
        outcomes.push(OpOutcome {
            op_id: OpId::parse(&op).ok_or(RepoError::Damaged("op id"))?,
            outcome: serde_json::from_str(&outcome)?,
        });
    }
    Ok(outcomes)
}

/// One question for a page of the first fill. `after` is the last thing of the page before.
#[derive(Clone, Debug)]
pub struct FillOf {
    pub page: PageOf,
    /// Position fixed by the first page, and the last thing seen.
    pub after: Option<(u64, String, String)>,
}

/// The next page of a first fill. Things written meanwhile stand in their newest form; the pull from `position` brings
/// them again, which is harmless.
pub fn snapshot(conn: &Connection, fill: &FillOf) -> Result<Option<SnapshotReply>, RepoError> {
    let Some(top) = position(conn, &fill.page.office)? else {
        return Ok(None);
    };
    let (position, thing, id) = fill
        .after
        .clone()
        .unwrap_or((top, "case".into(), String::new()));
    if position > top {
        return Ok(None);
    }
    if thing == "verdict" {
        return Ok(Some(untold(conn, &fill.page, position, &id)?));
    }
    let rows = ids_after(conn, &fill.page, &thing, &id)?;
    let full = rows.len() >= fill.page.limit;
    let mut changes = Vec::with_capacity(rows.len());
    let all = PageOf {
        cursor: 0,
        ..fill.page.clone()
    };
    for id in &rows {
        let thing = Thing::parse(&thing, id).ok_or(RepoError::Damaged("id"))?;
        changes.extend(change(conn, &all, thing)?);
    }
    let next = match (full, thing.as_str(), rows.last()) {
        (true, name, Some(last)) => Some(format!("{position}.{name}.{last}")),
        (_, "case", _) => Some(format!("{position}.merchant.")),
        (_, "merchant", _) => Some(format!("{position}.user.")),
        _ if any_untold(conn, fill.page.device)? => Some(format!("{position}.verdict.")),
        _ => None,
    };
    Ok(Some(SnapshotReply {
        scope: fill.page.office.clone(),
        position,
        next,
        changes,
    }))
}

/// The last part of a fill: verdicts on ops of the asking device that changed no case, and so travel with none.
fn untold(
    conn: &Connection,
    page: &PageOf,
    position: u64,
    after: &str,
) -> Result<SnapshotReply, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT op_id, outcome FROM journal WHERE device = ?1 AND counted = 1 AND position = 0 AND op_id > ?2 \
         ORDER BY op_id LIMIT ?3",
    )?;
    let device = page.device.to_string();
    let rows = select.query_map(params![device, after, page.limit], verdict)?;
    let outcomes = outcomes(rows)?;
    let last = outcomes.last().filter(|_| outcomes.len() >= page.limit);
    Ok(SnapshotReply {
        scope: page.office.clone(),
        position,
        next: last.map(|last| format!("{position}.verdict.{}", last.op_id)),
        changes: vec![Change::Outcomes { outcomes }],
    })
}

fn any_untold(conn: &Connection, device: DeviceId) -> Result<bool, RepoError> {
    Ok(conn
        .prepare_cached(
            "SELECT 1 FROM journal WHERE device = ?1 AND counted = 1 AND position = 0 LIMIT 1",
        )?
        .exists([device.to_string()])?)
}

fn ids_after(
    conn: &Connection,
    page: &PageOf,
    thing: &str,
    after: &str,
) -> Result<Vec<String>, RepoError> {
    let sql = match thing {
        "case" => "SELECT id FROM case_file WHERE office = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
        "merchant" => "SELECT id FROM merchant WHERE office = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
        _ => {
            "SELECT DISTINCT id FROM feed WHERE office = ?1 AND thing = 'user' AND id > ?2 ORDER BY id LIMIT ?3"
        }
    };
    let mut select = conn.prepare_cached(sql)?;
    let rows = select.query_map(params![page.office.as_str(), after, page.limit], |row| {
        row.get(0)
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
