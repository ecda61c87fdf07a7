//! What can go wrong in this room; codes are stable for ever.

use desk_domain::ids::{CaseId, DocumentId, OpId, UserId};
use desk_domain::op::OpError;
use std::collections::BTreeMap;

/// Every failure of the store. Messages carry no personal data.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("there is no desk file at this place")]
    Missing,
    #[error("a desk file is already here; it is not overwritten")]
    AlreadyThere,
    #[error("the key does not open this file")]
    WrongKey,
    #[error("the file is a plain database, not an encrypted one; it is not opened")]
    NotEncrypted,
    #[error("the database library has no cipher; refusing to go on")]
    NoCipher,
    #[error("the database library is {0}, at least 3.51.3 is needed")]
    LibraryTooOld(String),
    #[error("the file was written by a newer desk")]
    NewerSchema,
    #[error("another desk has this file open")]
    InUse,
    #[error("the file is damaged: {0}")]
    Damaged(String),
    #[error("the disk is full; nothing was lost, nothing was written")]
    DiskFull,
    #[error("the rules do not allow it: {code}")]
    Refused {
        code: String,
        params: BTreeMap<String, String>,
    },
    #[error("user {0} is not known to this desk")]
    UnknownActor(UserId),
    #[error("op {0} was written before")]
    AlreadyWritten(OpId),
    #[error("op {0} is not in the journal")]
    UnknownOp(OpId),
    #[error("one action has {0} ops, the limit is {limit}", limit = crate::journal::MAX_GROUP_OPS)]
    GroupTooLarge(usize),
    #[error("the desk has no identity yet")]
    NoIdentity,
    #[error("policy and calendar are not set yet")]
    NoJudge,
    #[error("the server's head is not in this journal")]
    Fork,
    #[error("case {0} is not on this desk")]
    UnknownCase(CaseId),
    #[error("document {0} is not on this desk")]
    DocumentMissing(DocumentId),
    #[error("document {0} was erased")]
    DocumentErased(DocumentId),
    #[error("document {0} is damaged; it is not shown")]
    DocumentDamaged(DocumentId),
    #[error("document {0} does not fit its manifest")]
    ManifestMismatch(DocumentId),
    #[error("a number is out of range")]
    OutOfRange,
    #[error(transparent)]
    Op(#[from] OpError),
    #[error("a stored value is not readable: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the file system refused: {0}")]
    Io(std::io::Error),
    #[error("the database refused: {0}")]
    Sql(rusqlite::Error),
    #[error("the schema could not be brought up to date: {0}")]
    Migration(Box<refinery::Error>),
}

impl StoreError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing => "store.missing",
            Self::AlreadyThere => "store.already_there",
            Self::WrongKey => "store.wrong_key",
            Self::NotEncrypted => "store.not_encrypted",
            Self::NoCipher => "store.no_cipher",
            Self::LibraryTooOld(_) => "store.library_too_old",
            Self::NewerSchema => "store.newer_schema",
            Self::InUse => "store.in_use",
            Self::Damaged(_) => "store.damaged",
            Self::DiskFull => "store.disk_full",
            Self::Refused { .. } => "store.refused",
            Self::UnknownActor(_) => "store.unknown_actor",
            Self::AlreadyWritten(_) => "store.already_written",
            Self::UnknownOp(_) => "store.unknown_op",
            Self::GroupTooLarge(_) => "store.group_too_large",
            Self::NoIdentity => "store.no_identity",
            Self::NoJudge => "store.no_judge",
            Self::Fork => "store.fork",
            Self::UnknownCase(_) => "store.unknown_case",
            Self::DocumentMissing(_) => "store.document_missing",
            Self::DocumentErased(_) => "store.document_erased",
            Self::DocumentDamaged(_) => "store.document_damaged",
            Self::ManifestMismatch(_) => "store.manifest_mismatch",
            Self::OutOfRange => "store.out_of_range",
            Self::Op(OpError::TooLarge(_)) => "store.op_too_large",
            Self::Op(OpError::Malformed(_) | OpError::UnknownKind(_)) => "store.op_malformed",
            Self::Json(_) => "store.unreadable",
            Self::Io(_) => "store.io",
            Self::Sql(_) => "store.sql",
            Self::Migration(_) => "store.migration",
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            Some(ErrorCode::DatabaseCorrupt) => {
                Self::Damaged("the database is malformed".to_owned())
            }
            Some(ErrorCode::NotADatabase) => Self::WrongKey,
            _ => Self::Sql(error),
        }
    }
}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        if [StorageFull, QuotaExceeded].contains(&error.kind()) {
            Self::DiskFull
        } else {
            Self::Io(error)
        }
    }
}
