//! Running a query: candidates from the index newest first, each checked, merged with the cases not indexed yet.

use super::index::drain_some;
use super::initials;
use super::keyed::SearchKey;
use super::matching::{Term, answers, terms};
use super::subject::subject;
use super::words::{Run, pairs};
use crate::error::StoreError;
use crate::list::{CaseRow, MAX_PAGE, row_by_number};
use crate::sql::limit;
use crate::store::Store;
use crate::view::view_at;
use rusqlite::{Connection, params};
use std::collections::BTreeSet;

/// Cases that may wait for their rows before a search brings some up to date first.
const MOST_PENDING: i64 = 64;
/// Candidates that are looked at for one page at most.
const MOST_CANDIDATES: usize = 2_000;
/// Candidates fetched at a time.
const BATCH: usize = 64;

/// One page of hits, newest case first.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SearchPage {
    pub rows: Vec<CaseRow>,
    /// Give this back to get the next page; none when there are no more.
    pub next: Option<i64>,
}

impl Store {
    /// Finds cases by Chinese words of any length, ASCII words by their beginning, pinyin initials of names, and
    /// whole numbers or their tails of four and more. Several terms must all be found.
    pub fn search(
        &self,
        typed: &str,
        before: Option<i64>,
        most: usize,
    ) -> Result<SearchPage, StoreError> {
        let terms = terms(typed);
        if terms.is_empty() {
            return Ok(SearchPage::default());
        }
        self.catch_up()?;
        self.read(|conn| {
            page(
                conn,
                &self.search_key,
                &terms,
                before.unwrap_or(i64::MAX),
                most.min(MAX_PAGE),
            )
        })
    }

    fn catch_up(&self) -> Result<(), StoreError> {
        let behind = self.read(|conn| {
            let sql = "SELECT count(*) FROM (SELECT 1 FROM search_pending LIMIT ?1)";
            let count: i64 = conn
                .prepare_cached(sql)?
                .query_row(params![MOST_PENDING + 1], |row| row.get(0))?;
            Ok(count > MOST_PENDING)
        })?;
        if behind {
            return match self.write(|tx, _| drain_some(tx, &self.search_key, usize::MAX)) {
                // A full disk must not keep anybody from searching; the look at the waiting cases takes longer.
                Err(StoreError::DiskFull) => Ok(()),
                other => other,
            };
        }
        Ok(())
    }
}

fn page(
    conn: &Connection,
    key: &SearchKey,
    terms: &[Term],
    before: i64,
    most: usize,
) -> Result<SearchPage, StoreError> {
    let pending = pending_hits(conn, terms, before)?;
    let waiting = pending_numbers(conn)?;
    let mut hits: BTreeSet<i64> = BTreeSet::new();
    let mut floor = before;
    let mut looked_at = 0;
    let mut exhausted = false;
    while hits.len() <= most && !exhausted && looked_at < MOST_CANDIDATES {
        let candidates = candidates(conn, key, terms, floor)?;
        exhausted = candidates.is_empty();
        for n in candidates {
            floor = n;
            looked_at += 1;
            if !waiting.contains(&n) && is_hit(conn, terms, n)? {
                hits.insert(n);
            }
            if hits.len() > most || looked_at >= MOST_CANDIDATES {
                break;
            }
        }
    }
    // Below the floor the index was not looked at: pending hits from there belong to a later page.
    hits.extend(pending.into_iter().filter(|n| exhausted || *n >= floor));
    let mut page = SearchPage::default();
    for n in hits.iter().rev().take(most) {
        page.rows.extend(row_by_number(conn, *n)?);
    }
    page.next = if hits.len() > most {
        hits.iter().rev().nth(most.saturating_sub(1)).copied()
    } else {
        (!exhausted).then_some(floor)
    };
    Ok(page)
}

fn is_hit(conn: &Connection, terms: &[Term], n: i64) -> Result<bool, StoreError> {
    let Some(case) = view_at(conn, n)? else {
        return Ok(false);
    };
    let subject = subject(&case);
    Ok(terms.iter().all(|term| answers(&subject, term)))
}

fn pending_numbers(conn: &Connection) -> Result<BTreeSet<i64>, StoreError> {
    let mut find = conn.prepare_cached("SELECT n FROM search_pending")?;
    let numbers = find
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(numbers)
}

fn pending_hits(
    conn: &Connection,
    terms: &[Term],
    before: i64,
) -> Result<BTreeSet<i64>, StoreError> {
    let mut hits = BTreeSet::new();
    for n in pending_numbers(conn)?.into_iter().filter(|n| *n < before) {
        if is_hit(conn, terms, n)? {
            hits.insert(n);
        }
    }
    Ok(hits)
}

/// The next candidates below `floor`, newest first: the index' answer for the term that narrows most.
fn candidates(
    conn: &Connection,
    key: &SearchKey,
    terms: &[Term],
    floor: i64,
) -> Result<Vec<i64>, StoreError> {
    if let Some(expression) = text_expression(terms) {
        return by_text(conn, &expression, floor);
    }
    // A term that can be a number has up to three ways to be meant; each is asked for, newest first.
    let mut found: BTreeSet<i64> = BTreeSet::new();
    let mut lowest_full = i64::MIN;
    let driver = terms
        .iter()
        .find(|term| term.number.is_some())
        .or(terms.first());
    for batch in driver
        .map(|term| ways(conn, key, term, floor))
        .transpose()?
        .unwrap_or_default()
    {
        if batch.len() >= BATCH {
            lowest_full = lowest_full.max(batch.last().copied().unwrap_or(i64::MIN));
        }
        found.extend(batch);
    }
    // Below the end of a full batch, that way may have more: those come in the next round.
    Ok(found
        .into_iter()
        .rev()
        .filter(|n| *n >= lowest_full)
        .collect())
}

/// All terms in one expression of the full-text index, when none of them can be a number.
fn text_expression(terms: &[Term]) -> Option<String> {
    let mut parts = Vec::new();
    for term in terms {
        if term.number.is_some() {
            return None;
        }
        parts.push(format!("({})", alternatives(term)?));
    }
    Some(parts.join(" AND "))
}

/// One term as text or as initials.
fn alternatives(term: &Term) -> Option<String> {
    let text = runs_expression(&term.runs);
    let initials = term
        .initials
        .as_deref()
        .map(initials::query_tokens)
        .filter(|tokens| !tokens.is_empty());
    let initials = initials.map(|tokens| conjunction(tokens.iter().map(|token| quoted(token))));
    match (text, initials) {
        (Some(text), Some(initials)) => Some(format!("({text}) OR ({initials})")),
        (text, initials) => text.or(initials),
    }
}

fn runs_expression(runs: &[Run]) -> Option<String> {
    let mut tokens = Vec::new();
    for run in runs {
        match run {
            Run::Word(word) => tokens.push(format!("{} *", quoted(word))),
            Run::Wide(chars) if chars.len() == 1 => {
                tokens.extend(chars.iter().map(|c| quoted(&c.to_string())));
            }
            Run::Wide(chars) => tokens.extend(pairs(chars).iter().map(|pair| quoted(pair))),
        }
    }
    (!tokens.is_empty()).then(|| conjunction(tokens.into_iter()))
}

fn conjunction(tokens: impl Iterator<Item = String>) -> String {
    tokens.collect::<Vec<_>>().join(" AND ")
}

/// Tokens hold letters and digits only; the quotes keep words such as AND from meaning something.
fn quoted(token: &str) -> String {
    format!("\"{}\"", token.replace('"', ""))
}

fn by_text(conn: &Connection, expression: &str, floor: i64) -> Result<Vec<i64>, StoreError> {
    let mut find = conn.prepare_cached(
        "SELECT rowid FROM search_text WHERE search_text MATCH ?1 AND rowid < ?2 ORDER BY rowid DESC LIMIT ?3",
    )?;
    let found = find
        .query_map(params![expression, floor, limit(BATCH)], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(found)
}

/// What each way of meaning a term finds, newest first.
fn ways(
    conn: &Connection,
    key: &SearchKey,
    term: &Term,
    floor: i64,
) -> Result<Vec<Vec<i64>>, StoreError> {
    let mut batches = Vec::new();
    if let Some(expression) = alternatives(term) {
        batches.push(by_text(conn, &expression, floor)?);
    }
    let mut find = conn.prepare_cached(
        "SELECT n FROM search_key WHERE token = ?1 AND n < ?2 ORDER BY n DESC LIMIT ?3",
    )?;
    for token in term.number.iter().flat_map(|number| key.tokens_for(number)) {
        let batch = find
            .query_map(params![token, floor, limit(BATCH)], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        batches.push(batch);
    }
    Ok(batches)
}
