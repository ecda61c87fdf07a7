//! Feeds are contiguous; each desk's confirmed view, and a fresh fill, are the server's cases.

use crate::desk::Books;
use crate::rules::Cases;
use crate::server::Rows;
use crate::world::{Station, World};
use desk_domain::ids::{Incarnation, OfficeCode};
use desk_sync::machine::port::{FeedPage, FillMark};
use std::collections::BTreeSet;
use std::rc::Rc;

/// Most pages of a fresh fill.
const MOST_PAGES: usize = 1_000;

pub(super) fn check(world: &World) -> Vec<String> {
    let rows = &world.server.disk.synced;
    let mut found = feeds(rows);
    for station in &world.stations {
        let offices = &station.player.card.offices;
        let in_scope = rows
            .cases
            .iter()
            .filter(|(_, case)| offices.contains(&case.office));
        let of_desk: Cases = in_scope.map(|(id, case)| (*id, Rc::clone(case))).collect();
        let device = station.player.device;
        if station.disk.synced.confirmed != of_desk {
            found.push(format!(
                "{device}: the confirmed view is not what the server has; {}",
                difference(&station.disk.synced.confirmed, &of_desk)
            ));
        }
        if fresh_fill(world, station) != Some(of_desk) {
            found.push(format!("{device}: a fresh fill is not what the server has"));
        }
        found.extend(views(station));
    }
    found
}

/// Positions count from 1 without a hole up to the counter; each changed case stands at its newest position.
fn feeds(rows: &Rows) -> Vec<String> {
    let mut found = Vec::new();
    for (office, top) in &rows.counters {
        let positions = rows
            .feed
            .range((office.clone(), 0)..=(office.clone(), u64::MAX));
        if !positions.map(|((_, position), _)| *position).eq(1..=*top) {
            found.push(format!("the feed of {office} has a hole"));
        }
    }
    let told: BTreeSet<_> = rows.feed.values().collect();
    found.extend(
        rows.cases
            .keys()
            .filter(|id| !told.contains(id))
            .map(|id| format!("{id} was never told")),
    );
    for entry in rows.journal.iter().filter(|entry| entry.position > 0) {
        let office = entry
            .case
            .and_then(|case| rows.cases.get(&case))
            .map(|case| case.office.clone());
        let at = office.and_then(|office| rows.feed.get(&(office, entry.position)));
        if at.copied() != entry.case {
            found.push(format!(
                "{} names a position that tells of another case",
                entry.op_id
            ));
        }
    }
    found
}

fn fresh_fill(world: &World, station: &Station) -> Option<Cases> {
    let device = station.player.device;
    let mut books = Books::new(device, Incarnation::from_uuid(device.uuid()));
    for scope in &station.player.card.offices {
        fill_scope(world, scope, &mut books)?;
    }
    Some(books.confirmed)
}

fn fill_scope(world: &World, scope: &OfficeCode, books: &mut Books) -> Option<()> {
    let mut after: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let reply = world
            .server
            .fill_page(scope, after.as_deref(), books.device)?;
        let mark = reply.next.clone().map(|next| FillMark {
            position: reply.position,
            next,
        });
        let cursor = mark.is_none().then_some(reply.position);
        let page = FeedPage {
            scope: scope.clone(),
            cursor,
            fill: true,
            changes: reply.changes,
            mark,
        };
        books.apply_page(&world.cast, &page);
        after = reply.next;
        if after.is_none() {
            return Some(());
        }
    }
    None
}

/// Without anything pending, what a person sees is the confirmed case.
fn views(station: &Station) -> Vec<String> {
    let books = &station.disk.synced;
    let pending: BTreeSet<_> = books
        .fates
        .values()
        .filter(|fate| fate.replay && fate.open)
        .map(|fate| fate.case)
        .collect();
    let settled = books.views.iter().filter(|(id, _)| !pending.contains(id));
    settled
        .filter(|(id, view)| books.confirmed.get(id) != Some(view))
        .map(|(id, _)| {
            format!(
                "{}: {id} looks different from what is confirmed",
                books.device
            )
        })
        .collect()
}

fn difference(ours: &Cases, theirs: &Cases) -> String {
    let ids: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
    let differs = ids.into_iter().filter(|id| ours.get(id) != theirs.get(id));
    let tell = |id: &desk_domain::ids::CaseId| {
        let rev = |cases: &Cases| cases.get(id).map(|case| case.rev);
        format!("{id} rev {:?} of {:?}", rev(ours), rev(theirs))
    };
    differs.map(tell).collect::<Vec<_>>().join(", ")
}
