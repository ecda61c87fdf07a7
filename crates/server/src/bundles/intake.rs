//! Taking a bundle in: verify every byte, then push its ops and store its documents as the routes do.

use super::Bundles;
use crate::frames::{self, chunk_fits, manifest_holds};
use crate::http::sync::DOCUMENT_BYTES;
use crate::objects::Completed;
use crate::repo::RepoError;
use crate::repo::apply::Pushed;
use crate::repo::bundles::Sender;
use crate::repo::documents::Expected;
use desk_bundle::{Ask, BundleError, Checked, Contents, Frame, Header, Way, check, stick};
use desk_domain::ids::{DocumentId, OfficeCode};
use desk_domain::outcome::Outcome;
use desk_protocol::documents::OfferRequest;
use desk_protocol::error;
use desk_protocol::people::DeviceStatus;
use desk_protocol::sync::PushRequest;
use ed25519_dalek::VerifyingKey;
use std::collections::BTreeSet;
use std::path::Path;

/// Why a bundle was not taken in; nothing of it was applied.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The desk is not let in: `device.pending`, `device.revoked`.
    #[error("the desk that made it is not let in: {0}")]
    Device(&'static str),
    /// An earlier bundle, or an earlier part, is missing.
    #[error("an earlier bundle of this desk is missing: op {expected} comes first")]
    OutOfOrder { expected: u64 },
    #[error(transparent)]
    Repo(#[from] RepoError),
    #[error("object folder: {0}")]
    Objects(#[source] std::io::Error),
}

impl IntakeError {
    /// Stable for ever.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Bundle(error) => error.code(),
            Self::Device(code) => code,
            Self::OutOfOrder { .. } => error::BUNDLE_OUT_OF_ORDER,
            Self::Repo(_) => error::INTERNAL,
            Self::Objects(_) => error::UNAVAILABLE,
        }
    }
}

/// What came of a bundle.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Taken {
    pub header: Header,
    /// Ops that stood here before.
    pub repeated: u64,
    pub applied: u64,
    pub noop: u64,
    pub conflict: u64,
    pub refused: u64,
    pub held: u64,
    pub documents_stored: u64,
    pub documents_repeated: u64,
    /// Not announced by any op here, or not whole: they come again.
    pub documents_waiting: u64,
    /// Why the rest of its ops was not looked at: `sync.fork`, `sync.bad_op` …
    pub stopped_by: Option<&'static str>,
}

impl Taken {
    fn of(header: Header) -> Self {
        Self {
            header,
            repeated: 0,
            applied: 0,
            noop: 0,
            conflict: 0,
            refused: 0,
            held: 0,
            documents_stored: 0,
            documents_repeated: 0,
            documents_waiting: 0,
            stopped_by: None,
        }
    }

    /// Ops that are new here.
    pub fn new_ops(&self) -> u64 {
        self.applied + self.noop + self.conflict + self.refused + self.held
    }

    fn count(&mut self, outcome: &Outcome) {
        let counter = match outcome {
            Outcome::Applied { .. } => &mut self.applied,
            Outcome::Noop { .. } => &mut self.noop,
            Outcome::Conflict { .. } => &mut self.conflict,
            Outcome::Refused { .. } => &mut self.refused,
            Outcome::Held { .. } => &mut self.held,
        };
        *counter = counter.saturating_add(1);
    }
}

/// The first reading: nothing is applied.
pub(super) fn verify(bundles: &Bundles, file: &Path) -> Result<(Checked, Sender), IntakeError> {
    let (source, _) = stick::open(file)?;
    let mut sender = Ok(None);
    let trust = |header: &Header| {
        let ask = asked(header)?;
        sender = bundles.repo.sender(header.device, ask.user);
        let known = sender.as_ref().ok().and_then(Option::as_ref);
        let known = known.ok_or(BundleError::UnknownSender)?;
        Ok(known.device.public_key)
    };
    let opener = bundles.keys.opener();
    let checked = check(source, opener, bundles.limits, trust, |_| Ok(()));
    let sender = sender?;
    let (checked, sender) = (checked?, sender.ok_or(BundleError::UnknownSender)?);
    match sender.device.status {
        DeviceStatus::Active => Ok((checked, sender)),
        DeviceStatus::Pending => Err(IntakeError::Device(error::DEVICE_PENDING)),
        DeviceStatus::Revoked => Err(IntakeError::Device(error::DEVICE_REVOKED)),
    }
}

pub(super) fn asked(header: &Header) -> Result<&Ask, BundleError> {
    match &header.way {
        Way::Office(ask) => Ok(ask),
        Way::Desk(_) => Err(BundleError::WrongWay),
    }
}

pub(super) fn take_in(bundles: &Bundles, file: &Path) -> Result<Taken, IntakeError> {
    let (checked, sender) = verify(bundles, file)?;
    let key = VerifyingKey::from_bytes(&sender.device.public_key)
        .map_err(|_| BundleError::UnknownSender)?;
    let (source, _) = stick::open(file)?;
    let opener = bundles.keys.opener();
    let mut contents = Contents::open(source, opener, bundles.limits, &checked)?;
    let mut offices = sender.scopes;
    offices.insert(sender.device.office);
    let mut hand = Hand {
        bundles,
        key,
        offices,
        taken: Taken::of(checked.header),
        paper: None,
    };
    while let Some(frame) = contents.next_frame()? {
        hand.take(frame)?;
    }
    hand.close_paper()?;
    Ok(hand.taken)
}

/// One bundle being applied.
struct Hand<'a> {
    bundles: &'a Bundles,
    key: VerifyingKey,
    offices: BTreeSet<OfficeCode>,
    taken: Taken,
    /// The document whose chunks come now, if it is wanted.
    paper: Option<Expected>,
}

impl Hand<'_> {
    fn take(&mut self, frame: Frame) -> Result<(), IntakeError> {
        match frame {
            Frame::Ops(push) => self.push(&push),
            Frame::Document(offer) => {
                self.close_paper()?;
                self.open_paper(&offer)
            }
            Frame::Chunk {
                document,
                index,
                bytes,
            } => self.chunk(document, index, &bytes),
            Frame::Receipt(_) | Frame::Policy(_) | Frame::Page(_) | Frame::Fill(_) => {
                Err(BundleError::WrongWay.into())
            }
        }
    }

    fn push(&mut self, push: &PushRequest) -> Result<(), IntakeError> {
        if self.taken.stopped_by.is_some() {
            return Ok(());
        }
        if push.device != self.taken.header.device {
            self.taken.stopped_by = Some(error::BAD_OP);
            return Ok(());
        }
        let frames = match frames::verify(push, &self.key) {
            Ok(frames) => frames,
            Err(wrong) => {
                self.taken.stopped_by = Some(wrong.code);
                return Ok(());
            }
        };
        let (first_seq, fresh) = (frames.first_seq, self.taken.new_ops() == 0);
        let (before, pushed) = self
            .bundles
            .repo
            .push_by_hand(&self.bundles.rules, frames)?;
        match pushed {
            Pushed::Stored(reply) => {
                for (outcome, seq) in reply.outcomes.iter().zip(first_seq..) {
                    if seq <= before.seq {
                        self.taken.repeated = self.taken.repeated.saturating_add(1);
                    } else {
                        self.taken.count(&outcome.outcome);
                    }
                }
            }
            Pushed::Fork { .. } => self.taken.stopped_by = Some(error::FORK),
            Pushed::Gap { expected } if fresh => return Err(IntakeError::OutOfOrder { expected }),
            Pushed::Gap { .. } => self.taken.stopped_by = Some(error::GAP),
        }
        Ok(())
    }

    fn open_paper(&mut self, offer: &OfferRequest) -> Result<(), IntakeError> {
        let found = self
            .bundles
            .repo
            .document_by_hand(&self.offices, offer.document)?;
        let announced = found.filter(|expected| {
            expected.case == offer.case
                && expected.manifest == offer.manifest
                && manifest_holds(&expected.manifest, DOCUMENT_BYTES)
        });
        match announced {
            None => self.taken.documents_waiting = self.taken.documents_waiting.saturating_add(1),
            Some(expected) if expected.stored_at.is_some() => {
                self.taken.documents_repeated = self.taken.documents_repeated.saturating_add(1);
            }
            Some(expected) => self.paper = Some(expected),
        }
        Ok(())
    }

    /// A chunk of a document that is not wanted, or not the one announced, is passed over: the document stays to come.
    fn chunk(&mut self, id: DocumentId, index: u32, bytes: &[u8]) -> Result<(), IntakeError> {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let Some(paper) = self.paper.as_ref().filter(|paper| paper.id == id) else {
            return Ok(());
        };
        if !chunk_fits(&paper.manifest, index, bytes) {
            return Ok(());
        }
        let objects = &self.bundles.objects;
        objects
            .put_chunk(&paper.office, paper.id, index, bytes)
            .map_err(IntakeError::Objects)
    }

    fn close_paper(&mut self) -> Result<(), IntakeError> {
        let Some(paper) = self.paper.take() else {
            return Ok(());
        };
        let done = self
            .bundles
            .objects
            .complete(&paper.office, paper.id, &paper.manifest)
            .map_err(IntakeError::Objects)?;
        match done {
            Completed::Stored => {
                self.bundles
                    .repo
                    .stored_by_hand(&self.bundles.rules, paper)?;
                self.taken.documents_stored = self.taken.documents_stored.saturating_add(1);
            }
            Completed::Incomplete | Completed::Mismatch => {
                self.taken.documents_waiting = self.taken.documents_waiting.saturating_add(1);
            }
        }
        Ok(())
    }
}
