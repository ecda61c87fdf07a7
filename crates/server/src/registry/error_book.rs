//! The error workbook: the refused rows as they were, what is wrong in red, the reasons in the last column.
//!
//! Every cell is written as text, so that nothing in it is ever a formula; full card numbers are cut to four digits.

use super::cells::Row;
use super::checking::Remark;
use super::error::RegistryError;
use super::header::Header;
use desk_domain::secret_trap::mask_cards;
use rust_xlsxwriter::{Color, Format, Workbook, Worksheet, XlsxError};
use std::fs::{File, OpenOptions};
use std::path::Path;

const SHEET: &str = "未导入的行";
const REASON: &str = "未导入原因";
const LINE: &str = "行号";
const REASON_WIDTH: f64 = 60.0;

/// A workbook that grows by rows; they go to a file of their own meanwhile, not to memory.
pub struct ErrorBook {
    workbook: Workbook,
    file: File,
    row: u32,
    reason_column: u16,
    text: Format,
    wrong: Format,
}

impl ErrorBook {
    /// Begins a workbook, which only this user may read: it holds what the file held.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn create(path: &Path, header: &Header) -> Result<Self, RegistryError> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options
            .open(path)
            .map_err(|error| RegistryError::Io("error workbook", error))?;
        let mut workbook = Workbook::new();
        let head = Format::new().set_bold().set_num_format("@");
        let text = Format::new().set_num_format("@").set_quote_prefix();
        let wrong = text
            .clone()
            .set_background_color(Color::RGB(0x00FF_C7CE))
            .set_font_color(Color::RGB(0x009C_0006));
        let reason_column = u16::try_from(header.headings.len() + 1).unwrap_or(u16::MAX);
        let sheet = workbook.add_worksheet_with_constant_memory()?;
        sheet.set_name(SHEET)?;
        sheet.set_column_width(reason_column, REASON_WIDTH)?;
        put(sheet, (0, 0), LINE, &head)?;
        for (column, heading) in (1..).zip(&header.headings) {
            put(sheet, (0, column), heading, &head)?;
        }
        put(sheet, (0, reason_column), REASON, &head)?;
        Ok(Self {
            workbook,
            file,
            row: 0,
            reason_column,
            text,
            wrong,
        })
    }

    /// Adds a refused row.
    pub fn add(
        &mut self,
        row: &Row,
        problems: &[Remark],
        header: &Header,
    ) -> Result<(), RegistryError> {
        self.row += 1;
        let sheet = self.workbook.worksheet_from_index(0)?;
        put(sheet, (self.row, 0), &row.line.to_string(), &self.text)?;
        for (at, number) in (0..header.headings.len()).zip(1_u16..) {
            let is_wrong = problems.iter().any(|one| one.column == Some(at));
            let is_known = header.fields.get(at).copied().flatten().is_some();
            let text = row
                .cells
                .get(at)
                .map(super::cells::Cell::text)
                .unwrap_or_default();
            // Good codes are long numbers too, and stay as they are.
            let text = if is_wrong || !is_known {
                mask_cards(&text)
            } else {
                text
            };
            let format = if is_wrong { &self.wrong } else { &self.text };
            put(sheet, (self.row, number), &text, format)?;
        }
        let reasons: Vec<&str> = problems.iter().map(|one| one.text.as_str()).collect();
        put(
            sheet,
            (self.row, self.reason_column),
            &reasons.join("；"),
            &self.text,
        )?;
        Ok(())
    }

    /// Writes it out.
    pub fn finish(mut self) -> Result<(), RegistryError> {
        self.workbook.save_to_writer(&self.file)?;
        self.file
            .sync_all()
            .map_err(|error| RegistryError::Io("error workbook", error))
    }
}

fn put(
    sheet: &mut Worksheet,
    (row, column): (u32, u16),
    text: &str,
    format: &Format,
) -> Result<(), XlsxError> {
    sheet.write_string_with_format(row, column, text, format)?;
    Ok(())
}
