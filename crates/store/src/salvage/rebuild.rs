//! A whole file from what was found: the journal first, then what people typed, then what only saves a refill.

use super::cells::Value;
use super::haul::Haul;
use super::rows::{FoundFate, FoundHead, FoundOp, Rebuilt};
use super::{Mend, Recovered};
use crate::alert;
use crate::documents::note_attachment;
use crate::error::StoreError;
use crate::feed::is_newer;
use crate::identity::{Identity, write_identity};
use crate::journal::{begin, insert_op_row_at};
use crate::people::put_user;
use crate::registry::put_merchant;
use crate::search::SearchKey;
use crate::sql::{Blob, name_of, signed, unsigned};
use crate::view::{put_confirmed, rebuild_view};
use desk_domain::ids::{CaseId, Incarnation, OpId};
use desk_domain::op::OpBody;
use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, params, params_from_iter};
use std::collections::{BTreeMap, BTreeSet};

/// Set until the views of cases with pending ops were made anew: that needs the policy, which comes later.
pub(crate) const VIEWS_STALE: &str = "store.views_stale";
/// Reason of an op whose action lost another part.
const INCOMPLETE: &str = "desk.recovered_incomplete";

/// A case or a record, taken over until the refill brings a newer one.
pub(super) fn put_row(tx: &Connection, key: &SearchKey, row: Rebuilt) -> Result<(), StoreError> {
    match row {
        Rebuilt::Case(case) if is_newer(tx, &case)? => put_confirmed(tx, &case),
        Rebuilt::Case(_) => Ok(()),
        Rebuilt::Merchant(record) => put_merchant(tx, key, &record),
    }
}

/// Writes everything that was found, and begins a new life of the journal for what the server does not have.
pub(super) fn rebuild(
    tx: &Connection,
    haul: &Haul,
    mend: &Mend<'_>,
) -> Result<Recovered, StoreError> {
    let identity = identity(haul, mend)?;
    write_identity(tx, &identity)?;
    put_notes(tx, haul, mend)?;
    let mut recovered = Recovered {
        lost: put_journal(tx, haul, mend, identity.incarnation)?,
        ..Recovered::default()
    };
    recovered.parked = put_fates(tx, haul)?;
    recovered.documents_lost = put_documents(tx, haul)?;
    put_views(tx)?;
    recovered.kept = begin(tx, Incarnation::new(mend.at, mend.chance))?;
    let told = [
        ("kept", recovered.kept),
        ("lost", recovered.lost),
        ("parked", recovered.parked),
        ("documents_lost", recovered.documents_lost),
    ];
    let told = told.map(|(name, count)| (name.to_owned(), count.to_string()));
    alert::raise(tx, "desk.recovered", mend.at, &BTreeMap::from(told))?;
    Ok(recovered)
}

fn identity(haul: &Haul, mend: &Mend<'_>) -> Result<Identity, StoreError> {
    if let Some(found) = &haul.identity {
        return Ok(Identity {
            device: found.device,
            incarnation: found.incarnation,
            office: found.office.clone(),
            office_name: found.office_name.clone(),
            device_code: found.device_code.clone(),
        });
    }
    let kept = mend.keepsake.map(|keepsake| keepsake.identity.clone());
    kept.ok_or_else(|| StoreError::Damaged("nothing says whose desk this was".to_owned()))
}

/// Settings, people, counters, drafts and dismissals.
fn put_notes(tx: &Connection, haul: &Haul, mend: &Mend<'_>) -> Result<(), StoreError> {
    let kept = mend.keepsake.into_iter();
    let kept = kept.flat_map(|keepsake| &keepsake.settings);
    // A half-done fill is begun anew: its place says nothing about this file.
    let found = haul.settings.iter();
    let found = found.filter(|(name, _)| !name.starts_with("sync.fill."));
    let stale = (VIEWS_STALE.to_owned(), "true".to_owned());
    for (name, json) in kept.chain(found).chain([(&stale.0, &stale.1)]) {
        tx.prepare_cached(
            "INSERT INTO setting (name, json) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET json = ?2",
        )?
        .execute(params![name, json])?;
    }
    let kept = mend.keepsake.into_iter();
    for card in kept
        .flat_map(|keepsake| &keepsake.users)
        .chain(haul.users.values())
    {
        put_user(tx, card)?;
    }
    for (day, taken) in &haul.sequences {
        tx.prepare_cached("INSERT INTO case_sequence (day, taken) VALUES (?1, ?2)")?
            .execute(params![day, taken])?;
    }
    for ((case, field), raw) in &haul.drafts {
        tx.prepare_cached("INSERT INTO draft_text (case_id, field, raw) VALUES (?1, ?2, ?3)")?
            .execute(params![case.blob(), field, raw])?;
    }
    for (op, (by, at, reason)) in &haul.dismissals {
        tx.prepare_cached("INSERT INTO dismissal (op_id, by, at, reason) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![op.blob(), by.blob(), at, reason])?;
    }
    Ok(())
}

/// Ops and the ends of their chains, holes noted. Returns how many ops of the living chain are lost for good.
fn put_journal(
    tx: &Connection,
    haul: &Haul,
    mend: &Mend<'_>,
    living: Incarnation,
) -> Result<u64, StoreError> {
    let mut by_ord: Vec<&FoundOp> = haul.ops.values().collect();
    by_ord.sort_by_key(|found| found.ord);
    for found in &by_ord {
        insert_op_row_at(tx, found.ord, &found.op, &found.bytes, found.hash)?;
    }
    let lives = haul.ops.keys().map(|(incarnation, _)| *incarnation);
    let lives: BTreeSet<Incarnation> = lives
        .chain(haul.heads.keys().copied())
        .chain([living])
        .collect();
    let mut lost = 0;
    for incarnation in lives {
        let head = head_of(haul, incarnation)?;
        put_head(tx, &head)?;
        let mut end = unsigned(head.seq)?;
        let holes = holes(haul, incarnation, end);
        for (first, last) in &holes {
            put_hole(tx, incarnation, *first, *last)?;
        }
        if incarnation == living {
            let noted = mend.outside.filter(|(noted, _)| *noted == living);
            let outside = noted.map_or(0, |(_, seq)| seq);
            let acknowledged = unsigned(head.acknowledged_seq)?;
            lost = outside.saturating_sub(end);
            end = end.max(outside);
            lost += holes
                .iter()
                .map(|(first, last)| (last + 1).saturating_sub((*first).max(acknowledged + 1)))
                .sum::<u64>();
            lost = lost.min(end);
        }
    }
    Ok(lost)
}

/// The end that the file named, or that of the last op found; then nothing counts as received by the server.
fn head_of(haul: &Haul, incarnation: Incarnation) -> Result<FoundHead, StoreError> {
    let ops = haul.ops.range((incarnation, 0)..=(incarnation, u64::MAX));
    let last = ops.last().map(|(_, found)| found);
    let known = haul.heads.get(&incarnation);
    let tip = match last {
        Some(found) => FoundHead {
            incarnation,
            seq: signed(found.op.seq)?,
            hash: *found.hash.as_bytes(),
            acknowledged_seq: known.map_or(0, |head| head.acknowledged_seq),
            hlc_ms: found.op.hlc.ms,
            hlc_n: i64::from(found.op.hlc.n),
        },
        None => FoundHead {
            incarnation,
            seq: 0,
            hash: [0; 32],
            acknowledged_seq: 0,
            hlc_ms: 0,
            hlc_n: 0,
        },
    };
    Ok(known
        .filter(|head| head.seq >= tip.seq)
        .cloned()
        .unwrap_or(tip))
}

fn put_head(tx: &Connection, head: &FoundHead) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO journal_head (incarnation, seq, hash, acknowledged_seq, hlc_ms, hlc_n) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (incarnation) DO UPDATE SET seq = ?2, hash = ?3, acknowledged_seq = ?4, hlc_ms = ?5, hlc_n = ?6",
    )?
    .execute(params![
        head.incarnation.blob(),
        head.seq,
        head.hash,
        head.acknowledged_seq.clamp(0, head.seq),
        head.hlc_ms,
        head.hlc_n
    ])?;
    Ok(())
}

/// Runs of places up to `end` of which no op was found.
fn holes(haul: &Haul, incarnation: Incarnation, end: u64) -> Vec<(u64, u64)> {
    let mut holes = Vec::new();
    let mut next = 1;
    for (_, seq) in haul
        .ops
        .range((incarnation, 1)..=(incarnation, end))
        .map(|(key, _)| key)
    {
        if *seq > next {
            holes.push((next, seq - 1));
        }
        next = seq + 1;
    }
    if next <= end {
        holes.push((next, end));
    }
    holes
}

fn put_hole(
    tx: &Connection,
    incarnation: Incarnation,
    first: u64,
    last: u64,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO journal_hole (incarnation, first_seq, last_seq, why) VALUES (?1, ?2, ?3, 'lost')",
    )?
    .execute(params![incarnation.blob(), signed(first)?, signed(last)?])?;
    Ok(())
}

/// What counts for each op. Returns how many were parked because their action is not whole any more.
fn put_fates(tx: &Connection, haul: &Haul) -> Result<u64, StoreError> {
    let mut counting: BTreeMap<OpId, &FoundOp> = BTreeMap::new();
    for found in haul.ops.values() {
        let known = counting.entry(found.op.op_id).or_insert(found);
        if known.ord < found.ord {
            *known = found;
        }
    }
    let mut parked = 0;
    for (id, found) in counting {
        let head = head_of(haul, found.op.incarnation)?;
        let acknowledged = unsigned(head.acknowledged_seq)?;
        let known = haul.fates.get(&id);
        let mut fate = fate(known, found.op.seq <= acknowledged);
        if haul.dismissals.contains_key(&id) {
            fate = Fate {
                state: "parked",
                open: false,
                replay: false,
            };
        } else if fate.state == "queued" && !is_whole(haul, found) {
            fate.state = "parked";
            parked += 1;
        }
        put_fate(tx, found, known, fate)?;
    }
    Ok(parked)
}

#[derive(Clone, Copy)]
struct Fate {
    state: &'static str,
    open: bool,
    replay: bool,
}

/// A verdict stands; without one, an op that the server may lack is sent again: it knows its id.
fn fate(known: Option<&FoundFate>, acknowledged: bool) -> Fate {
    let settled = |state, open| Fate {
        state,
        open,
        replay: false,
    };
    let waits = Fate {
        state: "queued",
        open: true,
        replay: true,
    };
    let Some(known) = known else {
        return if acknowledged {
            settled("stored", false)
        } else {
            waits
        };
    };
    match known.state.as_str() {
        "parked" => Fate {
            state: "parked",
            open: known.open,
            replay: known.open,
        },
        "applied" => settled("applied", false),
        "noop" => settled("noop", false),
        "conflict" => settled("conflict", known.open),
        "refused" => settled("refused", known.open),
        "held" => Fate {
            state: "held",
            open: true,
            replay: true,
        },
        "stored" if acknowledged => settled("stored", false),
        _ => waits,
    }
}

/// All ops of the same action are there.
fn is_whole(haul: &Haul, found: &FoundOp) -> bool {
    let group = found.op.group;
    let Some(first) = found.op.seq.checked_sub(u64::from(group.i)) else {
        return false;
    };
    (0..u64::from(group.len)).all(|i| {
        let other = haul.ops.get(&(found.op.incarnation, first + i));
        other.is_some_and(|other| other.op.group.id == group.id)
    })
}

fn put_fate(
    tx: &Connection,
    found: &FoundOp,
    known: Option<&FoundFate>,
    fate: Fate,
) -> Result<(), StoreError> {
    let waits = fate.state == "queued";
    let known = known.filter(|_| !waits);
    let reason = known.and_then(|known| known.reason.clone());
    let reason = reason.or_else(|| (fate.state == "parked").then(|| INCOMPLETE.to_owned()));
    tx.prepare_cached(
        "INSERT INTO op_fate (ord, op_id, case_id, kind, captured_at, state, replay, open, applied_rev, preview, outcome, reason)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?
    .execute(params![
        found.ord,
        found.op.op_id.blob(),
        found.op.case.blob(),
        found.op.kind,
        found.op.captured_at,
        fate.state,
        fate.replay,
        fate.open,
        known.and_then(|known| known.applied_rev),
        known.and_then(|known| known.preview.clone()),
        known.and_then(|known| known.outcome.clone()),
        reason
    ])?;
    Ok(())
}

/// Rows with their keys, as found; an attached document without a row can only come from the server.
fn put_documents(tx: &Connection, haul: &Haul) -> Result<u64, StoreError> {
    for document in haul.documents.values() {
        let values = document.values.iter().map(sql_value);
        tx.prepare_cached(
            "INSERT INTO document (id, case_id, kind, manifest, quality, key, original_file, rendition_file, thumbnail_file,
                                   size_bytes, added_at, transfer, chunks_have)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?
        .execute(params_from_iter(values))?;
    }
    let mut lost = 0;
    for found in haul
        .ops
        .values()
        .filter(|found| found.op.kind == "document.attach")
    {
        match note_attachment(tx, &found.op) {
            Err(StoreError::DocumentMissing(_)) => lost += put_absent(tx, found)?,
            other => {
                other?;
            }
        }
    }
    Ok(lost)
}

fn put_absent(tx: &Connection, found: &FoundOp) -> Result<u64, StoreError> {
    let OpBody::DocumentAttach {
        document,
        kind,
        manifest,
        ..
    } = found.op.body()?
    else {
        return Ok(0);
    };
    let added = tx
        .prepare_cached(
            "INSERT INTO document (id, case_id, kind, manifest, size_bytes, added_at, transfer)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'absent') ON CONFLICT (id) DO NOTHING",
        )?
        .execute(params![
            document.blob(),
            found.op.case.blob(),
            name_of(&kind)?,
            serde_json::to_string(&manifest)?,
            signed(manifest.size_bytes)?,
            found.op.captured_at
        ])?;
    Ok(u64::try_from(added).unwrap_or(0))
}

fn sql_value(value: &Value) -> SqlValue {
    match value {
        Value::Null | Value::Other => SqlValue::Null,
        Value::Int(value) => SqlValue::Integer(*value),
        Value::Blob(bytes) => SqlValue::Blob(bytes.clone()),
        Value::Text(text) => SqlValue::Text(text.clone()),
    }
}

/// Views of cases without pending ops; those with some follow once the policy is known.
fn put_views(tx: &Connection) -> Result<(), StoreError> {
    let mut find = tx.prepare(
        "SELECT id FROM case_row WHERE NOT EXISTS (SELECT 1 FROM op_fate f WHERE f.case_id = case_row.id AND f.open = 1)",
    )?;
    let cases: Vec<[u8; 16]> = find
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for case in cases {
        rebuild_view(tx, None, CaseId::from_blob(case))?;
    }
    tx.execute(
        "UPDATE case_row SET stale = 1 WHERE confirmed_rev IS NOT NULL",
        [],
    )?;
    Ok(())
}
