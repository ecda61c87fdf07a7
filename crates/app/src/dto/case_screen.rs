//! One case as a screen shows it.

use super::Bilingual;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use ts_rs::TS;

macro_rules! dto {
    ($($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident : $ty:ty),* $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
        pub struct $name { $( $(#[$fdoc])* pub $field: $ty ),* }
    )+};
}
pub(super) use dto;

dto! {
    /// Everything the case screen, the six steps and the review show. Instants are UTC milliseconds.
    CaseScreen {
        id: String,
        case_no: String,
        /// snake_case of `CaseState`.
        state: String,
        office: String,
        #[ts(type = "number")] rev: u64,
        #[ts(type = "number")] created_at: i64,
        #[ts(type = "number")] updated_at: i64,
        /// Merchant name, else masked caller, else empty.
        title: String,
        dues: Vec<DueView>,
        sync: CaseSync,
        fields: BTreeMap<String, FieldView>,
        steps: Vec<StepView>,
        missing: Vec<MissingItem>,
        /// The one highlighted action: an entry of `allowed`, or a step to go to (`step.identity`), or empty.
        next_action: String,
        /// What this user may do now on this case: command names, and `case_<kind>` for each kind of `case_move`.
        allowed: Vec<String>,
        documents: Vec<DocumentCard>,
        required: Vec<RequiredView>,
        identity: IdentityView,
        diagnosis: DiagnosisView,
        returns: Vec<ReturnView>,
        conflicts: Vec<ConflictView>,
        timeline: Vec<TimelineView>,
        review: ReviewView,
        execution: Option<ExecutionView>,
        notices: Vec<NoticeView>,
        /// The message about the result did not arrive: the merchant must be called.
        call_needed: bool,
        /// An approved case is not executed before this: the merchant of record may still stop it.
        #[ts(type = "number | null")] execute_after: Option<i64>,
        follow_up: Option<String>,
        waiting_missing: Vec<String>,
        promise_date: Option<String>,
        reason: Option<String>,
        /// Another open case with the same serial: its number.
        same_serial_open: Option<String>,
        notes: Vec<NoteView>,
    }
    DueView {
        /// capture, review, execute, tell or promise.
        clock: String,
        #[ts(type = "number")] due_at: i64,
        /// ok, soon (75 %), late (100 %) or paused.
        level: String,
        /// The calendar of that year is not published: Monday to Friday was assumed.
        uncertain: bool,
    }
    /// The second axis: this machine, not the business.
    CaseSync {
        /// local, queued, sending, stored, applied, conflict, refused or held.
        state: String,
        pending: u32,
    }
    FieldView {
        key: String,
        /// For showing; masked when `masked`.
        display: String,
        /// For editing again; none when the value is personal and must be revealed first.
        raw: Option<String>,
        masked: bool,
        /// Typed but not accepted yet; comes back after a crash.
        draft: Option<String>,
        /// Revision to send back with `field_set`.
        rev: Option<String>,
        source: Option<String>,
        by: Option<String>,
        #[ts(type = "number | null")] at: Option<i64>,
        /// Warning codes that stand, with the reason given.
        warnings: BTreeMap<String, String>,
        conflict: bool,
        returned: Option<ReturnMark>,
        pending: bool,
    }
    ReturnMark { code: String, label: Bilingual, text: String }
    StepView {
        /// intake, identity, diagnosis, documents, form, submit.
        step: String,
        done: bool,
        missing: u32,
    }
    MissingItem {
        /// Stable code, catalogue key `missing.<code>`.
        code: String,
        step: String,
        field: Option<String>,
        document: Option<String>,
    }
    DocumentCard {
        id: String,
        /// snake_case of `DocumentKind`.
        kind: String,
        mime: String,
        #[ts(type = "number")] size_bytes: u64,
        pages: u32,
        by: String,
        #[ts(type = "number")] at: i64,
        stored: bool,
        /// Bytes are on this desk and can be shown.
        here: bool,
        /// 0–100 while it travels.
        progress: Option<u8>,
        /// accepted, returned, rejected or none.
        verdict: Option<String>,
        verdict_label: Option<Bilingual>,
        verdict_note: Option<String>,
        /// blurred, too_small, glare, dark.
        hints: Vec<String>,
        invoice: Option<InvoiceView>,
        replaced: bool,
        detached: bool,
    }
    /// What an invoice's QR says.
    InvoiceView {
        kind: String,
        code: Option<String>,
        number: String,
        /// `¥1,299.00`
        amount: String,
        date: String,
        warnings: Vec<String>,
        /// Raw values for `fields_fill`.
        fill: BTreeMap<String, String>,
    }
    RequiredView {
        /// Any one of these satisfies it.
        any_of: Vec<String>,
        /// missing, attached, accepted, returned, rejected or waived.
        status: String,
        why: String,
    }
    IdentityView {
        merchant: Option<MerchantBrief>,
        /// Field keys that agreed and that differed in the blind match.
        agreed: Vec<String>,
        failures: u32,
        #[ts(type = "number | null")] locked_until: Option<i64>,
        evidence: Vec<EvidenceView>,
        points: u32,
        /// What this step needs before submit, and in full for approval.
        needed_submit: u32,
        needed_approve: u32,
        classes: u32,
        needed_classes: u32,
        /// Enough to submit.
        holds: bool,
        /// Evidence kinds that may be recorded here, with their points.
        offers: Vec<EvidenceOffer>,
        /// What may be noticed about the caller, and what somebody has reported already.
        doubts: Vec<DoubtView>,
    }
    DoubtView { signal: String, said: bool }
    MerchantBrief { id: String, merchant_no: String, name: String, phone: String, terminals: u32 }
    EvidenceView { kind: String, by: String, #[ts(type = "number")] at: i64, note: String, points: u32 }
    EvidenceOffer { kind: String, class: String, points: u32, available: bool }
    DiagnosisView {
        question: Option<QuestionView>,
        answered: Vec<AnswerView>,
        leaf: Option<LeafView>,
    }
    QuestionView { id: String, text: Bilingual, options: Vec<OptionView> }
    OptionView { id: String, text: Bilingual, key: String }
    AnswerView { question: String, option: String, question_text: Bilingual, option_text: Bilingual }
    LeafView {
        advice: Bilingual,
        conclusion: String,
        route: String,
        reason_code: Option<String>,
        unbind_allowed: bool,
        repair_first: bool,
        safety: Option<Bilingual>,
    }
    ReturnView {
        index: u32,
        field: Option<String>,
        document: Option<String>,
        missing_kind: Option<String>,
        code: String,
        label: Bilingual,
        text: String,
        answered: bool,
        answer: String,
        by: String,
        #[ts(type = "number")] at: i64,
    }
    ConflictView {
        id: String,
        case: String,
        case_no: String,
        field: String,
        mine: String,
        mine_by: String,
        #[ts(type = "number")] mine_at: i64,
        theirs: String,
        theirs_by: String,
        #[ts(type = "number")] theirs_at: i64,
        /// Values for editing; none when personal and masked.
        mine_raw: Option<String>,
        theirs_raw: Option<String>,
    }
    TimelineView {
        op: String,
        #[ts(type = "number")] at: i64,
        by: String,
        /// Op kind, catalogue key `op.<kind>`.
        kind: String,
        params: BTreeMap<String, String>,
        /// Not judged by the server yet.
        pending: bool,
        /// Preview or verdict that is not plain applied: conflict, refused, held, likely_refused.
        trouble: Option<String>,
    }
    ReviewView {
        /// Send back with the approval: what the reviewer saw.
        digest: String,
        reviewer: Option<String>,
        mine: bool,
        /// Until then nobody else decides; none when the case is free.
        #[ts(type = "number | null")] locked_until: Option<i64>,
        approvals: Vec<String>,
        second_needed: bool,
        fraud_reject_by: Option<String>,
        risk_points: u32,
        risk_signals: Vec<String>,
        risk_cleared: bool,
    }
    ExecutionView {
        started_by: String,
        /// The server executes it through its connector: nobody must do it by hand as well.
        by_connector: bool,
        #[ts(type = "number")] started_at: i64,
        /// unbound, failed, unknown or none yet.
        result: Option<String>,
        reference: String,
        #[ts(type = "number | null")] finished_at: Option<i64>,
        terminals: Vec<TerminalResultView>,
    }
    TerminalResultView { terminal_no: String, result: String }
    NoticeView { channel: String, template: String, delivered: bool, by: String, #[ts(type = "number")] at: i64 }
    NoteView { by: String, #[ts(type = "number")] at: i64, text: String, pending: bool }
    /// Paper, form and register side by side.
    CompareRow {
        field: String,
        /// Masked where personal.
        form: String,
        registry: String,
        /// same, differs, form_only, registry_only.
        verdict: String,
        /// Runs of the form value: equal or not to the register's, for marking differing characters.
        form_runs: Vec<DiffRun>,
        registry_runs: Vec<DiffRun>,
    }
    DiffRun { text: String, same: bool }
    ReviewScreen {
        case: CaseScreen,
        compare: Vec<CompareRow>,
        registry_found: bool,
        return_reasons: Vec<ReasonView>,
        reject_reasons: Vec<ReasonView>,
    }
    ReasonView { code: String, label: Bilingual }
}
