//! Workbooks. They are ZIP files: what they unpack to is measured, piece by piece and without keeping it, before a
//! reader that believes them is let near.

use super::cells::{Cell, Row};
use super::error::RegistryError;
use super::source::Visit;
use super::{MOST_COLUMNS, MOST_ROWS};
use calamine::{DataRef, Reader, Xlsx, XlsxError};
use std::fs::File;
use std::io::{self, BufReader, Read};
use zip::ZipArchive;

/// Most parts of a workbook.
const PARTS: usize = 5_000;
/// Most bytes that all parts together unpack to: a million rows of twenty columns have half of it.
const ALL_BYTES: u64 = 2_000_000_000;
/// Most bytes of a part that the reader keeps in memory: the table of texts, styles, names.
const KEPT_BYTES: u64 = 300_000_000;
/// Most bytes between the beginnings of two cells; one cell is kept in memory.
const CELL_BYTES: u64 = 16_000_000;
const PIECE: usize = 64 * 1024;

/// Measures every part, by what it claims and by what it is.
///
/// # Errors
/// [`RegistryError::Bomb`] says which limit was passed.
pub fn hold_against_limits(file: &File) -> Result<(), RegistryError> {
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(unreadable)?;
    if archive.len() > PARTS {
        return Err(RegistryError::Bomb("too many parts"));
    }
    let mut all = 0_u64;
    for at in 0..archive.len() {
        let part = archive.by_index(at).map_err(unreadable)?;
        let is_sheet = part
            .name()
            .map_err(unreadable)?
            .starts_with("xl/worksheets/");
        let most = if is_sheet { ALL_BYTES } else { KEPT_BYTES };
        let most = most.min(ALL_BYTES.saturating_sub(all));
        if part.size() > most {
            return Err(RegistryError::Bomb("a part claims to be too large"));
        }
        all = all.saturating_add(measure(part, most, is_sheet)?);
    }
    Ok(())
}

/// Unpacks a part into nothing and counts.
fn measure(mut part: impl Read, most: u64, is_sheet: bool) -> Result<u64, RegistryError> {
    let mut piece = vec![0; PIECE];
    let mut tags = Tags::default();
    let mut size = 0_u64;
    loop {
        let read = part.read(&mut piece).map_err(unreadable)?;
        if read == 0 {
            return Ok(size);
        }
        size = size.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        if size > most {
            return Err(RegistryError::Bomb("a part is too large"));
        }
        if is_sheet && tags.longest_cell(piece.get(..read).unwrap_or_default()) > CELL_BYTES {
            return Err(RegistryError::Bomb("a cell is too large"));
        }
    }
}

/// Finds the beginnings of cells in a stream of XML, across the borders of pieces.
#[derive(Default)]
struct Tags {
    /// Name of the tag that is being read; none outside of a tag's name.
    name: Option<Vec<u8>>,
    since_cell: u64,
    longest: u64,
}

impl Tags {
    fn longest_cell(&mut self, piece: &[u8]) -> u64 {
        for byte in piece {
            self.since_cell += 1;
            match (byte, &mut self.name) {
                (b'<', _) => self.name = Some(Vec::new()),
                (b' ' | b'>' | b'/' | b'\t' | b'\r' | b'\n', Some(name)) => {
                    if is_cell(name) {
                        self.since_cell = 0;
                    }
                    self.name = None;
                }
                // No name that matters is longer.
                (_, Some(name)) if name.len() > 32 => self.name = None,
                (other, Some(name)) => name.push(*other),
                (_, None) => {}
            }
            self.longest = self.longest.max(self.since_cell);
        }
        self.longest
    }
}

fn is_cell(name: &[u8]) -> bool {
    name.rsplit(|byte| *byte == b':').next() == Some(b"c")
}

fn open(file: &File) -> Result<Xlsx<BufReader<&File>>, RegistryError> {
    Xlsx::new(BufReader::new(file)).map_err(broken)
}

/// The sheet with that name, or the first one.
pub fn choose_sheet(file: &File, wanted: Option<&str>) -> Result<String, RegistryError> {
    let names = open(file)?.sheet_names();
    let found = match wanted {
        Some(wanted) => names.iter().find(|name| *name == wanted),
        None => names.first(),
    };
    found.cloned().ok_or_else(|| RegistryError::NoSheet {
        wanted: wanted.unwrap_or_default().to_owned(),
        there: names.join(", "),
    })
}

/// Walks over the rows of a sheet, cell by cell.
pub fn each_row(
    file: &File,
    sheet: &str,
    visit: &mut dyn FnMut(Row) -> Visit,
) -> Result<(), RegistryError> {
    let mut workbook = open(file)?;
    let mut reader = workbook.worksheet_cells_reader(sheet).map_err(broken)?;
    let mut row = Row {
        line: 0,
        cells: Vec::new(),
    };
    while let Some(cell) = reader.next_cell().map_err(broken)? {
        let (line, column) = cell.get_position();
        let line = line.saturating_add(1);
        if line < row.line {
            return Err(RegistryError::Workbook("its rows are not in order".into()));
        }
        if line > row.line {
            let whole = std::mem::replace(
                &mut row,
                Row {
                    line,
                    cells: Vec::new(),
                },
            );
            if whole.line > 0 && visit(whole)?.is_break() {
                return Ok(());
            }
        }
        put(&mut row, column, cell_of(cell.get_value()))?;
    }
    if row.line > 0 {
        let _enough = visit(row)?;
    }
    Ok(())
}

fn put(row: &mut Row, column: u32, cell: Cell) -> Result<(), RegistryError> {
    if cell.is_empty() {
        return Ok(());
    }
    let column = usize::try_from(column).unwrap_or(usize::MAX);
    if column >= MOST_COLUMNS {
        return Err(RegistryError::TooManyColumns(row.line));
    }
    if u64::from(row.line) > MOST_ROWS.saturating_mul(2) {
        return Err(RegistryError::TooManyRows);
    }
    if row.cells.len() <= column {
        row.cells.resize(column + 1, Cell::Empty);
    }
    if let Some(place) = row.cells.get_mut(column) {
        *place = cell;
    }
    Ok(())
}

fn cell_of(value: &DataRef<'_>) -> Cell {
    match value {
        DataRef::Empty => Cell::Empty,
        DataRef::SharedString(text) => Cell::of_text(text),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
            Cell::of_text(text)
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "a number that a double does not hold exactly is refused as a code, and is no date"
        )]
        DataRef::Int(number) => Cell::Number(*number as f64),
        DataRef::Float(number) => Cell::Number(*number),
        DataRef::Bool(truth) => Cell::Text(truth.to_string()),
        DataRef::DateTime(at) => at
            .as_datetime()
            .map_or_else(|| Cell::Number(at.as_f64()), Cell::Date),
        DataRef::Error(error) => Cell::Text(error.to_string()),
    }
}

fn unreadable(error: impl Into<io::Error>) -> RegistryError {
    RegistryError::Workbook(error.into().to_string())
}

fn broken(error: XlsxError) -> RegistryError {
    RegistryError::Workbook(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_unpacks_to_more_than_it_may_is_not_kept() {
        let zeros = || io::repeat(b' ').take(70_000);
        assert_eq!(measure(zeros(), 70_000, false).unwrap(), 70_000);
        assert!(matches!(
            measure(zeros(), 69_999, false),
            Err(RegistryError::Bomb("a part is too large"))
        ));
        let one_cell = io::repeat(b'x').take(CELL_BYTES + 2);
        assert!(matches!(
            measure(one_cell, ALL_BYTES, true),
            Err(RegistryError::Bomb("a cell is too large"))
        ));
    }

    #[test]
    fn the_distance_between_cells_is_measured_across_pieces() {
        let xml =
            b"<worksheet><sheetData><row r=\"1\"><c r=\"A1\"><v>1</v></c><x:c><v>2</v></x:c></row>";
        for size in 1..xml.len() {
            let mut tags = Tags::default();
            let longest = xml.chunks(size).map(|piece| tags.longest_cell(piece)).max();
            assert_eq!(longest, Some(35), "pieces of {size}");
        }
    }
}
