//! Queues: pages by keyset, newest first (due work: most urgent first). A page costs the same wherever it is.

use crate::error::StoreError;
use crate::sql::{Blob, limit, name_of, named, unsigned};
use crate::store::Store;
use desk_domain::case::CaseState;
use desk_domain::ids::{CaseId, UserId};
use desk_domain::time::Millis;
use rusqlite::{Connection, Row, ToSql, params};

/// Most rows on one page.
pub const MAX_PAGE: usize = 50;
/// Counting stops here; people are shown "1000+".
pub const MAX_COUNT: usize = 1_000;

/// Which work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Queue {
    All,
    Drafts,
    Waiting,
    Returned,
    Review,
    Execute,
    Tell,
    OnHold,
    /// Everything that is not at an end.
    Team,
    /// A clock runs; most urgent first.
    DueSoon,
    State(CaseState),
}

/// A queue, of everybody or of the cases that one user opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QueueFilter {
    pub queue: Queue,
    pub mine: Option<UserId>,
}

/// The place of a row in its queue.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Key {
    /// `updated_at`, or `due_at` in [`Queue::DueSoon`].
    pub at: Millis,
    pub id: CaseId,
}

/// One line of a queue. Names are unmasked: the app masks them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CaseRow {
    pub id: CaseId,
    pub key: Key,
    pub case_no: String,
    pub state: CaseState,
    pub created_by: UserId,
    pub reviewer: Option<UserId>,
    pub updated_at: Millis,
    pub due_at: Option<Millis>,
    pub merchant_name: Option<String>,
    pub caller_name: Option<String>,
    pub request_kind: Option<String>,
    pub terminal_serial: Option<String>,
    pub return_count: u32,
    pub conflicts: u32,
    /// Own ops that the server's snapshot does not hold yet.
    pub pending: u32,
    pub confirmed_rev: Option<u64>,
}

impl Store {
    /// One page of a queue after `after`, at most [`MAX_PAGE`] rows.
    pub fn queue(
        &self,
        filter: &QueueFilter,
        after: Option<Key>,
        most: usize,
    ) -> Result<Vec<CaseRow>, StoreError> {
        let most = most.min(MAX_PAGE);
        self.read(|conn| {
            if filter.queue == Queue::DueSoon {
                return due_page(conn, filter.mine, after, most);
            }
            let mut places = places(conn, filter, after, most)?;
            places.sort_unstable_by(|a, b| b.cmp(a));
            places.truncate(most);
            let mut rows = Vec::with_capacity(places.len());
            for (key, n) in places {
                rows.push(row_at(conn, n, key)?);
            }
            Ok(rows)
        })
    }

    /// How many rows a queue has; stops counting at [`MAX_COUNT`].
    pub fn queue_count(&self, filter: &QueueFilter) -> Result<usize, StoreError> {
        self.read(|conn| {
            if filter.queue == Queue::DueSoon {
                let count: i64 = conn
                    .prepare_cached(
                        "SELECT count(*) FROM (SELECT 1 FROM case_row
                         WHERE gone = 0 AND due_at IS NOT NULL AND (?1 IS NULL OR created_by = ?1) LIMIT ?2)",
                    )?
                    .query_row(params![filter.mine.map(Blob::blob), limit(MAX_COUNT)], |row| row.get(0))?;
                return Ok(usize::try_from(count).unwrap_or(MAX_COUNT));
            }
            Ok(places(conn, filter, None, MAX_COUNT)?.len().min(MAX_COUNT))
        })
    }
}

/// One row of a queue; used by search too.
pub(crate) fn row_by_number(conn: &Connection, n: i64) -> Result<Option<CaseRow>, StoreError> {
    let found = conn
        .prepare_cached("SELECT updated_at, id FROM case_row WHERE n = ?1 AND gone = 0")?
        .query_map(params![n], |row| Ok((row.get(0)?, row.get(1)?)))?
        .next()
        .transpose()?;
    let Some((at, id)) = found else {
        return Ok(None);
    };
    row_at(
        conn,
        n,
        Key {
            at,
            id: CaseId::from_blob(id),
        },
    )
    .map(Some)
}

/// The states of a queue; none means every state by one index.
fn states_of(queue: Queue) -> Option<Vec<CaseState>> {
    use CaseState as S;
    Some(match queue {
        Queue::All | Queue::DueSoon => return None,
        Queue::Drafts => vec![S::Draft],
        Queue::Waiting => vec![S::Waiting],
        Queue::Returned => vec![S::Returned],
        Queue::Review => vec![S::Submitted, S::InReview],
        Queue::Execute => vec![S::Approved, S::Executing, S::ExecFailed, S::ExecUnknown],
        Queue::Tell => vec![S::Unbound],
        Queue::OnHold => vec![S::OnHold],
        Queue::Team => vec![
            S::Draft,
            S::Waiting,
            S::Submitted,
            S::InReview,
            S::Returned,
            S::Approved,
            S::Executing,
            S::Unbound,
            S::ExecFailed,
            S::ExecUnknown,
            S::OnHold,
        ],
        Queue::State(state) => vec![state],
    })
}

/// The first `most` places of each state by its index; merged by the caller, so no sort ever runs over a queue.
fn places(
    conn: &Connection,
    filter: &QueueFilter,
    after: Option<Key>,
    most: usize,
) -> Result<Vec<(Key, i64)>, StoreError> {
    // Everything sorts before the highest possible key.
    let (at, id) = after.map_or((i64::MAX, [0xff; 16]), |key| (key.at, key.id.blob()));
    let mut places = Vec::new();
    let states = match (states_of(filter.queue), filter.mine) {
        (None, None) => {
            let sql = "SELECT updated_at, id, n FROM case_row WHERE gone = 0 AND (updated_at, id) < (?1, ?2)
                       ORDER BY updated_at DESC, id DESC LIMIT ?3";
            collect(conn, sql, &[&at, &id, &limit(most)], &mut places)?;
            return Ok(places);
        }
        (None, Some(_)) => CaseState::ALL.to_vec(),
        (Some(states), _) => states,
    };
    for state in states {
        let state = name_of(&state)?;
        match filter.mine {
            None => {
                let sql = "SELECT updated_at, id, n FROM case_row
                           WHERE gone = 0 AND state = ?4 AND (updated_at, id) < (?1, ?2)
                           ORDER BY updated_at DESC, id DESC LIMIT ?3";
                collect(conn, sql, &[&at, &id, &limit(most), &state], &mut places)?;
            }
            Some(user) => {
                let sql = "SELECT updated_at, id, n FROM case_row
                           WHERE gone = 0 AND created_by = ?5 AND state = ?4 AND (updated_at, id) < (?1, ?2)
                           ORDER BY updated_at DESC, id DESC LIMIT ?3";
                collect(
                    conn,
                    sql,
                    &[&at, &id, &limit(most), &state, &user.blob()],
                    &mut places,
                )?;
            }
        }
    }
    Ok(places)
}

fn collect(
    conn: &Connection,
    sql: &str,
    bound: &[&dyn ToSql],
    into: &mut Vec<(Key, i64)>,
) -> Result<(), StoreError> {
    let mut find = conn.prepare_cached(sql)?;
    let mut rows = find.query(bound)?;
    while let Some(row) = rows.next()? {
        into.push((
            Key {
                at: row.get(0)?,
                id: CaseId::from_blob(row.get(1)?),
            },
            row.get(2)?,
        ));
    }
    Ok(())
}

fn due_page(
    conn: &Connection,
    mine: Option<UserId>,
    after: Option<Key>,
    most: usize,
) -> Result<Vec<CaseRow>, StoreError> {
    let (at, id) = after.map_or((i64::MIN, [0; 16]), |key| (key.at, key.id.blob()));
    let sql = "SELECT due_at, id, n FROM case_row
               WHERE gone = 0 AND due_at IS NOT NULL AND (due_at, id) > (?1, ?2) AND (?4 IS NULL OR created_by = ?4)
               ORDER BY due_at, id LIMIT ?3";
    let mut places = Vec::new();
    collect(
        conn,
        sql,
        &[&at, &id, &limit(most), &mine.map(Blob::blob)],
        &mut places,
    )?;
    let mut rows = Vec::with_capacity(places.len());
    for (key, n) in places {
        rows.push(row_at(conn, n, key)?);
    }
    Ok(rows)
}

fn row_at(conn: &Connection, n: i64, key: Key) -> Result<CaseRow, StoreError> {
    let mut find = conn.prepare_cached(
        "SELECT case_no, state, created_by, reviewer, updated_at, due_at, merchant_name, caller_name, request_kind,
                serial, return_count, conflicts, pending, confirmed_rev
         FROM case_row WHERE n = ?1",
    )?;
    let mut rows = find.query(params![n])?;
    let row = rows.next()?.ok_or(StoreError::UnknownCase(key.id))?;
    case_row(row, key)
}

fn case_row(row: &Row<'_>, key: Key) -> Result<CaseRow, StoreError> {
    Ok(CaseRow {
        id: key.id,
        key,
        case_no: row.get(0)?,
        state: named(&row.get::<_, String>(1)?)?,
        created_by: UserId::from_blob(row.get(2)?),
        reviewer: row.get::<_, Option<[u8; 16]>>(3)?.map(UserId::from_blob),
        updated_at: row.get(4)?,
        due_at: row.get(5)?,
        merchant_name: row.get(6)?,
        caller_name: row.get(7)?,
        request_kind: row.get(8)?,
        terminal_serial: row.get(9)?,
        return_count: row.get(10)?,
        conflicts: row.get(11)?,
        pending: row.get(12)?,
        confirmed_rev: row.get::<_, Option<i64>>(13)?.map(unsigned).transpose()?,
    })
}
