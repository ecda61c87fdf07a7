//! A picture to draw on, in pixels.

use crate::{Rgb8Image, fonts, num};
use ab_glyph::{Font, FontArc, PxScale, ScaleFont, point};
use image::Rgb;

/// A picture being drawn.
pub struct Canvas {
    picture: Rgb8Image,
}

impl Canvas {
    /// An empty sheet of one colour.
    pub fn new(width: u32, height: u32, paper: Rgb<u8>) -> Self {
        Self {
            picture: Rgb8Image::from_pixel(width.max(1), height.max(1), paper),
        }
    }

    /// Goes on drawing on a picture.
    pub const fn from_picture(picture: Rgb8Image) -> Self {
        Self { picture }
    }

    /// The finished picture.
    pub fn into_picture(self) -> Rgb8Image {
        self.picture
    }

    /// Fills a rectangle; parts outside are ignored.
    pub fn fill(&mut self, x: f32, y: f32, width: f32, height: f32, colour: Rgb<u8>) {
        let right = num::whole(x + width).min(self.picture.width());
        let bottom = num::whole(y + height).min(self.picture.height());
        for row in num::whole(y)..bottom {
            for column in num::whole(x)..right {
                self.picture.put_pixel(column, row, colour);
            }
        }
    }

    /// Writes one line with its top left at `(x, y)`.
    pub fn text(&mut self, x: f32, y: f32, size: f32, text: &str, colour: Rgb<u8>) {
        self.text_faint(x, y, size, text, colour, 1.0);
    }

    /// The same, letting what lies below shine through (`opacity` 0 to 1).
    pub fn text_faint(
        &mut self,
        x: f32,
        y: f32,
        size: f32,
        text: &str,
        colour: Rgb<u8>,
        opacity: f32,
    ) {
        let Some(font) = fonts::drawing_font() else {
            for block in blocks(text, size) {
                self.fill(x + block.x, y + block.y, block.side, block.side, colour);
            }
            return;
        };
        let scaled = font.as_scaled(PxScale::from(size));
        let mut pen = x;
        for letter in text.chars() {
            let id = font.glyph_id(letter);
            let place = point(pen, y + scaled.ascent());
            pen += scaled.h_advance(id);
            let Some(outlined) =
                font.outline_glyph(id.with_scale_and_position(PxScale::from(size), place))
            else {
                continue;
            };
            let bounds = outlined.px_bounds();
            let (left, top) = (num::signed(bounds.min.x), num::signed(bounds.min.y));
            outlined.draw(|dx, dy, cover| {
                let at_x = left.saturating_add_unsigned(dx);
                let at_y = top.saturating_add_unsigned(dy);
                self.blend(at_x, at_y, colour, cover * opacity);
            });
        }
    }

    /// How wide a line becomes.
    pub fn text_width(&self, text: &str, size: f32) -> f32 {
        text_width(text, size)
    }

    fn blend(&mut self, x: i32, y: i32, colour: Rgb<u8>, cover: f32) {
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else {
            return;
        };
        let Some(pixel) = self.picture.get_pixel_mut_checked(x, y) else {
            return;
        };
        for (below, above) in pixel.0.iter_mut().zip(colour.0) {
            let mixed = f32::from(*below) + (f32::from(above) - f32::from(*below)) * cover;
            *below = u8::try_from(num::whole(mixed)).unwrap_or(u8::MAX);
        }
    }
}

/// How wide a line of text is at a size, in the same unit.
pub fn text_width(text: &str, size: f32) -> f32 {
    let Some(font) = fonts::drawing_font() else {
        return text.chars().map(|letter| block_advance(letter, size)).sum();
    };
    let scaled = font.as_scaled(PxScale::from(size));
    text.chars()
        .map(|letter| scaled.h_advance(font.glyph_id(letter)))
        .sum()
}

/// The font for outlines, where there is one.
pub fn font() -> Option<&'static FontArc> {
    fonts::drawing_font()
}

/// A square of a stand-in character.
pub struct Block {
    pub x: f32,
    pub y: f32,
    pub side: f32,
}

fn block_advance(letter: char, size: f32) -> f32 {
    if letter.is_ascii() { size * 0.55 } else { size }
}

/// The stand-in for text where no font is found: a 3 × 5 pattern made of the character's number.
pub fn blocks(text: &str, size: f32) -> Vec<Block> {
    let mut out = Vec::new();
    let mut pen = 0.0;
    for letter in text.chars() {
        let wide = block_advance(letter, size);
        let side = wide / 4.0;
        let bits = u32::from(letter).wrapping_mul(0x9E37_79B1);
        for cell in 0..15_u32 {
            let inked = !letter.is_whitespace() && (bits >> (cell + 8)) & 1 == 1;
            if inked {
                let x = pen + num::real(cell % 3) * side;
                let y = num::real(cell / 3) * size / 6.0 + size * 0.1;
                out.push(Block { x, y, side });
            }
        }
        pen += wide;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::blocks;

    #[test]
    fn stand_ins_differ_between_characters_and_repeat_for_the_same() {
        let places = |text: &str| -> Vec<(f32, f32)> {
            blocks(text, 12.0)
                .iter()
                .map(|block| (block.x, block.y))
                .collect()
        };
        assert_eq!(places("样"), places("样"));
        assert_ne!(places("样"), places("张"));
        assert!(places(" ").is_empty());
    }
}
