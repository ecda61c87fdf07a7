//! What can be wrong with a bundle or with the stick under it; codes are stable for ever.

use std::io;

/// Every failure. Messages carry no personal data.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    #[error("this file is not a bundle")]
    NotABundle,
    #[error("the bundle is of format version {0}; this program reads version {expected}", expected = crate::VERSION)]
    WrongVersion(u32),
    #[error("the bundle is not whole: its end is missing")]
    Truncated,
    #[error("the bundle is damaged: {0}")]
    Damaged(&'static str),
    #[error("the bundle is sealed for somebody else")]
    NotForUs,
    #[error("the bundle is addressed to another desk")]
    ForAnother,
    #[error("the bundle goes the other way")]
    WrongWay,
    #[error("the sender of the bundle is not known here")]
    UnknownSender,
    #[error("the bundle is not signed by the sender it names")]
    BadSignature,
    #[error("the bundle claims more than a bundle may hold: {0}")]
    TooLarge(&'static str),
    #[error("stopped on request")]
    Cancelled,
    #[error("a key cannot be used: {0}")]
    Key(&'static str),
    #[error("the file system refused: {0}")]
    Io(#[source] io::Error),
}

impl BundleError {
    /// `bundle.reason`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotABundle => "bundle.not_a_bundle",
            Self::WrongVersion(_) => "bundle.wrong_version",
            Self::Truncated => "bundle.truncated",
            Self::Damaged(_) => "bundle.damaged",
            Self::NotForUs => "bundle.not_for_us",
            Self::ForAnother => "bundle.for_another",
            Self::WrongWay => "bundle.wrong_way",
            Self::UnknownSender => "bundle.unknown_sender",
            Self::BadSignature => "bundle.bad_signature",
            Self::TooLarge(_) => "bundle.too_large",
            Self::Cancelled => "bundle.cancelled",
            Self::Key(_) => "bundle.bad_key",
            Self::Io(error) => of_io(error),
        }
    }

    /// What went wrong inside the sealed stream: the medium, the end, or the bytes.
    pub(crate) fn inside(error: io::Error) -> Self {
        if error.raw_os_error().is_some() {
            Self::Io(error)
        } else if error.kind() == io::ErrorKind::UnexpectedEof {
            Self::Truncated
        } else {
            Self::Damaged("the sealed bytes are not the ones that were written")
        }
    }
}

/// A stick that is gone, full, write-protected or no stick at all.
fn of_io(error: &io::Error) -> &'static str {
    use io::ErrorKind as K;
    let is = |kinds: &[K]| kinds.contains(&error.kind());
    if is(&[K::NotFound]) {
        "bundle.missing"
    } else if is(&[K::IsADirectory, K::NotADirectory, K::InvalidInput]) {
        "bundle.not_a_file"
    } else if is(&[K::PermissionDenied, K::ReadOnlyFilesystem]) {
        "bundle.read_only"
    } else if is(&[K::StorageFull, K::QuotaExceeded, K::FileTooLarge]) {
        "bundle.no_space"
    } else {
        "bundle.stick_gone"
    }
}

impl From<io::Error> for BundleError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
