//! One register file: what it is, how large it may be, and its rows, as often as they are asked for.
//!
//! Nothing is kept of it but the place of the reader, so that a million rows need no more memory than one.

use super::cells::Row;
use super::error::RegistryError;
use super::header::HEADER_WITHIN;
use super::{MOST_BYTES, MOST_CHARS, MOST_COLUMNS, MOST_ROWS};
use super::{csv_file, xlsx_file};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Seek};
use std::ops::ControlFlow;
use std::path::Path;

const XLSX: &[u8] = b"PK\x03\x04";
const XLS: &[u8] = b"\xD0\xCF\x11\xE0";

/// What a visitor of rows answers: go on, or enough.
pub type Visit = Result<ControlFlow<()>, RegistryError>;

#[derive(Clone)]
enum Kind {
    Csv(csv_file::Shape),
    Xlsx { sheet: String },
}

/// A file that was looked at from outside.
pub struct Source {
    file: File,
    kind: Kind,
    /// Of all its bytes, in hexadecimal.
    pub sha256: String,
    /// As it is shown: without its folder.
    pub name: String,
}

impl Source {
    /// Opens a file, finds out its kind and holds it against the limits; the sheet is for workbooks only.
    ///
    /// # Errors
    /// Too large, not a register file by its bytes, or a workbook that unpacks to more than it may.
    pub fn open(path: &Path, sheet: Option<&str>) -> Result<Self, RegistryError> {
        let mut file =
            File::open(path).map_err(|error| RegistryError::Io("register file", error))?;
        let size = file
            .metadata()
            .map_err(|error| RegistryError::Io("register file", error))?
            .len();
        if size > MOST_BYTES {
            return Err(RegistryError::TooLarge);
        }
        let mut head = Vec::new();
        (&file)
            .take(4)
            .read_to_end(&mut head)
            .map_err(|error| RegistryError::Io("register file", error))?;
        let sha256 = hash(rewound(&mut file)?)?;
        let kind = if head == XLS {
            return Err(RegistryError::OldWorkbook);
        } else if head == XLSX {
            xlsx_file::hold_against_limits(rewound(&mut file)?)?;
            Kind::Xlsx {
                sheet: xlsx_file::choose_sheet(rewound(&mut file)?, sheet)?,
            }
        } else if sheet.is_some() {
            return Err(RegistryError::SheetOfCsv);
        } else {
            Kind::Csv(csv_file::Shape::of(rewound(&mut file)?)?)
        };
        let name = path.file_name().unwrap_or_default();
        Ok(Self {
            file,
            kind,
            sha256,
            name: name.to_string_lossy().into_owned(),
        })
    }

    /// The same file for another walk; walks take turns.
    pub fn another(&self) -> Result<Self, RegistryError> {
        let file = self
            .file
            .try_clone()
            .map_err(|error| RegistryError::Io("register file", error))?;
        Ok(Self {
            file,
            kind: self.kind.clone(),
            sha256: self.sha256.clone(),
            name: self.name.clone(),
        })
    }

    /// The sheet that is read, of a workbook.
    pub fn sheet(&self) -> Option<&str> {
        match &self.kind {
            Kind::Csv(_) => None,
            Kind::Xlsx { sheet } => Some(sheet),
        }
    }

    /// Walks over the rows that are not empty, in their order.
    ///
    /// # Errors
    /// Past the limits of rows, columns and cell lengths; what cannot be read; what the visitor says.
    pub fn each_row(&mut self, visit: &mut dyn FnMut(Row) -> Visit) -> Result<(), RegistryError> {
        let mut rows = 0_u64;
        let mut counted = |row: Row| {
            if row.cells.iter().all(super::cells::Cell::is_empty) {
                return Ok(ControlFlow::Continue(()));
            }
            rows += 1;
            within_limits(&row, rows)?;
            visit(row)
        };
        let file = rewound(&mut self.file)?;
        match &self.kind {
            Kind::Csv(shape) => csv_file::each_row(file, shape, &mut counted),
            Kind::Xlsx { sheet } => xlsx_file::each_row(file, sheet, &mut counted),
        }
    }

    /// The rows among which the header stands.
    pub fn first_rows(&mut self) -> Result<Vec<Row>, RegistryError> {
        let mut rows = Vec::new();
        self.each_row(&mut |row| {
            rows.push(row);
            Ok(if rows.len() > HEADER_WITHIN {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            })
        })?;
        Ok(rows)
    }
}

fn within_limits(row: &Row, rows: u64) -> Result<(), RegistryError> {
    let allowed = MOST_ROWS.saturating_add(u64::try_from(HEADER_WITHIN).unwrap_or_default());
    if rows > allowed {
        return Err(RegistryError::TooManyRows);
    }
    if row.cells.len() > MOST_COLUMNS {
        return Err(RegistryError::TooManyColumns(row.line));
    }
    let long = |cell: &super::cells::Cell| match cell {
        super::cells::Cell::Text(text) => {
            text.len() > MOST_CHARS && text.chars().count() > MOST_CHARS
        }
        super::cells::Cell::Empty | super::cells::Cell::Number(_) | super::cells::Cell::Date(_) => {
            false
        }
    };
    if row.cells.iter().any(long) {
        return Err(RegistryError::LongCell(row.line));
    }
    Ok(())
}

fn rewound(file: &mut File) -> Result<&File, RegistryError> {
    file.rewind()
        .map_err(|error| RegistryError::Io("register file", error))?;
    Ok(file)
}

fn hash(mut file: &File) -> Result<String, RegistryError> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = file
            .read(&mut buffer)
            .map_err(|error| RegistryError::Io("register file", error))?;
        if read == 0 {
            return Ok(hex::encode(hasher.finalize()));
        }
        hasher.update(buffer.get(..read).unwrap_or_default());
    }
}
