//! A portion of a run: records are written, remembered, bound and told, in one transaction.

use super::bindings::{self, Cause};
use super::feed::{self, Changes, Thing};
use super::sql::Connection;
use super::{RepoError, Rules, ghosts, register, registry};
use crate::registry::counts::Counts;
use crate::registry::facts::Draft;
use crate::registry::{diff, merge};
use desk_domain::ids::{MerchantId, OfficeCode};
use desk_domain::registry::{MerchantRecord, TerminalRecord};
use desk_domain::time::Millis;
use std::collections::BTreeMap;

/// Imports some merchants; `so_far` is what the run came to before. Returns what it comes to with them.
pub fn import(
    conn: &Connection,
    rules: &Rules,
    (run, so_far): (u64, Counts),
    drafts: &[Draft],
) -> Result<Counts, RepoError> {
    let mut portion = Portion {
        conn,
        rules,
        run,
        now: rules.clock.now(),
        changes: Changes::new(),
        counts: so_far,
    };
    for draft in drafts {
        portion.take(draft)?;
    }
    registry::put_counts(conn, run, &portion.counts)?;
    feed::raise(conn, &portion.changes)?;
    Ok(portion.counts)
}

/// What an import would do to one merchant, and the lines that say so. Writes nothing.
pub fn preview(
    conn: &Connection,
    rules: &Rules,
    draft: &Draft,
) -> Result<(Counts, Vec<String>), RepoError> {
    let now = rules.clock.now();
    let before = register::by_number(conn, &draft.office, &draft.merchant.no)?;
    let id = id_of(before.as_ref(), rules, now);
    let (holders, moved) = taken_over(conn, draft, id)?;
    let after = merge::merged(before.as_ref(), draft, &moved, (id, now));
    let mut lines = diff::lines(before.as_ref(), &after);
    for (serial, holder) in &holders {
        lines.push(format!(
            "  terminal {serial}: leaves {}",
            holder.merchant_no
        ));
    }
    let counts = counted(before.as_ref(), &after, holders.len());
    Ok((counts, lines))
}

/// Puts a record back as it was before a run; `cause` names the run that does it.
pub fn restore(
    conn: &Connection,
    cause: (u64, Millis),
    records: Vec<(MerchantRecord, MerchantRecord)>,
) -> Result<(), RepoError> {
    let mut changes = Changes::new();
    for (now_there, restored) in records {
        write(conn, cause, Some(&now_there), restored, &mut changes)?;
    }
    feed::raise(conn, &changes)?;
    Ok(())
}

struct Portion<'a> {
    conn: &'a Connection,
    rules: &'a Rules,
    run: u64,
    now: Millis,
    changes: Changes,
    counts: Counts,
}

impl Portion<'_> {
    fn take(&mut self, draft: &Draft) -> Result<(), RepoError> {
        let before = register::by_number(self.conn, &draft.office, &draft.merchant.no)?;
        let id = id_of(before.as_ref(), self.rules, self.now);
        let (holders, moved) = taken_over(self.conn, draft, id)?;
        let after = merge::merged(before.as_ref(), draft, &moved, (id, self.now));
        self.counts = self
            .counts
            .and(counted(before.as_ref(), &after, holders.len()));
        let cause = (self.run, self.now);
        for (serial, holder) in holders {
            // An earlier terminal may have left the same merchant a moment ago.
            let Some(held) = register::load(self.conn, &holder.office, holder.id)? else {
                continue;
            };
            let mut without = held.clone();
            without.terminals.retain(|one| one.serial != serial);
            write(self.conn, cause, Some(&held), without, &mut self.changes)?;
        }
        if before
            .as_ref()
            .is_some_and(|before| merge::is_same(before, &after))
        {
            return Ok(());
        }
        ghosts::watch(self.conn, self.rules, &after)?;
        write(self.conn, cause, before.as_ref(), after, &mut self.changes)
    }
}

fn write(
    conn: &Connection,
    (run, at): (u64, Millis),
    before: Option<&MerchantRecord>,
    record: MerchantRecord,
    changes: &mut Changes,
) -> Result<(), RepoError> {
    let record = register::put(conn, record)?;
    registry::note_change(conn, run, before, &record)?;
    bindings::follow(conn, &record, Cause { run: Some(run), at })?;
    changes
        .entry(record.office.clone())
        .or_default()
        .insert(Thing::Merchant(record.id));
    Ok(())
}

fn id_of(before: Option<&MerchantRecord>, rules: &Rules, now: Millis) -> MerchantId {
    before.map_or_else(
        || MerchantId::new(now, rules.chance.as_ref()),
        |before| before.id,
    )
}

type TakenOver = (
    Vec<(String, MerchantRecord)>,
    BTreeMap<String, TerminalRecord>,
);

/// The terminals of a draft that other merchants of the office hold now, with their records.
fn taken_over(conn: &Connection, draft: &Draft, id: MerchantId) -> Result<TakenOver, RepoError> {
    let (mut holders, mut moved) = (Vec::new(), BTreeMap::new());
    for terminal in &draft.terminals {
        // A terminal that is said to be unbound takes nothing from anybody.
        if terminal.unbound_at.is_some() {
            continue;
        }
        let Some(record) = other_holder(conn, &draft.office, &terminal.serial, id)? else {
            continue;
        };
        let held = record
            .terminals
            .iter()
            .find(|one| one.serial == terminal.serial);
        if let Some(held) = held {
            moved.insert(terminal.serial.clone(), held.clone());
            holders.push((terminal.serial.clone(), record));
        }
    }
    Ok((holders, moved))
}

fn other_holder(
    conn: &Connection,
    office: &OfficeCode,
    serial: &str,
    id: MerchantId,
) -> Result<Option<MerchantRecord>, RepoError> {
    match bindings::holder(conn, office, serial)? {
        Some(holder) if holder != id => register::load(conn, office, holder),
        _ => Ok(None),
    }
}

fn counted(before: Option<&MerchantRecord>, after: &MerchantRecord, moved: usize) -> Counts {
    let known = before.map_or(&[][..], |before| &before.terminals);
    let fresh = after
        .terminals
        .iter()
        .filter(|one| !known.iter().any(|known| known.serial == one.serial))
        .count();
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let is_same = before.is_some_and(|before| merge::is_same(before, after));
    Counts {
        merchants_new: u64::from(before.is_none()),
        merchants_changed: u64::from(before.is_some() && !is_same),
        merchants_unchanged: u64::from(is_same),
        terminals_added: number(fresh.saturating_sub(moved)),
        terminals_moved: number(moved),
        ..Counts::default()
    }
}
