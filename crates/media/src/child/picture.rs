//! Decodes JPEG, PNG and WebP: limits first, pixels second, upright third.

use super::{Want, codes};
use crate::wire::Decoded;
use crate::{MediaError, MediaKind, Rgb8Image, header, raster};
use image::codecs::{jpeg::JpegDecoder, png::PngDecoder, webp::WebPDecoder};
use image::error::{ImageError, LimitErrorKind};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, Limits, Rgb};
use std::io::Cursor;

/// 64 million pixels of four 16-bit channels, and the decoder's own tables.
const MAX_ALLOC_BYTES: u64 = 600 * 1024 * 1024;
/// Codes are looked for in at most this long a side.
const CODE_PX: u32 = 4800;

pub fn decode(kind: MediaKind, bytes: &[u8], want: &Want) -> Result<Decoded, MediaError> {
    want.check_page(1)?;
    header::dimensions(kind, bytes)?;
    if kind == MediaKind::Jpeg && !header::jpeg_is_whole(bytes) {
        return Err(MediaError::Corrupt);
    }
    let source = Cursor::new(bytes);
    let (full, orientation) = match kind {
        MediaKind::Jpeg => pixels(JpegDecoder::new(source).map_err(refusal)?)?,
        MediaKind::Png => pixels(PngDecoder::with_limits(source, limits()).map_err(refusal)?)?,
        MediaKind::Webp => pixels(WebPDecoder::new(source).map_err(refusal)?)?,
        MediaKind::Pdf => return Err(MediaError::Corrupt),
    };
    let (width, height) = upright_sides(full.dimensions(), orientation);
    let picture = upright(raster::shrunk(&full, want.max_px), orientation);
    let texts = if want.with_codes {
        read_codes(&full, &picture)
    } else {
        Vec::new()
    };
    Ok(Decoded {
        pages: 1,
        width,
        height,
        had_active_content: false,
        texts,
        picture,
    })
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_ALLOC_BYTES);
    limits
}

fn pixels(mut decoder: impl ImageDecoder) -> Result<(Rgb8Image, Orientation), MediaError> {
    // The decoder's own view of the header counts, whatever ours was.
    let (width, height) = decoder.dimensions();
    header::admit(width, height)?;
    if decoder.total_bytes() > MAX_ALLOC_BYTES {
        return Err(MediaError::OutOfMemory);
    }
    decoder.set_limits(limits()).map_err(refusal)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let decoded = DynamicImage::from_decoder(decoder).map_err(refusal)?;
    Ok((on_white(decoded), orientation))
}

/// Transparent parts are shown on white, as paper would be.
fn on_white(decoded: DynamicImage) -> Rgb8Image {
    if !decoded.color().has_alpha() {
        return decoded.into_rgb8();
    }
    let layered = decoded.into_rgba8();
    let mut flat = Rgb8Image::new(layered.width(), layered.height());
    for (to, from) in flat.pixels_mut().zip(layered.pixels()) {
        let [red, green, blue, alpha] = from.0;
        let over_white = |value: u8| {
            let mixed = u32::from(value) * u32::from(alpha) + 255 * u32::from(255 - alpha);
            u8::try_from(mixed / 255).unwrap_or(u8::MAX)
        };
        *to = Rgb([over_white(red), over_white(green), over_white(blue)]);
    }
    flat
}

fn upright_sides((width, height): (u32, u32), orientation: Orientation) -> (u32, u32) {
    match orientation {
        Orientation::Rotate90
        | Orientation::Rotate270
        | Orientation::Rotate90FlipH
        | Orientation::Rotate270FlipH => (height, width),
        Orientation::NoTransforms
        | Orientation::Rotate180
        | Orientation::FlipHorizontal
        | Orientation::FlipVertical => (width, height),
    }
}

fn upright(picture: Rgb8Image, orientation: Orientation) -> Rgb8Image {
    let mut turned = DynamicImage::ImageRgb8(picture);
    turned.apply_orientation(orientation);
    turned.into_rgb8()
}

/// The retry uses the camera's own pixels where there are more of them, else it doubles.
fn read_codes(full: &Rgb8Image, picture: &Rgb8Image) -> Vec<String> {
    let grey = raster::luma(picture);
    let texts = codes::read(&grey);
    if !texts.is_empty() {
        return texts;
    }
    if full.width().max(full.height()) > picture.width().max(picture.height()) {
        return codes::read(&raster::luma(&raster::shrunk(full, CODE_PX)));
    }
    codes::read_doubled(&grey)
}

fn refusal(error: ImageError) -> MediaError {
    match error {
        ImageError::Limits(limit) if limit.kind() == LimitErrorKind::InsufficientMemory => {
            MediaError::OutOfMemory
        }
        // Sides are checked before; any other limit is a header that contradicts itself.
        ImageError::Limits(_)
        | ImageError::Decoding(_)
        | ImageError::Encoding(_)
        | ImageError::Parameter(_)
        | ImageError::Unsupported(_)
        | ImageError::IoError(_) => MediaError::Corrupt,
    }
}
