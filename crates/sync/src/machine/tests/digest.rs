//! Comparing what is here with what the server has.

use super::*;
use desk_domain::digest::{Sum, Sums};
use desk_protocol::digest::{DigestAsk, DigestPlace, DigestReply};
use desk_protocol::error as code;
use desk_protocol::sync::{Change, PullReply};

fn feed() -> Lane {
    Lane::Pull(scope())
}
fn case(n: u64) -> CaseId {
    CaseId::parse(&text_id(n)).unwrap()
}
fn gone() -> Change {
    Change::CaseGone { case: case(8) }
}
fn page(cursor: u64, changes: Vec<Change>) -> Reply {
    reply(
        200,
        ReplyBody::Pull(PullReply {
            scope: scope(),
            cursor,
            more: false,
            changes,
        }),
    )
}

/// A feed that stands at 5 with nothing more to give, and what came of learning that.
fn caught_up() -> (Rig, Vec<Action>) {
    let mut rig = Rig::started();
    rig.greet(vec![scope()]);
    rig.stored(
        feed(),
        StoreReply::Cursor {
            cursor: Some(5),
            mark: None,
        },
    );
    let actions = rig.answer(&feed(), Ok(page(5, Vec::new())));
    (rig, actions)
}

/// The first comparison is due; the store is asked for digests.
fn due() -> Rig {
    let (mut rig, actions) = caught_up();
    assert!(
        called(&actions, &Lane::Digest).is_none(),
        "not at once: {actions:?}"
    );
    rig.now += 121_000;
    let actions = rig.answer(&feed(), Ok(page(5, Vec::new())));
    assert!(matches!(
        called(&actions, &Lane::Digest),
        Some(StoreCall::LoadDigest { .. })
    ));
    rig
}

fn sums() -> Sums {
    let mut sums = Sums::default();
    sums.add(8, Sum::from_bytes([3; 32]));
    sums
}

fn taken(rig: &mut Rig) -> Vec<Action> {
    rig.stored(
        Lane::Digest,
        StoreReply::Digest {
            cursor: 5,
            sums: Box::new(sums()),
        },
    )
}

fn asked(actions: &[Action]) -> DigestAsk {
    match sent(actions, &Lane::Digest) {
        Some(Request::Digest { cursor: 5, ask, .. }) => ask,
        other => panic!("no question but {other:?}"),
    }
}

fn said(same: bool, differing: Vec<u8>) -> DigestReply {
    DigestReply {
        scope: scope(),
        position: 5,
        compared: true,
        same,
        differing,
        changes: Vec::new(),
        next: None,
    }
}
fn say(rig: &mut Rig, said: DigestReply) -> Vec<Action> {
    rig.answer(&Lane::Digest, Ok(reply(200, ReplyBody::Digest(said))))
}

fn is_at_rest(rig: &mut Rig, for_ms: i64) {
    rig.now += for_ms - 1_000;
    let actions = rig.answer(&feed(), Ok(page(5, Vec::new())));
    assert!(called(&actions, &Lane::Digest).is_none(), "{actions:?}");
    rig.now += 2_000;
    let actions = rig.answer(&feed(), Ok(page(5, Vec::new())));
    assert!(called(&actions, &Lane::Digest).is_some(), "{actions:?}");
}

#[test]
fn a_clock_that_is_put_back_does_not_put_the_comparison_off() {
    let (mut rig, _) = caught_up();
    rig.now -= 30 * 24 * 3_600_000;
    let actions = rig.answer(&feed(), Ok(page(5, Vec::new())));
    assert!(called(&actions, &Lane::Digest).is_some(), "{actions:?}");
}

#[test]
fn a_poll_that_brings_nothing_is_one_request() {
    let (_, actions) = caught_up();
    let sends = actions
        .iter()
        .filter(|action| matches!(action, Action::Send { .. }));
    assert_eq!(sends.count(), 1, "{actions:?}");
}

#[test]
fn when_everything_is_the_same_one_hash_is_asked_about_and_then_an_hour_is_rest() {
    let mut rig = due();
    let ask = asked(&taken(&mut rig));
    assert_eq!(
        ask,
        DigestAsk::Whole {
            hash: sums().whole()
        }
    );
    let actions = say(&mut rig, said(true, Vec::new()));
    assert!(sent(&actions, &Lane::Digest).is_none());
    is_at_rest(&mut rig, 3_600_000);
}

#[test]
fn digests_that_are_behind_are_taken_in_portions_between_which_others_have_their_turn() {
    let mut rig = due();
    for _ in 0..3 {
        let actions = rig.stored(Lane::Digest, StoreReply::DigestWorking);
        assert!(matches!(
            called(&actions, &Lane::Digest),
            Some(StoreCall::LoadDigest { .. })
        ));
    }
    asked(&taken(&mut rig));
}

#[test]
fn a_scope_that_is_not_filled_is_left_alone() {
    let mut rig = due();
    let actions = rig.stored(Lane::Digest, StoreReply::Done);
    assert!(sent(&actions, &Lane::Digest).is_none());
}

#[test]
fn a_difference_is_narrowed_down_and_mended_page_by_page_and_told() {
    let mut rig = due();
    taken(&mut rig);
    let buckets = asked(&say(&mut rig, said(false, Vec::new())));
    assert_eq!(
        buckets,
        DigestAsk::Buckets {
            hashes: sums().hashes()
        }
    );
    let wanted = asked(&say(&mut rig, said(false, vec![8, 9])));
    assert_eq!(
        wanted,
        DigestAsk::Cases {
            buckets: vec![8, 9],
            after: None
        }
    );
    let next = DigestPlace {
        bucket: 8,
        case: case(8),
    };
    let first = DigestReply {
        changes: vec![gone()],
        next: Some(next),
        ..said(false, Vec::new())
    };
    let Some(StoreCall::ApplyRepair(page)) = called(&say(&mut rig, first), &Lane::Digest) else {
        panic!("the page is applied");
    };
    assert_eq!(
        (page.position, &page.buckets, page.after, page.until),
        (5, &vec![8, 9], None, Some(next))
    );
    let mended = |cases| StoreReply::Mended {
        cases,
        outdated: false,
    };
    let wanted = asked(&rig.stored(Lane::Digest, mended(2)));
    assert_eq!(
        wanted,
        DigestAsk::Cases {
            buckets: vec![8, 9],
            after: Some(next)
        }
    );
    let Some(StoreCall::ApplyRepair(page)) =
        called(&say(&mut rig, said(false, Vec::new())), &Lane::Digest)
    else {
        panic!("the last page is applied too: what is not in it is not there");
    };
    assert_eq!((page.after, page.until), (Some(next), None));
    let actions = rig.stored(Lane::Digest, mended(1));
    assert!(
        actions
            .iter()
            .any(|action| matches!(action, Action::Tell(Notice::Repaired { cases: 3, .. })))
    );
    is_at_rest(&mut rig, 3_600_000);
}

#[test]
fn a_feed_that_has_moved_on_is_compared_again_soon() {
    let mut rig = due();
    taken(&mut rig);
    let moved = DigestReply {
        compared: false,
        ..said(false, Vec::new())
    };
    say(&mut rig, moved);
    is_at_rest(&mut rig, 30_000);
}

#[test]
fn an_outdated_repair_is_given_up_and_begun_again_soon() {
    let mut rig = due();
    taken(&mut rig);
    say(&mut rig, said(false, Vec::new()));
    say(&mut rig, said(false, vec![8]));
    say(&mut rig, said(false, Vec::new()));
    let actions = rig.stored(
        Lane::Digest,
        StoreReply::Mended {
            cases: 0,
            outdated: true,
        },
    );
    assert!(sent(&actions, &Lane::Digest).is_none());
    is_at_rest(&mut rig, 30_000);
}

#[test]
fn a_server_that_does_not_know_the_question_is_not_asked_again_for_an_hour() {
    let mut rig = due();
    taken(&mut rig);
    let actions = rig.answer(&Lane::Digest, Ok(reply(404, problem(code::NOT_FOUND))));
    assert!(sent(&actions, &Lane::Digest).is_none());
    is_at_rest(&mut rig, 3_600_000);
}

#[test]
fn a_cut_line_asks_the_same_again_after_a_wait() {
    let mut rig = due();
    taken(&mut rig);
    let actions = rig.answer(&Lane::Digest, Err(LinkError::Cut));
    assert!(armed(&actions, &Lane::Digest).is_some());
    let again = asked(&rig.put(Input::Timer(Lane::Digest)));
    assert!(matches!(again, DigestAsk::Whole { .. }));
}

#[test]
fn a_full_disk_makes_the_same_page_come_again() {
    let mut rig = due();
    taken(&mut rig);
    say(&mut rig, said(false, Vec::new()));
    say(&mut rig, said(false, vec![8]));
    say(&mut rig, said(false, Vec::new()));
    rig.put(Input::Stored {
        lane: Lane::Digest,
        result: Err(StoreTrouble {
            code: "store.disk_full".to_owned(),
        }),
    });
    let again = asked(&rig.put(Input::Timer(Lane::Digest)));
    assert!(matches!(again, DigestAsk::Cases { after: None, .. }));
}

#[test]
fn a_person_who_insists_is_not_kept_waiting() {
    let (mut rig, _) = caught_up();
    let actions = rig.put(Input::Wake(Wake::Person));
    assert!(matches!(
        called(&actions, &Lane::Digest),
        Some(StoreCall::LoadDigest { .. })
    ));
}

#[test]
fn an_answer_of_another_life_of_the_server_is_not_believed() {
    let mut rig = due();
    taken(&mut rig);
    let strange = Reply {
        stamp: Some(Stamp {
            epoch: epoch(2),
            server_time: 1_000,
        }),
        ..reply(200, ReplyBody::Digest(said(false, Vec::new())))
    };
    let actions = rig.answer(&Lane::Digest, Ok(strange));
    assert!(sent(&actions, &Lane::Digest).is_none());
}

#[test]
fn a_server_that_lacks_acknowledged_ops_has_its_cases_compared_at_once() {
    let (mut rig, _) = caught_up();
    rig.put(Input::Timer(Lane::Hello));
    let hello = hello_reply(Vec::new(), vec![scope()]);
    rig.answer(
        &Lane::Hello,
        Ok(reply(200, ReplyBody::Hello(Box::new(hello)))),
    );
    let nothing = Head {
        incarnation: incarnation(2),
        seq: 0,
        hash: ChainHash::GENESIS,
    };
    let head = JournalHead {
        last_seq: 5,
        acknowledged_seq: 5,
        server: nothing,
        hash_there: None,
    };
    let actions = rig.stored(Lane::Hello, StoreReply::Head(head));
    assert!(matches!(
        called(&actions, &Lane::Digest),
        Some(StoreCall::LoadDigest { .. })
    ));
}

#[test]
fn a_feed_that_is_behind_its_reader_makes_hello_look_at_the_ops_as_well() {
    let (mut rig, _) = caught_up();
    let refusal = reply(409, problem(code::CURSOR_INVALID));
    let actions = rig.answer(&feed(), Ok(refusal));
    assert!(matches!(sent(&actions, &Lane::Hello), Some(Request::Hello)));
    assert!(matches!(
        called(&actions, &feed()),
        Some(StoreCall::ResetScope { .. })
    ));
}
