//! Chains hold, on both sides; forks stand only where a disk was put back.

use crate::desk::Books;
use crate::nemesis::Kind;
use crate::server::Rows;
use crate::world::World;
use desk_domain::ids::{DeviceId, Incarnation};
use desk_domain::op::{ChainHash, Op};
use std::collections::BTreeMap;

pub(super) fn check(world: &World) -> Vec<String> {
    let rows = &world.server.disk.synced;
    let mut found = server(rows);
    for station in &world.stations {
        let books = &station.disk.synced;
        found.extend(desk(books));
        let tip = books.tip();
        let own = (books.device, books.incarnation, tip.seq);
        let there = rows.places.get(&own).map(|entry| entry.hash);
        let there = there.or((tip.seq == 0).then_some(ChainHash::GENESIS));
        if there != Some(tip.hash) {
            found.push(format!(
                "{}: ends at {}, and the server's chain does not hold that",
                books.device, tip.seq
            ));
        }
        let head = rows.heads.get(&(books.device, books.incarnation));
        let twins = world.stations.iter();
        let twins = twins.filter(|other| other.player.device == books.device);
        let head = head.map_or(0, |head| head.seq);
        if twins.count() == 1 && head != tip.seq {
            found.push(format!(
                "{}: ends at {}, the server at {head}",
                books.device, tip.seq
            ));
        }
    }
    let lives: usize = world
        .stations
        .iter()
        .map(|station| station.disk.synced.tips.len())
        .sum();
    let reasons = [Kind::DeskRestore, Kind::DeskClone, Kind::ServerRestore];
    let forks = reasons.iter().any(|kind| world.tally.of(*kind) > 0);
    if lives > world.stations.len() && !forks {
        found.push("a journal began a new life for no reason".to_owned());
    }
    found
}

fn server(rows: &Rows) -> Vec<String> {
    let mut found = Vec::new();
    let mut ends: BTreeMap<(DeviceId, Incarnation), (u64, ChainHash)> = BTreeMap::new();
    for entry in &rows.journal {
        let end = ends
            .entry((entry.device, entry.incarnation))
            .or_insert((0, ChainHash::GENESIS));
        let bytes_hold = entry
            .bytes
            .as_ref()
            .is_none_or(|bytes| ChainHash::after(end.1, bytes.as_bytes()) == entry.hash);
        if entry.seq != end.0 + 1 || entry.prev_hash != end.1 || !bytes_hold {
            found.push(format!(
                "the server's chain of {} breaks at {}",
                entry.device, entry.seq
            ));
        }
        *end = (entry.seq, entry.hash);
    }
    for (key, head) in &rows.heads {
        if ends.get(key) != Some(&(head.seq, head.hash)) {
            found.push(format!("the head of {} is not the end of its chain", key.0));
        }
    }
    found
}

fn desk(books: &Books) -> Vec<String> {
    let mut found = Vec::new();
    for (incarnation, tip) in &books.tips {
        let (mut seq, mut hash) = (0, ChainHash::GENESIS);
        for ((_, at), row) in books
            .rows
            .range((*incarnation, 0)..=(*incarnation, u64::MAX))
        {
            let says = Op::parse(&row.bytes)
                .ok()
                .map(|op| (op.seq, op.prev_hash, op.op_id));
            if says != Some((seq + 1, hash, row.op_id)) || *at != seq + 1 {
                found.push(format!(
                    "the desk's chain of {} breaks at {at}",
                    books.device
                ));
            }
            hash = ChainHash::after(hash, row.bytes.as_bytes());
            seq = *at;
            if hash != row.hash {
                found.push(format!(
                    "the desk's op {at} of {} has another hash",
                    books.device
                ));
            }
        }
        if (seq, hash) != (tip.seq, tip.hash) {
            found.push(format!(
                "the desk's chain of {} does not end at its tip",
                books.device
            ));
        }
    }
    found
}
