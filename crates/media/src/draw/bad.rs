//! Files that must be refused, or taken in without harm.

use super::pdf::{self, Extra, Page};
use super::sheet::{Colour, Sheet};
use crate::{MAX_PDF_PAGES, Rgb8Image, encode_jpeg};

/// Nothing at all.
pub const fn empty() -> Vec<u8> {
    Vec::new()
}

/// Begins as a JPEG and goes on for 50 MB.
pub fn fifty_megabytes() -> Vec<u8> {
    let mut bytes = vec![0_u8; 50 * 1024 * 1024];
    bytes.splice(..3, [0xFF, 0xD8, 0xFF]);
    bytes
}

/// A PNG of some 100 bytes that says it has 60,000 × 60,000 pixels; its checksums are right.
pub fn png_bomb() -> Vec<u8> {
    let side = 60_000_u32.to_be_bytes();
    let head = [&side[..], &side[..], &[8, 2, 0, 0, 0]].concat();
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    // An empty deflate stream.
    let body = [0x78, 0x9C, 0x03, 0, 0, 0, 0, 1];
    for (name, data) in [
        (b"IHDR", &head[..]),
        (b"IDAT", &body[..]),
        (b"IEND", &[][..]),
    ] {
        bytes.extend(u32::try_from(data.len()).unwrap_or(0).to_be_bytes());
        let chunk = [&name[..], data].concat();
        bytes.extend(&chunk);
        bytes.extend(crc32(&chunk).to_be_bytes());
    }
    bytes
}

/// A photo that is also a ZIP archive (an empty one).
pub fn jpeg_and_zip(photo: &[u8]) -> Vec<u8> {
    let end = [&b"PK\x05\x06"[..], &[0_u8; 18][..]].concat();
    [photo, &end].concat()
}

/// A photo with a page of HTML in its comment.
pub fn jpeg_and_html(photo: &[u8]) -> Vec<u8> {
    with_segment(photo, 0xFE, b"<html><script>alert(1)</script></html>")
}

/// A photo with its camera's notes: how it was held, and where (20.5 N, 30.5 E, in the desert).
pub fn jpeg_with_exif(photo: &[u8], orientation: u16) -> Vec<u8> {
    let mut tiff = b"II*\0\x08\0\0\0".to_vec();
    let entry = |tag: u16, kind: u16, number: u32, value: u32| {
        let mut bytes = [tag.to_le_bytes(), kind.to_le_bytes()].concat();
        bytes.extend(number.to_le_bytes());
        bytes.extend(value.to_le_bytes());
        bytes
    };
    // Main directory at 8: two entries, 30 bytes; the position's directory follows at 38.
    tiff.extend(2_u16.to_le_bytes());
    tiff.extend(entry(0x0112, 3, 1, u32::from(orientation)));
    tiff.extend(entry(0x8825, 4, 1, 38));
    tiff.extend(0_u32.to_le_bytes());
    tiff.extend(4_u16.to_le_bytes());
    tiff.extend(entry(1, 2, 2, u32::from(b'N')));
    tiff.extend(entry(2, 5, 3, 92));
    tiff.extend(entry(3, 2, 2, u32::from(b'E')));
    tiff.extend(entry(4, 5, 3, 116));
    tiff.extend(0_u32.to_le_bytes());
    for degrees in [20_u32, 30] {
        for part in [degrees, 1, 30, 1, 0, 1] {
            tiff.extend(part.to_le_bytes());
        }
    }
    with_segment(photo, 0xE1, &[b"Exif\0\0", tiff.as_slice()].concat())
}

/// The first half of a photo.
pub fn truncated(file: &[u8]) -> Vec<u8> {
    file.get(..file.len() / 2).unwrap_or_default().to_vec()
}

/// A PDF that runs a script when opened.
pub fn pdf_with_script(sheet: &Sheet) -> Vec<u8> {
    pdf::document(&[pdf::page(sheet)], Extra::Script)
}

/// A PDF whose password nobody knows.
pub fn pdf_locked(sheet: &Sheet) -> Vec<u8> {
    pdf::document(&[pdf::page(sheet)], Extra::Lock)
}

/// A PDF with one page too many.
pub fn pdf_with_too_many_pages() -> Vec<u8> {
    pdf_of_pages(MAX_PDF_PAGES + 1)
}

/// A PDF of empty pages, each one point wider than the one before (300 points first).
pub fn pdf_of_pages(number: u32) -> Vec<u8> {
    let pages: Vec<Page> = (0..number)
        .map(|at| Page {
            width: 300.0 + crate::num::real(at),
            height: 200.0,
            content: String::new(),
            resources: "",
        })
        .collect();
    pdf::document(&pages, Extra::None)
}

/// A PDF whose Chinese text names a font that it does not carry, as tax invoices do. The text is
/// 样张, twelve times, in black on white.
pub fn pdf_with_absent_font() -> Vec<u8> {
    let content = format!("BT /F1 24 Tf 20 80 Td <{}> Tj ET", "68375F20".repeat(6));
    let resources = "/Font << /F1 << /Type /Font /Subtype /Type0 /BaseFont /STSong-Light \
        /Encoding /UniGB-UCS2-H /DescendantFonts [<< /Type /Font /Subtype /CIDFontType0 \
        /BaseFont /STSong-Light /CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) \
        /Supplement 2 >> /DW 1000 >>] >> >>";
    pdf::document(
        &[Page {
            width: 400.0,
            height: 200.0,
            content,
            resources,
        }],
        Extra::None,
    )
}

/// A PDF with a picture that says it has 60,000 × 60,000 pixels.
pub fn pdf_with_image_bomb() -> Vec<u8> {
    let content = "q 100 0 0 100 0 0 cm BI /W 60000 /H 60000 /CS /RGB /BPC 8 /F /AHx ID 00> EI Q";
    let page = Page {
        width: 200.0,
        height: 200.0,
        content: content.into(),
        resources: "",
    };
    pdf::document(&[page], Extra::None)
}

/// A PDF whose arrays lie 200,000 deep in each other.
pub fn pdf_of_nested_arrays() -> Vec<u8> {
    let content = "[".repeat(200_000);
    pdf::document(
        &[Page {
            width: 200.0,
            height: 200.0,
            content,
            resources: "",
        }],
        Extra::None,
    )
}

/// A QR code whose corners are whole and whose middle is gone.
pub fn malformed_qr() -> Rgb8Image {
    let mut sheet = Sheet::new(240.0, 240.0, Colour::White);
    sheet.qr(
        20.0,
        20.0,
        200.0,
        "01,32,,24990000000000000001,1299.00,20240315,,0A1B,",
    );
    sheet.fill(85.0, 85.0, 70.0, 105.0, Colour::Black);
    sheet.picture(3.0)
}

/// A small photo to make bad ones of.
pub fn plain_jpeg(width: u32, height: u32) -> Vec<u8> {
    let picture = Rgb8Image::from_fn(width, height, |x, y| {
        let level = u8::try_from((x / 3 + y / 5) % 200).unwrap_or(0);
        image::Rgb([level, 200 - level, 120])
    });
    encode_jpeg(&picture, 85).unwrap_or_default()
}

/// Puts a segment behind the start mark.
fn with_segment(photo: &[u8], marker: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 2)
        .unwrap_or(u16::MAX)
        .to_be_bytes();
    let (start, rest) = photo.split_at_checked(2).unwrap_or((photo, &[]));
    [start, &[0xFF, marker], &length, body, rest].concat()
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & 0_u32.wrapping_sub(crc & 1))
        })
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn checksum_is_the_one_of_png() {
        assert_eq!(super::crc32(b"IEND"), 0xAE42_6082);
    }
}
