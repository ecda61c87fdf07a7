//! Digests: three questions, each only when the one before gave reason for it.

use crate::support::{Desk, HERE, THERE, TestOffice, office};
use desk_domain::case::Case;
use desk_domain::digest::{SHAPE, Sum, Sums, bucket_of};
use serde_json::{Value, json};

fn ask(desk: &Desk, cursor: u64, ask: &Value) -> Value {
    let body = json!({"scope": HERE, "cursor": cursor, "shape": SHAPE, "ask": ask}).to_string();
    let reply = desk.send("POST", "/v1/sync/digest", body.as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

/// What a desk that has pulled everything holds: where it stands, and its cases.
fn held(desk: &Desk) -> (u64, Vec<Case>) {
    let page = desk.pull(HERE, 0, 0).json();
    let changes = page["changes"].as_array().unwrap().iter();
    let cases = changes
        .filter(|change| change["of"] == "case")
        .map(|change| serde_json::from_value(change["case"].clone()).unwrap());
    (page["cursor"].as_u64().unwrap(), cases.collect())
}

fn sums(cases: &[Case]) -> Sums {
    let mut sums = Sums::default();
    for case in cases {
        sums.add(bucket_of(case.id), Sum::of(case).unwrap());
    }
    sums
}

fn set_up(count: usize) -> (TestOffice, Desk) {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    for _ in 0..count {
        let (case, create) = desk.new_case();
        let note = desk.note(case, "示例");
        desk.write(vec![create, note]);
    }
    (office, desk)
}

#[test]
fn a_desk_that_holds_what_the_server_holds_hears_so_in_a_few_bytes() {
    let (_office, mut desk) = set_up(4);
    let (cursor, cases) = held(&desk);
    let whole = json!({"for": "whole", "hash": sums(&cases).whole()});
    let body = json!({"scope": HERE, "cursor": cursor, "shape": SHAPE, "ask": whole}).to_string();
    let reply = desk.send("POST", "/v1/sync/digest", body.as_bytes());
    assert!(body.len() + reply.body.len() <= 600);
    let reply = reply.json();
    assert_eq!(
        (&reply["compared"], &reply["same"]),
        (&json!(true), &json!(true))
    );
    // A change is in the sums as soon as it is in the feed.
    let note = desk.note(cases[0].id, "又一句");
    desk.write(vec![note]);
    assert_eq!(ask(&desk, cursor, &whole)["compared"], false, "moved on");
    let (cursor, cases) = held(&desk);
    let whole = json!({"for": "whole", "hash": sums(&cases).whole()});
    assert_eq!(ask(&desk, cursor, &whole)["same"], true);
}

#[test]
fn the_bucket_that_differs_is_named_and_its_cases_are_given_with_their_history() {
    let (_office, desk) = set_up(5);
    let (cursor, cases) = held(&desk);
    let mut wrong = cases.clone();
    wrong[3].rev += 1;
    let whole = json!({"for": "whole", "hash": sums(&wrong).whole()});
    assert_eq!(ask(&desk, cursor, &whole)["same"], false);
    let buckets = json!({"for": "buckets", "hashes": sums(&wrong).hashes()});
    let bucket = bucket_of(cases[3].id);
    assert_eq!(ask(&desk, cursor, &buckets)["differing"], json!([bucket]));
    let reply = ask(&desk, cursor, &json!({"for": "cases", "buckets": [bucket]}));
    let given: Vec<Case> = reply["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| serde_json::from_value(change["case"].clone()).unwrap())
        .collect();
    assert!(given.contains(&cases[3]));
    assert!(given.iter().all(|case| bucket_of(case.id) == bucket));
    assert_eq!(reply["changes"][0]["timeline"].as_array().unwrap().len(), 2);
    assert_eq!(reply["changes"][0]["outcomes"].as_array().unwrap().len(), 2);
    assert_eq!(reply["next"], Value::Null);
}

#[test]
fn cases_come_page_by_page_each_once() {
    let (_office, desk) = set_up(120);
    let (cursor, cases) = held(&desk);
    let all: Vec<u8> = (0..=255).collect();
    let (mut after, mut seen, mut pages) = (Value::Null, Vec::new(), 0);
    loop {
        let reply = ask(
            &desk,
            cursor,
            &json!({"for": "cases", "buckets": all, "after": after}),
        );
        pages += 1;
        for change in reply["changes"].as_array().unwrap() {
            seen.push(change["case"]["id"].as_str().unwrap().to_owned());
        }
        after = reply["next"].clone();
        if after.is_null() {
            break;
        }
    }
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!((count, seen.len(), pages), (120, cases.len(), 3));
}

#[test]
fn another_shape_is_never_compared_and_another_office_is_not_there() {
    let (office, desk) = set_up(1);
    let (cursor, cases) = held(&desk);
    let whole = json!({"for": "whole", "hash": sums(&cases).whole()});
    let body = json!({"scope": HERE, "cursor": cursor, "shape": SHAPE + 1, "ask": whole});
    let send = |desk: &Desk, body: &Value| {
        desk.send("POST", "/v1/sync/digest", body.to_string().as_bytes())
    };
    assert_eq!(send(&desk, &body).json()["compared"], false);
    let stranger = office.desk(THERE, "stranger");
    let reply = send(&stranger, &body);
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (404, "request.not_found")
    );
    for bad in [json!({"for": "cases"}), json!({"for": "all"}), json!(1)] {
        let body = json!({"scope": HERE, "cursor": 0, "shape": SHAPE, "ask": bad});
        assert_eq!(send(&desk, &body).code(), "request.bad_json");
    }
    let few = json!({"for": "buckets", "hashes": ["ab"]});
    let reply = ask(&desk, cursor, &few);
    assert_eq!(reply["differing"].as_array().unwrap().len(), 256);
}

#[test]
fn cases_from_before_there_were_digests_are_counted() {
    let (mut office, desk) = set_up(3);
    let (cursor, cases) = held(&desk);
    let whole = json!({"for": "whole", "hash": sums(&cases).whole()});
    assert_eq!(ask(&desk, cursor, &whole)["same"], true);
    office
        .house()
        .repo
        .write_blocking(|conn| {
            // As the migration leaves them, under another shape.
            conn.execute_batch(
                "UPDATE case_digest SET digest = NULL, is_stale = 0; DELETE FROM digest_bucket; \
                 UPDATE meta SET value = '0' WHERE key = 'digest_shape';",
            )?;
            Ok(())
        })
        .unwrap();
    office.restart();
    let desk = Desk {
        addr: office.addr(),
        ..desk
    };
    assert_eq!(ask(&desk, cursor, &whole)["same"], true);
}
