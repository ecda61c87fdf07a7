//! G5: a list page of 50, beside a bare prepared keyset SELECT on the same file.

use crate::figure::{Figure, Round, slope};
use crate::fill::Filled;
use crate::{Plan, raw, watch};
use desk_store::{CaseRow, Key, Queue, QueueFilter, Store};
use desk_tests::Failure;
use rusqlite::{Connection, params};
use std::hint::black_box;

const PAGE: usize = 50;
/// Pages in one measured block: enough for the clock, few enough to take turns often.
const PAGES: u32 = 200;
const ALL: QueueFilter = QueueFilter {
    queue: Queue::All,
    mine: None,
};

/// What a bare reader takes out of a row.
type BareRow = (
    [u8; 16],
    (String, String, [u8; 16], Option<[u8; 16]>, i64, Option<i64>),
    (
        Option<String>,
        Option<String>,
        Option<String>,
        Option<String>,
    ),
    (u32, u32, u32, Option<i64>),
);

/// The place before the newest row.
const TOP: (i64, [u8; 16]) = (i64::MAX, [0xff; 16]);

/// Measures all of it.
pub fn figures(plan: &Plan, small: &Filled, large: &Filled) -> Result<Vec<Figure>, Failure> {
    let bare = raw::cipher(&large.db)?;
    let deep = deep_key(&bare, large.cases)?;
    let deep_bare = (deep.at, deep.id.uuid().into_bytes());
    same_rows(&bare, large, None, TOP)?;
    same_rows(&bare, large, Some(deep), deep_bare)?;
    let (mut first, mut far, mut depth, mut size) = (vec![], vec![], vec![], vec![]);
    // One block of each that does not count: caches fill.
    for round in 0..=plan.rounds {
        let ours = ours(large, None)?;
        let floor = floor(&bare, TOP)?;
        let ours_deep = ours_at(large, deep)?;
        let floor_deep = self::floor(&bare, deep_bare)?;
        let ours_small = self::ours(small, None)?;
        if round > 0 {
            first.push(Round { ours, limit: floor });
            far.push(Round {
                ours: ours_deep,
                limit: floor_deep,
            });
            depth.push(Round {
                ours: ours_deep,
                limit: ours,
            });
            size.push(Round {
                ours,
                limit: ours_small,
            });
        }
    }
    let n = large.cases;
    let grown = Figure::of_rounds(
        "G5",
        format!("first page at {n} / at {}, CPU", small.cases),
        "ms",
        1.3,
        &size,
    );
    let slope = slope((small.cases, grown.limit), (n, grown.value));
    Ok(vec![
        Figure::of_rounds(
            "G5",
            format!("first page of 50 at {n} / bare SELECT, CPU"),
            "ms",
            4.0,
            &first,
        ),
        Figure::of_rounds(
            "G5",
            format!("last pages of 50 at {n} / bare SELECT, CPU"),
            "ms",
            4.0,
            &far,
        ),
        Figure::of_rounds("G5", "last pages / first page, CPU", "ms", 1.3, &depth),
        grown,
        Figure::of_number("G5", "log-log slope of list CPU over size", "", slope, 0.1),
    ])
}

fn ours(filled: &Filled, after: Option<Key>) -> Result<f64, Failure> {
    let (done, spent) = watch::measure(|| {
        for _ in 0..PAGES {
            black_box(page(filled, after)?);
        }
        Ok(())
    });
    done.map(|()| spent.cpu_ms / f64::from(PAGES))
}

fn ours_at(filled: &Filled, after: Key) -> Result<f64, Failure> {
    ours(filled, Some(after))
}

/// What a person who looks at the workbench asks for.
pub fn first_page(store: &Store) -> Result<Vec<CaseRow>, Failure> {
    store
        .queue(&ALL, None, PAGE)
        .map_err(Failure::at("read a page"))
}

fn page(filled: &Filled, after: Option<Key>) -> Result<Vec<CaseRow>, Failure> {
    filled
        .store
        .queue(&ALL, after, PAGE)
        .map_err(Failure::at("read a page"))
}

fn floor(bare: &Connection, after: (i64, [u8; 16])) -> Result<f64, Failure> {
    let (done, spent) = watch::measure(|| {
        for _ in 0..PAGES {
            black_box(bare_page(bare, after)?);
        }
        Ok(())
    });
    done.map(|()| spent.cpu_ms / f64::from(PAGES))
}

fn bare_page(bare: &Connection, after: (i64, [u8; 16])) -> Result<Vec<BareRow>, Failure> {
    let look = || -> rusqlite::Result<Vec<BareRow>> {
        let mut find = bare.prepare_cached(
            "SELECT id, case_no, state, created_by, reviewer, updated_at, due_at, merchant_name, caller_name,
                    request_kind, serial, return_count, conflicts, pending, confirmed_rev
             FROM case_row WHERE gone = 0 AND (updated_at, id) < (?1, ?2)
             ORDER BY updated_at DESC, id DESC LIMIT 50",
        )?;
        find.query_map(params![after.0, after.1], |row| {
            Ok((
                row.get(0)?,
                (
                    row.get(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                    row.get(5)?,
                    row.get(6)?,
                ),
                (row.get(7)?, row.get(8)?, row.get(9)?, row.get(10)?),
                (row.get(11)?, row.get(12)?, row.get(13)?, row.get(14)?),
            ))
        })?
        .collect()
    };
    look().map_err(Failure::at("read a bare page"))
}

/// A key with two full pages below it.
fn deep_key(bare: &Connection, cases: usize) -> Result<Key, Failure> {
    let skip = i64::try_from(cases.saturating_sub(2 * PAGE)).unwrap_or(0);
    let sql = "SELECT updated_at, id FROM case_row WHERE gone = 0 ORDER BY updated_at DESC, id DESC LIMIT 1 OFFSET ?1";
    let found: (i64, [u8; 16]) = bare
        .query_row(sql, [skip.saturating_sub(1)], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .map_err(Failure::at("find a late page"))?;
    Ok(Key {
        at: found.0,
        id: desk_domain::ids::CaseId::parse(&hex::encode(found.1))
            .ok_or_else(|| Failure::new("case id"))?,
    })
}

/// A fast wrong page is void.
fn same_rows(
    bare: &Connection,
    filled: &Filled,
    after: Option<Key>,
    bare_after: (i64, [u8; 16]),
) -> Result<(), Failure> {
    let ours: Vec<[u8; 16]> = page(filled, after)?
        .iter()
        .map(|row| row.id.uuid().into_bytes())
        .collect();
    let bare: Vec<[u8; 16]> = bare_page(bare, bare_after)?
        .into_iter()
        .map(|row| row.0)
        .collect();
    if ours == bare && ours.len() == PAGE {
        return Ok(());
    }
    Err(Failure::new("void: the page differs from the bare SELECT"))
}
