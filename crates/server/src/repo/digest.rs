//! Does a desk hold the cases that stand here? Sums of digests by bucket, brought up to date when somebody asks.

use super::feed::{self, PageOf, Thing};
use super::sql::{Connection, OptionalExtension, params};
use super::{RepoError, cases, system};
use desk_domain::digest::{SHAPE, Sum, Sums};
use desk_domain::ids::{CaseId, OfficeCode};
use desk_protocol::digest::{DigestAsk, DigestPlace, DigestReply, DigestRequest};
use desk_protocol::sync::Change;
use std::collections::BTreeSet;

/// Most cases in one reply.
const CASES: usize = 50;
/// The shape that the digests here were taken over.
const SHAPE_NOTE: &str = "digest_shape";

/// A program with another shape of a case takes every digest anew.
pub fn prepare(conn: &Connection) -> Result<(), RepoError> {
    let shape = SHAPE.to_string();
    if system::note(conn, SHAPE_NOTE)?.as_ref() != Some(&shape) {
        conn.execute("UPDATE case_digest SET is_stale = 1 WHERE is_stale = 0", ())?;
        system::put_note(conn, SHAPE_NOTE, &shape)?;
    }
    Ok(())
}

/// True when digests of this office wait to be taken.
pub fn is_stale(conn: &Connection, office: &OfficeCode) -> Result<bool, RepoError> {
    let changed = feed::has_above(conn, office, upto(conn, office)?)?;
    let mut marked = conn
        .prepare_cached("SELECT 1 FROM case_digest WHERE office = ?1 AND is_stale = 1 LIMIT 1")?;
    Ok(changed || marked.exists([office.as_str()])?)
}

/// The position of the feed up to which digests were taken: what a case is like is summed up when somebody asks, so that a
/// push writes nothing for it.
fn upto(conn: &Connection, office: &OfficeCode) -> Result<u64, RepoError> {
    let row = conn
        .prepare_cached("SELECT position FROM digest_upto WHERE office = ?1")?
        .query_row([office.as_str()], |row| row.get(0))
        .optional()?;
    Ok(row.unwrap_or(0))
}

/// Takes digests that wait, for at most `most` rows; true when more are left.
pub fn settle(conn: &Connection, office: &OfficeCode, most: usize) -> Result<bool, RepoError> {
    let mut select = conn
        .prepare_cached("SELECT id FROM case_digest WHERE office = ?1 AND is_stale = 1 LIMIT ?2")?;
    let rows = select.query_map(params![office.as_str(), most], |row| row.get(0))?;
    let marked: Vec<String> = rows.collect::<Result<_, _>>()?;
    let mut cases = BTreeSet::new();
    for id in marked {
        cases.insert(CaseId::parse(&id).ok_or(RepoError::Damaged("case id"))?);
    }
    let (things, last) = feed::above(conn, office, upto(conn, office)?, most)?;
    cases.extend(things.into_iter().filter_map(|thing| match thing {
        Thing::Case(id) => Some(id),
        Thing::User(_) | Thing::Merchant(_) => None,
    }));
    for case in cases {
        settle_one(conn, office, case)?;
    }
    conn.prepare_cached(
        "INSERT INTO digest_upto (office, position) VALUES (?1, ?2) \
         ON CONFLICT (office) DO UPDATE SET position = excluded.position",
    )?
    .put(params![office.as_str(), last])?;
    is_stale(conn, office)
}

fn settle_one(conn: &Connection, office: &OfficeCode, case: CaseId) -> Result<(), RepoError> {
    let (id, bucket) = (case.to_string(), desk_domain::digest::bucket_of(case));
    let bucket = bucket_text(bucket);
    // A snapshot that cannot be read is unlike what any desk has: it shows.
    let now = match cases::load_in(conn, office, case) {
        Ok(Some(case)) => Sum::of(&case)?,
        Ok(None) => Sum::default(),
        Err(RepoError::Json(_)) => Sum::of_damaged(id.as_bytes()),
        Err(error) => return Err(error),
    };
    let before: Option<Option<[u8; 32]>> = conn
        .prepare_cached(
            "SELECT digest FROM case_digest WHERE office = ?1 AND bucket = ?2 AND id = ?3",
        )?
        .query_row(params![office.as_str(), bucket, id], |row| row.get(0))
        .optional()?;
    let before = before.flatten().map(Sum::from_bytes);
    let change = now.with(before.unwrap_or_default());
    let there: Option<[u8; 32]> = conn
        .prepare_cached("SELECT sum FROM digest_bucket WHERE office = ?1 AND bucket = ?2")?
        .query_row(params![office.as_str(), bucket], |row| row.get(0))
        .optional()?;
    let sum = Sum::from_bytes(there.unwrap_or_default()).with(change);
    conn.prepare_cached(
        "INSERT INTO digest_bucket (office, bucket, sum) VALUES (?1, ?2, ?3) \
         ON CONFLICT (office, bucket) DO UPDATE SET sum = excluded.sum",
    )?
    .put(params![office.as_str(), bucket, sum.as_bytes().as_slice()])?;
    conn.prepare_cached(
        "INSERT INTO case_digest (office, bucket, id, digest, is_stale) VALUES (?1, ?2, ?3, ?4, 0) \
         ON CONFLICT (office, bucket, id) DO UPDATE SET digest = excluded.digest, is_stale = 0",
    )?
    .put(params![
        office.as_str(),
        bucket,
        id,
        now.as_bytes().as_slice()
    ])?;
    Ok(())
}

/// Answers a desk; none for an office that does not exist. `page` says whose outcomes travel with the cases.
pub fn answer(
    conn: &Connection,
    request: &DigestRequest,
    page: &PageOf,
) -> Result<Option<DigestReply>, RepoError> {
    let Some(position) = feed::position(conn, &page.office)? else {
        return Ok(None);
    };
    let mut reply = DigestReply {
        scope: page.office.clone(),
        position,
        compared: false,
        same: false,
        differing: Vec::new(),
        changes: Vec::new(),
        next: None,
    };
    if let DigestAsk::Cases { buckets, after } = &request.ask {
        reply.compared = true;
        (reply.changes, reply.next) = cases_of(conn, page, buckets, *after)?;
        return Ok(Some(reply));
    }
    let comparable = position == request.cursor && request.shape == SHAPE;
    if !comparable || is_stale(conn, &page.office)? {
        return Ok(Some(reply));
    }
    let sums = sums(conn, &page.office)?;
    reply.compared = true;
    match &request.ask {
        DigestAsk::Whole { hash } => reply.same = sums.whole() == *hash,
        DigestAsk::Buckets { hashes } => {
            reply.differing = sums.differing(hashes);
            reply.same = reply.differing.is_empty();
        }
        DigestAsk::Cases { .. } => {}
    }
    Ok(Some(reply))
}

fn sums(conn: &Connection, office: &OfficeCode) -> Result<Sums, RepoError> {
    let mut select =
        conn.prepare_cached("SELECT bucket, sum FROM digest_bucket WHERE office = ?1")?;
    let mut rows = select.query([office.as_str()])?;
    let mut sums = Sums::default();
    while let Some(row) = rows.next()? {
        let bucket: String = row.get(0)?;
        let bucket = u8::from_str_radix(&bucket, 16).map_err(|_| RepoError::Damaged("bucket"))?;
        sums.add(bucket, Sum::from_bytes(row.get(1)?));
    }
    Ok(sums)
}

fn cases_of(
    conn: &Connection,
    page: &PageOf,
    buckets: &[u8],
    after: Option<DigestPlace>,
) -> Result<(Vec<Change>, Option<DigestPlace>), RepoError> {
    let mut wanted: Vec<u8> = buckets.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    let mut changes = Vec::new();
    let mut select = conn.prepare_cached(
        "SELECT id FROM case_digest WHERE office = ?1 AND bucket = ?2 AND id > ?3 ORDER BY id LIMIT ?4",
    )?;
    let from = after.map_or(0, |place| place.bucket);
    for bucket in wanted.into_iter().filter(|bucket| *bucket >= from) {
        let behind = after.filter(|place| place.bucket == bucket);
        let behind = behind.map_or_else(String::new, |place| place.case.to_string());
        let room = CASES.saturating_sub(changes.len());
        let rows = select.query_map(
            params![page.office.as_str(), bucket_text(bucket), behind, room],
            |row| row.get::<String>(0),
        )?;
        for id in rows.collect::<Result<Vec<_>, _>>()? {
            let case = CaseId::parse(&id).ok_or(RepoError::Damaged("case id"))?;
            changes.extend(feed::change(conn, page, Thing::Case(case))?);
            if changes.len() >= CASES {
                return Ok((changes, Some(DigestPlace { bucket, case })));
            }
        }
    }
    Ok((changes, None))
}

fn bucket_text(bucket: u8) -> String {
    format!("{bucket:02x}")
}
