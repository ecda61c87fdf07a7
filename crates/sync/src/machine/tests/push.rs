//! Ops up.

use super::*;
use desk_protocol::error as code;

fn seqs(batch: &Batch) -> Vec<u64> {
    batch.rows.iter().map(|row| row.seq).collect()
}

#[test]
fn a_receipt_is_written_down_before_more_is_sent() {
    let mut rig = Rig::started();
    let rows = journal(incarnation(2), &[1, 2]);
    let batch = pushed(&rig.unsent(&rows));
    assert_eq!(seqs(&batch), [1, 2, 3]);
    let actions = rig.answer(&Lane::Push, Ok(reply(200, stored_up_to(&batch))));
    assert!(sent(&actions, &Lane::Push).is_none());
    match called(&actions, &Lane::Push) {
        Some(StoreCall::Acknowledge { seq, hash, .. }) => {
            assert_eq!((seq, hash), (3, rows[2].hash));
        }
        other => panic!("{other:?}"),
    }
    let actions = rig.stored(Lane::Push, StoreReply::Done);
    assert!(matches!(
        called(&actions, &Lane::Push),
        Some(StoreCall::LoadUnsent { .. })
    ));
    assert!(rig.unsent(&[]).is_empty(), "nothing left, nothing to do");
}

/// state × reply → what the push lane does. A stranger's 200 is no receipt, whatever its status.
#[test]
fn no_answer_but_our_own_receipt_moves_the_head() {
    let rows = journal(incarnation(2), &[1]);
    let foreign_head = Head {
        incarnation: incarnation(99),
        seq: 1,
        hash: rows[0].hash,
    };
    let early_head = Head {
        incarnation: incarnation(2),
        seq: 0,
        hash: ChainHash::GENESIS,
    };
    let stranger = Reply {
        stamp: None,
        ..reply(
            200,
            stored_up_to(&Batch {
                incarnation: incarnation(2),
                rows: rows.clone(),
            }),
        )
    };
    let push = |head| {
        ReplyBody::Push(PushReply {
            head,
            outcomes: Vec::new(),
        })
    };
    let answers = [
        Err(LinkError::Dns),
        Err(LinkError::Refused),
        Err(LinkError::Timeout),
        Err(LinkError::Tls),
        Err(LinkError::Cut),
        Err(LinkError::TooLarge),
        Ok(html(200)),
        Ok(html(302)),
        Ok(html(403)),
        Ok(html(502)),
        Ok(stranger),
        Ok(reply(200, ReplyBody::Unreadable)),
        Ok(reply(200, push(foreign_head))),
        Ok(reply(200, push(early_head))),
        Ok(reply(429, problem(code::RATE_LIMITED))),
        Ok(reply(500, problem(code::INTERNAL))),
        Ok(reply(503, problem(code::UNAVAILABLE))),
        Ok(reply(403, problem(code::DEVICE_REVOKED))),
        Ok(reply(400, problem(code::BAD_SIGNATURE))),
        Ok(reply(426, problem(code::UPGRADE_REQUIRED))),
    ];
    for answer in answers {
        let mut rig = Rig::started();
        pushed(&rig.unsent(&rows));
        let actions = rig.answer(&Lane::Push, answer.clone());
        assert!(
            called(&actions, &Lane::Push).is_none(),
            "{answer:?}: neither acknowledged nor parked"
        );
        assert!(
            armed(&actions, &Lane::Push).is_some(),
            "{answer:?}: tried again later"
        );
        let actions = rig.put(Input::Timer(Lane::Push));
        assert!(
            matches!(
                called(&actions, &Lane::Push),
                Some(StoreCall::LoadUnsent { .. })
            ),
            "{answer:?}"
        );
    }
}

#[test]
fn too_large_and_too_slow_halve_the_batch_and_never_split_a_group() {
    for answer in [
        Ok(reply(413, problem(code::TOO_LARGE))),
        Ok(html(413)),
        Err(LinkError::Timeout),
        Ok(html(504)),
    ] {
        let mut rig = Rig::started();
        let rows = journal(incarnation(2), &[3, 3, 3]);
        assert_eq!(pushed(&rig.unsent(&rows)).rows.len(), 9);
        let mut actions = rig.answer(&Lane::Push, answer.clone());
        if armed(&actions, &Lane::Push).is_some() {
            actions = rig.put(Input::Timer(Lane::Push));
        }
        assert!(
            matches!(
                called(&actions, &Lane::Push),
                Some(StoreCall::LoadUnsent { max_ops: 4, .. })
            ),
            "{answer:?}"
        );
        let batch = pushed(&rig.unsent(&rows));
        assert_eq!(
            seqs(&batch),
            [1, 2, 3],
            "{answer:?}: one whole group fits in four ops"
        );
        rig.answer(&Lane::Push, Ok(reply(200, stored_up_to(&batch))));
        let actions = rig.stored(Lane::Push, StoreReply::Done);
        assert!(
            matches!(
                called(&actions, &Lane::Push),
                Some(StoreCall::LoadUnsent { max_ops: 8, .. })
            ),
            "grows again"
        );
    }
}

#[test]
fn a_group_larger_than_the_bounds_still_goes_whole() {
    let mut rig = Rig::started();
    rig.machine.push.limit(2, 100);
    let rows = journal(incarnation(2), &[5, 1]);
    assert_eq!(seqs(&pushed(&rig.unsent(&rows))), [1, 2, 3, 4, 5]);
}

#[test]
fn another_4xx_bisects_to_the_group_and_parks_it_whole_and_visibly() {
    let mut rig = Rig::started();
    let rows = journal(incarnation(2), &[2, 2, 1, 1]);
    let mut actions = rig.unsent(&rows);
    let mut sizes = Vec::new();
    let parked = loop {
        let batch = pushed(&actions);
        sizes.push(batch.rows.len());
        let actions_after = rig.answer(&Lane::Push, Ok(reply(422, problem(code::BAD_OP))));
        match called(&actions_after, &Lane::Push) {
            Some(StoreCall::Park { ops, code }) => break (ops, code),
            Some(StoreCall::LoadUnsent { .. }) => actions = rig.unsent(&rows),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(sizes, [6, 2]);
    assert_eq!(parked, (vec![op_id(1), op_id(2)], code::BAD_OP.to_owned()));
    assert_eq!(
        rig.machine.status().push_trouble.as_deref(),
        Some(code::BAD_OP)
    );
    let actions = rig.stored(Lane::Push, StoreReply::Done);
    assert!(
        armed(&actions, &Lane::Push).is_some(),
        "a server that refuses all must not park a journal in a second"
    );
}

#[test]
fn a_parked_group_is_not_parked_twice() {
    let mut rig = Rig::started();
    let mut rows = journal(incarnation(2), &[1]);
    rows[0].parked = true;
    pushed(&rig.unsent(&rows));
    let actions = rig.answer(&Lane::Push, Ok(reply(422, problem(code::BAD_OP))));
    assert!(called(&actions, &Lane::Push).is_none());
    assert!(armed(&actions, &Lane::Push).is_some());
}

#[test]
fn a_gap_makes_what_the_server_lost_unsent_again() {
    let mut rig = Rig::started();
    let rows = journal(incarnation(2), &[1; 8]);
    pushed(&rig.unsent(&rows[5..]));
    let gap = ReplyBody::Problem(problem_with(code::GAP, &[("expected", "3")]));
    let actions = rig.answer(&Lane::Push, Ok(reply(409, gap)));
    assert!(
        matches!(
            called(&actions, &Lane::Push),
            Some(StoreCall::Rewind { seq: 2 })
        ),
        "{actions:?}"
    );
    let actions = rig.stored(Lane::Push, StoreReply::Done);
    assert!(matches!(
        called(&actions, &Lane::Push),
        Some(StoreCall::LoadUnsent { .. })
    ));
}

#[test]
fn a_gap_that_makes_no_sense_is_waited_out_not_believed() {
    for expected in ["", "x", "0", "6", "999", "18446744073709551616"] {
        let mut rig = Rig::started();
        let rows = journal(incarnation(2), &[1; 8]);
        pushed(&rig.unsent(&rows[5..]));
        let gap = ReplyBody::Problem(problem_with(code::GAP, &[("expected", expected)]));
        let actions = rig.answer(&Lane::Push, Ok(reply(409, gap)));
        assert!(called(&actions, &Lane::Push).is_none(), "{expected}");
        assert!(armed(&actions, &Lane::Push).is_some(), "{expected}");
    }
}

#[test]
fn a_fork_starts_a_new_life_of_the_journal() {
    let rows = journal(incarnation(2), &[1]);
    let forked = Head {
        incarnation: incarnation(2),
        seq: 1,
        hash: ChainHash::GENESIS,
    };
    let head = ReplyBody::Push(PushReply {
        head: forked,
        outcomes: Vec::new(),
    });
    for answer in [reply(409, problem(code::FORK)), reply(200, head)] {
        let mut rig = Rig::started();
        pushed(&rig.unsent(&rows));
        let actions = rig.answer(&Lane::Push, Ok(answer));
        assert!(
            matches!(
                called(&actions, &Lane::Push),
                Some(StoreCall::NewIncarnation {
                    why: NewLife::Forked
                })
            ),
            "{actions:?}"
        );
    }
}

#[test]
fn a_server_that_is_ahead_of_a_halved_batch_confirms_only_what_was_sent() {
    let mut rig = Rig::started();
    let rows = journal(incarnation(2), &[1; 4]);
    rig.machine.push.limit(2, 1 << 20);
    let batch = pushed(&rig.unsent(&rows));
    assert_eq!(batch.rows.len(), 2);
    let head = Head {
        incarnation: incarnation(2),
        seq: 4,
        hash: rows[3].hash,
    };
    let actions = rig.answer(
        &Lane::Push,
        Ok(reply(
            200,
            ReplyBody::Push(PushReply {
                head,
                outcomes: Vec::new(),
            }),
        )),
    );
    assert!(
        matches!(
            called(&actions, &Lane::Push),
            Some(StoreCall::Acknowledge { seq: 2, .. })
        ),
        "{actions:?}"
    );
}

#[test]
fn retry_after_is_honoured_on_a_receipt_too() {
    let mut rig = Rig::started();
    let rows = journal(incarnation(2), &[1, 1]);
    let batch = pushed(&rig.unsent(&rows[..1]));
    let slow = Reply {
        retry_after_ms: Some(7_000),
        ..reply(200, stored_up_to(&batch))
    };
    rig.answer(&Lane::Push, Ok(slow));
    rig.stored(Lane::Push, StoreReply::Done);
    let actions = rig.unsent(&rows[1..]);
    assert!(sent(&actions, &Lane::Push).is_none());
    assert_eq!(armed(&actions, &Lane::Push), Some(7_000));
    rig.put(Input::Timer(Lane::Push));
    assert_eq!(seqs(&pushed(&rig.unsent(&rows[1..]))), [2]);
}

#[test]
fn what_is_typed_while_a_batch_flies_is_sent_after_it() {
    let mut rig = Rig::started();
    let rows = journal(incarnation(2), &[1, 1]);
    let batch = pushed(&rig.unsent(&rows[..1]));
    assert!(
        rig.put(Input::Wake(Wake::Journal)).is_empty(),
        "one flight at a time"
    );
    rig.answer(&Lane::Push, Ok(reply(200, stored_up_to(&batch))));
    rig.stored(Lane::Push, StoreReply::Done);
    assert_eq!(seqs(&pushed(&rig.unsent(&rows[1..]))), [2]);
}

#[test]
fn a_receipt_that_cannot_be_written_down_is_fetched_again() {
    let mut rig = Rig::started();
    let rows = journal(incarnation(2), &[1]);
    let batch = pushed(&rig.unsent(&rows));
    rig.answer(&Lane::Push, Ok(reply(200, stored_up_to(&batch))));
    let full = StoreTrouble {
        code: "store.disk_full".to_owned(),
    };
    let actions = rig.put(Input::Stored {
        lane: Lane::Push,
        result: Err(full),
    });
    assert!(armed(&actions, &Lane::Push).is_some());
    rig.put(Input::Timer(Lane::Push));
    assert_eq!(
        pushed(&rig.unsent(&rows)),
        batch,
        "the same ops again; the server knows them by op id"
    );
}

#[test]
fn a_hello_that_a_receipt_has_overtaken_rewinds_nothing() {
    let mut rig = Rig::started();
    let rows = journal(incarnation(2), &[1, 2]);
    let batch = pushed(&rig.unsent(&rows));
    // Hello is on the wire; meanwhile the receipt arrives and is written down.
    rig.answer(&Lane::Push, Ok(reply(200, stored_up_to(&batch))));
    rig.stored(Lane::Push, StoreReply::Done);
    rig.unsent(&[]);
    let hello = ReplyBody::Hello(Box::new(hello_reply(Vec::new(), Vec::new())));
    rig.answer(&Lane::Hello, Ok(reply(200, hello)));
    let server = Head {
        incarnation: incarnation(2),
        seq: 0,
        hash: ChainHash::GENESIS,
    };
    let head = JournalHead {
        last_seq: 3,
        acknowledged_seq: 3,
        server,
        hash_there: None,
    };
    let mut actions = rig.stored(Lane::Hello, StoreReply::Head(head));
    actions.extend(rig.put(Input::Wake(Wake::Journal)));
    assert!(matches!(
        called(&actions, &Lane::Push),
        Some(StoreCall::LoadUnsent { .. })
    ));
    rig.unsent(&[]);
    rig.stored(Lane::Hello, StoreReply::Done);
    // Asked anew, the same answer is believed.
    rig.put(Input::Timer(Lane::Hello));
    let hello = ReplyBody::Hello(Box::new(hello_reply(Vec::new(), Vec::new())));
    rig.answer(&Lane::Hello, Ok(reply(200, hello)));
    let mut actions = rig.stored(Lane::Hello, StoreReply::Head(head));
    actions.extend(rig.put(Input::Wake(Wake::Journal)));
    assert!(matches!(
        called(&actions, &Lane::Push),
        Some(StoreCall::Rewind { seq: 0 })
    ));
}

/// A receipt that was on the line while the server was put back to a backup.
#[test]
fn a_receipt_of_another_life_of_the_server_moves_nothing() {
    let mut rig = Rig::started();
    let batch = pushed(&rig.unsent(&journal(incarnation(2), &[1])));
    let late = Reply {
        stamp: Some(Stamp {
            epoch: epoch(2),
            server_time: 0,
        }),
        ..reply(200, stored_up_to(&batch))
    };
    let actions = rig.answer(&Lane::Push, Ok(late));
    assert!(called(&actions, &Lane::Push).is_none());
    assert!(armed(&actions, &Lane::Push).is_some(), "sent again later");
}
