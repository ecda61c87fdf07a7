//! Raw pixels: their one type here, how they shrink, and how they are encoded.

use crate::{MediaError, num};
use image::codecs::{jpeg::JpegEncoder, png::PngEncoder};
use image::{ExtendedColorType, ImageEncoder, imageops};

/// Raw pixels, three bytes each, rows from the top.
pub type Rgb8Image = image::RgbImage;

/// Sides scaled so that the long one is at most `long_px`; never enlarged, never zero.
pub fn fitted(width: u32, height: u32, long_px: u32) -> (u32, u32) {
    let long = width.max(height).max(1);
    if long <= long_px {
        return (width.max(1), height.max(1));
    }
    let scaled = |side: u32| {
        let wide = u64::from(side) * u64::from(long_px) / u64::from(long);
        u32::try_from(wide).unwrap_or(long_px).max(1)
    };
    (scaled(width), scaled(height))
}

/// A copy whose long side is at most `long_px`, by area averaging.
pub fn shrunk(picture: &Rgb8Image, long_px: u32) -> Rgb8Image {
    let (width, height) = fitted(picture.width(), picture.height(), long_px);
    if (width, height) == picture.dimensions() {
        return picture.clone();
    }
    imageops::thumbnail(picture, width, height)
}

/// Brightness 0–255 of each pixel, rows from the top.
pub fn luma(picture: &Rgb8Image) -> image::GrayImage {
    imageops::grayscale(picture)
}

/// Encodes as JPEG with nothing but the pixels.
///
/// # Errors
/// The encoder refuses (a side of zero or over 65,535).
pub fn encode_jpeg(picture: &Rgb8Image, quality: u8) -> Result<Vec<u8>, MediaError> {
    let mut out = Vec::with_capacity(num::index(picture.width()) * 64);
    JpegEncoder::new_with_quality(&mut out, quality)
        .write_image(
            picture.as_raw(),
            picture.width(),
            picture.height(),
            ExtendedColorType::Rgb8,
        )
        .map_err(|_| MediaError::Encode)?;
    Ok(out)
}

/// Encodes as PNG with nothing but the pixels.
///
/// # Errors
/// The encoder refuses.
pub fn encode_png(picture: &Rgb8Image) -> Result<Vec<u8>, MediaError> {
    let mut out = Vec::new();
    PngEncoder::new(&mut out)
        .write_image(
            picture.as_raw(),
            picture.width(),
            picture.height(),
            ExtendedColorType::Rgb8,
        )
        .map_err(|_| MediaError::Encode)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::fitted;

    #[test]
    fn fitted_sides_keep_shape_and_are_never_zero() {
        assert_eq!(fitted(4800, 1200, 2400), (2400, 600));
        assert_eq!(fitted(100, 50, 2400), (100, 50));
        assert_eq!(fitted(30_000, 1, 320), (320, 1));
    }
}
