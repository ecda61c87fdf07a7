//! Why a register file, or a run, is not taken. Never with a value of the file: it may be somebody's.

use super::{MOST_BYTES, MOST_CHARS, MOST_COLUMNS, MOST_ROWS};
use crate::repo::RepoError;

/// What stops an import as a whole. A row that is refused is none of these.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error("{0}: {1}")]
    Io(&'static str, #[source] std::io::Error),
    #[error("the file has more than {} MB: split it", MOST_BYTES / 1_000_000)]
    TooLarge,
    #[error("the file has more than {MOST_ROWS} rows: split it")]
    TooManyRows,
    #[error("row {0} has more than {MOST_COLUMNS} columns")]
    TooManyColumns(u32),
    #[error(
        "row {0} has a cell of more than {MOST_CHARS} characters; is a quotation mark left open?"
    )]
    LongCell(u32),
    #[error("the file is neither UTF-8 nor GB18030: save it as CSV UTF-8 or as XLSX")]
    BadEncoding,
    #[error("CSV: {0}")]
    Csv(#[from] csv::Error),
    #[error("the workbook cannot be read: {0}")]
    Workbook(String),
    #[error("the workbook unpacks to more than a register does ({0}); nothing of it was read")]
    Bomb(&'static str),
    #[error("old XLS workbooks are not read: save it as XLSX")]
    OldWorkbook,
    #[error("no sheet {wanted}; there are: {there}")]
    NoSheet { wanted: String, there: String },
    #[error("a CSV file has no sheets; leave --sheet out")]
    SheetOfCsv,
    #[error("the file holds no rows")]
    Empty,
    #[error("required columns are missing:\n{0}")]
    MissingColumns(String),
    #[error("columns {first} and {second} both mean {field}: rename or remove one")]
    TwoColumns {
        first: String,
        second: String,
        field: &'static str,
    },
    #[error("no office {0}: add it first with `office add`")]
    UnknownOffice(String),
    #[error("the file changed while it was read; nothing more was imported")]
    Changed,
    #[error(
        "run {0} was cut short: import the same file again, or take the run back with `registry rollback {0}`"
    )]
    Unfinished(u64),
    #[error("another import or roll-back is at work in this data directory")]
    InUse,
    #[error("no run {0}")]
    NoRun(u64),
    #[error("run {0} was taken back already")]
    AlreadyBack(u64),
    #[error("{refused} of {rows} rows are refused; nothing was imported")]
    Refused { refused: u64, rows: u64 },
    #[error("the error workbook was not written: {0}")]
    ErrorBook(#[from] rust_xlsxwriter::XlsxError),
    #[error("the error workbook would overwrite the file itself")]
    SameFile,
    #[error(transparent)]
    Repo(#[from] RepoError),
    #[error(transparent)]
    Told(Box<crate::error::ServerError>),
}
