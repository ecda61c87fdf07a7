//! The checker sees each kind of damage, done by hand to the end of a good history.

use desk_domain::case::CaseState;
use desk_domain::ids::DocumentId;
use desk_domain::op::Op;
use desk_domain::outcome::Outcome;
use desk_sim::check::check;
use desk_sim::server::Step;
use desk_sim::world::World;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A good history, damaged.
fn damaged(harm: impl FnOnce(&mut World)) -> Vec<String> {
    let mut world = World::new(4, None);
    world.run();
    assert_eq!(
        check(&world),
        Vec::<String>::new(),
        "the history is good before the harm"
    );
    harm(&mut world);
    check(&world)
}

fn says(found: &[String], what: &str) {
    assert!(
        found.iter().any(|line| line.contains(what)),
        "{what} is not among {found:#?}"
    );
}

#[test]
fn an_op_missing_from_the_log_is_seen() {
    let found = damaged(|world| {
        let journal = &mut world.server.disk.synced.journal;
        let kept = &world.ledger.confirmed;
        let last = journal
            .iter()
            .rposition(|entry| entry.counted && kept.contains_key(&entry.op_id));
        journal.remove(last.unwrap());
    });
    says(&found, "was kept and is lost");
    says(&found, "is not the end of its chain");
}

#[test]
fn an_op_counted_twice_is_seen() {
    let found = damaged(|world| {
        let journal = &mut world.server.disk.synced.journal;
        let again = Rc::clone(journal.iter().find(|entry| entry.counted).unwrap());
        journal.push(again);
    });
    says(&found, "counts 2 times");
}

#[test]
fn half_an_action_is_seen() {
    let mut world = lived(4);
    let journal = &mut world.server.disk.synced.journal;
    let group = |entry: &desk_sim::server::Entry| {
        let op = Op::parse(entry.bytes.as_deref().unwrap_or_default()).ok()?;
        (op.group.len > 1).then_some(op.group.id)
    };
    let at = journal.iter().position(|entry| group(entry).is_some());
    journal.remove(at.unwrap());
    says(&check(&world), "is in the log in part");
}

#[test]
fn a_second_verdict_and_one_that_nobody_gave_are_seen() {
    let found = damaged(|world| {
        let rows = &mut world.server.disk.synced;
        let step = rows.steps.iter().find(|step| {
            matches!(
                step,
                Step::Judged {
                    outcome: Outcome::Applied { .. },
                    ..
                }
            )
        });
        let again = step.unwrap().clone();
        rows.steps.push(again);
    });
    says(&found, "got a verdict after its verdict");
    let found = damaged(|world| {
        world.server.disk.synced.steps.pop();
    });
    says(&found, "stands in the log with a verdict that nobody gave");
}

/// A history in which the server holds a document whole, with that document.
fn with_document() -> Option<(World, DocumentId)> {
    (0..50).find_map(|seed| {
        let world = lived(seed);
        let papers = &world.server.disk.synced.papers;
        let whole = papers.iter().find(|(_, paper)| paper.stored);
        let id = whole.map(|(id, _)| *id)?;
        let good = check(&world).is_empty() && world.ledger.documents.contains_key(&id);
        good.then_some((world, id))
    })
}

#[test]
fn a_document_with_other_bytes_is_seen() {
    let (mut world, id) = with_document().unwrap();
    let name = world.ledger.documents[&id].clone();
    for ((_, hash), file) in &mut world.server.objects.whole {
        if *hash == name {
            file.bytes = Rc::new(vec![0; file.bytes.len()]);
        }
    }
    let found = check(&world);
    says(&found, "has other bytes");
    says(&found, "is called stored and is not");
}

#[test]
fn a_lost_document_is_seen() {
    let (mut world, id) = with_document().unwrap();
    let name = world.ledger.documents[&id].clone();
    world
        .server
        .objects
        .whole
        .retain(|(_, hash), _| *hash != name);
    for station in &mut world.stations {
        station.disk.synced.papers.remove(&id);
    }
    says(&check(&world), "was kept and is lost");
}

#[test]
fn a_case_that_calls_a_missing_document_stored_is_seen() {
    let (mut world, id) = with_document().unwrap();
    let papers = &mut world.server.disk.synced.papers;
    papers.get_mut(&id).unwrap().stored = false;
    says(&check(&world), "the case says true");
}

#[test]
fn a_verdict_that_differs_between_desk_and_server_is_seen() {
    let found = damaged(|world| {
        let fate = world.stations[0]
            .disk
            .synced
            .fates
            .values_mut()
            .next()
            .unwrap();
        fate.outcome = Some(Outcome::Refused {
            code: "nobody.said_so".to_owned(),
            params: BTreeMap::new(),
        });
    });
    says(&found, "the desk has");
}

#[test]
fn a_case_that_is_not_the_replay_of_the_log_is_seen() {
    let found = damaged(|world| {
        let cases = &mut world.server.disk.synced.cases;
        Rc::make_mut(cases.values_mut().next().unwrap()).rev += 1;
    });
    says(&found, "the replayed cases are not the stored ones");
    says(&found, "the confirmed view is not what the server has");
}

#[test]
fn a_changed_byte_in_either_journal_is_seen() {
    let found = damaged(|world| {
        let row = world.stations[0]
            .disk
            .synced
            .rows
            .values_mut()
            .next()
            .unwrap();
        let row = Rc::make_mut(row);
        row.bytes = row.bytes.replace("captured_at", "captured_at ").into();
    });
    says(&found, "has another hash");
    let found = damaged(|world| {
        let entry = Rc::make_mut(&mut world.server.disk.synced.journal[0]);
        entry.bytes = entry
            .bytes
            .as_ref()
            .map(|bytes| bytes.replace(",\"", ", \"").into());
    });
    says(&found, "the server's chain");
}

#[test]
fn a_hole_in_a_feed_is_seen() {
    let found = damaged(|world| {
        world.server.disk.synced.feed.pop_first();
    });
    says(&found, "has a hole");
}

#[test]
fn a_lost_losing_value_is_seen() {
    let seed = (0..50)
        .find(|seed| open_conflict(&lived(*seed)).is_some())
        .unwrap();
    let mut world = lived(seed);
    let (case, op) = open_conflict(&world).unwrap();
    let cases = &mut world.server.disk.synced.cases;
    Rc::make_mut(cases.get_mut(&case).unwrap())
        .conflicts
        .remove(&op);
    says(&check(&world), "the losing value of");
}

fn lived(seed: u64) -> World {
    let mut world = World::new(seed, None);
    world.run();
    world
}

fn open_conflict(world: &World) -> Option<(desk_domain::ids::CaseId, desk_domain::ids::OpId)> {
    let mut cases = world.server.disk.synced.cases.values();
    cases.find_map(|case| case.conflicts.keys().next().map(|op| (case.id, *op)))
}

#[test]
fn a_view_that_shows_what_nobody_confirmed_is_seen() {
    let found = damaged(|world| {
        let books = &mut world.stations[0].disk.synced;
        let mut case = books.confirmed.values().next().unwrap().as_ref().clone();
        case.state = CaseState::Closed;
        books
            .fates
            .values_mut()
            .for_each(|fate| fate.replay = false);
        books.views.insert(case.id, Rc::new(case));
    });
    says(&found, "looks different from what is confirmed");
}
