//! QR codes to be shown: as runs of dark modules, so that a page, a picture and a PDF draw the same one.

use crate::num;
use qrcode::{Color, EcLevel, QrCode};
use std::fmt::Write as _;

/// Width of the white margin that a reader needs, in modules.
pub const QUIET_MODULES: u32 = 4;

/// One code without its margin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QrMatrix {
    /// Modules on each side.
    pub side: u32,
    /// Row, first dark module and number of dark modules in a run.
    pub runs: Vec<(u32, u32, u32)>,
}

impl QrMatrix {
    /// The code of a text; none when the text is too long for one.
    pub fn of(text: &str) -> Option<Self> {
        let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
        let wide = code.width().max(1);
        let colours = code.to_colors();
        let mut all = Vec::new();
        for (row, line) in (0_u32..).zip(colours.chunks_exact(wide)) {
            let inked = line.iter().map(|colour| *colour == Color::Dark);
            all.extend(
                runs(inked)
                    .into_iter()
                    .map(|(at, length)| (row, at, length)),
            );
        }
        Some(Self {
            side: num::count(wide),
            runs: all,
        })
    }

    /// The dark modules as the `d` of an SVG path, margin included; a view box of `side + 2 * QUIET_MODULES` shows it whole.
    pub fn svg_path(&self) -> String {
        let mut path = String::new();
        for (row, start, length) in &self.runs {
            let (x, y) = (start + QUIET_MODULES, row + QUIET_MODULES);
            // Writing to a String does not fail.
            let _ = write!(path, "M{x} {y}h{length}v1h-{length}z");
        }
        path
    }
}

/// Where each run of ink begins and how long it is.
pub fn runs(cells: impl Iterator<Item = bool>) -> Vec<(u32, u32)> {
    let mut out: Vec<(u32, u32)> = Vec::new();
    for (at, inked) in (0_u32..).zip(cells) {
        if !inked {
            continue;
        }
        match out.last_mut() {
            Some((start, length)) if *start + *length == at => *length += 1,
            Some(_) | None => out.push((at, 1)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{QrMatrix, runs};

    #[test]
    fn runs_join_neighbours() {
        let cells = [true, true, false, true, false];
        assert_eq!(runs(cells.into_iter()), [(0, 2), (3, 1)]);
    }

    #[test]
    fn a_code_begins_with_its_finder_and_a_text_too_long_has_none() {
        let code = QrMatrix::of("https://desk.example.com/u#abcdefghijklmnopqrstuvwxyz").unwrap();
        assert_eq!(code.runs.first(), Some(&(0, 0, 7)));
        assert!(code.svg_path().starts_with("M4 4h7v1h-7z"));
        assert_eq!(QrMatrix::of(&"x".repeat(4000)), None);
    }
}
