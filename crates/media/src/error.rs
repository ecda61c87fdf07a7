//! Why a file is refused. The codes are stable for ever; the window translates them.

use thiserror::Error;

/// A refusal or a failure of this room.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MediaError {
    #[error("the file is empty: choose it again, or take the photo again")]
    Empty,
    #[error("the file has {bytes} bytes, more than {limit}: send a smaller photo or fewer pages")]
    TooLarge { bytes: u64, limit: u64 },
    #[error("{found} is not taken: send JPEG, PNG, WebP or PDF")]
    UnsupportedType { found: &'static str },
    #[error("the file is two things at once ({found} inside): take a new photo of the paper")]
    Polyglot { found: &'static str },
    #[error("the picture has {pixels} pixels, more than {limit}: send a smaller one")]
    TooManyPixels { pixels: u64, limit: u64 },
    #[error("the PDF has {pages} pages, more than {limit}: send only the pages that are needed")]
    TooManyPages { pages: u32, limit: u32 },
    #[error("the file is damaged: open it on the device it came from and send it again")]
    Corrupt,
    #[error("the PDF is locked with a password: send a copy without one, or a photo")]
    EncryptedPdf,
    #[error("the document has {pages} pages: page {page} does not exist")]
    NoSuchPage { page: u32, pages: u32 },
    #[error("opening the file took too long and was stopped: send a photo of the paper")]
    Timeout,
    #[error("opening the file ended the reader: send a photo of the paper")]
    BoxCrashed,
    #[error("opening the file needs more memory than is allowed: send a smaller photo")]
    OutOfMemory,
    #[error("the reader for documents could not be started: restart the desk")]
    BoxUnavailable,
    #[error("no Chinese font was found on this computer: install Noto Sans CJK")]
    NoFont,
    #[error("the picture could not be written")]
    Encode,
}

impl MediaError {
    /// The stable code that crosses every boundary.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "media.empty",
            Self::TooLarge { .. } => "media.too_large",
            Self::UnsupportedType { .. } => "media.unsupported_type",
            Self::Polyglot { .. } => "media.polyglot",
            Self::TooManyPixels { .. } => "media.too_many_pixels",
            Self::TooManyPages { .. } => "media.too_many_pages",
            Self::Corrupt => "media.corrupt",
            Self::EncryptedPdf => "media.encrypted_pdf",
            Self::NoSuchPage { .. } => "media.no_such_page",
            Self::Timeout => "media.timeout",
            Self::BoxCrashed => "media.box_crashed",
            Self::OutOfMemory => "media.out_of_memory",
            Self::BoxUnavailable => "media.box_unavailable",
            Self::NoFont => "media.no_font",
            Self::Encode => "media.encode",
        }
    }

    /// Whether the same bytes may succeed when tried again.
    pub const fn retryable(&self) -> bool {
        matches!(self, Self::Timeout | Self::BoxUnavailable)
    }
}

#[cfg(test)]
mod tests {
    use super::MediaError as E;

    #[test]
    fn codes_are_stable() {
        let all = [
            (E::Empty, "media.empty"),
            (E::TooLarge { bytes: 1, limit: 0 }, "media.too_large"),
            (
                E::UnsupportedType { found: "GIF" },
                "media.unsupported_type",
            ),
            (E::Polyglot { found: "ZIP" }, "media.polyglot"),
            (
                E::TooManyPixels {
                    pixels: 1,
                    limit: 0,
                },
                "media.too_many_pixels",
            ),
            (
                E::TooManyPages { pages: 1, limit: 0 },
                "media.too_many_pages",
            ),
            (E::Corrupt, "media.corrupt"),
            (E::EncryptedPdf, "media.encrypted_pdf"),
            (E::NoSuchPage { page: 2, pages: 1 }, "media.no_such_page"),
            (E::Timeout, "media.timeout"),
            (E::BoxCrashed, "media.box_crashed"),
            (E::OutOfMemory, "media.out_of_memory"),
            (E::BoxUnavailable, "media.box_unavailable"),
            (E::NoFont, "media.no_font"),
            (E::Encode, "media.encode"),
        ];
        for (error, code) in all {
            assert_eq!(error.code(), code);
        }
    }
}
