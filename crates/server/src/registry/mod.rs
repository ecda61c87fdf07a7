//! The register of merchants and terminals, imported from the acquirer's spreadsheets.
//!
//! Invariants: the whole file is judged before anything of it is imported; memory grows with the number of merchants
//! and terminals by a few numbers each, never with the rows; what was imported can be looked at and taken back; no line
//! that is printed holds a personal value in clear.
//!
//! The file is walked three times: each row by itself and what it says of whom ([`survey`]); what only all rows
//! together show, with the error workbook; then merchants, each gathered until its last row has come, in portions.

mod cells;
mod checking;
mod columns;
pub mod counts;
mod csv_file;
pub mod diff;
mod error;
mod error_book;
pub mod facts;
mod header;
mod import;
pub mod merge;
mod rollback;
mod source;
mod survey;
mod values;
mod xlsx_file;

pub use columns::{COLUMNS, Column, Field};
pub use error::RegistryError;
pub use import::{ImportOptions, Mode};

use crate::error::ServerError;
use crate::repo::registry::RunChange;
use crate::repo::{bindings, offices, registry};
use crate::run::House;
use desk_domain::ids::OfficeCode;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;

/// Most bytes of a file.
pub const MOST_BYTES: u64 = 200_000_000;
/// Most rows of a file below its header.
pub const MOST_ROWS: u64 = 1_000_000;
/// Most columns of a row.
pub const MOST_COLUMNS: usize = 200;
/// Most characters of a cell: what spreadsheets hold.
pub const MOST_CHARS: usize = 32_767;
/// Merchants written in one transaction: desks and pushes wait no longer than for one of these.
const PORTION: usize = 500;

/// Who hears the lines of a command.
pub type Tell<'a> = &'a mut dyn FnMut(&str) -> Result<(), ServerError>;

/// The register of one data directory, held so that no second import works beside.
pub struct Registry<'a> {
    house: &'a House,
    _lock: File,
}

impl<'a> Registry<'a> {
    /// Takes the register in hand; records from before there were bindings get theirs.
    ///
    /// # Errors
    /// [`RegistryError::InUse`] while another import or roll-back is at work.
    pub fn open(house: &'a House, data_dir: &Path) -> Result<Self, RegistryError> {
        let io = |error| RegistryError::Io("registry lock", error);
        let lock = File::create(data_dir.join("registry.lock")).map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(RegistryError::InUse),
            Err(fs::TryLockError::Error(error)) => return Err(io(error)),
        }
        let registry = Self { house, _lock: lock };
        for office in registry.offices()? {
            registry.fill_bindings(&office)?;
        }
        Ok(registry)
    }

    fn offices(&self) -> Result<BTreeSet<OfficeCode>, RegistryError> {
        let all = self.house.repo.read_blocking(offices::all)?;
        Ok(all
            .iter()
            .filter_map(|office| OfficeCode::parse(&office.code))
            .collect())
    }

    fn fill_bindings(&self, office: &OfficeCode) -> Result<(), RegistryError> {
        let repo = &self.house.repo;
        if repo.read_blocking(|conn| bindings::is_filled(conn, office))? {
            return Ok(());
        }
        let mut after = String::new();
        loop {
            let (office, from) = (office.clone(), after);
            match repo.write_blocking(move |conn| bindings::fill(conn, &office, &from))? {
                Some(last) => after = last,
                None => return Ok(()),
            }
        }
    }

    /// Tells what a run changed, with personal values masked.
    pub fn diff(&self, run: u64, tell: Tell<'_>) -> Result<(), RegistryError> {
        self.known(run)?;
        self.each_change(run, &mut |change| {
            for line in diff::lines(change.before.as_ref(), &change.after) {
                tell(&line).map_err(|error| RegistryError::Told(Box::new(error)))?;
            }
            Ok(())
        })
    }

    fn known(&self, run: u64) -> Result<registry::Run, RegistryError> {
        let found = self
            .house
            .repo
            .read_blocking(|conn| registry::run(conn, run))?;
        found.ok_or(RegistryError::NoRun(run))
    }

    /// Walks over what a run changed, some at a time.
    fn each_change(
        &self,
        run: u64,
        visit: &mut dyn FnMut(RunChange) -> Result<(), RegistryError>,
    ) -> Result<(), RegistryError> {
        let mut after = (String::new(), String::new());
        loop {
            let changes = self
                .house
                .repo
                .read_blocking(|conn| registry::changes_after(conn, run, &after, PORTION))?;
            let Some(last) = changes.last() else {
                return Ok(());
            };
            after = (last.after.office.to_string(), last.after.id.to_string());
            for change in changes {
                visit(change)?;
            }
        }
    }
}
