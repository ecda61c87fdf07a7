//! Out: unsent ops and documents onto a stick. A file gets its name only after it was read back from the medium.

use super::{Exported, Running, kept, places, tell};
use crate::desk::Desk;
use crate::dto::UsbWritten;
use crate::error::AppError;
use crate::line::{signer, stored_signing_key};
use crate::session::Session;
use crate::vault::bundle;
use chrono::{DateTime, FixedOffset};
use desk_bundle::stick::{self, Fresh};
use desk_bundle::{
    Ask, BundleError, Counts, FillPlace, Frame, Header, Limits, Opener, PART_BYTES, Part, Place,
    Planner, Way, Writer, check,
};
use desk_domain::ids::{BundleId, DocumentId, OfficeCode};
use desk_protocol::documents::OfferRequest;
use desk_store::{Identity, Store, Upload};
use desk_sync::Hand;
use desk_sync::machine::port::{Batch, OutboxRow, StoreCall, StoreReply};
use desk_sync::proof::Prover;
use desk_sync::wire::push_of;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;

/// Ops and bytes in one push, as over the network.
const OPS: usize = 500;
const BYTES: usize = 900 * 1024;
/// Most documents in one export; the next one takes the rest.
const DOCUMENTS: usize = 5_000;
/// Most documents asked for.
const WANTED: usize = 200;
/// What each op and each batch takes beside its bytes.
const AROUND_OP: u64 = 4;
const AROUND_BATCH: u64 = 512;
/// China has one time zone, eight hours ahead of UTC.
const CHINA_S: i32 = 8 * 3600;

/// Everything of one export that does not change while it runs.
struct Export<'a> {
    desk: &'a Desk,
    session: &'a Session,
    running: &'a Running,
    prover: Prover,
    own_key: [u8; 32],
    opener: Opener,
    recipients: Vec<String>,
    header: Header,
    uploads: BTreeMap<DocumentId, Upload>,
}

pub(crate) fn export(
    desk: &Desk,
    session: &Session,
    folder: &Path,
    running: &Running,
) -> Result<UsbWritten, AppError> {
    export_in_parts(desk, session, folder, running, PART_BYTES)
}

/// The same with parts of another size.
pub(super) fn export_in_parts(
    desk: &Desk,
    session: &Session,
    folder: &Path,
    running: &Running,
    part_bytes: u64,
) -> Result<UsbWritten, AppError> {
    let (export, parts, ask) = prepare(desk, session, running, part_bytes)?;
    let planned: u64 = parts.iter().map(|part| part.bytes).sum();
    room_for(folder, planned, parts.len())?;
    running.expect(planned.saturating_mul(2).max(1));
    let mut written = Vec::new();
    let mut done = 0;
    for (k, part) in (1_u32..).zip(&parts) {
        let header = Header {
            part: k,
            parts: u32::try_from(parts.len()).unwrap_or(u32::MAX),
            ..export.header.clone()
        };
        written.push(export.write(folder, &header, part, &mut done)?);
    }
    let mut files = Vec::new();
    for fresh in written {
        files.push(fresh.settle()?.to_string_lossy().into_owned());
    }
    let exported = Exported {
        bundle: export.header.bundle,
        at: export.header.created_at,
        incarnation: ask.incarnation,
        through_seq: ask.last_seq,
        files: files.clone(),
    };
    session.keep(kept::EXPORTED, &exported)?;
    tell(desk);
    Ok(UsbWritten {
        files,
        ops: small(ask.counts.ops),
        documents: small(ask.counts.documents),
        bytes: ask.counts.bytes,
    })
}

fn prepare<'a>(
    desk: &'a Desk,
    session: &'a Session,
    running: &'a Running,
    part_bytes: u64,
) -> Result<(Export<'a>, Vec<Part>, Ask), AppError> {
    let store = &session.store;
    let headquarters = bundle::headquarters(store)?;
    super::past_epochs(session)?; // noted while it is the present one
    let opener = bundle::opener(store)?;
    let key = stored_signing_key(store)?;
    let identity = store
        .identity()?
        .ok_or(AppError::Unexpected("the desk has no identity"))?;
    let mut recipients = headquarters.recipients;
    recipients.push(opener.recipient());
    let mut planner = Planner::new(part_bytes);
    let (acknowledged_seq, last_seq, ops) = plan_ops(store, &identity, &mut planner)?;
    let uploads = plan_documents(store, &mut planner)?;
    let parts = planner.finish();
    let now = desk.now();
    let ask = Ask {
        incarnation: identity.incarnation,
        acknowledged_seq,
        last_seq,
        user: session.user.user,
        epoch: store.server_epoch()?,
        places: feeds(desk, session, &identity)?,
        wants: store
            .documents_wanted(WANTED)?
            .into_iter()
            .map(|wanted| wanted.id)
            .collect(),
        recipient: opener.recipient(),
        counts: Counts {
            ops,
            documents: u64::try_from(uploads.len()).unwrap_or(u64::MAX),
            bytes: parts.iter().map(|part| part.bytes).sum(),
        },
    };
    let header = Header {
        bundle: BundleId::new(now, desk.chance()),
        office: identity.office.clone(),
        device: identity.device,
        created_at: now,
        part: 1,
        parts: 1,
        made_by: env!("CARGO_PKG_VERSION").to_owned(),
        way: Way::Office(Box::new(ask.clone())),
    };
    let export = Export {
        desk,
        session,
        running,
        own_key: key.verifying_key().to_bytes(),
        prover: Prover::new(identity.device, signer(&key)),
        opener,
        recipients,
        header,
        uploads,
    };
    Ok((export, parts, ask))
}

/// Looks at the whole outbox, a batch at a time. Gives what is acknowledged, the last op planned, and how many.
fn plan_ops(
    store: &Store,
    identity: &Identity,
    planner: &mut Planner,
) -> Result<(u64, u64, u64), AppError> {
    let heads = store.heads()?;
    let head = heads
        .iter()
        .find(|head| head.incarnation == identity.incarnation)
        .ok_or(AppError::Unexpected("the journal has no head"))?;
    let (mut after, mut count) = (head.acknowledged_seq, 0_u64);
    while after < head.seq {
        let rows = store.unsent(after, OPS, BYTES)?;
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
            break;
        };
        let bytes = rows.iter().fold(AROUND_BATCH, |sum, row| {
            sum.saturating_add(row.bytes.len() as u64)
                .saturating_add(AROUND_OP)
        });
        planner.add_ops(first.seq, last.seq, bytes);
        count = count.saturating_add(rows.len() as u64);
        after = last.seq;
    }
    Ok((head.acknowledged_seq, after, count))
}

fn plan_documents(
    store: &Store,
    planner: &mut Planner,
) -> Result<BTreeMap<DocumentId, Upload>, AppError> {
    let uploads = store.documents_to_send(DOCUMENTS)?;
    for upload in &uploads {
        let manifest = &upload.manifest;
        let bytes = Frame::document_bytes(manifest.size_bytes, manifest.chunks.len());
        planner.add_document(upload.id, bytes);
    }
    Ok(uploads
        .into_iter()
        .map(|upload| (upload.id, upload))
        .collect())
}

/// Where this desk stands in the feeds that its person reads.
fn feeds(
    desk: &Desk,
    session: &Session,
    identity: &Identity,
) -> Result<BTreeMap<OfficeCode, Place>, AppError> {
    let hand = Hand {
        store: Arc::clone(&session.store),
        clock: Arc::clone(&desk.config().clock),
        chance: Arc::clone(&desk.config().chance),
    };
    let card = session.store.user(session.user.user)?;
    let mut offices: BTreeSet<OfficeCode> = card.map_or_else(BTreeSet::new, |card| card.offices);
    offices.insert(identity.office.clone());
    let mut places = BTreeMap::new();
    for scope in offices {
        let call = StoreCall::LoadCursor {
            scope: scope.clone(),
        };
        let reply = hand
            .perform(call)
            .map_err(|trouble| AppError::usb(&trouble.code))?;
        let StoreReply::Cursor { cursor, mark } = reply else {
            continue;
        };
        let fill = mark.map(|mark| FillPlace {
            position: mark.position,
            next: mark.next,
        });
        places.insert(scope, Place { cursor, fill });
    }
    Ok(places)
}

/// Said before the first byte is written, with the figures.
fn room_for(folder: &Path, planned: u64, parts: usize) -> Result<(), AppError> {
    if !std::fs::metadata(folder).map_err(BundleError::Io)?.is_dir() {
        return Err(BundleError::Io(std::io::ErrorKind::NotADirectory.into()).into());
    }
    let around = u64::try_from(parts)
        .unwrap_or(u64::MAX)
        .saturating_mul(64 * 1024);
    let needed = planned.saturating_add(planned / 100).saturating_add(around);
    enough(needed, places::free_bytes(folder))
}

fn enough(needed: u64, free: Option<u64>) -> Result<(), AppError> {
    match free {
        Some(free) if free < needed => Err(AppError::UsbNoRoom { needed, free }),
        Some(_) | None => Ok(()),
    }
}

impl Export<'_> {
    fn write(
        &self,
        folder: &Path,
        header: &Header,
        part: &Part,
        done: &mut u64,
    ) -> Result<Fresh, AppError> {
        let (office, date) = (&header.office, day(header.created_at));
        let desk = &self.session.identity.device_code;
        let (fresh, file) = Fresh::create(folder, office, desk, &date)?;
        let mut out = Writer::begin(BufWriter::new(file), header, &self.recipients)?;
        self.ops(part, &mut out, *done)?;
        for id in &part.documents {
            self.document(*id, &mut out, *done)?;
        }
        let sign = |message: &[u8]| self.prover.sign_bytes(message);
        let (written, file) = out.finish(&sign)?;
        let file = file
            .into_inner()
            .map_err(|error| BundleError::Io(error.into_error()))?;
        stick::to_the_medium(&file)?;
        drop(file);
        *done = done.saturating_add(part.bytes);
        let (again, _) = stick::open(fresh.part())?;
        let progress = |bytes: u64| self.running.at(self.desk, done.saturating_add(bytes));
        let own = self.own_key;
        let read = check(
            again,
            &self.opener,
            Limits::default(),
            |_| Ok(own),
            progress,
        );
        match read {
            Ok(read) if read.digest == written.digest => {
                *done = done.saturating_add(part.bytes);
                Ok(fresh)
            }
            Err(BundleError::Cancelled) => Err(BundleError::Cancelled.into()),
            Ok(_) | Err(_) => Err(AppError::UsbReadBack),
        }
    }

    fn ops(
        &self,
        part: &Part,
        out: &mut Writer<BufWriter<File>>,
        done: u64,
    ) -> Result<(), AppError> {
        let Some((first, last)) = part.ops else {
            return Ok(());
        };
        let Way::Office(ask) = &self.header.way else {
            return Ok(());
        };
        let mut after = first.saturating_sub(1);
        while after < last {
            let mut rows = self.session.store.unsent(after, OPS, BYTES)?;
            // What was done since the plan was made goes with the next export.
            rows.retain(|row| row.seq <= last);
            let moved = rows.iter().any(|row| row.incarnation != ask.incarnation);
            let Some(end) = rows.last().filter(|_| !moved) else {
                return Err(AppError::usb("bundle.journal_moved"));
            };
            after = end.seq;
            let rows = rows.into_iter().map(|row| OutboxRow {
                seq: row.seq,
                op_id: row.op_id,
                bytes: row.bytes.into(),
                hash: row.hash,
                parked: row.parked,
            });
            let batch = Batch {
                incarnation: ask.incarnation,
                rows: rows.collect(),
            };
            let push = push_of(&batch, &self.prover)
                .map_err(|_| AppError::Unexpected("an op of the journal is not an op"))?;
            out.put(&Frame::Ops(push))?;
            self.running
                .at(self.desk, done.saturating_add(out.bytes()))?;
        }
        Ok(())
    }

    fn document(
        &self,
        id: DocumentId,
        out: &mut Writer<BufWriter<File>>,
        done: u64,
    ) -> Result<(), AppError> {
        let Some(upload) = self.uploads.get(&id) else {
            return Ok(());
        };
        out.put(&Frame::Document(OfferRequest {
            document: id,
            case: upload.case,
            kind: upload.kind,
            manifest: upload.manifest.clone(),
        }))?;
        for index in 0..upload.manifest.chunks.len() {
            if upload.have.get(index).copied().unwrap_or(false) {
                continue;
            }
            let Ok(bytes) = self.session.store.read_chunk(id, index) else {
                // A damaged paper must not keep everything else here; it stays to be sent.
                tracing::warn!(%id, "a document cannot be read for a bundle");
                return Ok(());
            };
            out.put(&Frame::Chunk {
                document: id,
                index: u32::try_from(index).unwrap_or(u32::MAX),
                bytes,
            })?;
            self.running
                .at(self.desk, done.saturating_add(out.bytes()))?;
        }
        Ok(())
    }
}

/// `yyyymmdd` where the office is.
fn day(at: desk_domain::time::Millis) -> String {
    let zone = FixedOffset::east_opt(CHINA_S);
    let time = DateTime::from_timestamp_millis(at).zip(zone);
    time.map_or_else(String::new, |(time, zone)| {
        time.with_timezone(&zone).format("%Y%m%d").to_string()
    })
}

pub(crate) fn small(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod room {
    use super::enough;

    #[test]
    fn too_little_room_is_said_with_both_figures() {
        let error = enough(1001, Some(1000)).unwrap_err();
        let told = error.to_ui(String::new);
        assert_eq!(told.code, "bundle.no_space");
        assert_eq!(told.params["needed_bytes"], "1001");
        assert_eq!(told.params["free_bytes"], "1000");
        assert!(enough(1000, Some(1000)).is_ok());
        assert!(enough(u64::MAX, None).is_ok());
    }
}
