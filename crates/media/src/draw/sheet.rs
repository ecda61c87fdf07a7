//! A page as a list of marks, so that one layout gives both a picture and a PDF.

use super::canvas::{self, Canvas};
use super::pdf;
use crate::qr::{QUIET_MODULES, QrMatrix, runs};
use crate::{Rgb8Image, num};
use image::Rgb;
use rxing::oned::{Code128Writer, OneDimensionalCodeWriter};

/// The inks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    Black,
    Grey,
    Pale,
    White,
    Red,
    Blue,
    Green,
    /// The overprint: visible to everyone, and text on it stays readable.
    Sample,
}

impl Colour {
    pub const fn rgb(self) -> Rgb<u8> {
        Rgb(match self {
            Self::Black => [24, 24, 28],
            Self::Grey => [112, 116, 124],
            Self::Pale => [222, 230, 238],
            Self::White => [255, 255, 255],
            Self::Red => [188, 32, 36],
            Self::Blue => [28, 74, 160],
            Self::Green => [40, 110, 78],
            Self::Sample => [238, 196, 196],
        })
    }
}

/// One thing on a page; places in points from the top left.
#[derive(Debug, Clone, PartialEq)]
pub enum Mark {
    Fill {
        x: f32,
        y: f32,
        width: f32,
        height: f32,
        colour: Colour,
    },
    Text {
        x: f32,
        y: f32,
        size: f32,
        text: String,
        colour: Colour,
    },
}

/// A page; sides in points (1/72 inch).
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    pub(super) width: f32,
    pub(super) height: f32,
    pub(super) paper: Colour,
    pub(super) marks: Vec<Mark>,
}

/// What every sheet says, so that nobody takes it for a document.
pub const OVERPRINT: &str = "样张 SAMPLE";

impl Sheet {
    /// An empty page, already carrying the overprint.
    pub fn new(width: f32, height: f32, paper: Colour) -> Self {
        let mut sheet = Self {
            width,
            height,
            paper,
            marks: Vec::new(),
        };
        let size = (height / 7.0).min(width / 8.0).clamp(10.0, 60.0);
        let (mut y, mut shift) = (size * 0.6, 0.0);
        while y < height {
            let mut x = size * 0.4 + shift;
            while x < width {
                sheet.text(x, y, size, OVERPRINT, Colour::Sample);
                x += canvas::text_width(OVERPRINT, size) * 1.4;
            }
            y += size * 2.0;
            shift = if shift > 0.0 { 0.0 } else { size * 1.5 };
        }
        sheet
    }

    pub fn fill(&mut self, x: f32, y: f32, width: f32, height: f32, colour: Colour) {
        self.marks.push(Mark::Fill {
            x,
            y,
            width,
            height,
            colour,
        });
    }

    /// An empty box with lines of the given thickness.
    pub fn frame(
        &mut self,
        (x, y): (f32, f32),
        (width, height): (f32, f32),
        thick: f32,
        ink: Colour,
    ) {
        self.fill(x, y, width, thick, ink);
        self.fill(x, y + height - thick, width, thick, ink);
        self.fill(x, y, thick, height, ink);
        self.fill(x + width - thick, y, thick, height, ink);
    }

    pub fn text(&mut self, x: f32, y: f32, size: f32, text: &str, colour: Colour) {
        self.marks.push(Mark::Text {
            x,
            y,
            size,
            text: text.to_owned(),
            colour,
        });
    }

    /// A line of text in the middle of the page.
    pub fn centred(&mut self, y: f32, size: f32, text: &str, colour: Colour) {
        let x = (self.width - canvas::text_width(text, size)) / 2.0;
        self.text(x.max(0.0), y, size, text, colour);
    }

    /// A QR code with its white margin, `side` wide in all. A text that does not fit is left out.
    pub fn qr(&mut self, x: f32, y: f32, side: f32, text: &str) {
        let Some(code) = QrMatrix::of(text) else {
            return;
        };
        let module = side / num::real(code.side + 2 * QUIET_MODULES);
        self.fill(x, y, side, side, Colour::White);
        for (row, start, length) in code.runs {
            let left = x + num::real(start + QUIET_MODULES) * module;
            let top = y + num::real(row + QUIET_MODULES) * module;
            self.fill(left, top, num::real(length) * module, module, Colour::Black);
        }
    }

    /// A Code 128 bar code. A text that has none is left out.
    pub fn bars(&mut self, (x, y): (f32, f32), (bar, height): (f32, f32), text: &str) {
        let Ok(code) = Code128Writer.encode_oned(text) else {
            return;
        };
        let wide = num::real(num::count(code.len()));
        self.fill(
            x - 10.0 * bar,
            y,
            (wide + 20.0) * bar,
            height,
            Colour::White,
        );
        for (start, length) in runs(code.into_iter()) {
            let left = x + num::real(start) * bar;
            self.fill(left, y, num::real(length) * bar, height, Colour::Black);
        }
    }

    /// The page in pixels.
    pub fn picture(&self, px_per_point: f32) -> Rgb8Image {
        let side = |points: f32| num::whole(points * px_per_point).clamp(1, 8000);
        let mut canvas = Canvas::new(side(self.width), side(self.height), self.paper.rgb());
        for mark in &self.marks {
            match mark {
                Mark::Fill {
                    x,
                    y,
                    width,
                    height,
                    colour,
                } => {
                    let [x, y, width, height] = [x, y, width, height].map(|at| at * px_per_point);
                    canvas.fill(x, y, width, height, colour.rgb());
                }
                Mark::Text {
                    x,
                    y,
                    size,
                    text,
                    colour,
                } => {
                    let [x, y, size] = [x, y, size].map(|at| at * px_per_point);
                    canvas.text(x, y, size, text, colour.rgb());
                }
            }
        }
        canvas.into_picture()
    }

    /// The page as a PDF of one page, all of it vectors.
    pub fn pdf(&self) -> Vec<u8> {
        pdf::document(&[pdf::page(self)], pdf::Extra::None)
    }
}

#[cfg(test)]
mod tests {
    use super::{Colour, Mark, OVERPRINT, Sheet};

    #[test]
    fn every_sheet_is_overprinted() {
        let sheet = Sheet::new(200.0, 100.0, Colour::White);
        assert!(sheet.marks.iter().any(|mark| match mark {
            Mark::Text { text, colour, .. } => text == OVERPRINT && *colour == Colour::Sample,
            Mark::Fill { .. } => false,
        }));
    }

    #[test]
    fn the_same_sheet_gives_the_same_pixels_and_bytes() {
        let draw = || {
            let mut sheet = Sheet::new(200.0, 100.0, Colour::White);
            sheet.qr(10.0, 10.0, 60.0, "01,32,,1");
            sheet.bars((80.0, 10.0), (0.7, 30.0), "N9QT000000000001");
            sheet
        };
        assert_eq!(draw().picture(2.0), draw().picture(2.0));
        assert_eq!(draw().pdf(), draw().pdf());
    }
}
