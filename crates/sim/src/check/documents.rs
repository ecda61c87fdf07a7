//! Documents: each whole is what its name says, none that a screen called kept is lost, none waits for ever.

use crate::desk::{Books, Paper, Transfer};
use crate::paper::hash;
use crate::server::Server;
use crate::world::World;
use desk_domain::ids::DocumentId;
use desk_domain::outcome::Outcome;

pub(super) fn check(world: &World) -> Vec<String> {
    let mut found = Vec::new();
    for ((office, name), file) in &world.server.objects.whole {
        if hash(&file.bytes) != *name {
            found.push(format!("document {name} of {office} has other bytes"));
        }
    }
    for station in &world.stations {
        let books = &station.disk.synced;
        for (id, paper) in &books.papers {
            let other = |bytes: &crate::paper::Bytes| hash(bytes) != paper.manifest.sha256;
            if paper.bytes.as_ref().is_some_and(other) {
                found.push(format!("{}: document {id} has other bytes", books.device));
            }
            if paper.transfer == Transfer::Stored && !is_whole(&world.server, *id) {
                found.push(format!(
                    "{}: document {id} is called stored and is not",
                    books.device
                ));
            }
        }
    }
    let kept = world.ledger.documents.keys();
    let kept = kept.filter(|id| !world.ledger.excused_documents.contains(id));
    found.extend(
        kept.filter(|id| !is_whole(&world.server, **id) && !is_on_a_desk(world, **id))
            .map(|id| format!("document {id} was kept and is lost")),
    );
    found.extend(said_once(world));
    found
}

/// The case says "stored" exactly when the bytes are there.
fn said_once(world: &World) -> Vec<String> {
    let rows = &world.server.disk.synced;
    let mut found = Vec::new();
    for case in rows.cases.values() {
        for (id, document) in &case.documents {
            let stored = rows.papers.get(id).map(|paper| paper.stored);
            if stored != Some(document.stored) {
                found.push(format!(
                    "document {id}: the case says {}, the list {stored:?}",
                    document.stored
                ));
            }
        }
    }
    found
}

/// The server has every byte and knows it.
fn is_whole(server: &Server, id: DocumentId) -> bool {
    let paper = server.disk.synced.papers.get(&id);
    paper.is_some_and(|paper| {
        let key = (paper.shelf.clone(), paper.manifest.sha256.clone());
        let file = server.objects.whole.get(&key);
        paper.stored && file.is_some_and(|file| hash(&file.bytes) == paper.manifest.sha256)
    })
}

fn is_on_a_desk(world: &World, id: DocumentId) -> bool {
    world.stations.iter().any(|station| {
        let paper = station.disk.synced.papers.get(&id);
        paper.is_some_and(|paper| paper.bytes.is_some())
    })
}

/// Documents of a desk that still have to move: up, if the server was told of them; down, if the server has them.
pub fn documents_waiting(server: &Server, books: &Books) -> Vec<DocumentId> {
    let waits = |(id, paper): &(&DocumentId, &Paper)| match paper.transfer {
        Transfer::ToSend => is_announced(books, paper),
        Transfer::Wanted => {
            let there = server.disk.synced.papers.get(id);
            books.confirmed.contains_key(&paper.case) && there.is_some_and(|there| there.stored)
        }
        Transfer::Stored | Transfer::Absent | Transfer::Fetched => false,
    };
    let waiting = books.papers.iter().filter(waits);
    waiting.map(|(id, _)| *id).collect()
}

/// The op that attached it was taken; one that is parked, held or refused announces nothing.
fn is_announced(books: &Books, paper: &Paper) -> bool {
    let fate = paper.op.and_then(|op| books.fates.get(&op));
    let outcome = fate.and_then(|fate| fate.outcome.as_ref());
    matches!(
        outcome,
        Some(Outcome::Applied { .. } | Outcome::Noop { .. } | Outcome::Conflict { .. })
    )
}
