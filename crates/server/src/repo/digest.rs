//! Does a desk hold the cases that stand here? Sums of digests by bucket, brought up to date when somebody asks.

use super::feed::{self, PageOf, Thing};
use super::sql::{Connection, OptionalExtension, params};
use super::{RepoError, cases, system};
use desk_domain::case::Case;
use desk_domain::digest::{SHAPE, Sum, Sums};
use desk_domain::ids::{CaseId, OfficeCode};
use desk_protocol::digest::{DigestAsk, DigestPlace, DigestReply, DigestRequest};
use desk_protocol::sync::Change;

/// Most cases in one reply.
const CASES: usize = 50;
/// The shape that the digests here were taken over.
const SHAPE_NOTE: &str = "digest_shape";

/// Notes that a case has changed.
pub fn mark(conn: &Connection, case: &Case) -> Result<(), RepoError> {
    conn.prepare_cached(
        "INSERT INTO case_digest (office, bucket, id, digest, is_stale) VALUES (?1, ?2, ?3, NULL, 1) \
         ON CONFLICT (office, bucket, id) DO UPDATE SET is_stale = 1 WHERE case_digest.is_stale = 0",
    )?
    .execute(params![
        case.office.as_str(),
        bucket_text(desk_domain::digest::bucket_of(case.id)),
        case.id.to_string()
    ])?;
    Ok(())
}

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
    let one: Option<i64> = conn
        .prepare_cached("SELECT 1 FROM case_digest WHERE office = ?1 AND is_stale = 1 LIMIT 1")?
        .query_row([office.as_str()], |row| row.get(0))
        .optional()?;
    Ok(one.is_some())
}

/// Takes up to `most` digests that wait; true when more are left.
pub fn settle(conn: &Connection, office: &OfficeCode, most: usize) -> Result<bool, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT bucket, id, digest FROM case_digest WHERE office = ?1 AND is_stale = 1 LIMIT ?2",
    )?;
    let rows = select.query_map(params![office.as_str(), most], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    })?;
    let stale: Vec<(String, String, Option<[u8; 32]>)> = rows.collect::<Result<_, _>>()?;
    for (bucket, id, before) in &stale {
        settle_one(conn, office, (bucket, id), before.map(Sum::from_bytes))?;
    }
    is_stale(conn, office)
}

fn settle_one(
    conn: &Connection,
    office: &OfficeCode,
    (bucket, id): (&str, &str),
    before: Option<Sum>,
) -> Result<(), RepoError> {
    let case = CaseId::parse(id).ok_or(RepoError::Damaged("case id"))?;
    // A snapshot that cannot be read is unlike what any desk has: it shows.
    let now = match cases::load_in(conn, office, case) {
        Ok(Some(case)) => Sum::of(&case)?,
        Ok(None) => Sum::default(),
        Err(RepoError::Json(_)) => Sum::of_damaged(id.as_bytes()),
        Err(error) => return Err(error),
    };
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
    .execute(params![office.as_str(), bucket, sum.as_bytes().as_slice()])?;
    conn.prepare_cached(
        "UPDATE case_digest SET digest = ?4, is_stale = 0 WHERE office = ?1 AND bucket = ?2 AND id = ?3",
    )?
    .execute(params![office.as_str(), bucket, id, now.as_bytes().as_slice()])?;
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
