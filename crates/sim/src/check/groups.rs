//! Ops of one action travel and arrive together.

use crate::server::Rows;
use crate::world::World;
use desk_domain::ids::{DeviceId, GroupId, Incarnation};
use desk_domain::op::Op;
use std::collections::BTreeMap;

pub(super) fn check(world: &World) -> Vec<String> {
    broken(&world.server.disk.synced)
        .into_iter()
        .map(|group| format!("action {group} is in the log in part"))
        .collect()
}

/// Groups of which the log holds some ops and not the others. What was parked left its places, all of them without bodies.
fn broken(rows: &Rows) -> Vec<GroupId> {
    let mut seen: BTreeMap<(DeviceId, Incarnation, GroupId), (u16, u16)> = BTreeMap::new();
    for entry in &rows.journal {
        let op = entry.bytes.as_ref().and_then(|bytes| Op::parse(bytes).ok());
        let Some(op) = op else { continue };
        let key = (entry.device, entry.incarnation, op.group.id);
        let (count, _) = seen.entry(key).or_insert((0, op.group.len));
        *count += 1;
    }
    let broken = seen.into_iter().filter(|(_, (count, len))| count != len);
    broken.map(|((_, _, group), _)| group).collect()
}
