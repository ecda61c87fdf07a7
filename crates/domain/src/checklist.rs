//! The checklist: which papers a case needs, which steps are done, and what is missing before it may be submitted.

use crate::assurance;
use crate::case::{Case, CaseDocument, CaseState, DocumentKind, Provenance, ReturnTarget, Verdict};
use crate::decide::Context;
use crate::field::{FieldKey, Step};
use serde::{Deserialize, Serialize};

/// How far a required paper is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequiredStatus {
    Missing,
    Rejected,
    Returned,
    Attached,
    Accepted,
    Waived,
}

impl RequiredStatus {
    /// Accepted or waived: nothing more to decide.
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Accepted | Self::Waived)
    }
    /// Enough to submit with.
    pub const fn is_there(self) -> bool {
        matches!(self, Self::Attached | Self::Accepted | Self::Waived)
    }
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Rejected => "rejected",
            Self::Returned => "returned",
            Self::Attached => "attached",
            Self::Accepted => "accepted",
            Self::Waived => "waived",
        }
    }
}

/// One line of the paper checklist.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Required {
    /// What is asked for first.
    pub kind: DocumentKind,
    /// Any one of these satisfies it; `kind` comes first.
    pub any_of: Vec<DocumentKind>,
    /// Of `any_of`, those that stand in and make a second reviewer look.
    pub substitutes: Vec<DocumentKind>,
    /// Stable code of the rule that asks for it.
    pub why: &'static str,
    pub status: RequiredStatus,
}

/// One thing that keeps a case from being submitted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Missing {
    /// `field.required`, `document.required`, or the code of a guard.
    pub code: &'static str,
    pub step: Step,
    pub field: Option<FieldKey>,
    pub document: Option<DocumentKind>,
}

impl Missing {
    /// One token for lists and logs: the code with the field or document it is about.
    pub fn token(&self) -> String {
        let about = self
            .field
            .map(FieldKey::as_str)
            .or(self.document.map(DocumentKind::as_str));
        about.map_or_else(
            || self.code.to_owned(),
            |about| format!("{}:{about}", self.code),
        )
    }
}

/// One of the six steps.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct StepStatus {
    pub step: Step,
    pub done: bool,
    pub missing: usize,
}

struct Rule {
    any_of: Vec<DocumentKind>,
    substitutes: Vec<DocumentKind>,
    why: &'static str,
}

/// The papers this case needs, from channel, merchant class, ownership, reason and relation, with how far each is.
pub fn required_documents(case: &Case) -> Vec<Required> {
    rules(case)
        .into_iter()
        .filter_map(|rule| {
            let kind = *rule.any_of.first()?;
            let any_of: Vec<_> = rule
                .any_of
                .into_iter()
                .chain(rule.substitutes.iter().copied())
                .collect();
            let status = status_of(case, &any_of);
            Some(Required {
                kind,
                any_of,
                substitutes: rule.substitutes,
                why: rule.why,
                status,
            })
        })
        .collect()
}

/// A substitute stands in for a proof: a second reviewer must look.
pub fn rests_on_substitute(case: &Case) -> bool {
    required_documents(case)
        .iter()
        .filter(|entry| !entry.substitutes.is_empty())
        .any(|entry| {
            let has = |kinds: &[DocumentKind]| {
                case.active_documents()
                    .any(|(_, d)| kinds.contains(&d.kind) && !is_refused(d))
            };
            let first: Vec<_> = entry
                .any_of
                .iter()
                .copied()
                .filter(|kind| !entry.substitutes.contains(kind))
                .collect();
            has(&entry.substitutes) && !has(&first)
        })
}

fn rules(case: &Case) -> Vec<Rule> {
    let mut rules = Vec::new();
    let mut ask = |why, any_of: &[DocumentKind], substitutes: &[DocumentKind]| {
        rules.push(Rule {
            any_of: any_of.to_vec(),
            substitutes: substitutes.to_vec(),
            why,
        });
    };
    let class = case.text(FieldKey::MerchantClass);
    if class != "micro" {
        ask("class.entity", &[DocumentKind::BusinessLicence], &[]);
    }
    ask("person.identity", &[DocumentKind::IdCardFront], &[]);
    ask("person.identity", &[DocumentKind::IdCardBack], &[]);
    proof_of_ownership(case, class, &mut ask);
    if !matches!(case.text(FieldKey::CallerRelation), "" | "holder") {
        ask(
            "relation.third_party",
            &[DocumentKind::PowerOfAttorney],
            &[],
        );
        ask("relation.third_party", &[DocumentKind::HandlerIdFront], &[]);
        ask("relation.third_party", &[DocumentKind::HandlerIdBack], &[]);
    }
    match case.text(FieldKey::ReasonCode) {
        "LOST" => ask(
            "reason.lost",
            &[DocumentKind::PoliceReceipt, DocumentKind::LossStatement],
            &[],
        ),
        "STOLEN" => ask("reason.stolen", &[DocumentKind::PoliceReceipt], &[]),
        "TRANSFER_SHOP" => ask("reason.transfer", &[DocumentKind::TransferAgreement], &[]),
        "CLOSE_BUSINESS" => ask(
            "reason.closed",
            &[DocumentKind::LicenceCancellation, DocumentKind::Other],
            &[],
        ),
        "DEAD_OWNER" => ask("reason.heir", &[DocumentKind::Other], &[]),
        _ => {}
    }
    // By mail nobody sees the merchant sign; elsewhere the form may be signed on the clerk's screen.
    if case.text(FieldKey::Channel) == "mail" || case.text(FieldKey::Signature) == "paper_photo" {
        ask("form.signed", &[DocumentKind::SignedForm], &[]);
    }
    rules
}

fn proof_of_ownership(
    case: &Case,
    class: &str,
    ask: &mut impl FnMut(&'static str, &[DocumentKind], &[DocumentKind]),
) {
    use DocumentKind::{Invoice, LeaseContract, PurchaseContract, Receipt, SalesSlip};
    // Somebody who has no licence has mostly no invoice either: the slip is a proof in its own right there.
    let micro = class == "micro";
    match case.text(FieldKey::TerminalObtainedBy) {
        "leased" => ask("ownership.leased", &[LeaseContract, Receipt], &[SalesSlip]),
        "free_with_deposit" => ask("ownership.deposit", &[Receipt, LeaseContract], &[SalesSlip]),
        "purchased" if micro => ask(
            "ownership.purchased",
            &[Invoice, SalesSlip],
            &[PurchaseContract, Receipt],
        ),
        "purchased" => ask(
            "ownership.purchased",
            &[Invoice],
            &[PurchaseContract, Receipt, SalesSlip],
        ),
        _ => ask(
            "ownership.unknown",
            &[Invoice, PurchaseContract, LeaseContract, Receipt],
            &[SalesSlip],
        ),
    }
}

fn is_refused(document: &CaseDocument) -> bool {
    document
        .verdict
        .as_ref()
        .is_some_and(|word| word.verdict != Verdict::Accepted)
}

fn status_of(case: &Case, any_of: &[DocumentKind]) -> RequiredStatus {
    if any_of.iter().any(|kind| case.waivers.contains_key(kind)) {
        return RequiredStatus::Waived;
    }
    case.active_documents()
        .filter(|(_, document)| any_of.contains(&document.kind))
        .map(
            |(_, document)| match document.verdict.as_ref().map(|word| word.verdict) {
                Some(Verdict::Accepted) => RequiredStatus::Accepted,
                Some(Verdict::Returned) => RequiredStatus::Returned,
                Some(Verdict::Rejected) => RequiredStatus::Rejected,
                None => RequiredStatus::Attached,
            },
        )
        .max()
        .unwrap_or(RequiredStatus::Missing)
}

const ALWAYS: &[FieldKey] = &[
    FieldKey::CallerName,
    FieldKey::CallerPhone,
    FieldKey::CallerRelation,
    FieldKey::Channel,
    FieldKey::RequestKind,
    FieldKey::MerchantName,
    FieldKey::MerchantClass,
    FieldKey::MerchantPhone,
    FieldKey::LegalName,
    FieldKey::LegalIdNo,
    FieldKey::DiagnosisConclusion,
    FieldKey::DiagnosisRoute,
    FieldKey::TerminalSerial,
    FieldKey::TerminalNumbers,
    FieldKey::TerminalObtainedBy,
    FieldKey::TerminalPlace,
    FieldKey::ReasonCode,
    FieldKey::UnsettledFen,
    FieldKey::HandoverTransactions,
    FieldKey::HandoverSettlement,
    FieldKey::HandoverReceipts,
    FieldKey::Signature,
];

/// The shortest text that explains the reason `OTHER`, in Unicode scalars.
const OTHER_REASON_CHARS: usize = 10;

fn required_fields(case: &Case) -> Vec<FieldKey> {
    let mut keys = ALWAYS.to_vec();
    if case.value(FieldKey::MerchantInnerNo).is_none() {
        keys.push(FieldKey::MerchantNo);
    }
    if case.text(FieldKey::MerchantClass) != "micro" {
        keys.push(FieldKey::MerchantUscc);
    }
    if !matches!(case.text(FieldKey::CallerRelation), "" | "holder") {
        keys.extend([
            FieldKey::HandlerName,
            FieldKey::HandlerIdNo,
            FieldKey::HandlerPhone,
        ]);
    }
    if !matches!(case.text(FieldKey::UnsettledFen), "" | "0") {
        keys.push(FieldKey::UnsettledNote);
    }
    keys
}

/// Everything that keeps the case from being submitted, in the order of the steps. Empty when it may go.
pub fn missing_for_submit(case: &Case, ctx: &Context<'_>) -> Vec<Missing> {
    let mut missing = Vec::new();
    for key in required_fields(case) {
        if case.value(key).is_none() {
            missing.push(Missing {
                code: "field.required",
                step: key.spec().step,
                field: Some(key),
                document: None,
            });
        }
    }
    let guard = |code, step, field| Missing {
        code,
        step,
        field,
        document: None,
    };
    missing_in_form(case, &mut |code, field: FieldKey| {
        missing.push(guard(code, field.spec().step, Some(field)));
    });
    for entry in required_documents(case)
        .iter()
        .filter(|entry| !entry.status.is_there())
    {
        missing.push(Missing {
            code: "document.required",
            step: Step::Documents,
            field: None,
            document: Some(entry.kind),
        });
    }
    let assurance = assurance::assess(case, assurance::base_level(case, ctx.policy), ctx.policy);
    if !assurance.holds_before_review {
        missing.push(guard("identity.assurance", Step::Identity, None));
    }
    if case
        .identity
        .locked_until
        .is_some_and(|until| ctx.now < until)
    {
        missing.push(guard("identity.locked", Step::Identity, None));
    }
    if ctx.same_serial_open.is_some() && case.text(FieldKey::DuplicateReason).is_empty() {
        missing.push(guard(
            "form.serial_in_open_case",
            Step::Form,
            Some(FieldKey::DuplicateReason),
        ));
    }
    if effective_return(case)
        && case
            .returns
            .iter()
            .any(|item| !is_answered(case, &item.item.target, item.answered.is_some()))
    {
        missing.push(guard("return.unanswered", Step::Submit, None));
    }
    missing.sort_by_key(|entry| entry.step);
    missing
}

fn effective_return(case: &Case) -> bool {
    case.effective_state() == CaseState::Returned
}

/// A missing paper counts as answered as soon as it is there, whoever brought it.
fn is_answered(case: &Case, target: &ReturnTarget, answered: bool) -> bool {
    let arrived = match target {
        ReturnTarget::Missing { kind } => {
            case.waivers.contains_key(kind) || case.active_documents().any(|(_, d)| d.kind == *kind)
        }
        ReturnTarget::Field { .. } | ReturnTarget::Document { .. } => false,
    };
    answered || arrived
}

fn missing_in_form(case: &Case, push: &mut impl FnMut(&'static str, FieldKey)) {
    let read_off = case
        .fields
        .get(&FieldKey::TerminalSerial)
        .is_some_and(|state| matches!(state.source, Provenance::Scanned | Provenance::Qr));
    let serial = case.text(FieldKey::TerminalSerial);
    if !serial.is_empty() && !read_off && serial != case.text(FieldKey::TerminalSerialAgain) {
        push("form.serial_not_twice", FieldKey::TerminalSerialAgain);
    }
    if !case.is_set(FieldKey::EffectsTold) {
        push("form.effects_not_told", FieldKey::EffectsTold);
    }
    if !case.is_set(FieldKey::NoticeReadBack) {
        push("form.notice_not_read_back", FieldKey::NoticeReadBack);
    }
    let other = case.text(FieldKey::ReasonCode) == "OTHER";
    if other && case.text(FieldKey::ReasonText).chars().count() < OTHER_REASON_CHARS {
        push("form.reason_text", FieldKey::ReasonText);
    }
}

/// Done or not, for each of the six steps.
pub fn steps(case: &Case, ctx: &Context<'_>) -> Vec<StepStatus> {
    let missing = missing_for_submit(case, ctx);
    let submitted = !matches!(
        case.effective_state(),
        CaseState::Draft | CaseState::Waiting | CaseState::Returned
    );
    [
        Step::Intake,
        Step::Identity,
        Step::Diagnosis,
        Step::Documents,
        Step::Form,
        Step::Submit,
    ]
    .into_iter()
    .map(|step| {
        let count = missing.iter().filter(|entry| entry.step == step).count();
        let done = if step == Step::Submit {
            submitted
        } else {
            count == 0
        };
        StepStatus {
            step,
            done,
            missing: count,
        }
    })
    .collect()
}

#[cfg(test)]
mod tests;
