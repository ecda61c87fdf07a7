//! The masked copy: a new picture in which the covered pixels no longer exist.

use crate::draw::Canvas;
use crate::{MediaError, Rgb8Image, fonts, num};
use image::Rgb;

/// A rectangle in pixels of the picture; parts outside it are ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaskRect {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}

const COVER: Rgb<u8> = Rgb([0, 0, 0]);
const MARK: Rgb<u8> = Rgb([150, 30, 30]);
const MARK_OPACITY: f32 = 0.42;
/// The mark is written once in each band of this share of the picture's height.
const BANDS: u32 = 4;

/// The words burnt into every masked copy.
pub fn watermark_text(case_no: &str, date: &str) -> String {
    format!("仅用于POS解绑 · {case_no} · {date}")
}

/// Copies the picture without the pixels under `rects` and with `watermark` burnt in over all of
/// it. The original is not touched; what is covered cannot be won back from the copy.
///
/// # Errors
/// No Chinese font on this computer: a copy without its mark is not made.
pub fn masked_copy(
    picture: &Rgb8Image,
    rects: &[MaskRect],
    watermark: &str,
) -> Result<Rgb8Image, MediaError> {
    fonts::drawing_font().ok_or(MediaError::NoFont)?;
    let mut copy = picture.clone();
    for rect in rects {
        cover(&mut copy, rect);
    }
    let (width, height) = copy.dimensions();
    let mut canvas = Canvas::from_picture(copy);
    let letters = num::real(num::count(watermark.chars().count().max(1)));
    let size = (num::real(width) * 0.9 / letters * 1.4).clamp(8.0, 72.0);
    for band in 0..BANDS {
        let y = num::real(height) * (num::real(band) + 0.5) / num::real(BANDS) - size / 2.0;
        let wide = canvas.text_width(watermark, size);
        let x = ((num::real(width) - wide) / 2.0).max(0.0);
        canvas.text_faint(x, y, size, watermark, MARK, MARK_OPACITY);
    }
    Ok(canvas.into_picture())
}

fn cover(copy: &mut Rgb8Image, rect: &MaskRect) {
    let right = rect.x.saturating_add(rect.width).min(copy.width());
    let bottom = rect.y.saturating_add(rect.height).min(copy.height());
    for y in rect.y..bottom {
        for x in rect.x..right {
            copy.put_pixel(x, y, COVER);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MaskRect, masked_copy, watermark_text};
    use crate::Rgb8Image;
    use image::Rgb;

    fn secret(value: u8) -> Rgb8Image {
        Rgb8Image::from_fn(400, 240, |x, y| {
            let inside = (100..200).contains(&x) && (50..90).contains(&y);
            Rgb(if inside { [value; 3] } else { [240; 3] })
        })
    }

    #[test]
    fn covered_pixels_do_not_survive_in_any_form() {
        let rect = [MaskRect {
            x: 100,
            y: 50,
            width: 100,
            height: 40,
        }];
        let mark = watermark_text("JB-000101-00000-00-0000-0", "2000-01-01");
        let one = masked_copy(&secret(10), &rect, &mark).unwrap();
        let two = masked_copy(&secret(200), &rect, &mark).unwrap();
        assert_eq!(one, two);
    }

    #[test]
    fn the_mark_is_burnt_in() {
        let blank = Rgb8Image::from_pixel(800, 600, Rgb([255; 3]));
        let copy = masked_copy(&blank, &[], &watermark_text("JB-1", "2000-01-01")).unwrap();
        let changed = copy.pixels().filter(|pixel| pixel.0 != [255; 3]).count();
        assert!(changed > 2000, "{changed} pixels carry the mark");
    }

    #[test]
    fn a_rectangle_beyond_the_picture_is_cut() {
        let rect = [MaskRect {
            x: 390,
            y: 230,
            width: u32::MAX,
            height: u32::MAX,
        }];
        let copy = masked_copy(&secret(1), &rect, "x").unwrap();
        assert_eq!(copy.get_pixel(399, 239).0, [0; 3]);
    }
}
