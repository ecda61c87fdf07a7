//! What a file is, by its content; its name and its declared type say nothing here.

use crate::{MAX_BYTES, MediaError};

/// The kinds that are taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MediaKind {
    Jpeg,
    Png,
    Webp,
    Pdf,
}

impl MediaKind {
    /// The fixed content type under which the original is kept.
    pub const fn mime(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Pdf => "application/pdf",
        }
    }
}

/// How far a second nature is looked for from either end.
const POLYGLOT_WINDOW: usize = 4096;
/// Readers of PDF accept a header that begins anywhere in this many bytes.
const PDF_HEADER_WINDOW: usize = 1024;
/// A ZIP directory may be followed by a comment of up to 65,535 bytes.
const ZIP_TAIL: usize = 22 + 65_535;
/// How far into a ZIP its entry names are looked for.
const ZIP_NAMES_WINDOW: usize = 64 * 1024;

/// Says what the bytes are, or why they are refused.
///
/// # Errors
/// Empty, too large, of another type (named where it is recognisable), or two types at once.
pub fn sniff(bytes: &[u8]) -> Result<MediaKind, MediaError> {
    if bytes.is_empty() {
        return Err(MediaError::Empty);
    }
    if bytes.len() > MAX_BYTES {
        return Err(MediaError::TooLarge {
            bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            limit: u64::try_from(MAX_BYTES).unwrap_or(u64::MAX),
        });
    }
    let Some(kind) = accepted(bytes) else {
        let found = foreign(bytes);
        return Err(MediaError::UnsupportedType { found });
    };
    match second_nature(kind, bytes) {
        Some(found) => Err(MediaError::Polyglot { found }),
        None => Ok(kind),
    }
}

fn accepted(bytes: &[u8]) -> Option<MediaKind> {
    if bytes.starts_with(&[0xFF, 0xD8, 0xFF]) {
        return Some(MediaKind::Jpeg);
    }
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some(MediaKind::Png);
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return Some(MediaKind::Webp);
    }
    let body = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    body.trim_ascii_start()
        .starts_with(b"%PDF-")
        .then_some(MediaKind::Pdf)
}

fn second_nature(kind: MediaKind, bytes: &[u8]) -> Option<&'static str> {
    if ends_as_zip(bytes) {
        return Some("ZIP");
    }
    if kind == MediaKind::Pdf {
        return None;
    }
    let head = bytes
        .get(..bytes.len().min(PDF_HEADER_WINDOW))
        .unwrap_or(bytes);
    if contains(head, b"%PDF-") {
        return Some("PDF");
    }
    let tail_at = bytes.len().saturating_sub(POLYGLOT_WINDOW);
    let head = bytes
        .get(..bytes.len().min(POLYGLOT_WINDOW))
        .unwrap_or(bytes);
    let tail = bytes.get(tail_at..).unwrap_or(bytes);
    [head, tail].into_iter().find_map(markup)
}

/// Markup that a browser or a server would run. XMP packets are XML, so bare XML is no sign.
fn markup(window: &[u8]) -> Option<&'static str> {
    let low = window.to_ascii_lowercase();
    let signs: [(&[u8], &'static str); 6] = [
        (b"<script", "HTML"),
        (b"<!doctype html", "HTML"),
        (b"<html", "HTML"),
        (b"<iframe", "HTML"),
        (b"<svg", "SVG"),
        (b"<?php", "PHP"),
    ];
    signs
        .into_iter()
        .find(|(sign, _)| contains(&low, sign))
        .map(|(_, name)| name)
}

/// A ZIP directory end whose comment length reaches exactly the end of the file: what every
/// unpacker looks for, and what compressed pixels do not show by chance.
fn ends_as_zip(bytes: &[u8]) -> bool {
    let start = bytes.len().saturating_sub(ZIP_TAIL);
    let tail = bytes.get(start..).unwrap_or(bytes);
    tail.windows(22).enumerate().any(|(at, end)| {
        let declared = match end {
            [b'P', b'K', 5, 6, .., low, high] => usize::from(u16::from_le_bytes([*low, *high])),
            _ => return false,
        };
        at.saturating_add(22).saturating_add(declared) == tail.len()
    })
}

/// The name of what was sent instead, as the caller would say it.
fn foreign(bytes: &[u8]) -> &'static str {
    let signs: [(&[u8], &'static str); 16] = [
        (b"GIF8", "GIF"),
        (b"BM", "BMP"),
        (b"II*\0", "TIFF"),
        (b"MM\0*", "TIFF"),
        (b"MZ", "EXE"),
        (b"\x7fELF", "ELF"),
        (b"#!", "script"),
        (b"\xD0\xCF\x11\xE0", "DOC/XLS"),
        (b"Rar!", "RAR"),
        (b"7z\xBC\xAF\x27\x1C", "7Z"),
        (b"\x1F\x8B", "GZIP"),
        (b"8BPS", "PSD"),
        (b"{\\rtf", "RTF"),
        (b"ID3", "MP3"),
        (b"\xCA\xFE\xBA\xBE", "Java class or Mach-O"),
        (b"\x00\x00\x01\x00", "ICO"),
    ];
    if let Some((_, name)) = signs.into_iter().find(|(sign, _)| bytes.starts_with(sign)) {
        return name;
    }
    if bytes.starts_with(b"PK") {
        return zip_flavour(bytes);
    }
    if bytes.get(4..8) == Some(b"ftyp") {
        return container_flavour(bytes);
    }
    textual(bytes)
}

fn zip_flavour(bytes: &[u8]) -> &'static str {
    let head = bytes
        .get(..bytes.len().min(ZIP_NAMES_WINDOW))
        .unwrap_or(bytes);
    let signs: [(&[u8], &'static str); 6] = [
        (b"word/", "DOCX"),
        (b"xl/", "XLSX"),
        (b"ppt/", "PPTX"),
        (b"OFD.xml", "OFD"),
        (b"AndroidManifest.xml", "APK"),
        (b"META-INF/", "JAR"),
    ];
    signs
        .into_iter()
        .find(|(sign, _)| contains(head, sign))
        .map_or("ZIP", |(_, name)| name)
}

fn container_flavour(bytes: &[u8]) -> &'static str {
    match bytes.get(8..12) {
        Some(b"heic" | b"heix" | b"hevc" | b"heim" | b"heis" | b"mif1" | b"msf1") => "HEIC",
        Some(b"avif" | b"avis") => "AVIF",
        Some(b"qt  ") => "MOV",
        Some(_) | None => "MP4",
    }
}

fn textual(bytes: &[u8]) -> &'static str {
    let head = bytes
        .get(..bytes.len().min(POLYGLOT_WINDOW))
        .unwrap_or(bytes);
    if let Some(name) = markup(head) {
        return name;
    }
    let start = head
        .strip_prefix(b"\xEF\xBB\xBF")
        .unwrap_or(head)
        .trim_ascii_start();
    if start.starts_with(b"<?xml") || start.starts_with(b"<") {
        return "XML";
    }
    let plain = std::str::from_utf8(head).is_ok_and(|text| !text.contains('\0'));
    if plain { "text" } else { "unknown" }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::{MediaKind, sniff};
    use crate::MediaError;
    use proptest::prelude::*;

    #[test]
    fn refused_types_are_named() {
        let table: [(&[u8], &str); 15] = [
            (b"GIF89a....", "GIF"),
            (b"MZ\x90\0", "EXE"),
            (b"\x7fELF\x02", "ELF"),
            (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
            (b"\0\0\0\x18ftypavif\0\0\0\0", "AVIF"),
            (b"\0\0\0\x18ftypisom\0\0\0\0", "MP4"),
            (b"PK\x03\x04........word/document.xml", "DOCX"),
            (b"PK\x03\x04........xl/workbook.xml", "XLSX"),
            (b"PK\x03\x04........OFD.xml", "OFD"),
            (b"PK\x03\x04........a.txt", "ZIP"),
            (b"<?xml version='1.0'?><SVG xmlns=''>", "SVG"),
            (b"\n<!DOCTYPE html><p>", "HTML"),
            (b"<?xml version='1.0'?><a/>", "XML"),
            (b"plain words", "text"),
            (b"\xFE\xED\0\0", "unknown"),
        ];
        for (bytes, found) in table {
            assert_eq!(sniff(bytes), Err(MediaError::UnsupportedType { found }));
        }
    }

    #[test]
    fn accepted_types_are_told_by_content() {
        assert_eq!(sniff(b"\xFF\xD8\xFF\xE0"), Ok(MediaKind::Jpeg));
        assert_eq!(sniff(b"\x89PNG\r\n\x1a\n"), Ok(MediaKind::Png));
        assert_eq!(sniff(b"RIFF\0\0\0\0WEBPVP8 "), Ok(MediaKind::Webp));
        assert_eq!(sniff(b"\xEF\xBB\xBF\n%PDF-1.4"), Ok(MediaKind::Pdf));
        assert!(sniff(b"RIFF\0\0\0\0WAVE").is_err());
    }

    #[test]
    fn xmp_in_a_photo_is_no_polyglot() {
        let photo = b"\xFF\xD8\xFF\xE1..<?xpacket?><x:xmpmeta xmlns:x='adobe:ns:meta/'/>";
        assert_eq!(sniff(photo), Ok(MediaKind::Jpeg));
    }

    proptest! {
        #[test]
        fn sniff_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..2048)) {
            let _ = sniff(&bytes);
        }

        #[test]
        fn sniff_never_panics_behind_a_true_start(
            start in prop::sample::select(vec![
                &b"\xFF\xD8\xFF"[..], b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b"%PDF-", b"PK",
            ]),
            rest in proptest::collection::vec(any::<u8>(), 0..512),
        ) {
            let _ = sniff(&[start, &rest].concat());
        }
    }
}
