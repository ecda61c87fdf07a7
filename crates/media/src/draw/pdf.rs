//! The smallest PDF writer that samples need: objects, a cross-reference table, pages of vectors.

use super::canvas;
use super::sheet::{Mark, Sheet};
use ab_glyph::{Font, FontArc, OutlineCurve, Point};
use std::fmt::Write as _;

/// A page's sides in points and its drawing commands.
pub struct Page {
    pub width: f32,
    pub height: f32,
    pub content: String,
    /// More entries of the page's dictionary.
    pub resources: &'static str,
}

/// What a document has beside its pages.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Extra {
    None,
    /// A script that runs when the document is opened.
    Script,
    /// A lock whose password nobody knows.
    Lock,
}

/// Draws a sheet with filled paths only; text becomes the outlines of its letters.
pub fn page(sheet: &Sheet) -> Page {
    let mut content = String::new();
    fill(
        &mut content,
        sheet.height,
        (0.0, 0.0, sheet.width, sheet.height),
        sheet.paper.rgb().0,
    );
    for mark in &sheet.marks {
        match mark {
            Mark::Fill {
                x,
                y,
                width,
                height,
                colour,
            } => {
                fill(
                    &mut content,
                    sheet.height,
                    (*x, *y, *width, *height),
                    colour.rgb().0,
                );
            }
            Mark::Text {
                x,
                y,
                size,
                text,
                colour,
            } => {
                ink(&mut content, colour.rgb().0);
                letters(&mut content, sheet.height, (*x, *y, *size), text);
            }
        }
    }
    Page {
        width: sheet.width,
        height: sheet.height,
        content,
        resources: "",
    }
}

/// Joins pages into a file.
pub fn document(pages: &[Page], extra: Extra) -> Vec<u8> {
    let mut objects: Vec<String> = Vec::new();
    let kids: Vec<String> = (0..pages.len())
        .map(|at| format!("{} 0 R", 4 + 2 * at))
        .collect();
    let open = if extra == Extra::Script {
        " /OpenAction 3 0 R"
    } else {
        ""
    };
    objects.push(format!("<< /Type /Catalog /Pages 2 0 R{open} >>"));
    let (list, number) = (kids.join(" "), kids.len());
    objects.push(format!("<< /Type /Pages /Kids [{list}] /Count {number} >>"));
    objects.push(match extra {
        Extra::Script => "<< /Type /Action /S /JavaScript /JS (app.alert\\('sample'\\);) >>".into(),
        Extra::None | Extra::Lock => "<< /Producer (sample) >>".into(),
    });
    for (at, page) in pages.iter().enumerate() {
        let Page {
            width,
            height,
            content,
            resources,
        } = page;
        objects.push(format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}] /Contents {} 0 R \
             /Resources << {resources} >> >>",
            5 + 2 * at
        ));
        objects.push(format!(
            "<< /Length {} >>\nstream\n{content}\nendstream",
            content.len()
        ));
    }
    file(&objects, extra)
}

fn file(objects: &[String], extra: Extra) -> Vec<u8> {
    let mut out = String::from("%PDF-1.4\n");
    let mut table = String::from("0000000000 65535 f \n");
    for (at, object) in objects.iter().enumerate() {
        let _ = writeln!(table, "{:010} 00000 n ", out.len());
        let _ = writeln!(out, "{} 0 obj\n{object}\nendobj", at + 1);
    }
    let size = objects.len() + 1;
    let lock = if extra == Extra::Lock {
        let zeros = "00".repeat(32);
        let ones = "11".repeat(32);
        format!(
            " /ID [<{id}> <{id}>] /Encrypt << /Filter /Standard /V 2 /R 3 /Length 128 /P -4 \
             /O <{zeros}> /U <{ones}> >>",
            id = "22".repeat(16)
        )
    } else {
        String::new()
    };
    let start = out.len();
    let _ = write!(
        out,
        "xref\n0 {size}\n{table}trailer\n<< /Size {size} /Root 1 0 R{lock} >>\nstartxref\n{start}\n%%EOF\n"
    );
    out.into_bytes()
}

fn ink(content: &mut String, [red, green, blue]: [u8; 3]) {
    let part = |value: u8| f32::from(value) / 255.0;
    let _ = writeln!(
        content,
        "{:.3} {:.3} {:.3} rg",
        part(red),
        part(green),
        part(blue)
    );
}

fn fill(content: &mut String, page: f32, (x, y, wide, high): (f32, f32, f32, f32), rgb: [u8; 3]) {
    ink(content, rgb);
    let _ = writeln!(
        content,
        "{x:.3} {:.3} {wide:.3} {high:.3} re f",
        page - y - high
    );
}

fn letters(content: &mut String, page: f32, (x, y, size): (f32, f32, f32), text: &str) {
    let Some(font) = canvas::font() else {
        for block in canvas::blocks(text, size) {
            let (left, top) = (x + block.x, page - y - block.y - block.side);
            let _ = writeln!(
                content,
                "{left:.2} {top:.2} {side:.2} {side:.2} re",
                side = block.side
            );
        }
        content.push_str("f\n");
        return;
    };
    let factor = size / font.height_unscaled();
    let base = page - y - font.ascent_unscaled() * factor;
    let mut pen = x;
    for letter in text.chars() {
        let id = font.glyph_id(letter);
        outline(content, font, letter, |at: Point| {
            (pen + at.x * factor, base + at.y * factor)
        });
        pen += font.h_advance_unscaled(id) * factor;
    }
    content.push_str("f\n");
}

fn outline(
    content: &mut String,
    font: &FontArc,
    letter: char,
    place: impl Fn(Point) -> (f32, f32),
) {
    let Some(shape) = font.outline(font.glyph_id(letter)) else {
        return;
    };
    let mut end: Option<Point> = None;
    for curve in shape.curves {
        let (from, one, two, to) = match curve {
            OutlineCurve::Line(from, to) => (from, None, None, to),
            // A quadratic curve is the cubic one whose handles reach two thirds of the way.
            OutlineCurve::Quad(from, mid, to) => (
                from,
                Some(two_thirds(from, mid)),
                Some(two_thirds(to, mid)),
                to,
            ),
            OutlineCurve::Cubic(from, one, two, to) => (from, Some(one), Some(two), to),
        };
        if end != Some(from) {
            let (x, y) = place(from);
            let _ = write!(content, "{x:.2} {y:.2} m ");
        }
        let (x, y) = place(to);
        if let (Some(one), Some(two)) = (one, two) {
            let ((ax, ay), (bx, by)) = (place(one), place(two));
            let _ = writeln!(content, "{ax:.2} {ay:.2} {bx:.2} {by:.2} {x:.2} {y:.2} c");
        } else {
            let _ = writeln!(content, "{x:.2} {y:.2} l");
        }
        end = Some(to);
    }
}

fn two_thirds(from: Point, to: Point) -> Point {
    Point {
        x: from.x + (to.x - from.x) * 2.0 / 3.0,
        y: from.y + (to.y - from.y) * 2.0 / 3.0,
    }
}
