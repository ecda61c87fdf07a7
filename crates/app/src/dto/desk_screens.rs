//! The desk beside a single case: status, queues, search, knowledge, settings.

use super::AlertView;
use super::case_screen::dto;
use super::{Bilingual, RingingCall};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use ts_rs::TS;

dto! {
    AppStatus {
        /// first_run, locked or ready.
        phase: String,
        version: String,
        /// os or file: where the device secret lives.
        keystore: String,
        user: Option<UserView>,
        office: Option<String>,
        office_name: Option<String>,
        server_url: Option<String>,
        /// Cases here are synthetic.
        demo: bool,
        standalone: bool,
        settings: Settings,
        sync: SyncBadge,
        ringing: Option<RingingCall>,
        /// Names of people who can unlock this desk.
        people: Vec<String>,
        /// What happened to the desk itself and nobody has seen yet, newest first.
        alerts: Vec<AlertView>,
    }
    UserView { id: String, login: String, name: String, roles: Vec<String>, may_decide: bool }
    Settings {
        /// system, light or dark.
        theme: String,
        /// zh-CN or en.
        language: String,
        /// 12–20.
        text_px: u8,
        single_letters: bool,
        idle_lock_s: u32,
        last_screen: String,
    }
    /// The badge in the top bar.
    SyncBadge {
        /// local_only, waiting, sending, synced, conflict, attention or offline.
        state: String,
        unsent: u32,
        /// 0–100 while sending.
        percent: Option<u8>,
        #[ts(type = "number | null")] since: Option<i64>,
        #[ts(type = "number | null")] oldest_unsent_at: Option<i64>,
        conflicts: u32,
        attention: u32,
    }
    CasePage {
        rows: Vec<CaseRow>,
        /// Opaque; none at the end.
        next: Option<String>,
    }
    CaseRow {
        id: String,
        case_no: String,
        state: String,
        title: String,
        /// Last six of the serial.
        serial_tail: String,
        #[ts(type = "number")] updated_at: i64,
        #[ts(type = "number | null")] due_at: Option<i64>,
        due_level: Option<String>,
        sync: String,
        returned: bool,
        mine: bool,
        documents: u32,
        documents_stored: u32,
    }
    /// Counts are capped at 1000 (shown as 1000+).
    QueueCounts { counts: BTreeMap<String, u32> }
    SearchPage {
        cases: Vec<CaseRow>,
        merchants: Vec<MerchantRow>,
        articles: Vec<ArticleRow>,
    }
    MerchantRow { id: String, merchant_no: String, name: String, phone: String, terminals: Vec<String> }
    MerchantScreen {
        id: String,
        merchant_no: String,
        name: String,
        class: String,
        legal_name: String,
        phone: String,
        address: String,
        terminals: Vec<TerminalView>,
        cases: Vec<CaseRow>,
    }
    TerminalView {
        serial: String,
        model: String,
        kind: String,
        obtained_by: String,
        terminal_numbers: Vec<String>,
        #[ts(type = "number")] bound_at: i64,
        #[ts(type = "number | null")] unbound_at: Option<i64>,
        open_case: Option<String>,
    }
    ArticleRow { id: String, title: Bilingual, tags: Vec<String>, official: bool }
    ArticleScreen {
        id: String,
        title: Bilingual,
        body: Bilingual,
        source: String,
        owner: String,
        checked_on: String,
        official: bool,
    }
    FieldSpecView {
        key: String,
        step: String,
        /// text, person_name, phone, merchant_no, merchant_inner_no, identity_no, uscc, terminal_serial, tusn, terminal_numbers, card_tail, choice, flag, fen, date, codes.
        format: String,
        choices: Vec<String>,
        max_chars: Option<u32>,
        privacy: String,
    }
    FormSpec {
        fields: Vec<FieldSpecView>,
        document_kinds: Vec<String>,
        return_reasons: Vec<super::ReasonView>,
        reject_reasons: Vec<super::ReasonView>,
        /// Scripts to read aloud, per step.
        scripts: Vec<ScriptCard>,
    }
    ScriptCard { id: String, step: String, text: Bilingual }
    MatchResult {
        found: bool,
        agreed: Vec<String>,
        differed: u32,
        failures: u32,
        #[ts(type = "number | null")] locked_until: Option<i64>,
        case: super::CaseScreen,
    }
    /// Where the one-time code went.
    CodeSent { phone: String, #[ts(type = "number")] expires_at: i64, sends_left: u32 }
    /// How the upload links of a case stand; `made` only in the answer to making one.
    MerchantLinkView {
        made: Option<LinkMadeView>,
        active: Vec<LinkActiveView>,
        arriving: Vec<LinkArrivingView>,
        /// With the case number it opens the progress page.
        query_code: String,
        links_left: u32,
        texts_left: u32,
    }
    LinkMadeView {
        address: Option<String>,
        qr: Option<QrView>,
        /// Masked.
        phone: Option<String>,
        #[ts(type = "number")] expires_at: i64,
    }
    /// `path`: the `d` of an SVG path in a view box of `side` by `side`.
    QrView { side: u32, path: String }
    LinkActiveView {
        #[ts(type = "number")] made_at: i64,
        #[ts(type = "number")] expires_at: i64,
        texted: bool,
        #[ts(type = "number | null")] opened_at: Option<i64>,
    }
    LinkArrivingView {
        kind: String,
        percent: u8,
        #[ts(type = "number")] size_bytes: u64,
        #[ts(type = "number")] begun_at: i64,
        /// Code of the reason.
        refused: Option<String>,
    }
    CodeVerified { right: bool, tries_left: u32, case: super::CaseScreen }
    Revealed { value: String, #[ts(type = "number")] until: i64 }
    Ticket {
        /// Put into an `<img src>`; single use, 30 s.
        url: String,
    }
    TrayItem { document: super::DocumentCard, name: String }
    CallRow {
        call_ref: String,
        case: Option<String>,
        case_no: Option<String>,
        number: String,
        #[ts(type = "number")] started_at: i64,
        #[ts(type = "number | null")] ended_at: Option<i64>,
    }
    NotificationRow {
        id: String,
        /// returned, conflict, refused, approved, rejected, unbound, held, due_soon.
        kind: String,
        case: String,
        case_no: String,
        title: String,
        #[ts(type = "number")] at: i64,
        read: bool,
    }
    Done {}
}
