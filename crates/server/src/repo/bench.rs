//! The bench on which the ops of one transaction are judged: working copies of their cases, judged one by one by
//! [`decide`], written back together.
//!
//! An op that makes the rules fail inside is stored as `held{internal}` and leaves its case untouched: the working copy
//! is replaced only by a finished decision, which does what a savepoint for each op would do, without its cost.

use super::feed::{self, Changes, Thing};
use super::journal::{self, Entry, Place};
use super::{RepoError, Rules, cases, documents, people};
use desk_domain::case::{Case, TimelineEntry};
use desk_domain::case_no::CaseNo;
use desk_domain::decide::{Context, Decision, decide};
use desk_domain::field::FieldKey;
use desk_domain::ids::{CaseId, DeviceId, OfficeCode, OpId, UserId};
use desk_domain::op::{ChainHash, Op, OpBody};
use desk_domain::outcome::{HeldWhy, Outcome};
use desk_domain::people::{Actor, Role};
use desk_domain::time::Millis;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// One transaction's work.
pub struct Bench<'a> {
    pub(super) conn: &'a Connection,
    pub(super) rules: &'a Rules,
    pub(super) now: Millis,
    /// Rows for the journal, written at the end.
    pub(super) entries: Vec<Entry>,
    cases: BTreeMap<CaseId, Option<Case>>,
    changed: BTreeMap<CaseId, Vec<TimelineEntry>>,
    actors: BTreeMap<(DeviceId, UserId), Option<Actor>>,
    judged: BTreeMap<OpId, (ChainHash, Outcome)>,
    attached: Vec<(CaseId, OpBody)>,
    submitted: Vec<CaseId>,
    settled: Vec<(CaseId, Place, Outcome)>,
}

impl<'a> Bench<'a> {
    pub fn new(conn: &'a Connection, rules: &'a Rules) -> Self {
        Self {
            conn,
            rules,
            now: rules.clock.now(),
            entries: Vec::new(),
            cases: BTreeMap::new(),
            changed: BTreeMap::new(),
            actors: BTreeMap::new(),
            judged: BTreeMap::new(),
            attached: Vec::new(),
            submitted: Vec::new(),
            settled: Vec::new(),
        }
    }

    /// Judges one op of a desk. Returns what it came to and whether it counts (false for a copy of a judged op).
    pub fn take(&mut self, op: &Op) -> Result<(Outcome, bool), RepoError> {
        let content = journal::content_of(op)?;
        if let Some((known, outcome)) = self.judged_before(op.op_id)? {
            let same = known == content;
            return Ok((
                if same {
                    outcome
                } else {
                    refused("op.id_reused")
                },
                false,
            ));
        }
        let outcome = match self.actor(op.device, op.actor)? {
            Some(actor) => self.judge(op, &actor)?,
            None => Outcome::Held {
                why: HeldWhy::ActorRevoked,
            },
        };
        self.judged.insert(op.op_id, (content, outcome.clone()));
        Ok((outcome, true))
    }

    /// Judges one op by an actor already known.
    pub fn judge(&mut self, op: &Op, actor: &Actor) -> Result<Outcome, RepoError> {
        let body = op.body().ok();
        let case = self.case(op.case)?;
        if case.as_ref().is_some_and(|case| !sees(actor, &case.office)) {
            // A case of another office answers like one that does not exist.
            return Ok(Outcome::Held {
                why: HeldWhy::MissingDependency,
            });
        }
        let same_serial_open = self.same_serial_open(body.as_ref(), case.as_ref())?;
        let ctx = Context {
            actor,
            policy: &self.rules.policy,
            calendar: &self.rules.calendar,
            now: self.now,
            same_serial_open,
        };
        let decision = catch_unwind(AssertUnwindSafe(|| decide(case.as_ref(), op, &ctx)));
        let Ok(decision) = decision else {
            tracing::error!(op = %op.op_id, kind = op.kind, "the rules failed on an op");
            return Ok(Outcome::Held {
                why: HeldWhy::Internal,
            });
        };
        Ok(self.keep(op, body, decision))
    }

    /// A working copy.
    pub fn case(&mut self, id: CaseId) -> Result<Option<Case>, RepoError> {
        if let Some(known) = self.cases.get(&id) {
            return Ok(known.clone());
        }
        let loaded = cases::load(self.conn, id)?;
        self.cases.insert(id, loaded.clone());
        Ok(loaded)
    }

    /// Cases that a submit moved on in this transaction.
    pub fn take_submitted(&mut self) -> Vec<CaseId> {
        std::mem::take(&mut self.submitted)
    }

    /// Judges again what waited for the cases that have changed: its time may have come.
    pub fn judge_waiting(&mut self) -> Result<(), RepoError> {
        let changed: Vec<CaseId> = self.changed.keys().copied().collect();
        for case in changed {
            for (place, bytes) in journal::waiting_on(self.conn, case)? {
                let op = Op::parse(&bytes)?;
                let Some(actor) = self.actor(op.device, op.actor)? else {
                    continue;
                };
                let outcome = self.judge(&op, &actor)?;
                if !matches!(outcome, Outcome::Held { .. }) {
                    self.settled.push((case, place, outcome));
                }
            }
        }
        Ok(())
    }

    /// Writes everything back: cases, documents, then counters and feed, and the rows that carry their positions.
    pub fn finish(self) -> Result<(), RepoError> {
        let mut changes = Changes::new();
        for id in self.changed.keys() {
            let Some(Some(case)) = self.cases.get(id) else {
                continue;
            };
            cases::save(self.conn, case, self.now)?;
            changes
                .entry(case.office.clone())
                .or_default()
                .insert(Thing::Case(*id));
        }
        for (case, attach) in &self.attached {
            let Some(Some(case)) = self.cases.get(case) else {
                continue;
            };
            documents::expect(self.conn, case, attach)?;
        }
        let positions = feed::raise(self.conn, &changes)?;
        let mut at = BTreeMap::new();
        for ((office, thing), position) in &positions {
            let Thing::Case(id) = thing else { continue };
            at.insert(*id, *position);
            if let Some(lines) = self.changed.get(id) {
                cases::append_timeline(self.conn, office, *position, lines)?;
            }
        }
        for (case, place, outcome) in &self.settled {
            journal::settle(
                self.conn,
                place,
                outcome,
                at.get(case).copied().unwrap_or(0),
            )?;
        }
        for entry in &self.entries {
            let position = entry
                .case
                .and_then(|case| at.get(&case))
                .copied()
                .unwrap_or(0);
            journal::append(self.conn, entry, position, self.now)?;
        }
        Ok(())
    }

    /// A changed case is kept whatever the outcome: a conflict changes it, and so may a noop.
    fn keep(&mut self, op: &Op, body: Option<OpBody>, decision: Decision) -> Outcome {
        if let Some(case) = decision.case {
            self.cases.insert(op.case, Some(case));
            self.changed
                .entry(op.case)
                .or_default()
                .extend(decision.timeline);
            match body {
                Some(attach @ OpBody::DocumentAttach { .. }) => {
                    self.attached.push((op.case, attach));
                }
                Some(OpBody::Submit { .. }) => self.submitted.push(op.case),
                Some(_) | None => {}
            }
        }
        decision.outcome
    }

    fn judged_before(&self, op: OpId) -> Result<Option<(ChainHash, Outcome)>, RepoError> {
        match self.judged.get(&op) {
            Some(known) => Ok(Some(known.clone())),
            None => journal::judged(self.conn, op),
        }
    }

    /// Rights as they are now; none for somebody who never signed in on that device.
    fn actor(&mut self, device: DeviceId, user: UserId) -> Result<Option<Actor>, RepoError> {
        if let Some(known) = self.actors.get(&(device, user)) {
            return Ok(known.clone());
        }
        let was_here: Option<i64> = self
            .conn
            .prepare_cached("SELECT 1 FROM device_user WHERE device = ?1 AND user = ?2")?
            .query_row(params![device.to_string(), user.to_string()], |row| {
                row.get(0)
            })
            .optional()?;
        let actor = match was_here {
            Some(_) => people::card(self.conn, user)?.map(|card| card.actor()),
            None => None,
        };
        self.actors.insert((device, user), actor.clone());
        Ok(actor)
    }

    fn same_serial_open(
        &self,
        body: Option<&OpBody>,
        case: Option<&Case>,
    ) -> Result<Option<CaseNo>, RepoError> {
        let (Some(OpBody::Submit { .. }), Some(case)) = (body, case) else {
            return Ok(None);
        };
        let Some(serial) = cases::text_of(case, FieldKey::TerminalSerial) else {
            return Ok(None);
        };
        let here = self.cases.values().flatten().find(|other| {
            other.id != case.id
                && cases::blocks_its_serial(other.state)
                && cases::text_of(other, FieldKey::TerminalSerial) == Some(serial)
        });
        if let Some(other) = here {
            return Ok(Some(other.case_no.clone()));
        }
        let stored = cases::open_with_serial(self.conn, serial)?;
        Ok(stored
            .into_iter()
            .find(|(id, _)| !self.cases.contains_key(id))
            .map(|(_, number)| number))
    }
}

/// The server's own device serves every office.
fn sees(actor: &Actor, office: &OfficeCode) -> bool {
    actor.may(Role::System) || actor.offices.contains(office)
}

fn refused(code: &str) -> Outcome {
    Outcome::Refused {
        code: code.to_owned(),
        params: BTreeMap::new(),
    }
}
