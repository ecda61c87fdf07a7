//! Why a command was refused or failed, and how that is told: a stable code, never personal data.

use crate::dto::UiError;
use crate::vault::VaultError;
use desk_bundle::BundleError;
use desk_domain::secret_trap::SecretFound;
use desk_media::MediaError;
use desk_store::StoreError;
use std::collections::BTreeMap;
use thiserror::Error;

/// Everything a use case can answer beside its result.
#[derive(Debug, Error)]
pub enum AppError {
    #[error("the desk is locked: unlock it first")]
    Locked,
    #[error("this desk is set up already")]
    AlreadySetUp,
    #[error("there is no desk here yet: set it up first")]
    NotSetUp,
    #[error("demo data is not part of this build")]
    NoDemoPack,
    #[error("no such command")]
    UnknownCommand,
    #[error("the arguments are not the agreed ones")]
    BadArguments,
    #[error("{0} is not on this desk")]
    NotFound(Thing),
    #[error("the text of {0} is empty")]
    TextEmpty(&'static str),
    #[error("the text of {0} is longer than {1} characters")]
    TextTooLong(&'static str, usize),
    #[error("{0} is not one of the offered values")]
    NotAChoice(&'static str),
    #[error("{0} is not a date as yyyy-mm-dd")]
    BadDate(&'static str),
    #[error("no field has this name")]
    UnknownField,
    /// A value that does not fit its field; the draft stays.
    #[error("the value does not fit the field: {code}")]
    Field {
        field: String,
        code: String,
        params: BTreeMap<String, String>,
    },
    /// Refused before anything is stored; the count is of this desk's life.
    #[error("the text holds a secret that must not be kept")]
    Secret {
        found: SecretFound,
        field: Option<String>,
        count: u64,
    },
    /// The rules do not allow it.
    #[error("the rules do not allow it: {code}")]
    Refused {
        code: String,
        params: BTreeMap<String, String>,
    },
    #[error("this value is shown in clear anyway")]
    NothingToReveal,
    #[error("too many values were revealed within the hour")]
    TooManyReveals { wait_ms: i64 },
    #[error("say where the value comes from")]
    UnknownProvenance,
    #[error("this desk is for standing alone: there is no server")]
    NoServer,
    #[error("the server was not heard for too long: sign in online")]
    ContactNeeded,
    #[error("a second person needs a passphrase of their own on this desk")]
    PassphraseNeeded,
    #[error("this computer has no browser that the desk can open")]
    NoBrowser,
    #[error("this account may not be used")]
    AccountInactive,
    #[error("a document of {bytes} bytes is more than {limit}")]
    DocumentTooLarge { bytes: usize, limit: usize },
    #[error("the document is being fetched: look again in a moment")]
    DocumentOnItsWay,
    #[error("the bytes are not base64")]
    BadBase64,
    #[error("the file could not be written")]
    FileNotWritten,
    /// What the server or the line to it answered.
    #[error("the server refused: {code}")]
    Server {
        code: String,
        params: BTreeMap<String, String>,
        retryable: bool,
    },
    #[error("this desk does not know headquarters' keys yet: connect once")]
    BundleKeysUnknown,
    #[error("the link is not one to a call: nothing was opened")]
    BadCallLink,
    #[error("a hand-over by stick is running already")]
    UsbBusy,
    #[error("{needed} bytes are needed on the medium, {free} are free")]
    UsbNoRoom { needed: u64, free: u64 },
    #[error("what was written could not be read back: use another stick")]
    UsbReadBack,
    /// A bundle met something that its code names.
    #[error("the hand-over stopped: {0}")]
    Usb(String),
    #[error(transparent)]
    Bundle(#[from] BundleError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Media(#[from] MediaError),
    #[error("something unexpected happened: {0}")]
    Unexpected(&'static str),
}

/// What was looked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Thing {
    Case,
    Document,
    Merchant,
    Article,
    Conflict,
    Call,
    Parked,
}

impl std::fmt::Display for Thing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Case => "case",
            Self::Document => "document",
            Self::Merchant => "merchant",
            Self::Article => "article",
            Self::Conflict => "conflict",
            Self::Call => "call",
            Self::Parked => "parked op",
        })
    }
}

impl AppError {
    /// A hand-over that stopped for a reason with a code.
    pub(crate) fn usb(code: &str) -> Self {
        Self::Usb(code.to_owned())
    }

    /// `area.reason`, stable for ever.
    pub fn code(&self) -> &str {
        match self {
            Self::Locked => "app.locked",
            Self::AlreadySetUp => "start.already_set_up",
            Self::NotSetUp => "start.not_set_up",
            Self::NoDemoPack => "start.no_demo_pack",
            Self::UnknownCommand => "request.unknown_command",
            Self::BadArguments => "request.bad_arguments",
            Self::NotFound(Thing::Case) => "case.not_found",
            Self::NotFound(Thing::Document) => "document.not_found",
            Self::NotFound(Thing::Merchant) => "merchant.not_found",
            Self::NotFound(Thing::Article) => "article.not_found",
            Self::NotFound(Thing::Conflict) => "conflict.not_found",
            Self::NotFound(Thing::Call) => "call.not_found",
            Self::NotFound(Thing::Parked) => "parked.not_found",
            Self::TextEmpty(_) => "text.empty",
            Self::TextTooLong(..) => "text.too_long",
            Self::NotAChoice(_) => "request.not_a_choice",
            Self::BadDate(_) => "request.bad_date",
            Self::UnknownField => "field.unknown",
            Self::Field { code, .. }
            | Self::Refused { code, .. }
            | Self::Server { code, .. }
            | Self::Store(StoreError::Refused { code, .. })
            | Self::Usb(code) => code,
            Self::Secret { found, .. } => found.kind.as_str(),
            Self::NothingToReveal => "reveal.nothing",
            Self::TooManyReveals { .. } => "reveal.too_many",
            Self::UnknownProvenance => "request.unknown_provenance",
            Self::NoServer => "session.no_server",
            Self::ContactNeeded => "session.contact_needed",
            Self::PassphraseNeeded => "session.passphrase_needed",
            Self::NoBrowser => "oidc.no_browser",
            Self::AccountInactive => "session.account_inactive",
            Self::DocumentTooLarge { .. } => "media.too_large",
            Self::DocumentOnItsWay => "document.on_its_way",
            Self::BadBase64 => "document.bad_base64",
            Self::FileNotWritten => "file.not_written",
            Self::BundleKeysUnknown => "bundle.keys_unknown",
            Self::BadCallLink => "call.bad_link",
            Self::UsbBusy => "bundle.busy",
            Self::UsbNoRoom { .. } => "bundle.no_space",
            Self::UsbReadBack => "bundle.read_back_failed",
            Self::Bundle(error) => error.code(),
            Self::Vault(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Media(error) => error.code(),
            Self::Unexpected(_) => "app.unexpected",
        }
    }

    /// As a front end sees it; `incident` is called for the unexpected only.
    pub fn to_ui(&self, incident: impl FnOnce() -> String) -> UiError {
        UiError {
            code: self.code().to_owned(),
            message: self.to_string(),
            field: self.field(),
            retryable: self.retryable(),
            incident: self.is_unexpected().then(incident),
            params: self.params(),
        }
    }

    /// Nothing a person did wrong: quoted to support by its incident.
    pub fn is_unexpected(&self) -> bool {
        if let Self::Store(error) = self {
            return !is_expected(error);
        }
        matches!(
            self,
            Self::Unexpected(_) | Self::Vault(VaultError::Io(_) | VaultError::Damaged(_))
        )
    }

    fn field(&self) -> Option<String> {
        if let Self::Secret { field, .. } = self {
            return field.clone();
        }
        self.field_name().map(str::to_owned)
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "most errors have no field, and so has a new one"
    )]
    fn field_name(&self) -> Option<&str> {
        match self {
            Self::Field { field, .. } => Some(field),
            Self::TextEmpty(name)
            | Self::TextTooLong(name, _)
            | Self::NotAChoice(name)
            | Self::BadDate(name) => Some(name),
            Self::PassphraseNeeded
            | Self::Vault(
                VaultError::PassphraseTooShort
                | VaultError::PassphraseTooLong
                | VaultError::WrongPassphrase,
            ) => Some("passphrase"),
            Self::Vault(VaultError::WhichUser | VaultError::UnknownUser) => Some("user"),
            _ => None,
        }
    }

    fn retryable(&self) -> bool {
        if let Self::Server { retryable, .. } = self {
            return *retryable;
        }
        if let Self::Media(error) = self {
            return error.retryable();
        }
        matches!(
            self,
            Self::TooManyReveals { .. }
                | Self::DocumentOnItsWay
                | Self::FileNotWritten
                | Self::Vault(VaultError::TooManyTries { .. } | VaultError::KeystoreUnavailable)
                | Self::Store(StoreError::DiskFull | StoreError::InUse)
        )
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "most errors have no parameters, and so has a new one"
    )]
    fn params(&self) -> BTreeMap<String, String> {
        let one = |name: &str, value: String| BTreeMap::from([(name.to_owned(), value)]);
        match self {
            Self::Field { params, .. }
            | Self::Refused { params, .. }
            | Self::Server { params, .. }
            | Self::Store(StoreError::Refused { params, .. }) => params.clone(),
            Self::Secret { count, .. } => one("count", count.to_string()),
            Self::TextTooLong(_, limit) => one("limit", limit.to_string()),
            Self::TooManyReveals { wait_ms }
            | Self::Vault(VaultError::TooManyTries { wait_ms }) => {
                one("wait_ms", wait_ms.to_string())
            }
            Self::UsbNoRoom { needed, free } => BTreeMap::from([
                ("needed_bytes".to_owned(), needed.to_string()),
                ("free_bytes".to_owned(), free.to_string()),
            ]),
            Self::DocumentTooLarge { bytes, limit } => BTreeMap::from([
                ("bytes".to_owned(), bytes.to_string()),
                ("limit".to_owned(), limit.to_string()),
            ]),
            _ => BTreeMap::new(),
        }
    }
}

/// What the store refuses for a reason that a person can act on.
const fn is_expected(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Refused { .. }
            | StoreError::DiskFull
            | StoreError::InUse
            | StoreError::UnknownCase(_)
            | StoreError::DocumentMissing(_)
            | StoreError::DocumentErased(_)
    )
}

impl From<AppError> for UiError {
    fn from(error: AppError) -> Self {
        error.to_ui(|| crate::desk::incident(&crate::door::OsChance))
    }
}
