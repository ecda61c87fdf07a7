//! Search rows: written in batches behind the saves, so that a save costs one small row.

use super::keyed::SearchKey;
use super::subject::{Subject, subject};
use super::{initials, words};
use crate::error::StoreError;
use crate::row::number_of;
use crate::sql::{limit, unsigned};
use crate::view::view_at;
use desk_domain::ids::CaseId;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeSet;

/// The case's search rows are out of date from now on.
pub(crate) fn mark_pending(conn: &Connection, n: i64) -> Result<(), StoreError> {
    conn.prepare_cached("INSERT INTO search_pending (n) VALUES (?1) ON CONFLICT (n) DO NOTHING")?
        .execute(params![n])?;
    Ok(())
}

/// How many cases wait for their search rows.
pub(crate) fn pending_count(conn: &Connection) -> Result<u64, StoreError> {
    unsigned(
        conn.prepare_cached("SELECT count(*) FROM search_pending")?
            .query_row([], |row| row.get(0))?,
    )
}

/// Brings the search rows of at most `most` cases up to date.
pub(crate) fn drain_some(
    conn: &Connection,
    key: &SearchKey,
    most: usize,
) -> Result<(), StoreError> {
    let mut find = conn.prepare_cached("SELECT n FROM search_pending ORDER BY n LIMIT ?1")?;
    let waiting: Vec<i64> = find
        .query_map(params![limit(most)], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for n in waiting {
        if let Some(case) = view_at(conn, n)? {
            index_subject(conn, key, n, &subject(&case))?;
        }
        conn.prepare_cached("DELETE FROM search_pending WHERE n = ?1")?
            .execute(params![n])?;
    }
    Ok(())
}

/// Takes a case out of the index.
pub(crate) fn forget_case(
    conn: &Connection,
    _key: &SearchKey,
    case: CaseId,
) -> Result<(), StoreError> {
    let Some(n) = number_of(conn, case)? else {
        return Ok(());
    };
    drop_rows(conn, n)?;
    conn.prepare_cached("DELETE FROM search_pending WHERE n = ?1")?
        .execute(params![n])?;
    Ok(())
}

fn index_subject(
    conn: &Connection,
    key: &SearchKey,
    n: i64,
    subject: &Subject,
) -> Result<(), StoreError> {
    let digest = digest(subject);
    let known: Option<[u8; 32]> = conn
        .prepare_cached("SELECT digest FROM search_row WHERE n = ?1")?
        .query_row(params![n], |row| row.get(0))
        .optional()?;
    if known == Some(digest) {
        return Ok(());
    }
    if known.is_some() {
        drop_rows(conn, n)?;
    }
    let tokens: BTreeSet<i64> = subject
        .numbers
        .iter()
        .flat_map(|number| key.tokens_of(number))
        .collect();
    let mut add = conn.prepare_cached("INSERT INTO search_key (token, n) VALUES (?1, ?2)")?;
    let mut packed = Vec::with_capacity(tokens.len() * 8);
    for token in tokens {
        add.execute(params![token, n])?;
        packed.extend_from_slice(&token.to_be_bytes());
    }
    conn.prepare_cached("INSERT INTO search_text (rowid, words) VALUES (?1, ?2)")?
        .execute(params![n, words_of(subject)])?;
    conn.prepare_cached("INSERT INTO search_row (n, digest, tokens) VALUES (?1, ?2, ?3)")?
        .execute(params![n, digest, packed])?;
    Ok(())
}

fn words_of(subject: &Subject) -> String {
    let mut tokens = BTreeSet::new();
    for text in &subject.texts {
        words::add_tokens(text, &mut tokens);
    }
    for name in &subject.names {
        initials::add_tokens(name, &mut tokens);
    }
    let tokens: Vec<String> = tokens.into_iter().collect();
    tokens.join(" ")
}

fn drop_rows(conn: &Connection, n: i64) -> Result<(), StoreError> {
    let packed: Option<Vec<u8>> = conn
        .prepare_cached("SELECT tokens FROM search_row WHERE n = ?1")?
        .query_row(params![n], |row| row.get(0))
        .optional()?;
    let Some(packed) = packed else { return Ok(()) };
    let mut remove = conn.prepare_cached("DELETE FROM search_key WHERE token = ?1 AND n = ?2")?;
    let (tokens, _) = packed.as_chunks::<8>();
    for token in tokens {
        remove.execute(params![i64::from_be_bytes(*token), n])?;
    }
    conn.prepare_cached("DELETE FROM search_text WHERE rowid = ?1")?
        .execute(params![n])?;
    conn.prepare_cached("DELETE FROM search_row WHERE n = ?1")?
        .execute(params![n])?;
    Ok(())
}

/// Changes when anything searchable does; a save of something else leaves the index alone.
fn digest(subject: &Subject) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for (part, list) in [&subject.texts, &subject.names, &subject.numbers]
        .into_iter()
        .enumerate()
    {
        hasher.update(&part.to_be_bytes());
        for text in list {
            hasher.update(&text.len().to_be_bytes());
            hasher.update(text.as_bytes());
        }
    }
    *hasher.finalize().as_bytes()
}
