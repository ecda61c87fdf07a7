//! What an import came to, in numbers.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Counts of one run. Rows and warnings are of the file, the others of what was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    pub rows: u64,
    pub merchants_new: u64,
    pub merchants_changed: u64,
    pub merchants_unchanged: u64,
    pub terminals_added: u64,
    /// Taken over from another merchant.
    pub terminals_moved: u64,
    pub refused: u64,
    pub warnings: u64,
    /// Of a roll-back: records that somebody changed since, and that stay as they are.
    pub left: u64,
}

impl Counts {
    /// Adds what one portion did.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            rows: self.rows + other.rows,
            merchants_new: self.merchants_new + other.merchants_new,
            merchants_changed: self.merchants_changed + other.merchants_changed,
            merchants_unchanged: self.merchants_unchanged + other.merchants_unchanged,
            terminals_added: self.terminals_added + other.terminals_added,
            terminals_moved: self.terminals_moved + other.terminals_moved,
            refused: self.refused + other.refused,
            warnings: self.warnings + other.warnings,
            left: self.left + other.left,
        }
    }

    /// Whether the register is as before.
    pub fn changed_nothing(&self) -> bool {
        self.merchants_new + self.merchants_changed + self.terminals_moved == 0
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "rows {}; merchants new {} changed {} unchanged {}; terminals added {} moved {} removed 0; refused {}; warnings {}",
            self.rows,
            self.merchants_new,
            self.merchants_changed,
            self.merchants_unchanged,
            self.terminals_added,
            self.terminals_moved,
            self.refused,
            self.warnings
        )?;
        if self.left > 0 {
            write!(f, "; left {}", self.left)?;
        }
        Ok(())
    }
}
