//! Documents as cards.

use super::Painter;
use crate::dto::{Bilingual, DocumentCard, InvoiceView, RequiredView};
use crate::words::word;
use chrono::NaiveDate;
use desk_domain::calendar::shanghai_day;
use desk_domain::case::{Case, CaseDocument, Judgement};
use desk_domain::checklist;
use desk_domain::field::FieldKey;
use desk_domain::ident::InvoiceIdent;
use desk_domain::ids::DocumentId;
use desk_domain::invoice_qr::{self, InvoiceKind};
use desk_store::{DocumentSummary, Transfer};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What this room keeps beside a document, in the store's quality column.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Beside {
    /// As the file was called when it came in.
    pub name: String,
    pub hints: Vec<String>,
    /// Text of the QR, if it is an invoice's.
    pub invoice_qr: Option<String>,
}

impl Beside {
    pub(crate) fn of(document: &DocumentSummary) -> Self {
        let read = document
            .quality
            .as_deref()
            .and_then(|json| serde_json::from_str(json).ok());
        read.unwrap_or_default()
    }
}

impl Painter<'_> {
    pub(crate) fn documents(&self, case: &Case) -> Vec<DocumentCard> {
        let mut cards: Vec<DocumentCard> = case
            .documents
            .iter()
            .map(|(id, document)| self.card(*id, document))
            .collect();
        cards.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        cards
    }

    pub(crate) fn card(&self, id: DocumentId, document: &CaseDocument) -> DocumentCard {
        let known = self.session.store.document(id).ok().flatten();
        let mut card = known.as_ref().map_or_else(|| absent_card(id), loose_card);
        card.kind = word(&document.kind);
        card.mime.clone_from(&document.manifest.mime);
        card.size_bytes = document.manifest.size_bytes;
        card.pages = document.manifest.pages;
        card.by = self.name_of(document.by);
        card.at = document.at;
        card.stored = document.stored;
        card.progress = if document.stored { None } else { card.progress };
        card.replaced = document.replaced_by.is_some();
        card.detached = document.detached.is_some();
        if let Some(judged) = &document.verdict {
            self.judge_card(&mut card, judged);
        }
        card
    }

    fn judge_card(&self, card: &mut DocumentCard, judged: &Judgement) {
        card.verdict = Some(word(&judged.verdict));
        card.verdict_label = judged.code.as_deref().map(|code| self.reason_label(code));
        card.verdict_note = Some(judged.note.clone());
    }

    pub(crate) fn reason_label(&self, code: &str) -> Bilingual {
        let policy = &self.rules.policy;
        let reason = policy
            .return_reason(code)
            .or_else(|| policy.reject_reason(code));
        match reason {
            Some(reason) => Bilingual {
                zh: reason.zh.clone(),
                en: reason.en.clone(),
            },
            None => Bilingual {
                zh: code.to_owned(),
                en: code.to_owned(),
            },
        }
    }
}

pub(crate) fn required(case: &Case) -> Vec<RequiredView> {
    let entries = checklist::required_documents(case).into_iter();
    entries
        .map(|entry| RequiredView {
            any_of: entry.any_of.iter().map(word).collect(),
            status: entry.status.as_str().to_owned(),
            why: entry.why.to_owned(),
        })
        .collect()
}

/// A document that belongs to no case yet.
pub(crate) fn loose_card(known: &DocumentSummary) -> DocumentCard {
    let beside = Beside::of(known);
    let here = !matches!(
        known.transfer,
        Transfer::Absent | Transfer::Wanted | Transfer::Erased
    );
    DocumentCard {
        id: known.id.to_string(),
        kind: known.kind.as_ref().map(word).unwrap_or_default(),
        mime: known.manifest.mime.clone(),
        size_bytes: known.manifest.size_bytes,
        pages: known.manifest.pages,
        by: String::new(),
        at: known.added_at,
        stored: known.transfer == Transfer::Stored,
        here,
        progress: (known.transfer == Transfer::ToSend).then(|| progress(known)),
        verdict: None,
        verdict_label: None,
        verdict_note: None,
        hints: beside.hints,
        invoice: beside
            .invoice_qr
            .as_deref()
            .and_then(|text| invoice(text, shanghai_day(known.added_at))),
        replaced: false,
        detached: false,
    }
}

fn absent_card(id: DocumentId) -> DocumentCard {
    DocumentCard {
        id: id.to_string(),
        kind: String::new(),
        mime: String::new(),
        size_bytes: 0,
        pages: 0,
        by: String::new(),
        at: 0,
        stored: false,
        here: false,
        progress: None,
        verdict: None,
        verdict_label: None,
        verdict_note: None,
        hints: Vec::new(),
        invoice: None,
        replaced: false,
        detached: false,
    }
}

fn progress(known: &DocumentSummary) -> u8 {
    let total = known.manifest.chunks.len().max(1);
    let have = known
        .chunks_have
        .iter()
        .filter(|have| **have)
        .count()
        .min(total);
    u8::try_from(have * 100 / total).unwrap_or(100)
}

/// What an invoice's QR says, with the values it can fill in.
pub(crate) fn invoice(text: &str, today: NaiveDate) -> Option<InvoiceView> {
    let read = invoice_qr::parse(text, today).ok()?;
    let (code, number) = match &read.ident {
        InvoiceIdent::Coded { code, number } => {
            (Some(code.as_str().to_owned()), number.as_str().to_owned())
        }
        InvoiceIdent::Digital { number } => (None, number.as_str().to_owned()),
    };
    let date = read.issued_on.format("%Y-%m-%d").to_string();
    let mut fill = BTreeMap::from([
        (FieldKey::InvoiceNumber.as_str().to_owned(), number.clone()),
        (
            FieldKey::InvoiceAmount.as_str().to_owned(),
            read.amount.plain(),
        ),
        (FieldKey::InvoiceDate.as_str().to_owned(), date.clone()),
    ]);
    if let Some(code) = &code {
        fill.insert(FieldKey::InvoiceCode.as_str().to_owned(), code.clone());
    }
    Some(InvoiceView {
        kind: kind_name(read.kind),
        code,
        number,
        amount: read.amount.to_string(),
        date,
        warnings: read.warnings.iter().map(ToString::to_string).collect(),
        fill,
    })
}

fn kind_name(kind: InvoiceKind) -> String {
    let name = match kind {
        InvoiceKind::Special => "special",
        InvoiceKind::Vehicle => "vehicle",
        InvoiceKind::Ordinary => "ordinary",
        InvoiceKind::ElectronicSpecial => "electronic_special",
        InvoiceKind::ElectronicOrdinary => "electronic_ordinary",
        InvoiceKind::Roll => "roll",
        InvoiceKind::Toll => "toll",
        InvoiceKind::UsedCar => "used_car",
        InvoiceKind::DigitalSpecial => "digital_special",
        InvoiceKind::DigitalOrdinary => "digital_ordinary",
        InvoiceKind::Rail => "rail",
        InvoiceKind::DigitalToll => "digital_toll",
        InvoiceKind::Air => "air",
        InvoiceKind::DigitalVehicle => "digital_vehicle",
        InvoiceKind::DigitalOnPaper => "digital_on_paper",
        InvoiceKind::Unknown(_) => "unknown",
    };
    name.to_owned()
}
