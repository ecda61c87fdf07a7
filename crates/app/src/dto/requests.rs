//! Arguments of the commands: one struct each, unknown fields refused.

use super::{CaseMove, ReviewMove, RiskMove};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use ts_rs::TS;

macro_rules! requests {
    ($($(#[$doc:meta])* $name:ident { $($field:ident : $ty:ty),* $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $( pub $field: $ty ),* }
    )+};
}

requests! {
    /// No arguments.
    Nothing {}
    /// `totp`: the second factor, once the server has asked for it. `invitation`: a one-time code in place of the login;
    /// `password` is then the one that its owner chooses. `provider`: by the identity provider in the browser, in place of
    /// login and password; an invitation binds the person.
    SetupServer { server_url: String, enrol_code: String, login: String, password: String, totp: Option<String>, invitation: Option<String>, provider: Option<bool>, passphrase: String }
    SetupStandalone { office_name: String, name: String, passphrase: String }
    /// `user`: name, login or id; none means the only person, or the last who unlocked.
    Unlock { passphrase: String, user: Option<String> }
    /// `totp`: the second factor, once the server has asked for it. `passphrase`: for a second person who comes to this
    /// desk for the first time, or has forgotten the one here. `invitation`: a one-time code in place of the login;
    /// `password` is then the one that its owner chooses. `provider`: by the identity provider in the browser, in place of
    /// login and password; an invitation binds the person.
    SignIn { login: String, password: String, totp: Option<String>, invitation: Option<String>, provider: Option<bool>, passphrase: Option<String> }
    /// `filter`: mine, returned, drafts, waiting, unfinished_calls, due_soon, team, review, execute, tell, all.
    QueueQuery { filter: String, after: Option<String>, limit: u32 }
    CaseRef { case: String }
    CaseNew { call_ref: Option<String>, channel: Option<String> }
    DraftPut { case: String, field: String, raw: String }
    /// `accept`: warning code → the agent's reason. `base`: `FieldView.rev`.
    FieldSetArgs { case: String, field: String, raw: String, source: String, base: Option<String>, accept: BTreeMap<String, String> }
    /// Several fields said once: from a QR, the register or an earlier case. Only empty fields are filled.
    FieldsFill { case: String, values: BTreeMap<String, String>, source: String }
    EvidenceAdd { case: String, kind: String, note: String, call_ref: Option<String> }
    DiagnosisAnswer { case: String, question: String, option: String }
    /// Bytes in base64. Without a case the document waits in the tray.
    DocumentAdd { case: Option<String>, kind: String, name: String, bytes: String, replaces: Option<String> }
    DocumentAttachArgs { case: String, document: String, kind: String, replaces: Option<String> }
    DocumentDetachArgs { case: String, document: String, reason: String }
    /// `part`: thumbnail, rendition or page. `page` from 0.
    DocumentTicket { document: String, part: String, page: u32 }
    /// One page of a paper, from 0, with what is to be covered on it.
    DocumentMask { case: String, document: String, page: u32, areas: Vec<MaskArea> }
    /// In ten-thousandths of the picture, from its upper left corner.
    MaskArea { x: u32, y: u32, width: u32, height: u32 }
    NoteArgs { case: String, text: String }
    /// `act`: look, show, text_registered, text_caller, end.
    MerchantLinkArgs { case: String, act: String }
    DiagnosticsArgs { save: Option<bool> }
    CaseMoveArgs { case: String, act: CaseMove }
    JudgeArgs { case: String, document: String, verdict: String, code: Option<String>, note: String }
    WaiveArgs { case: String, kind: String, reason: String }
    ReviewDecideArgs { case: String, decision: ReviewMove }
    /// Exactly one of field, document, missing_kind.
    ReturnArgsItem { field: Option<String>, document: Option<String>, missing_kind: Option<String>, code: String, text: String }
    ReturnAnswerArgs { case: String, index: u32, text: String }
    RiskActArgs { case: String, act: RiskMove }
    ExecuteRecordArgs { case: String, result: String, reference: String, evidence: String, requeried: bool }
    NoticeArgs { case: String, channel: String, template: String, delivered: bool, note: String }
    FollowUpArgs { case: String, result: String, note: String }
    /// `raw` none takes theirs away too (clears); `take`: mine, theirs or value.
    ConflictArgs { case: String, conflict: String, take: String, raw: Option<String> }
    RevealArgs { case: String, field: String, reason: String }
    SearchArgs { query: String }
    MerchantRef { merchant: String }
    ArticleRef { article: String }
    /// `code`: what the caller reads out; six digits.
    CodeVerifyArgs { case: String, code: String }
    CallEnd { case: String, call_ref: String }
    EventsSince { n: u32 }
    /// `folder`: where the bundle goes; none stops the hand-over that is running.
    UsbExport { folder: Option<String> }
    /// `path`: a return bundle.
    UsbImport { path: String }
}
