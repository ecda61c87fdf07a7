//! Upkeep for idle moments: search rows of fresh saves, the WAL, the ballast. None of it is needed for anything to be right.

use crate::error::StoreError;
use crate::search::{drain_some, pending_count};
use crate::store::{Store, hold};
use std::sync::atomic::Ordering;

/// What one round left to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Upkeep {
    /// Cases whose search rows are not up to date; search looks through them one by one until they are.
    pub unindexed: u64,
}

impl Store {
    /// Writes since the last round of upkeep: nothing to do when it is none.
    pub fn writes_since_upkeep(&self) -> u32 {
        self.writes_since_checkpoint.load(Ordering::Relaxed)
    }

    /// Does a bounded piece of upkeep. Call it when nobody types, again while `unindexed` is above zero.
    pub fn upkeep(&self, most_rows: usize) -> Result<Upkeep, StoreError> {
        let waiting = self.read(pending_count)?;
        if waiting > 0 {
            self.write(|tx, _| drain_some(tx, &self.search_key, most_rows))?;
        }
        {
            let writer = hold(&self.writer);
            writer.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
            self.writes_since_checkpoint.store(0, Ordering::Relaxed);
        }
        self.ballast.restore();
        Ok(Upkeep {
            unindexed: self.read(pending_count)?,
        })
    }
}
