//! The pack that is built into the desk.

use super::Bench;
use crate::demo::{Pack, shipped};
use desk_domain::calendar::shanghai_day;
use desk_domain::case::CaseState;
use desk_domain::testkit::{DAY, MONDAY};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Numbers of this kind are given to nobody; the demo uses no other.
const FAKE_PHONES: &str = "130000";
/// Years after the pack was made.
const TODAY: i64 = MONDAY + 700 * DAY;

fn pack() -> Pack {
    serde_json::from_slice(shipped()).unwrap()
}

fn state(case: &Value) -> String {
    case["state"].as_str().unwrap().to_owned()
}

#[test]
fn a_pack_with_an_unknown_part_is_refused() {
    let mut text: Value = serde_json::from_slice(shipped()).unwrap();
    text["surprise"] = json!(1);
    assert!(serde_json::from_value::<Pack>(text).is_err());
}

#[test]
fn every_state_is_in_the_pack() {
    let states: BTreeSet<CaseState> = pack().cases.iter().map(|(case, _)| case.state).collect();
    assert_eq!(states.len(), CaseState::ALL.len());
    assert_eq!(pack().cases.len(), 60);
}

#[test]
fn every_phone_in_the_pack_is_visibly_fake() {
    let text = String::from_utf8(shipped().to_vec()).unwrap();
    let phones: Vec<&str> = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| word.len() == 11 && word.starts_with('1'))
        .filter(|word| word.bytes().all(|byte| byte.is_ascii_digit()))
        .collect();
    assert!(phones.len() > 60);
    assert_eq!(
        phones.iter().find(|phone| !phone.starts_with(FAKE_PHONES)),
        None
    );
}

#[test]
fn the_newest_story_happened_yesterday_and_its_number_says_so() {
    let told = pack().told_by(TODAY);
    let newest = told
        .cases
        .iter()
        .flat_map(|(case, timeline)| {
            timeline
                .iter()
                .map(|line| line.at)
                .chain([case.moments.created_at])
        })
        .max();
    assert_eq!(shanghai_day(newest.unwrap()), shanghai_day(TODAY - DAY));
    for (case, _) in &told.cases {
        assert_eq!(
            case.case_no.opened_on(),
            Some(shanghai_day(case.moments.created_at))
        );
        let promised = case.promise_date.as_deref().unwrap_or("9999-12-31");
        assert!(promised > shanghai_day(case.moments.created_at).to_string().as_str());
    }
    let distance = |pack: &Pack| {
        let case = &pack.cases.first().unwrap().0;
        case.moments.closed_at.unwrap() - case.moments.created_at
    };
    assert_eq!(distance(&told), distance(&pack()));
}

#[test]
fn one_click_shows_a_full_queue_and_a_ringing_call() {
    let bench = Bench::on(
        Arc::new(tempfile::tempdir().unwrap()),
        Some(shipped()),
        1,
        TODAY,
    );
    let status = bench.ask("setup_demo", json!({}));
    assert_eq!(
        (&status["phase"], &status["demo"]),
        (&json!("ready"), &json!(true))
    );
    assert_eq!(status["ringing"]["demo"], true);
    let mut seen = BTreeSet::new();
    let mut after = Value::Null;
    loop {
        let page = bench.ask(
            "queue",
            json!({ "filter": "all", "after": after, "limit": 50 }),
        );
        seen.extend(page["rows"].as_array().unwrap().iter().map(state));
        after = page["next"].clone();
        if after.is_null() {
            break;
        }
    }
    assert_eq!(seen.len(), CaseState::ALL.len());
}
