//! What a push asks of the database before it changes a row: known when the push is read, and asked all at once.

use super::bench::Bench;
use super::sql::Connection;
use super::{RepoError, cases, feed, journal, people, policies};
use crate::frames::{Frames, Said};
use desk_domain::ids::{CaseId, DeviceId, OfficeCode, OpId, UserId};
use desk_domain::op::OpBody;
use std::collections::BTreeSet;

/// Whatever the ops of a push name.
pub struct Asked {
    ops: BTreeSet<OpId>,
    cases: BTreeSet<CaseId>,
    people: BTreeSet<(DeviceId, UserId)>,
    /// Offices of new cases.
    offices: BTreeSet<OfficeCode>,
}

impl Asked {
    pub fn of(frames: &Frames) -> Self {
        let mut asked = Self {
            ops: BTreeSet::new(),
            cases: BTreeSet::new(),
            people: BTreeSet::new(),
            offices: BTreeSet::new(),
        };
        for frame in &frames.frames {
            let Said::Op { op, body, .. } = &frame.said else {
                continue;
            };
            asked.ops.insert(op.op_id);
            asked.cases.insert(op.case);
            asked.people.insert((op.device, op.actor));
            if let Some(OpBody::CaseCreate { office, .. }) = body {
                asked.offices.insert(office.clone());
            }
        }
        asked
    }

    /// Asks it in one breath, and waits for nothing.
    pub fn ahead(&self, conn: &Connection, frames: &Frames) -> Result<(), RepoError> {
        if !conn.asks_ahead() {
            return Ok(());
        }
        journal::ask_head(conn, frames.device, frames.incarnation)?;
        policies::ask_newest(conn)?;
        journal::ask_judged(conn, &self.ops)?;
        cases::ask_each(conn, &self.cases)?;
        for (device, user) in &self.people {
            people::ask_card_on(conn, *device, *user)?;
        }
        journal::ask_waited_for(conn, &self.cases)?;
        self.offices
            .iter()
            .try_for_each(|office| feed::ask_standing(conn, office))
    }

    /// Puts on the bench what is stored of the ops and of their cases.
    pub fn lay_out(&self, bench: &mut Bench<'_>) -> Result<(), RepoError> {
        let mut judged = journal::judged(bench.conn, &self.ops)?;
        bench.has_looked_for(self.ops.iter().map(|op| (*op, judged.remove(op))));
        bench.has_read(cases::load_each(bench.conn, &self.cases)?);
        Ok(())
    }
}
