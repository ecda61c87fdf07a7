//! The sides of a picture, read from its header alone, before any decoder is given the bytes.

use crate::{MAX_PIXELS, MediaError, MediaKind};

/// The longest side admitted; formats allow more, cameras and scanners do not make it.
const MAX_SIDE: u32 = 30_000;
/// A JPEG header that has not named its sides after this many segments is not one.
const MAX_JPEG_SEGMENTS: usize = 4096;

/// Width and height as the header says; `None` for a PDF, whose pages are measured when drawn.
///
/// # Errors
/// A header that is damaged, or says more than [`MAX_PIXELS`].
pub fn dimensions(kind: MediaKind, bytes: &[u8]) -> Result<Option<(u32, u32)>, MediaError> {
    let sides = match kind {
        MediaKind::Pdf => return Ok(None),
        MediaKind::Jpeg => jpeg(bytes),
        MediaKind::Png => png(bytes),
        MediaKind::Webp => webp(bytes),
    };
    let (width, height) = sides.ok_or(MediaError::Corrupt)?;
    admit(width, height)?;
    Ok(Some((width, height)))
}

/// Refuses sides that no decoder should be asked for.
///
/// # Errors
/// A side of zero, a side over 30,000, or more than [`MAX_PIXELS`] in all.
pub fn admit(width: u32, height: u32) -> Result<(), MediaError> {
    if width == 0 || height == 0 {
        return Err(MediaError::Corrupt);
    }
    let pixels = u64::from(width).saturating_mul(u64::from(height));
    if pixels > MAX_PIXELS || width > MAX_SIDE || height > MAX_SIDE {
        return Err(MediaError::TooManyPixels {
            pixels,
            limit: MAX_PIXELS,
        });
    }
    Ok(())
}

fn png(bytes: &[u8]) -> Option<(u32, u32)> {
    if bytes.get(12..16)? != b"IHDR" {
        return None;
    }
    Some((be32(bytes, 16)?, be32(bytes, 20)?))
}

/// Whether an end mark follows the frame. Decoders fill what is missing with grey, and half a
/// document must not pass for a whole one.
pub fn jpeg_is_whole(bytes: &[u8]) -> bool {
    let Some((_, _, frame_at)) = jpeg_frame(bytes) else {
        return false;
    };
    let scan = bytes.get(frame_at..).unwrap_or_default();
    scan.windows(2).rev().any(|pair| pair == [0xFF, 0xD9])
}

fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    jpeg_frame(bytes).map(|(width, height, _)| (width, height))
}

/// Width, height, and where the frame's body begins.
fn jpeg_frame(bytes: &[u8]) -> Option<(u32, u32, usize)> {
    let mut at = 2_usize;
    for _ in 0..MAX_JPEG_SEGMENTS {
        while bytes.get(at)? != &0xFF {
            at = at.checked_add(1)?;
        }
        while bytes.get(at)? == &0xFF {
            at = at.checked_add(1)?;
        }
        let marker = *bytes.get(at)?;
        at = at.checked_add(1)?;
        match marker {
            // Start of frame; C4, C8 and CC share the range and mean something else.
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                let height = be16(bytes, at.checked_add(3)?)?;
                let width = be16(bytes, at.checked_add(5)?)?;
                return Some((width, height, at));
            }
            // Markers without a body.
            0x00 | 0x01 | 0xD0..=0xD8 => {}
            // End of image, or the scan begins before any frame.
            0xD9 | 0xDA => return None,
            _ => at = at.checked_add(usize::try_from(be16(bytes, at)?).ok()?.max(2))?,
        }
    }
    None
}

fn webp(bytes: &[u8]) -> Option<(u32, u32)> {
    match bytes.get(12..16)? {
        b"VP8X" => Some((
            le24(bytes, 24)?.checked_add(1)?,
            le24(bytes, 27)?.checked_add(1)?,
        )),
        b"VP8L" => {
            if bytes.get(20)? != &0x2F {
                return None;
            }
            let bits = u32::from_le_bytes(bytes.get(21..25)?.try_into().ok()?);
            Some(((bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1))
        }
        b"VP8 " => {
            if bytes.get(23..26)? != [0x9D, 0x01, 0x2A] {
                return None;
            }
            Some((le16(bytes, 26)? & 0x3FFF, le16(bytes, 28)? & 0x3FFF))
        }
        _ => None,
    }
}

fn be16(bytes: &[u8], at: usize) -> Option<u32> {
    let two = bytes.get(at..at.checked_add(2)?)?;
    Some(u32::from(u16::from_be_bytes(two.try_into().ok()?)))
}

fn le16(bytes: &[u8], at: usize) -> Option<u32> {
    let two = bytes.get(at..at.checked_add(2)?)?;
    Some(u32::from(u16::from_le_bytes(two.try_into().ok()?)))
}

fn le24(bytes: &[u8], at: usize) -> Option<u32> {
    match bytes.get(at..at.checked_add(3)?)? {
        [a, b, c] => Some(u32::from_le_bytes([*a, *b, *c, 0])),
        _ => None,
    }
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(four.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::dimensions;
    use crate::{MediaError, MediaKind, encode_jpeg, encode_png};
    use image::RgbImage;
    use proptest::prelude::*;

    const IMAGES: [MediaKind; 3] = [MediaKind::Jpeg, MediaKind::Png, MediaKind::Webp];

    fn samples() -> Vec<(MediaKind, Vec<u8>)> {
        let picture = RgbImage::new(37, 21);
        let mut webp = Vec::new();
        image::codecs::webp::WebPEncoder::new_lossless(&mut webp)
            .encode(&picture, 37, 21, image::ExtendedColorType::Rgb8)
            .unwrap();
        vec![
            (MediaKind::Jpeg, encode_jpeg(&picture, 80).unwrap()),
            (MediaKind::Png, encode_png(&picture).unwrap()),
            (MediaKind::Webp, webp),
        ]
    }

    #[test]
    fn sides_are_read_from_each_header() {
        for (kind, bytes) in samples() {
            assert_eq!(dimensions(kind, &bytes), Ok(Some((37, 21))), "{kind:?}");
        }
    }

    #[test]
    fn a_header_cut_short_is_corrupt() {
        for (kind, bytes) in samples() {
            assert_eq!(
                dimensions(kind, &bytes[..16]),
                Err(MediaError::Corrupt),
                "{kind:?}"
            );
        }
    }

    #[test]
    fn a_side_of_zero_is_corrupt() {
        let (kind, mut bytes) = samples().remove(1);
        bytes[16..20].fill(0);
        assert_eq!(dimensions(kind, &bytes), Err(MediaError::Corrupt));
    }

    proptest! {
        #[test]
        fn header_reader_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..1024)) {
            for kind in IMAGES {
                let _ = dimensions(kind, &bytes);
            }
        }

        #[test]
        fn mutated_headers_never_panic(
            which in 0_usize..3,
            edits in proptest::collection::vec((0_usize..200, any::<u8>()), 1..12),
        ) {
            let (kind, mut bytes) = samples().remove(which);
            for (at, value) in edits {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = value;
                }
            }
            if let Ok(Some((width, height))) = dimensions(kind, &bytes) {
                prop_assert!(u64::from(width) * u64::from(height) <= crate::MAX_PIXELS);
            }
        }
    }
}
