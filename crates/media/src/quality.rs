//! How good a photo is, and what it looks like: hints at capture and a hash for reused pictures.

use crate::{MediaKind, Rgb8Image, num, raster};
use image::GrayImage;
use image::imageops;

/// What could be better about a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QualityHint {
    Blurred,
    TooSmall,
    Glare,
    Dark,
}

impl QualityHint {
    /// The stable name that a page translates.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blurred => "blurred",
            Self::TooSmall => "too_small",
            Self::Glare => "glare",
            Self::Dark => "dark",
        }
    }
}

/// The measurements, and the hints that follow from them.
#[derive(Debug, Clone, PartialEq)]
pub struct Quality {
    /// Variance of the Laplacian at a long side of 1000: small means blurred.
    pub blur: f32,
    /// Share of burnt-out pixels (brightness 250 and over), in per cent.
    pub glare_pct: f32,
    pub hints: Vec<QualityHint>,
}

/// Blur is measured at one size, else large photos would always look soft.
const MEASURED_PX: u32 = 1000;
const SHARP_FROM: f32 = 60.0;
const SMALL_BELOW_PX: u32 = 1000;
const BURNT_FROM: u8 = 250;
const DARK_BELOW: f32 = 60.0;
/// A spot of glare covers part of a picture that is not itself white paper.
const GLARE_FROM_PCT: f32 = 2.0;
const GLARE_TO_PCT: f32 = 35.0;
const GLARE_MEDIAN_BELOW: u8 = 180;

/// Measures a rendition; `long_px` is the long side of the original.
pub fn measure(kind: MediaKind, picture: &Rgb8Image, long_px: u32) -> Quality {
    let grey = raster::luma(&raster::shrunk(picture, MEASURED_PX));
    let blur = laplacian_variance(&grey);
    let levels = Levels::of(&grey);
    let glare_pct = levels.burnt_pct();
    let mut hints = Vec::new();
    // A PDF is drawn, not photographed.
    if kind != MediaKind::Pdf {
        let glare = (GLARE_FROM_PCT..=GLARE_TO_PCT).contains(&glare_pct)
            && levels.median() < GLARE_MEDIAN_BELOW;
        let found = [
            (blur < SHARP_FROM, QualityHint::Blurred),
            (long_px < SMALL_BELOW_PX, QualityHint::TooSmall),
            (glare, QualityHint::Glare),
            (levels.mean() < DARK_BELOW, QualityHint::Dark),
        ];
        hints.extend(
            found
                .into_iter()
                .filter(|(holds, _)| *holds)
                .map(|(_, hint)| hint),
        );
    }
    Quality {
        blur,
        glare_pct,
        hints,
    }
}

/// Difference hash: 64 comparisons of neighbours in a 9 × 8 miniature. Copies of one picture, also
/// smaller or recompressed, differ in few bits.
pub fn perceptual_hash(picture: &Rgb8Image) -> u64 {
    let small = imageops::resize(
        &raster::luma(&raster::shrunk(picture, 256)),
        9,
        8,
        imageops::FilterType::Triangle,
    );
    small.as_raw().chunks_exact(9).fold(0_u64, |hash, row| {
        row.iter()
            .zip(row.iter().skip(1))
            .fold(hash, |hash, (left, right)| {
                (hash << 1) | u64::from(left > right)
            })
    })
}

/// In how many of 64 places two pictures differ; up to about 10 they are the same picture.
pub const fn perceptual_distance(a: u64, b: u64) -> u32 {
    (a ^ b).count_ones()
}

fn laplacian_variance(grey: &GrayImage) -> f32 {
    let wide = num::index(grey.width());
    let rows: Vec<&[u8]> = grey.as_raw().chunks_exact(wide.max(1)).collect();
    let (mut sum, mut squares, mut n) = (0.0_f64, 0.0_f64, 0.0_f64);
    for three in rows.windows(3) {
        let [above, row, below] = three else { continue };
        for ((across, up), down) in row
            .windows(3)
            .zip(above.iter().skip(1))
            .zip(below.iter().skip(1))
        {
            let [left, here, right] = across else {
                continue;
            };
            let around = i32::from(*left) + i32::from(*right) + i32::from(*up) + i32::from(*down);
            let bend = f64::from(around - 4 * i32::from(*here));
            sum += bend;
            squares += bend * bend;
            n += 1.0;
        }
    }
    if n < 1.0 {
        return 0.0;
    }
    narrow(squares / n - (sum / n) * (sum / n))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a variance of bytes is far below f32's range"
)]
fn narrow(value: f64) -> f32 {
    value as f32
}

/// How often each brightness occurs.
struct Levels {
    counts: [u32; 256],
    total: u32,
}

impl Levels {
    fn of(grey: &GrayImage) -> Self {
        let mut counts = [0_u32; 256];
        for level in grey.as_raw() {
            if let Some(count) = counts.get_mut(usize::from(*level)) {
                *count += 1;
            }
        }
        Self {
            counts,
            total: num::count(grey.as_raw().len()).max(1),
        }
    }

    fn burnt_pct(&self) -> f32 {
        let burnt: u32 = self.counts.iter().skip(usize::from(BURNT_FROM)).sum();
        100.0 * num::real(burnt) / num::real(self.total)
    }

    fn mean(&self) -> f32 {
        let sum: f32 = self
            .counts
            .iter()
            .zip(0_u32..)
            .map(|(n, level)| num::real(*n) * num::real(level))
            .sum();
        sum / num::real(self.total)
    }

    fn median(&self) -> u8 {
        let mut seen = 0_u32;
        for (count, level) in self.counts.iter().zip(0_u8..=u8::MAX) {
            seen += count;
            if seen * 2 >= self.total {
                return level;
            }
        }
        u8::MAX
    }
}

#[cfg(test)]
mod tests {
    use super::{QualityHint, measure, perceptual_distance, perceptual_hash};
    use crate::{MediaKind, Rgb8Image};
    use image::{Rgb, imageops};

    /// Grey paper with dark marks.
    fn page() -> Rgb8Image {
        Rgb8Image::from_fn(1200, 900, |x, y| {
            let mark = (x / 7 + y / 11) % 3 == 0 && (x / 90 + y / 60) % 2 == 0;
            Rgb(if mark { [20; 3] } else { [170; 3] })
        })
    }

    fn hints(picture: &Rgb8Image) -> Vec<QualityHint> {
        measure(
            MediaKind::Jpeg,
            picture,
            picture.width().max(picture.height()),
        )
        .hints
    }

    #[test]
    fn a_sharp_page_has_no_hints() {
        assert_eq!(hints(&page()), []);
    }

    #[test]
    fn a_blurred_page_is_told() {
        assert_eq!(hints(&imageops::blur(&page(), 9.0)), [QualityHint::Blurred]);
    }

    #[test]
    fn a_small_page_is_told() {
        let small = imageops::crop_imm(&page(), 0, 0, 600, 400).to_image();
        assert_eq!(hints(&small), [QualityHint::TooSmall]);
    }

    #[test]
    fn a_dark_page_is_told() {
        let mut dark = page();
        dark.pixels_mut()
            .for_each(|pixel| pixel.0 = pixel.0.map(|value| value / 4));
        assert!(hints(&dark).contains(&QualityHint::Dark));
    }

    #[test]
    fn a_spot_of_glare_is_told() {
        let mut lit = page();
        for (x, y, pixel) in lit.enumerate_pixels_mut() {
            if x.abs_diff(600) < 150 && y.abs_diff(450) < 150 {
                *pixel = Rgb([255; 3]);
            }
        }
        assert_eq!(hints(&lit), [QualityHint::Glare]);
    }

    #[test]
    fn a_pdf_page_gets_no_photo_hints() {
        let white = Rgb8Image::from_pixel(300, 300, Rgb([255; 3]));
        assert_eq!(measure(MediaKind::Pdf, &white, 300).hints, []);
    }

    #[test]
    fn a_smaller_copy_hashes_alike_and_another_picture_does_not() {
        let ramp = Rgb8Image::from_fn(800, 600, |x, y| {
            let wave = u8::try_from((x * x / 900 + y * 3) % 256).unwrap();
            Rgb([wave, wave / 2, 255 - wave])
        });
        let copy = imageops::resize(&ramp, 400, 300, imageops::FilterType::Triangle);
        let other = imageops::flip_horizontal(&ramp);
        let near = perceptual_distance(perceptual_hash(&ramp), perceptual_hash(&copy));
        let far = perceptual_distance(perceptual_hash(&ramp), perceptual_hash(&other));
        assert!(near <= 10 && far > 12, "near {near}, far {far}");
    }
}
