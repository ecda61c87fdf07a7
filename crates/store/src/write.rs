//! The write door: every change of the file is one IMMEDIATE transaction with one fsync, and is then told to those who listen.

use crate::error::StoreError;
use crate::store::{Store, hold};
use desk_domain::ids::CaseId;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

/// What one write touched.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Touched {
    pub cases: BTreeSet<CaseId>,
    pub outbox: bool,
    pub documents: bool,
    pub registry: bool,
    pub alerts: bool,
}

impl Touched {
    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// Writes after which the WAL is folded back even if upkeep never ran.
const WRITES_BEFORE_CHECKPOINT: u32 = 2_000;

impl Store {
    /// The only way to write. Either everything that `change` did is durable when this returns, or nothing is.
    ///
    /// `change` may run twice: a full disk is answered by giving up the ballast and trying once more.
    pub(crate) fn write<T>(
        &self,
        mut change: impl FnMut(&Transaction<'_>, &mut Touched) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let (value, touched) = {
            let mut writer = hold(&self.writer);
            let first = attempt(&mut writer, &mut change);
            let done = match first {
                Err(StoreError::DiskFull) if self.ballast.release() => {
                    attempt(&mut writer, &mut change)
                }
                other => other,
            };
            if matches!(done, Err(StoreError::Damaged(_))) {
                self.lock.suspect();
            }
            let done = done?;
            self.checkpoint_if_long_overdue(&writer);
            done
        };
        self.tell(&touched);
        Ok(value)
    }

    /// The disk was full and the ballast is spent: documents are read-only until there is room.
    pub fn disk_is_low(&self) -> bool {
        !self.ballast.is_there()
    }

    fn checkpoint_if_long_overdue(&self, writer: &Connection) {
        let writes = self.writes_since_checkpoint.fetch_add(1, Ordering::Relaxed);
        if writes >= WRITES_BEFORE_CHECKPOINT {
            self.writes_since_checkpoint.store(0, Ordering::Relaxed);
            if let Err(error) = writer.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
                tracing::warn!(%error, "checkpoint put off");
            }
        }
    }

    fn tell(&self, touched: &Touched) {
        if !touched.is_nothing() {
            hold(&self.subscribers).retain(|subscriber| subscriber.send(touched.clone()).is_ok());
        }
    }
}

fn attempt<T>(
    writer: &mut Connection,
    change: &mut impl FnMut(&Transaction<'_>, &mut Touched) -> Result<T, StoreError>,
) -> Result<(T, Touched), StoreError> {
    let tx = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut touched = Touched::default();
    let value = change(&tx, &mut touched)?;
    tx.commit()?;
    Ok((value, touched))
}
