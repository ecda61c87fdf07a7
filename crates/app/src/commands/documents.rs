//! Papers: taken in through the docbox, sealed, then attached; shown by single-use tickets.

use super::read;
use crate::desk::{Desk, hold};
use crate::dto::{
    CaseScreen, DocumentAdd, DocumentAttachArgs, DocumentCard, DocumentDetachArgs, DocumentTicket,
    Nothing, Ticket, TrayItem,
};
use crate::error::{AppError, Thing};
use crate::screens::Painter;
use crate::screens::papers::{Beside, invoice, loose_card};
use crate::session::Session;
use crate::ticket::{Claim, Shown};
use crate::words::{self, word};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use desk_domain::calendar::shanghai_day;
use desk_domain::case::DocumentKind;
use desk_domain::ids::{CaseId, DocumentId};
use desk_domain::op::OpBody;
use desk_domain::secret_trap::FieldKind;
use desk_domain::time::Millis;
use desk_media::{Intake, MAX_BYTES};
use desk_store::{DocumentSummary, NewDocument, Transfer, manifest_of};

/// Where the window finds a document; the loopback host rewrites it.
const TICKET_BASE: &str = if cfg!(windows) {
    "http://deskdoc.localhost/"
} else {
    "deskdoc://localhost/"
};

/// The bytes are sealed on disk before anything else can fail: a file is never lost with a failed form.
pub fn document_add(desk: &Desk, args: DocumentAdd) -> Result<DocumentCard, AppError> {
    let session = desk.session()?;
    let case = args.case.as_deref().map(read::case).transpose()?;
    let kind: DocumentKind = words::choice(&args.kind, "kind")?;
    let replaces = args.replaces.as_deref().map(read::document).transpose()?;
    let name = words::maybe_said(&args.name, "name", words::SHORT_CHARS)?;
    read::harmless(desk, &name, FieldKind::FileName, Some("name"))?;
    if let Some(case) = case {
        session.view(case)?;
    }
    let bytes = decoded(&args.bytes)?;
    let id = take_in(desk, &session, &bytes, name)?;
    if let Some(case) = case {
        attach(desk, &session, case, id, kind, replaces)?;
        let view = session.view(case)?;
        let document = view.case.documents.get(&id);
        // Late papers are kept beside a decided case; they still have a card.
        if let Some(document) = document {
            return Ok(Painter::new(&session, desk.now()).card(id, document));
        }
    }
    let known = known(&session, id)?;
    Ok(DocumentCard {
        kind: word(&kind),
        by: session.user.name.clone(),
        ..loose_card(&known)
    })
}

pub fn document_tray(desk: &Desk, _: Nothing) -> Result<Vec<TrayItem>, AppError> {
    let session = desk.session()?;
    let tray = session.store.tray()?;
    Ok(tray
        .iter()
        .map(|known| TrayItem {
            document: loose_card(known),
            name: Beside::of(known).name,
        })
        .collect())
}

pub fn document_attach(desk: &Desk, args: DocumentAttachArgs) -> Result<CaseScreen, AppError> {
    let session = desk.session()?;
    let case = read::case(&args.case)?;
    let kind: DocumentKind = words::choice(&args.kind, "kind")?;
    let replaces = args.replaces.as_deref().map(read::document).transpose()?;
    session.view(case)?;
    attach(
        desk,
        &session,
        case,
        read::document(&args.document)?,
        kind,
        replaces,
    )?;
    Painter::new(&session, desk.now()).case(case)
}

pub fn document_detach(desk: &Desk, args: DocumentDetachArgs) -> Result<CaseScreen, AppError> {
    let session = desk.session()?;
    let case = read::case(&args.case)?;
    let document = read::document(&args.document)?;
    let reason = read::said(desk, &args.reason, "reason")?;
    session.view(case)?;
    session.act(
        desk,
        case,
        vec![OpBody::DocumentDetach { document, reason }.into()],
    )?;
    Painter::new(&session, desk.now()).case(case)
}

/// Looking at a paper of a case is on record; a thumbnail in a list is not looking.
pub fn document_ticket(desk: &Desk, args: DocumentTicket) -> Result<Ticket, AppError> {
    let session = desk.session()?;
    let document = read::document(&args.document)?;
    let shown = match args.part.as_str() {
        "thumbnail" => Shown::Thumbnail,
        "rendition" => Shown::Rendition,
        "page" => Shown::Page(args.page),
        _ => return Err(AppError::NotAChoice("part")),
    };
    let known = known(&session, document)?;
    if matches!(known.transfer, Transfer::Absent | Transfer::Wanted) {
        session.store.want_document(document)?;
        session.poke();
        return Err(AppError::DocumentOnItsWay);
    }
    if matches!(shown, Shown::Page(page) if page >= known.manifest.pages) {
        return Err(AppError::NotFound(Thing::Document));
    }
    draw_if_fetched(desk, &session, &known)?;
    if shown != Shown::Thumbnail {
        record_opening(desk, &session, &known)?;
    }
    let ticket = desk
        .inner()
        .tickets
        .issue(Claim { document, shown }, desk.now(), desk.chance());
    Ok(Ticket {
        url: format!("{TICKET_BASE}{ticket}"),
    })
}

/// On record once per person and unlocked desk: turning pages is one look.
fn record_opening(desk: &Desk, session: &Session, known: &DocumentSummary) -> Result<(), AppError> {
    let document = known.id;
    let Some(case) = known.case else {
        return Ok(());
    };
    if hold(&session.seen).contains(&document) {
        return Ok(());
    }
    let view = session.view(case)?;
    let body = OpBody::DocumentOpen { document };
    let painter = Painter::new(session, desk.now());
    if painter.offers(None).would_pass(&view.case, body.clone()) {
        session.act(desk, case, vec![body.into()])?;
    }
    hold(&session.seen).insert(document);
    Ok(())
}

pub(super) fn known(session: &Session, id: DocumentId) -> Result<DocumentSummary, AppError> {
    session
        .store
        .document(id)?
        .ok_or(AppError::NotFound(Thing::Document))
}

fn decoded(text: &str) -> Result<Vec<u8>, AppError> {
    // Refused before memory is taken for it: base64 is four characters for three bytes.
    let bytes = text.len() / 4 * 3;
    if bytes > MAX_BYTES + 2 {
        return Err(AppError::DocumentTooLarge {
            bytes,
            limit: MAX_BYTES,
        });
    }
    STANDARD
        .decode(text.trim())
        .map_err(|_| AppError::BadBase64)
}

pub(super) fn take_in(
    desk: &Desk,
    session: &Session,
    bytes: &[u8],
    name: String,
) -> Result<DocumentId, AppError> {
    let taken = desk.inner().docbox.intake(bytes)?;
    let now = desk.now();
    let id = DocumentId::new(now, desk.chance());
    let manifest = manifest_of(bytes, taken.kind.mime(), taken.pages);
    let beside = serde_json::to_string(&beside(&taken, name, now))
        .map_err(|_| AppError::Unexpected("not JSON"))?;
    session.store.put_document(&NewDocument {
        id,
        original: bytes,
        rendition: Some(&taken.rendition),
        thumbnail: Some(&taken.thumbnail),
        manifest: &manifest,
        quality: Some(&beside),
        added_at: now,
    })?;
    Ok(id)
}

pub(super) fn attach(
    desk: &Desk,
    session: &Session,
    case: CaseId,
    document: DocumentId,
    kind: DocumentKind,
    replaces: Option<DocumentId>,
) -> Result<(), AppError> {
    let manifest = known(session, document)?.manifest;
    session.act(
        desk,
        case,
        vec![
            OpBody::DocumentAttach {
                document,
                kind,
                manifest,
                replaces,
            }
            .into(),
        ],
    )?;
    // Without a server, this desk's own disk is where it is stored.
    if session.system.is_some() {
        session.act_as_system(desk, case, OpBody::DocumentStored { document })?;
        session.store.mark_stored(document)?;
    }
    Ok(())
}

/// What came from the server is an original only; it is opened in the box once, here.
fn draw_if_fetched(
    desk: &Desk,
    session: &Session,
    known: &DocumentSummary,
) -> Result<(), AppError> {
    if known.has_rendition && known.has_thumbnail {
        return Ok(());
    }
    let original = session
        .store
        .open_document(known.id, desk_store::Part::Original)?;
    let taken = desk.inner().docbox.intake(&original)?;
    Ok(session
        .store
        .put_rendition(known.id, &taken.rendition, &taken.thumbnail)?)
}

fn beside(taken: &Intake, name: String, now: Millis) -> Beside {
    let today = shanghai_day(now);
    let invoice_qr = taken
        .qr_texts
        .iter()
        .find(|text| invoice(text, today).is_some())
        .cloned();
    Beside {
        name,
        hints: taken
            .quality
            .hints
            .iter()
            .map(|hint| hint.as_str().to_owned())
            .collect(),
        invoice_qr,
    }
}
