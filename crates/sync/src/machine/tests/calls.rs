//! Listening to calls that ring.

use super::*;
use desk_protocol::calls::{Call, CallsReply};
use desk_protocol::error as code;

fn call(id: &str) -> Call {
    Call {
        call_ref: id.to_owned(),
        from: Some("13000000001".to_owned()),
        at: 1,
        ends_in_ms: 60_000,
        answered: false,
    }
}

fn said(position: u64, ids: &[&str]) -> Reply {
    let calls = ids.iter().map(|id| call(id)).collect();
    reply(200, ReplyBody::Calls(CallsReply { position, calls }))
}

/// The calls that front ends were told of, if they were.
fn told(actions: &[Action]) -> Option<Vec<String>> {
    actions.iter().rev().find_map(|action| match action {
        Action::Tell(Notice::Calls(calls)) => {
            Some(calls.iter().map(|call| call.call_ref.clone()).collect())
        }
        _ => None,
    })
}

fn asked(actions: &[Action]) -> u64 {
    match sent(actions, &Lane::Calls) {
        Some(Request::Calls { cursor, .. }) => cursor,
        other => panic!("no question but {other:?}"),
    }
}

fn greet(rig: &mut Rig, hears_calls: bool) -> Vec<Action> {
    let hello = HelloReply {
        hears_calls,
        ..hello_reply(Vec::new(), vec![scope()])
    };
    let hello = ReplyBody::Hello(Box::new(hello));
    let mut actions = rig.answer(&Lane::Hello, Ok(reply(200, hello)));
    let nothing = Head {
        incarnation: incarnation(2),
        seq: 0,
        hash: ChainHash::GENESIS,
    };
    let head = JournalHead {
        last_seq: 0,
        acknowledged_seq: 0,
        server: nothing,
        hash_there: None,
    };
    actions.extend(rig.stored(Lane::Hello, StoreReply::Head(head)));
    actions.extend(rig.stored(Lane::Hello, StoreReply::Done));
    actions
}

fn listening() -> Rig {
    let mut rig = Rig::started();
    assert_eq!(asked(&greet(&mut rig, true)), 0);
    rig
}

#[test]
fn a_desk_listens_only_where_hello_says_that_there_is_something_to_hear() {
    let mut rig = Rig::started();
    assert!(sent(&greet(&mut rig, false), &Lane::Calls).is_none());
}

#[test]
fn what_rings_is_told_whenever_it_changes_and_the_next_question_follows_at_once() {
    let mut rig = listening();
    let actions = rig.answer(&Lane::Calls, Ok(said(1, &["a"])));
    assert_eq!(told(&actions), Some(vec!["a".to_owned()]));
    assert_eq!(asked(&actions), 1);
    rig.now += 20_000;
    let actions = rig.answer(&Lane::Calls, Ok(said(2, &[])));
    assert_eq!(told(&actions), Some(Vec::new()));
    assert_eq!(asked(&actions), 2);
    rig.now += 50_000;
    assert_eq!(told(&rig.answer(&Lane::Calls, Ok(said(2, &[])))), None);
}

#[test]
fn a_server_that_does_not_wait_is_not_asked_in_a_circle() {
    let mut rig = listening();
    let actions = rig.answer(&Lane::Calls, Ok(said(0, &[])));
    assert!(sent(&actions, &Lane::Calls).is_none());
    assert_eq!(armed(&actions, &Lane::Calls), Some(1_000));
    assert_eq!(asked(&rig.put(Input::Timer(Lane::Calls))), 0);
}

#[test]
fn a_line_that_is_lost_rings_nowhere_and_is_asked_anew_from_the_beginning() {
    let mut rig = listening();
    rig.answer(&Lane::Calls, Ok(said(7, &["a"])));
    let actions = rig.answer(&Lane::Calls, Err(LinkError::Cut));
    assert_eq!(told(&actions), Some(Vec::new()));
    assert!(armed(&actions, &Lane::Calls).is_some());
    assert_eq!(asked(&rig.put(Input::Timer(Lane::Calls))), 0);
}

#[test]
fn rights_that_are_gone_end_it_until_hello_says_otherwise() {
    let mut rig = listening();
    rig.answer(&Lane::Calls, Ok(said(7, &["a"])));
    let actions = rig.answer(&Lane::Calls, Ok(reply(403, problem(code::FORBIDDEN))));
    assert_eq!(told(&actions), Some(Vec::new()));
    assert!(sent(&actions, &Lane::Calls).is_none() && armed(&actions, &Lane::Calls).is_none());
    assert!(sent(&rig.put(Input::Wake(Wake::Person)), &Lane::Calls).is_none());
    assert_eq!(asked(&greet(&mut rig, true)), 0);
}

#[test]
fn who_signs_out_hears_nothing_more() {
    let mut rig = listening();
    rig.answer(&Lane::Calls, Ok(said(7, &["a"])));
    let actions = rig.put(Input::SessionSet(None));
    assert_eq!(told(&actions), Some(Vec::new()));
    assert!(sent(&actions, &Lane::Calls).is_none());
}
