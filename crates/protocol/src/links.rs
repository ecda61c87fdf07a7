//! Upload links: an agent has one made for a case, the merchant's phone uses it without an account (`product.md` section 2,
//! step 5). What the phone is told names no person.

use desk_domain::case::DocumentKind;
use desk_domain::case_no::CaseNo;
use desk_domain::checklist::RequiredStatus;
use desk_domain::guest::Stage;
use desk_domain::ids::{CaseId, DocumentId};
use desk_domain::time::Millis;
use serde::{Deserialize, Serialize};

/// How a link reaches the merchant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkWay {
    /// The agent shows it as a QR or reads it out.
    Show,
    /// By text message to the number of record of the case's merchant.
    Registered,
    /// By text message to the number that the caller gave.
    Caller,
}

/// `POST /v1/links`: one more link for a case.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkMakeRequest {
    pub case: CaseId,
    pub way: LinkWay,
}

/// `POST /v1/links/look` and `POST /v1/links/end`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkCaseRequest {
    pub case: CaseId,
}

/// How the links of a case stand.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LinksReply {
    /// Only in the answer to making one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<LinkMade>,
    /// Links that can be used now, the newest first.
    pub active: Vec<ActiveLink>,
    /// Files on their way, and those that were refused since the links were made.
    pub arriving: Vec<Arriving>,
    /// With the case number, it opens the page that tells how far the case is.
    pub query_code: String,
    /// Links and text messages that may still be made for this case in these 24 hours.
    pub links_left: u32,
    pub texts_left: u32,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LinkMade {
    /// To be shown: whole when the server knows its public address, else from the path on. None when it was texted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Masked number that it was texted to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    pub expires_at: Millis,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ActiveLink {
    pub made_at: Millis,
    pub expires_at: Millis,
    pub texted: bool,
    /// When the phone first opened it.
    pub opened_at: Option<Millis>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Arriving {
    pub kind: DocumentKind,
    pub size_bytes: u64,
    pub received_bytes: u64,
    pub begun_at: Millis,
    /// `media.…`: why the file was not taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// `GET /v1/guest/case`: what the merchant is asked for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GuestCase {
    pub case_no: CaseNo,
    /// False when the case takes no more papers.
    pub open: bool,
    pub expires_at: Millis,
    pub items: Vec<GuestItem>,
    /// Kinds that may be sent besides.
    pub others: Vec<DocumentKind>,
    /// Largest file, bytes of one chunk, files that may still be sent.
    pub file_bytes: u64,
    pub chunk_bytes: u64,
    pub files_left: u32,
}

/// One paper that the case needs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GuestItem {
    /// Any one of these will do; the first is asked for first.
    pub any_of: Vec<DocumentKind>,
    pub status: RequiredStatus,
    /// Why a paper came back, in the office's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason_zh: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason_en: Option<String>,
}

/// `POST /v1/guest/uploads`: a file is about to come, or comes again after a cut.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UploadBegin {
    pub kind: DocumentKind,
    pub size_bytes: u64,
    /// How the phone tells this file from its others: up to 64 letters, digits and hyphens.
    pub file: String,
}

/// Answer to beginning and to ending an upload.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UploadState {
    pub upload: DocumentId,
    pub chunk_bytes: u64,
    /// One flag per chunk.
    pub have: Vec<bool>,
    /// The file is on the case.
    pub kept: bool,
    /// `blurred`, `too_small`, `glare`, `dark`: what a second photo could do better.
    pub hints: Vec<String>,
}

/// `POST /v1/guest/progress`: how far a case is, for whoever knows its number and its code.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgressRequest {
    pub case_no: String,
    pub code: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ProgressReply {
    pub case_no: CaseNo,
    pub stage: Stage,
    /// When the case last moved.
    pub since: Millis,
    /// Day by which the office promised to be done, `yyyy-mm-dd`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promise_date: Option<String>,
    /// Papers that are asked for and not there.
    pub missing: Vec<DocumentKind>,
}

/// `POST /v1/guest/stop` and `/v1/guest/stop/look`: the token of a message that tells of a hold.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StopRequest {
    pub token: String,
}

/// How an announced unbind stands, for the merchant of record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopState {
    /// It can be stopped.
    Waiting,
    Stopped,
    /// It is being executed: only people can do something now.
    UnderWay,
    Done,
    /// It is not going to be executed.
    Ended,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StopReply {
    pub state: StopState,
    /// The merchant has asked to stop, whatever came of it.
    pub heard: bool,
    pub case_tail: String,
    pub terminal_tail: String,
    pub execute_after: Millis,
}
