//! Every op that a screen called kept is in the server's log exactly once, or in sight of a person on its desk.

use crate::desk::State;
use crate::world::{Station, World};
use desk_domain::ids::{DeviceId, OpId};
use desk_domain::outcome::{HeldWhy, Outcome};
use std::collections::BTreeMap;

pub(super) fn check(world: &World) -> Vec<String> {
    let mut counted: BTreeMap<OpId, u32> = BTreeMap::new();
    for entry in world
        .server
        .disk
        .synced
        .journal
        .iter()
        .filter(|entry| entry.counted)
    {
        *counted.entry(entry.op_id).or_default() += 1;
    }
    let mut found: Vec<String> = counted
        .iter()
        .filter(|(_, times)| **times > 1)
        .map(|(op, times)| format!("{op} counts {times} times"))
        .collect();
    let must = world
        .ledger
        .confirmed
        .iter()
        .filter(|(op, _)| !world.ledger.excused.contains(op));
    for (op, device) in must {
        if !counted.contains_key(op) && !is_in_sight(world, *op, *device) {
            found.push(format!("{op} was kept and is lost"));
        }
    }
    found.extend(
        world
            .stations
            .iter()
            .flat_map(|station| outcomes_agree(world, station)),
    );
    found
}

/// Parked: the desk lists it, and the server holds its place.
fn is_in_sight(world: &World, op: OpId, device: DeviceId) -> bool {
    let mut desks = world
        .stations
        .iter()
        .filter(|station| station.player.device == device);
    let listed = desks.any(|station| station.disk.synced.is_set_aside(op));
    listed
        && world
            .server
            .disk
            .synced
            .journal
            .iter()
            .any(|entry| entry.op_id == op && entry.bytes.is_none())
}

/// One verdict on both sides, for every op of the desk.
fn outcomes_agree(world: &World, station: &Station) -> Vec<String> {
    let judged = &world.server.disk.synced.judged;
    let parked = Outcome::Held {
        why: HeldWhy::BodyMissing,
    };
    let mut found = Vec::new();
    let offices = &station.player.card.offices;
    let reads = |case| {
        let case = world.server.disk.synced.cases.get(&case);
        case.is_none_or(|case| offices.contains(&case.office))
    };
    for (op, fate) in &station.disk.synced.fates {
        let waits = matches!(fate.outcome, Some(Outcome::Held { .. }));
        if waits && !reads(fate.case) {
            continue; // its later verdict travels in a feed that is not this desk's any more
        }
        if fate.state == State::Parked && !judged.contains_key(op) {
            continue; // the server has its place alone
        }
        let truth = judged.get(op).map_or(&parked, |entry| &entry.outcome);
        if fate.outcome.as_ref() != Some(truth) {
            found.push(format!(
                "{op}: the desk has {:?}, the server {truth:?}",
                fate.outcome
            ));
        }
    }
    found
}
