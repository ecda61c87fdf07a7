//! A PostgreSQL that was put back to an earlier state by its own tools, and told so.
#![expect(clippy::unwrap_used, reason = "a story ends at the first surprise")]

use desk_domain::ids::{CaseId, DocumentId};
use desk_tests::cluster::Cluster;
use desk_tests::courier_desk::CourierDesk;
use desk_tests::office::{BRANCH, Office};
use postgres::{Client, NoTls};
use std::fs;

fn rows(cluster: &Cluster, sql: &str) -> Vec<String> {
    let mut client = Client::connect(&cluster.url(), NoTls).unwrap();
    let rows = client.query(sql, &[]).unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// What desks wrote; the server's own ops are made anew in a new life.
fn counted(cluster: &Cluster) -> Vec<String> {
    let of_desks = "SELECT op_id FROM journal WHERE counted = 1 \
        AND device <> (SELECT value FROM meta WHERE key = 'server_device') ORDER BY op_id";
    rows(cluster, of_desks)
}

fn until_stored(desk: &CourierDesk, case: CaseId, document: DocumentId) {
    desk.until("the document is with the server", |desk| {
        let seen = desk.case(case);
        seen.and_then(|case| case.documents.get(&document).map(|there| there.stored)) == Some(true)
    })
    .unwrap();
}

#[test]
fn desks_send_again_what_a_put_back_postgresql_lacks_and_nothing_is_doubled() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::start().unwrap();
    let database = ("UNBIND_DESK_DATABASE".to_owned(), cluster.url().into());
    let data = folder.path().join("server");
    let mut office = Office::open_shared(&data, 1, vec![database]).unwrap();
    // Documents lie in a folder of each server here: one server is enough for this story.
    office.lose_one().unwrap();
    let desk = |login: &str| {
        let home = folder.path().join(login);
        fs::create_dir(&home).unwrap();
        CourierDesk::enrol(&office, &home, BRANCH, login).unwrap()
    };
    let (one, two) = (desk("agent1"), desk("clerk1"));
    let case = one.open_case("备份之前").unwrap();
    one.until_settled().unwrap();
    office.stop();
    cluster.keep().unwrap();
    office.restart().unwrap();
    // All of this is confirmed, and none of it is in the backup.
    two.until("the case has come", |desk| desk.case(case).is_some())
        .unwrap();
    two.note(case, "备份之后").unwrap();
    let later = one.open_case("备份之后的案").unwrap();
    let photo = one.bare.attach(later, &vec![7; 30_000]).unwrap();
    until_stored(&one, later, photo);
    two.until_settled().unwrap();
    let before = counted(&cluster);
    let in_use = office
        .admin(&["epoch", "renew", "--yes"])
        .unwrap_err()
        .to_string();
    assert!(
        in_use.contains("another server works") || in_use.contains("stop every server"),
        "{in_use}"
    );
    office.stop();
    cluster.put_back().unwrap();
    assert!(counted(&cluster).len() < before.len());
    let renewed = office.admin(&["epoch", "renew", "--yes"]).unwrap();
    assert!(renewed.contains("\"epoch_before\":"), "{renewed}");
    office.restart().unwrap();
    for desk in [&one, &two] {
        desk.sign_in_again().unwrap();
        desk.sync_now();
    }
    one.until("everything is there again", |_| {
        let there = counted(&cluster);
        before.iter().all(|op| there.contains(op))
    })
    .unwrap();
    for desk in [&one, &two] {
        desk.until_settled().unwrap();
        until_stored(desk, later, photo);
    }
    let after = counted(&cluster);
    let mut once = after.clone();
    once.dedup();
    assert_eq!(after, once, "an op counts twice");
    for desk in [&one, &two] {
        desk.until("both notes, once each", |desk| {
            let notes = desk.case(case).unwrap().notes;
            let mut texts: Vec<_> = notes.into_iter().map(|note| note.text).collect();
            texts.sort();
            texts == ["备份之前", "备份之后"]
        })
        .unwrap();
    }
    office.admin(&["audit", "verify"]).unwrap();
}
