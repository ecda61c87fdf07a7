//! The return bundle: receipts, the feeds since the desk's places, the documents it wants, the policy. Sealed for the
//! desk, signed by headquarters.

use super::Bundles;
use super::intake::{IntakeError, asked};
use crate::http::sync::parse_after;
use crate::repo::documents::Expected;
use crate::repo::feed::{FillOf, PageOf};
use chrono::{DateTime, FixedOffset};
use desk_bundle::{
    Answer, Ask, BundleError, FillPage, Frame, Header, Page, Place, PolicyText, Way, Writer, check,
    stick,
};
use desk_domain::case::CHUNK_BYTES;
use desk_domain::ids::{BundleId, OfficeCode};
use desk_protocol::MAX_PAGE;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, IntoInnerError, Read};
use std::path::{Path, PathBuf};

/// Most ops in one receipt.
const RECEIPT_OPS: usize = 500;
/// Plain bytes after which no page is begun any more: the next bundle brings the rest.
const PAGES_BYTES: u64 = 1024 * 1024 * 1024;
/// The same for documents.
const DOCUMENTS_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// Most documents looked up for one desk.
const DOCUMENTS: usize = 500;
/// China has one time zone, eight hours ahead of UTC.
const CHINA_S: i32 = 8 * 3600;

type Out = Writer<BufWriter<File>>;

pub(super) fn write(
    bundles: &Bundles,
    taken: &[Header],
    folder: &Path,
) -> Result<PathBuf, IntakeError> {
    let last = taken
        .last()
        .ok_or(BundleError::Damaged("nothing to answer"))?;
    let ask = asked(last)?;
    let sender = bundles.repo.sender(last.device, ask.user)?;
    let sender = sender.ok_or(BundleError::UnknownSender)?;
    let policy = bundles.repo.policy_blocking(&bundles.rules)?;
    let header = answer_to(bundles, taken, last, policy.version)?;
    let date = day(header.created_at);
    let desk = format!("{}-return", sender.device.device_code);
    let (fresh, file) = stick::Fresh::create(folder, &last.office, &desk, &date)?;
    let mut recipients = bundles.keys.recipients();
    recipients.push(ask.recipient.clone());
    let mut out = Writer::begin(BufWriter::new(file), &header, &recipients)?;
    out.put(&Frame::Policy(PolicyText {
        version: policy.version,
        toml: policy.toml.clone(),
    }))?;
    receipts(bundles, last, ask, &mut out)?;
    let fresh_epoch = ask.epoch != Some(bundles.repo.epoch());
    for office in &sender.scopes {
        let place = ask.places.get(office).filter(|_| !fresh_epoch);
        feed(
            bundles,
            last,
            (office, place.cloned().unwrap_or_default()),
            &mut out,
        )?;
    }
    documents(bundles, ask, &sender.scopes, &mut out)?;
    let (written, file) = out.finish(&|message: &[u8]| bundles.keys.sign(message))?;
    let file = file.into_inner().map_err(IntoInnerError::into_error);
    stick::to_the_medium(&file.map_err(BundleError::Io)?)?;
    let (again, _) = stick::open(fresh.part())?;
    let key = bundles.keys.signer_bytes();
    let read = check(
        again,
        bundles.keys.opener(),
        bundles.limits,
        |_| Ok(key),
        |_| Ok(()),
    )?;
    if read.digest != written.digest {
        return Err(BundleError::Damaged("what was written cannot be read back").into());
    }
    Ok(fresh.settle()?)
}

fn answer_to(
    bundles: &Bundles,
    taken: &[Header],
    last: &Header,
    policy_version: u32,
) -> Result<Header, IntakeError> {
    let now = bundles.rules.clock.now();
    let answers: BTreeSet<BundleId> = taken.iter().map(|header| header.bundle).collect();
    Ok(Header {
        bundle: BundleId::new(now, bundles.rules.chance.as_ref()),
        office: last.office.clone(),
        device: last.device,
        created_at: now,
        part: 1,
        parts: 1,
        made_by: env!("CARGO_PKG_VERSION").to_owned(),
        way: Way::Desk(Box::new(Answer {
            answers: answers.into_iter().collect(),
            epoch: bundles.repo.epoch(),
            heads: bundles.repo.heads_by_hand(last.device)?,
            policy_version,
            recipients: bundles.keys.recipients(),
            signer: bundles.keys.signer(),
        })),
    })
}

/// `yyyymmdd` where the office is.
fn day(at: desk_domain::time::Millis) -> String {
    let zone = FixedOffset::east_opt(CHINA_S);
    let time = DateTime::from_timestamp_millis(at).zip(zone);
    time.map_or_else(String::new, |(time, zone)| {
        time.with_timezone(&zone).format("%Y%m%d").to_string()
    })
}

fn receipts(bundles: &Bundles, last: &Header, ask: &Ask, out: &mut Out) -> Result<(), IntakeError> {
    let mut after = ask.acknowledged_seq;
    // Bounded by the chain: each turn moves on by at least one op.
    while let Some(receipt) =
        bundles
            .repo
            .receipt_after(last.device, ask.incarnation, after, RECEIPT_OPS)?
    {
        after = receipt.head.seq;
        out.put(&Frame::Receipt(receipt))?;
    }
    Ok(())
}

/// The fill where the desk has none, then the pages after it.
fn feed(
    bundles: &Bundles,
    last: &Header,
    (office, place): (&OfficeCode, Place),
    out: &mut Out,
) -> Result<(), IntakeError> {
    let page = |cursor| PageOf {
        office: office.clone(),
        cursor,
        limit: MAX_PAGE,
        device: last.device,
    };
    let known = match place.cursor {
        Some(cursor) => bundles.repo.page_by_hand(&page(cursor))?.map(|_| cursor),
        None => None,
    };
    let from = match known {
        Some(cursor) => Some(cursor),
        None => fill(bundles, page(0), place.fill.map(|fill| fill.next), out)?,
    };
    let Some(mut cursor) = from else {
        return Ok(());
    };
    while out.bytes() < PAGES_BYTES {
        let Some(reply) = bundles.repo.page_by_hand(&page(cursor))? else {
            break;
        };
        if reply.cursor == cursor {
            break;
        }
        let (from, more) = (cursor, reply.more);
        cursor = reply.cursor;
        out.put(&Frame::Page(Page { from, page: reply }))?;
        if !more {
            break;
        }
    }
    Ok(())
}

/// Gives the position that the fill is true at, once it is complete.
fn fill(
    bundles: &Bundles,
    page: PageOf,
    mut after: Option<String>,
    out: &mut Out,
) -> Result<Option<u64>, IntakeError> {
    while out.bytes() < PAGES_BYTES {
        let parsed = after.as_deref().and_then(parse_after);
        // A place that cannot be read begins the fill anew.
        let going_on_after = parsed.is_some().then(|| after.clone()).flatten();
        let asked = FillOf {
            page: page.clone(),
            after: parsed,
        };
        let Some(reply) = bundles.repo.fill_by_hand(&asked)? else {
            if after.take().is_some() {
                continue; // a place beyond this feed: from the beginning
            }
            return Ok(None);
        };
        let (position, next) = (reply.position, reply.next.clone());
        out.put(&Frame::Fill(FillPage {
            after: going_on_after,
            page: reply,
        }))?;
        if next.is_none() {
            return Ok(Some(position));
        }
        after = next;
    }
    Ok(None)
}

/// Documents that the desk wants and may see, as far as they are here and fit.
fn documents(
    bundles: &Bundles,
    ask: &Ask,
    offices: &BTreeSet<OfficeCode>,
    out: &mut Out,
) -> Result<(), IntakeError> {
    for id in ask.wants.iter().take(DOCUMENTS) {
        if out.bytes() > DOCUMENTS_BYTES {
            break;
        }
        let found = bundles.repo.document_by_hand(offices, *id)?;
        let stored = found.filter(|expected| expected.stored_at.is_some());
        let read = |expected: Expected| {
            let sha256 = &expected.manifest.sha256;
            bundles.objects.read(&expected.office, sha256).ok()
        };
        // One that is not readable now stays wanted.
        let Some(mut whole) = stored.and_then(read) else {
            continue;
        };
        for index in 0_u32.. {
            let mut bytes = Vec::new();
            let chunk = u64::try_from(CHUNK_BYTES).unwrap_or(u64::MAX);
            Read::take(&mut whole, chunk)
                .read_to_end(&mut bytes)
                .map_err(IntakeError::Objects)?;
            if bytes.is_empty() {
                break;
            }
            out.put(&Frame::Chunk {
                document: *id,
                index,
                bytes,
            })?;
        }
    }
    Ok(())
}
