//! Where ops stand in the chain, for whoever carries them by hand.

use crate::error::StoreError;
use crate::sql::{Blob, signed, unsigned};
use crate::store::Store;
use desk_domain::ids::{Incarnation, OpId};
use rusqlite::{OptionalExtension, params};

impl Store {
    /// The place at which an op counts: a re-chained one stands in its newest incarnation.
    pub fn place_of(&self, op: OpId) -> Result<Option<(Incarnation, u64)>, StoreError> {
        self.read(|conn| {
            let found: Option<([u8; 16], i64)> = conn
                .prepare_cached(
                    "SELECT o.incarnation, o.seq FROM op_fate f JOIN op o ON o.ord = f.ord WHERE f.op_id = ?1",
                )?
                .query_row(params![op.blob()], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            found
                .map(|(incarnation, seq)| {
                    Ok((Incarnation::from_blob(incarnation), unsigned(seq)?))
                })
                .transpose()
        })
    }

    /// Ops of an incarnation up to `seq` that the server has not said to have stored.
    pub fn unsent_through(&self, incarnation: Incarnation, seq: u64) -> Result<u64, StoreError> {
        self.read(|conn| {
            let count = conn
                .prepare_cached(
                    "SELECT count(*) FROM op_fate f JOIN op o ON o.ord = f.ord
                     WHERE f.open = 1 AND f.state = 'queued' AND o.incarnation = ?1 AND o.seq <= ?2",
                )?
                .query_row(params![incarnation.blob(), signed(seq)?], |row| row.get(0))?;
            unsigned(count)
        })
    }
}
