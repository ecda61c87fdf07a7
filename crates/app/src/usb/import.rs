//! Back in: receipts, pages, documents and the policy of a return bundle, by the calls that the courier makes.

use super::export::small;
use super::{Exported, Running, kept};
use crate::desk::Desk;
use crate::dto::UsbTaken;
use crate::error::AppError;
use crate::policy::take_from_bundle;
use crate::session::{self, Session};
use crate::vault::bundle;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use desk_bundle::{
    Answer, BundleError, Checked, Contents, FillPage, Frame, Header, Limits, Page, Way, check,
    stick,
};
use desk_domain::ids::{BundleId, DocumentId, OfficeCode};
use desk_domain::time::Millis;
use desk_protocol::sync::PushReply;
use desk_store::StoreError;
use desk_sync::machine::port::{FeedPage, FillMark, JournalHead, NewLife, StoreCall, StoreReply};
use desk_sync::{BundleKeys, Hand};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// Bundles remembered, so that a second import says so.
const REMEMBERED: usize = 200;
/// Largest document taken in: it is held in memory until it is whole.
const DOCUMENT_BYTES: usize = 64 * 1024 * 1024;
/// The store's word for a receipt of another history.
const FORK: &str = "store.fork";

pub(crate) fn import(
    desk: &Desk,
    session: &Session,
    path: &Path,
    running: &Running,
) -> Result<UsbTaken, AppError> {
    let headquarters = bundle::headquarters(&session.store)?;
    let opener = bundle::opener(&session.store)?;
    let (source, length) = stick::open(path)?;
    running.expect(length.saturating_mul(2).max(1));
    let checked = check(
        source,
        &opener,
        Limits::default(),
        |header| trusted(session, &headquarters, header),
        |bytes| running.at(desk, bytes.min(length)),
    )?;
    let Way::Desk(answer) = &checked.header.way else {
        return Err(BundleError::WrongWay.into());
    };
    let mut imported: Vec<BundleId> = session.recall(kept::IMPORTED)?.unwrap_or_default();
    if imported.contains(&checked.header.bundle) {
        return Ok(UsbTaken {
            already: true,
            ..nothing(checked.header.created_at)
        });
    }
    let (source, _) = stick::open(path)?;
    let mut contents = Contents::open(source, &opener, Limits::default(), &checked)?;
    let mut taking = Taking::begin(desk, session, &checked, answer)?;
    while let Some(frame) = contents.next_frame()? {
        taking.take(frame)?;
        let read = contents.bytes().saturating_mul(length) / checked.bytes.max(1);
        running.at(desk, length.saturating_add(read))?;
    }
    let taken = taking.end()?;
    heard(desk, session, &checked.header, answer)?;
    if taken.held_back.is_empty() {
        imported.push(checked.header.bundle);
        let excess = imported.len().saturating_sub(REMEMBERED);
        imported.drain(..excess);
        session.keep(kept::IMPORTED, &imported)?;
    }
    Ok(taken)
}

/// The key that must have signed it: headquarters', as this desk has known it before.
fn trusted(
    session: &Session,
    headquarters: &BundleKeys,
    header: &Header,
) -> Result<[u8; 32], BundleError> {
    let Way::Desk(answer) = &header.way else {
        return Err(BundleError::WrongWay);
    };
    if header.device != session.identity.device {
        return Err(BundleError::ForAnother);
    }
    if answer.signer != headquarters.signer {
        return Err(BundleError::UnknownSender);
    }
    let key = STANDARD.decode(&headquarters.signer).ok();
    key.and_then(|key| key.try_into().ok())
        .ok_or(BundleError::UnknownSender)
}

/// A bundle is a word from headquarters like any other: rights are fresh, and its keys are the ones from now on.
fn heard(desk: &Desk, session: &Session, header: &Header, answer: &Answer) -> Result<(), AppError> {
    let keys = BundleKeys {
        recipients: answer.recipients.clone(),
        signer: answer.signer.clone(),
    };
    bundle::learn(&session.store, &keys)?;
    let at = header.created_at.min(desk.now());
    let before: Millis = session.recall(session::kept::LAST_CONTACT)?.unwrap_or(0);
    if at > before {
        session.keep(session::kept::LAST_CONTACT, &at)?;
    }
    Ok(())
}

fn nothing(made_at: Millis) -> UsbTaken {
    UsbTaken {
        already: false,
        made_at,
        receipts: 0,
        changes: 0,
        documents: 0,
        held_back: Vec::new(),
        more: false,
        renewed: false,
    }
}

/// One bundle being taken in.
struct Taking<'a> {
    session: &'a Session,
    hand: Hand,
    taken: UsbTaken,
    held_back: BTreeSet<OfficeCode>,
    /// Offices of which more waits at headquarters.
    more: BTreeSet<OfficeCode>,
    unsent_before: u64,
    paper: Option<(DocumentId, Vec<u8>)>,
}

impl<'a> Taking<'a> {
    fn begin(
        desk: &Desk,
        session: &'a Session,
        checked: &Checked,
        answer: &Answer,
    ) -> Result<Self, AppError> {
        let hand = Hand {
            store: Arc::clone(&session.store),
            clock: Arc::clone(&desk.config().clock),
            chance: Arc::clone(&desk.config().chance),
        };
        let mut taking = Self {
            session,
            hand,
            taken: nothing(checked.header.created_at),
            held_back: BTreeSet::new(),
            more: BTreeSet::new(),
            unsent_before: session.store.outbox()?.unsent,
            paper: None,
        };
        taking.meet(answer)?;
        Ok(taking)
    }

    /// Who has been restored, headquarters or we? The rules are the courier's.
    fn meet(&mut self, answer: &Answer) -> Result<(), AppError> {
        let known = self.session.store.server_epoch()?;
        if super::past_epochs(self.session)?.contains(&answer.epoch) {
            // Made in an earlier life of the server: nothing in it is true any more.
            return Err(AppError::usb("bundle.stale"));
        }
        let head = self.head(answer)?;
        let other = head.hash_there.is_some_and(|hash| hash != head.server.hash);
        let forked = head.server.seq > 0 && (other || head.server.seq > head.last_seq);
        if known != Some(answer.epoch) {
            let card = self.session.store.user(self.session.user.user)?;
            let scopes = card.map_or_else(Vec::new, |card| card.offices.into_iter().collect());
            self.call(StoreCall::AdoptEpoch {
                epoch: answer.epoch,
                scopes,
                server: answer.heads.clone(),
            })?;
        }
        if forked {
            let why = if other {
                NewLife::Forked
            } else {
                NewLife::Behind
            };
            self.call(StoreCall::NewIncarnation { why })?;
            self.taken.renewed = true;
        }
        Ok(())
    }

    fn head(&self, answer: &Answer) -> Result<JournalHead, AppError> {
        let server = answer.heads.clone();
        // A bundle says nothing of backups.
        let backup_safe = BTreeMap::new();
        match self.call(StoreCall::LoadHead {
            server,
            backup_safe,
        })? {
            StoreReply::Head(head) => Ok(head),
            StoreReply::Unsent { .. }
            | StoreReply::Cursor { .. }
            | StoreReply::Documents { .. }
            | StoreReply::DigestWorking
            | StoreReply::Digest { .. }
            | StoreReply::Mended { .. }
            | StoreReply::Done => Err(AppError::Unexpected("the journal has no head")),
        }
    }

    fn take(&mut self, frame: Frame) -> Result<(), AppError> {
        match frame {
            Frame::Receipt(receipt) => self.receipt(receipt),
            Frame::Policy(policy) => {
                take_from_bundle(&self.session.store, &self.session.judge, &policy.toml)
            }
            Frame::Page(page) => self.page(page),
            Frame::Fill(fill) => self.fill(fill),
            Frame::Chunk {
                document, bytes, ..
            } => self.chunk(document, &bytes),
            Frame::Ops(_) | Frame::Document(_) => Err(BundleError::WrongWay.into()),
        }
    }

    fn receipt(&mut self, receipt: PushReply) -> Result<(), AppError> {
        // One verdict for each op that was on the stick; the last of them stands at the head.
        let told = u64::try_from(receipt.outcomes.len()).unwrap_or(u64::MAX);
        let acknowledge = StoreCall::Acknowledge {
            incarnation: receipt.head.incarnation,
            first_seq: receipt.head.seq.saturating_add(1).saturating_sub(told),
            seq: receipt.head.seq,
            hash: receipt.head.hash,
            outcomes: receipt.outcomes,
        };
        match self.hand.perform(acknowledge) {
            Ok(_) => Ok(()),
            // Of a life of the journal that this file does not hold: the new life says those ops again.
            Err(trouble) if trouble.code == FORK => Ok(()),
            Err(trouble) => Err(AppError::usb(&trouble.code)),
        }
    }

    /// A page is applied only where it goes on from what is here.
    fn page(&mut self, page: Page) -> Result<(), AppError> {
        let Page { from, page } = page;
        let cursor = self.session.store.cursor(&page.scope)?;
        match cursor {
            Some(cursor) if cursor >= page.cursor => return Ok(()),
            Some(cursor) if cursor >= from => {}
            Some(_) | None => {
                self.held_back.insert(page.scope);
                return Ok(());
            }
        }
        self.note_more(&page.scope, page.more);
        self.count(page.changes.len());
        self.apply(FeedPage {
            scope: page.scope,
            cursor: Some(page.cursor),
            fill: false,
            changes: page.changes,
            mark: None,
        })
    }

    fn fill(&mut self, fill: FillPage) -> Result<(), AppError> {
        let FillPage { after, page } = fill;
        let scope = page.scope;
        let call = StoreCall::LoadCursor {
            scope: scope.clone(),
        };
        let StoreReply::Cursor { cursor, mark } = self.call(call)? else {
            return Err(AppError::Unexpected("the feed has no place"));
        };
        if cursor.is_some() {
            return Ok(()); // filled by another way meanwhile
        }
        let follows = match (&mark, &after) {
            (None, None) => true,
            (Some(mark), Some(after)) => mark.next == *after,
            (Some(_), None) => {
                self.call(StoreCall::ResetScope {
                    scope: scope.clone(),
                })?;
                true
            }
            (None, Some(_)) => false,
        };
        if !follows {
            self.held_back.insert(scope);
            return Ok(());
        }
        let position = match (&mark, &after) {
            (Some(mark), Some(_)) => mark.position,
            (Some(_) | None, _) => page.position,
        };
        self.count(page.changes.len());
        let mark = page.next.map(|next| FillMark { position, next });
        self.note_more(&scope, mark.is_some());
        self.apply(FeedPage {
            scope,
            cursor: mark.is_none().then_some(position),
            fill: true,
            changes: page.changes,
            mark,
        })
    }

    fn chunk(&mut self, document: DocumentId, bytes: &[u8]) -> Result<(), AppError> {
        let same = self.paper.as_ref().is_some_and(|(id, _)| *id == document);
        if !same {
            self.close_paper()?;
            self.paper = Some((document, Vec::new()));
        }
        if let Some((_, whole)) = &mut self.paper {
            let room = DOCUMENT_BYTES.saturating_sub(whole.len());
            whole.extend(bytes.iter().take(room));
        }
        Ok(())
    }

    /// Bytes that are not the manifest's stay wanted; they harm nothing else.
    fn close_paper(&mut self) -> Result<(), AppError> {
        let Some((id, bytes)) = self.paper.take() else {
            return Ok(());
        };
        match self.session.store.put_downloaded(id, &bytes) {
            Ok(()) => self.taken.documents = self.taken.documents.saturating_add(1),
            Err(
                StoreError::DocumentMissing(_)
                | StoreError::DocumentErased(_)
                | StoreError::ManifestMismatch(_),
            ) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn end(mut self) -> Result<UsbTaken, AppError> {
        self.close_paper()?;
        let unsent = self.session.store.outbox()?.unsent;
        self.taken.receipts = small(self.unsent_before.saturating_sub(unsent));
        self.taken.more = !self.more.is_empty();
        self.taken.held_back = self.held_back.iter().map(ToString::to_string).collect();
        Ok(self.taken)
    }

    fn apply(&mut self, page: FeedPage) -> Result<(), AppError> {
        self.call(StoreCall::ApplyPage(Box::new(page))).map(|_| ())
    }

    fn call(&self, call: StoreCall) -> Result<StoreReply, AppError> {
        self.hand
            .perform(call)
            .map_err(|trouble| AppError::usb(&trouble.code))
    }

    /// The last page of an office decides.
    fn note_more(&mut self, scope: &OfficeCode, more: bool) {
        if more {
            self.more.insert(scope.clone());
        } else {
            self.more.remove(scope);
        }
    }

    fn count(&mut self, changes: usize) {
        let more = u32::try_from(changes).unwrap_or(u32::MAX);
        self.taken.changes = self.taken.changes.saturating_add(more);
    }
}

/// The last export, while some of its ops wait.
pub(crate) fn exported(session: &Session) -> Result<Option<(Exported, u64)>, AppError> {
    let Some(exported) = session.recall::<Exported>(kept::EXPORTED)? else {
        return Ok(None);
    };
    let waiting = session
        .store
        .unsent_through(exported.incarnation, exported.through_seq)?;
    Ok((waiting > 0).then_some((exported, waiting)))
}
