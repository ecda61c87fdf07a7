//! The bench on which the ops of one transaction are judged: working copies of their cases, judged group by group with
//! [`decide_read`], written back together.
//!
//! A working copy is replaced only by a finished decision, and a group that falls is undone on the copies, which does
//! what a savepoint for each op would do, without its cost. Should the database itself refuse what one op makes of its
//! case, the whole is done once more with care: then each op shows under a savepoint that its case can be written, and
//! the one that cannot is stored as `held{internal}`.

mod mark;

use super::call_backs::{self, Called};
use super::feed::{self, Changes, Thing};
use super::journal::{self, Entry, Place};
use super::sql::{Connection, Scope};
use super::{RepoError, Rules, cases, documents, people, policies};
use crate::frames::{Frame, Said};
use desk_domain::case::{Case, CaseState, TimelineEntry};
use desk_domain::case_no::CaseNo;
use desk_domain::decide::{Context, Decision, decide_read};
use desk_domain::field::FieldKey;
use desk_domain::group::{Seat, judge_group, may_fall};
use desk_domain::ids::{CaseId, DeviceId, OfficeCode, OpId, UserId};
use desk_domain::op::{ChainHash, Op, OpBody};
use desk_domain::outcome::{HeldWhy, Outcome};
use desk_domain::people::{Actor, Role};
use desk_domain::policy::Policy;
use desk_domain::time::Millis;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// One transaction's work.
pub struct Bench<'a> {
    pub(super) conn: &'a Connection,
    pub(super) rules: &'a Rules,
    /// The one in force in this transaction.
    pub(super) policy: Arc<Policy>,
    pub(super) now: Millis,
    /// Rows for the journal, written at the end.
    pub(super) entries: Vec<Entry>,
    /// Each op is shown to fit before it counts.
    careful: bool,
    cases: BTreeMap<CaseId, Option<Arc<Case>>>,
    changed: BTreeMap<CaseId, Vec<TimelineEntry>>,
    actors: BTreeMap<(DeviceId, UserId), Option<Actor>>,
    /// Ops that were looked for, and those of this push that are judged.
    judged: BTreeMap<OpId, Option<Judged>>,
    /// Read before the transaction began.
    bodies: BTreeMap<OpId, OpBody>,
    attached: Vec<(CaseId, OpBody)>,
    submitted: Vec<CaseId>,
    moved: Vec<Moved>,
    settled: BTreeMap<Place, (CaseId, Outcome)>,
    /// Calls that nothing was said against when an op named them.
    pub(super) called: Vec<Called>,
}

/// What an op said, and what it came to.
type Judged = (ChainHash, Outcome);

/// A case came to another state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moved {
    pub case: CaseId,
    /// What moved it.
    pub op: OpId,
    pub from: CaseState,
    pub to: CaseState,
    /// When it was done, by the clock of who did it.
    pub at: Millis,
}

impl<'a> Bench<'a> {
    pub fn new(conn: &'a Connection, rules: &'a Rules) -> Result<Self, RepoError> {
        Ok(Self {
            conn,
            rules,
            policy: Arc::clone(&policies::current(conn, rules)?.policy),
            now: rules.clock.now(),
            entries: Vec::new(),
            careful: false,
            cases: BTreeMap::new(),
            changed: BTreeMap::new(),
            actors: BTreeMap::new(),
            judged: BTreeMap::new(),
            bodies: BTreeMap::new(),
            attached: Vec::new(),
            submitted: Vec::new(),
            moved: Vec::new(),
            settled: BTreeMap::new(),
            called: Vec::new(),
        })
    }

    /// A bench that tries each op against the database before it counts.
    pub fn careful(conn: &'a Connection, rules: &'a Rules) -> Result<Self, RepoError> {
        Ok(Self {
            careful: true,
            ..Self::new(conn, rules)?
        })
    }

    /// Judges one group of a desk. Returns what each op came to and whether it counts: a copy of a judged op does not,
    /// nor does the place of a parked one. `before` are the outcomes of the first ops, if those stand already.
    pub fn take(
        &mut self,
        group: &[Frame],
        before: &[Outcome],
    ) -> Result<Vec<(Outcome, bool)>, RepoError> {
        let mut seats = Vec::with_capacity(group.len());
        let mut counts = Vec::with_capacity(group.len());
        let mut ids = BTreeSet::new();
        for (at, frame) in group.iter().enumerate() {
            let seat = frame.seat();
            let known = match (before.get(at), &frame.said) {
                (Some(stored), _) => Some(stored.clone()),
                (None, Said::Parked { .. }) => Some(held(HeldWhy::BodyMissing)),
                (
                    None,
                    Said::Op {
                        op, content, body, ..
                    },
                ) if ids.insert(op.op_id) => {
                    if let Some(body) = body {
                        self.bodies.insert(op.op_id, body.clone());
                    }
                    self.known(op.op_id, *content)?
                }
                (None, Said::Op { .. }) => Some(refused("op.id_reused")),
            };
            counts.push(known.is_none());
            seats.push(match known {
                Some(outcome) => seat.known(outcome),
                None => seat,
            });
        }
        let ops: Vec<Option<&Op>> = group.iter().map(Frame::op).collect();
        let outcomes = self.judge_seats(&ops, &seats)?;
        for ((frame, outcome), counted) in group.iter().zip(&outcomes).zip(&counts) {
            if let (Said::Op { op, content, .. }, true) = (&frame.said, counted) {
                let judged = (*content, outcome.clone());
                self.judged.insert(op.op_id, Some(judged));
            }
        }
        Ok(outcomes.into_iter().zip(counts).collect())
    }

    /// Judges one op by an actor already known.
    pub fn judge(&mut self, op: &Op, actor: &Actor) -> Result<Outcome, RepoError> {
        let read = self.bodies.remove(&op.op_id);
        let body = read.or_else(|| op.body().ok());
        let case = self.case(op.case)?;
        if case.as_ref().is_some_and(|case| !sees(actor, &case.office)) {
            // A case of another office answers like one that does not exist.
            return Ok(held(HeldWhy::MissingDependency));
        }
        let same_serial_open = self.same_serial_open(body.as_ref(), case.as_deref())?;
        let call_doubt = call_backs::doubt(self, op, body.as_ref(), case.as_deref())?;
        let ctx = Context {
            actor,
            policy: &self.policy,
            calendar: &self.rules.calendar,
            now: self.now,
            same_serial_open,
            call_doubt,
        };
        let decision = catch_unwind(AssertUnwindSafe(|| {
            decide_read(case.as_deref(), op, body.as_ref(), &ctx)
        }));
        let Ok(decision) = decision else {
            tracing::error!(op = %op.op_id, kind = op.kind, "the rules failed on an op");
            return Ok(held(HeldWhy::Internal));
        };
        Ok(self.keep(op, body, decision))
    }

    /// A working copy.
    pub fn case(&mut self, id: CaseId) -> Result<Option<Arc<Case>>, RepoError> {
        if let Some(known) = self.cases.get(&id) {
            return Ok(known.clone());
        }
        let loaded = cases::load(self.conn, id)?.map(Arc::new);
        self.cases.insert(id, loaded.clone());
        Ok(loaded)
    }

    /// What is stored of ops.
    pub(super) fn has_looked_for(&mut self, ops: impl Iterator<Item = (OpId, Option<Judged>)>) {
        self.judged.extend(ops);
    }

    /// What is stored of cases.
    pub(super) fn has_read(&mut self, cases: BTreeMap<CaseId, Option<Case>>) {
        let cases = cases.into_iter();
        self.cases
            .extend(cases.map(|(id, case)| (id, case.map(Arc::new))));
    }

    /// The working copies that were read or changed so far.
    pub(super) fn at_hand(&self, id: CaseId) -> Option<&Case> {
        self.cases.get(&id)?.as_deref()
    }

    /// Cases that a submit moved on in this transaction.
    pub fn take_submitted(&mut self) -> Vec<CaseId> {
        std::mem::take(&mut self.submitted)
    }

    /// Cases that came to another state in this transaction, in their order.
    pub(super) fn take_moved(&mut self) -> Vec<Moved> {
        std::mem::take(&mut self.moved)
    }

    /// Cases that have changed so far.
    pub(super) fn changed(&self) -> BTreeSet<CaseId> {
        self.changed.keys().copied().collect()
    }

    /// Judges the seats of a group whose outcome is not known; `ops` has a body for each of them.
    pub(super) fn judge_seats(
        &mut self,
        ops: &[Option<&Op>],
        seats: &[Seat],
    ) -> Result<Vec<Outcome>, RepoError> {
        let touched = || ops.iter().flatten().map(|op| op.case);
        let mark = may_fall(seats).then(|| self.mark(touched()));
        judge_group(
            self,
            seats,
            |bench, at| match ops.get(at) {
                Some(Some(op)) => bench.judge_one(op),
                Some(None) | None => Ok(held(HeldWhy::BodyMissing)),
            },
            |bench| {
                if let Some(mark) = mark {
                    bench.undo(mark);
                }
                Ok(())
            },
        )
    }

    /// Notes what an op that had waited has come to.
    pub(super) fn settle(&mut self, place: Place, case: CaseId, outcome: Outcome) {
        self.settled.insert(place, (case, outcome));
    }

    /// What an op that had waited has come to in this transaction.
    pub(super) fn settled(&self, place: &Place) -> Option<&Outcome> {
        self.settled.get(place).map(|(_, outcome)| outcome)
    }

    /// Before a push is written back: rows of offices where none of its people works are not written, whatever the rules
    /// have said. The database itself sees to it, if it can.
    pub fn narrow(&self) -> Result<(), RepoError> {
        let mut offices = BTreeSet::new();
        for actor in self.actors.values().flatten() {
            if actor.may(Role::System) {
                return Ok(self.conn.write_only(&Scope::House)?);
            }
            offices.extend(actor.offices.iter().cloned());
        }
        Ok(self.conn.write_only(&Scope::Offices(offices))?)
    }

    /// Writes everything back: cases, documents, then counters and feed, and the rows that carry their positions.
    pub fn finish(self) -> Result<(), RepoError> {
        let changes = self.changes();
        // Before anything is written: it has been asked already.
        let standing = feed::standing(self.conn, &changes)?;
        let changed = self.changed.keys().filter_map(|id| self.at_hand(*id));
        cases::save(self.conn, changed, self.now)?;
        for (case, attach) in &self.attached {
            if let Some(case) = self.at_hand(*case) {
                documents::expect(self.conn, case, attach)?;
            }
        }
        call_backs::claim(&self)?;
        let positions = feed::raise_from(self.conn, &changes, &standing)?;
        let lines = positions.iter().filter_map(|((office, thing), position)| {
            let Thing::Case(id) = thing else { return None };
            let lines = self.changed.get(id)?.iter().enumerate();
            Some(lines.map(move |(n, line)| (office, *position, n, line)))
        });
        cases::append_timeline(self.conn, lines.flatten())?;
        let at: BTreeMap<CaseId, u64> = positions
            .iter()
            .filter_map(|((_, thing), position)| match thing {
                Thing::Case(id) => Some((*id, *position)),
                Thing::User(_) | Thing::Merchant(_) => None,
            })
            .collect();
        let position_of = |case: &CaseId| at.get(case).copied().unwrap_or(0);
        for (place, (case, outcome)) in &self.settled {
            journal::settle(self.conn, place, outcome, position_of(case))?;
        }
        let entries = self
            .entries
            .iter()
            .map(|entry| (entry, entry.case.as_ref().map_or(0, position_of)));
        journal::append(self.conn, entries, self.now)?;
        Ok(())
    }

    /// What desks are to hear of. A late verdict reaches its desk with the case, also when the case itself stays as it is.
    fn changes(&self) -> Changes {
        let told = self.settled.values().map(|(case, _)| case);
        let mut changes = Changes::new();
        for case in self
            .changed
            .keys()
            .chain(told)
            .filter_map(|id| self.at_hand(*id))
        {
            let things = changes.entry(case.office.clone()).or_default();
            things.insert(Thing::Case(case.id));
        }
        changes
    }

    /// Judges one op of a desk. What goes wrong with this op alone makes it wait; its neighbours go on.
    fn judge_one(&mut self, op: &Op) -> Result<Outcome, RepoError> {
        let mark = self.careful.then(|| self.mark([op.case].into_iter()));
        let tried = self.judge_by_rights(op).and_then(|outcome| {
            if self.careful {
                self.fits(op.case)?;
            }
            Ok(outcome)
        });
        match tried {
            Err(error) if error.is_of_one_op() => {
                tracing::error!(op = %op.op_id, kind = op.kind, %error, "an op is held");
                if let Some(mark) = mark {
                    self.undo(mark);
                }
                Ok(held(HeldWhy::Internal))
            }
            other => other,
        }
    }

    fn judge_by_rights(&mut self, op: &Op) -> Result<Outcome, RepoError> {
        match self.actor(op.device, op.actor)? {
            Some(actor) => self.judge(op, &actor),
            None => Ok(held(HeldWhy::ActorRevoked)),
        }
    }

    /// Tries to write a case as it stands on the bench, and takes that back.
    fn fits(&self, id: CaseId) -> Result<(), RepoError> {
        let Some(Some(case)) = self
            .cases
            .get(&id)
            .filter(|_| self.changed.contains_key(&id))
        else {
            return Ok(());
        };
        self.conn.execute_batch("SAVEPOINT one_op")?;
        let mut attached = self.attached.iter().filter(|(of, _)| *of == id);
        let tried = cases::save(self.conn, [case.as_ref()], self.now).and_then(|()| {
            attached.try_for_each(|(_, attach)| documents::expect(self.conn, case, attach))
        });
        self.conn
            .execute_batch("ROLLBACK TO one_op; RELEASE one_op")?;
        tried
    }

    /// A changed case is kept whatever the outcome: a conflict changes it, and so may a noop.
    fn keep(&mut self, op: &Op, body: Option<OpBody>, decision: Decision) -> Outcome {
        if let Some(case) = decision.case {
            let state = case.state;
            let before = self.cases.insert(op.case, Some(Arc::new(case))).flatten();
            if let Some(before) = before.filter(|before| before.state != state) {
                self.moved.push(Moved {
                    case: op.case,
                    op: op.op_id,
                    from: before.state,
                    to: state,
                    at: op.captured_at.min(self.now),
                });
            }
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

    /// The outcome of an op that was judged before; the same id with other words is somebody else's op.
    fn known(&self, op: OpId, says: ChainHash) -> Result<Option<Outcome>, RepoError> {
        let known = match self.judged.get(&op) {
            Some(known) => known.clone(),
            None => journal::judged(self.conn, &BTreeSet::from([op]))?.remove(&op),
        };
        let Some((content, outcome)) = known else {
            return Ok(None);
        };
        Ok(Some(if content == says {
            outcome
        } else {
            refused("op.id_reused")
        }))
    }

    /// Rights as they are now; none for somebody who never signed in on that device.
    pub(super) fn actor(
        &mut self,
        device: DeviceId,
        user: UserId,
    ) -> Result<Option<Actor>, RepoError> {
        if let Some(known) = self.actors.get(&(device, user)) {
            return Ok(known.clone());
        }
        let card = people::card_on(self.conn, device, user)?;
        let actor = card.map(|card| card.actor());
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

const fn held(why: HeldWhy) -> Outcome {
    Outcome::Held { why }
}

fn refused(code: &str) -> Outcome {
    Outcome::Refused {
        code: code.to_owned(),
        params: BTreeMap::new(),
    }
}
