//! Feeds down, and the server's lives.

use super::*;
use desk_protocol::error as code;
use desk_protocol::sync::{Change, PullReply, SnapshotReply};

fn lane() -> Lane {
    Lane::Pull(scope())
}
fn gone() -> Change {
    Change::CaseGone {
        case: CaseId::parse(&text_id(8)).unwrap(),
    }
}
fn page(cursor: u64, more: bool, changes: Vec<Change>) -> Reply {
    reply(
        200,
        ReplyBody::Pull(PullReply {
            scope: scope(),
            cursor,
            more,
            changes,
        }),
    )
}
fn fill(position: u64, next: Option<&str>) -> Reply {
    let next = next.map(str::to_owned);
    reply(
        200,
        ReplyBody::Snapshot(SnapshotReply {
            scope: scope(),
            position,
            next,
            changes: vec![gone()],
        }),
    )
}
/// Hello is through and the feed stands at `cursor`; its first pull is in the air.
fn pulling(cursor: u64) -> Rig {
    let mut rig = Rig::started();
    let actions = rig.greet(vec![scope()]);
    assert!(matches!(
        called(&actions, &lane()),
        Some(StoreCall::LoadCursor { .. })
    ));
    let actions = rig.stored(
        lane(),
        StoreReply::Cursor {
            cursor: Some(cursor),
            mark: None,
        },
    );
    assert!(
        matches!(
            sent(&actions, &lane()),
            Some(Request::Pull { wait_ms: 0, .. })
        ),
        "catch up first: {actions:?}"
    );
    rig
}
fn applied(actions: &[Action]) -> FeedPage {
    match called(actions, &lane()) {
        Some(StoreCall::ApplyPage(page)) => *page,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_fill_goes_page_by_page_and_keeps_the_position_of_its_first_page() {
    let mut rig = Rig::started();
    rig.greet(vec![scope()]);
    let actions = rig.stored(
        lane(),
        StoreReply::Cursor {
            cursor: None,
            mark: None,
        },
    );
    assert!(matches!(
        sent(&actions, &lane()),
        Some(Request::Snapshot { after: None, .. })
    ));
    let first = applied(&rig.answer(&lane(), Ok(fill(40, Some("a")))));
    assert_eq!(
        (first.cursor, first.fill),
        (None, true),
        "no cursor before the fill is whole"
    );
    assert_eq!(
        first.mark,
        Some(FillMark {
            position: 40,
            next: "a".to_owned()
        })
    );
    let actions = rig.stored(lane(), StoreReply::Done);
    assert!(
        matches!(sent(&actions, &lane()), Some(Request::Snapshot { after: Some(after), .. }) if after == "a")
    );
    let last = applied(&rig.answer(&lane(), Ok(fill(77, None))));
    assert_eq!(
        (last.cursor, last.mark),
        (Some(40), None),
        "what changed meanwhile is pulled again"
    );
    let actions = rig.stored(lane(), StoreReply::Done);
    assert!(matches!(
        sent(&actions, &lane()),
        Some(Request::Pull { cursor: 40, .. })
    ));
}

#[test]
fn a_fill_goes_on_where_a_restart_broke_it_off() {
    let mut rig = Rig::started();
    rig.greet(vec![scope()]);
    let mark = Some(FillMark {
        position: 12,
        next: "m".to_owned(),
    });
    let actions = rig.stored(lane(), StoreReply::Cursor { cursor: None, mark });
    assert!(
        matches!(sent(&actions, &lane()), Some(Request::Snapshot { after: Some(after), .. }) if after == "m")
    );
    let last = applied(&rig.answer(&lane(), Ok(fill(99, None))));
    assert_eq!(last.cursor, Some(12));
}

#[test]
fn the_next_page_is_asked_for_only_when_the_store_has_this_one() {
    let mut rig = pulling(5);
    let actions = rig.answer(&lane(), Ok(page(9, true, vec![gone()])));
    assert_eq!(applied(&actions).cursor, Some(9));
    assert!(sent(&actions, &lane()).is_none());
    let full = StoreTrouble {
        code: "store.disk_full".to_owned(),
    };
    rig.put(Input::Stored {
        lane: lane(),
        result: Err(full),
    });
    let actions = rig.put(Input::Timer(lane()));
    assert!(
        matches!(
            sent(&actions, &lane()),
            Some(Request::Pull { cursor: 5, .. })
        ),
        "the page is fetched again"
    );
    rig.answer(&lane(), Ok(page(9, false, vec![gone()])));
    let actions = rig.stored(lane(), StoreReply::Done);
    assert!(
        matches!(
            sent(&actions, &lane()),
            Some(Request::Pull {
                cursor: 9,
                wait_ms: 50_000,
                ..
            })
        ),
        "now it waits"
    );
}

#[test]
fn an_empty_long_poll_writes_nothing_and_a_hasty_one_does_not_spin() {
    let mut rig = pulling(5);
    let actions = rig.answer(&lane(), Ok(page(5, false, Vec::new())));
    assert!(called(&actions, &lane()).is_none());
    assert!(matches!(
        sent(&actions, &lane()),
        Some(Request::Pull {
            wait_ms: 50_000,
            ..
        })
    ));
    let actions = rig.answer(&lane(), Ok(page(5, false, Vec::new())));
    assert_eq!(
        armed(&actions, &lane()),
        Some(1_000),
        "a server that does not wait is not asked in a loop"
    );
    rig.put(Input::Timer(lane()));
    rig.now += 49_000;
    let actions = rig.answer(&lane(), Ok(page(5, false, Vec::new())));
    assert!(sent(&actions, &lane()).is_some());
}

#[test]
fn a_feed_that_turns_back_or_belongs_to_another_scope_is_not_applied() {
    let other = PullReply {
        scope: OfficeCode::parse("HQ000").unwrap(),
        cursor: 9,
        more: false,
        changes: vec![gone()],
    };
    for answer in [
        page(4, false, vec![gone()]),
        reply(200, ReplyBody::Pull(other)),
        fill(9, None),
        html(200),
    ] {
        let mut rig = pulling(5);
        let actions = rig.answer(&lane(), Ok(answer.clone()));
        assert!(called(&actions, &lane()).is_none(), "{answer:?}");
    }
}

#[test]
fn too_old_to_read_stops_reading_only() {
    for answer in [
        reply(426, problem(code::UPGRADE_REQUIRED)),
        reply(200, ReplyBody::Unreadable),
    ] {
        let mut rig = pulling(5);
        let actions = rig.answer(&lane(), Ok(answer));
        assert!(armed(&actions, &lane()).is_some());
        assert_eq!(rig.machine.status().link, crate::Link::UpgradeNeeded);
        rig.put(Input::Wake(Wake::Journal));
        let rows = journal(incarnation(2), &[1]);
        assert_eq!(
            pushed(&rig.unsent(&rows)).rows.len(),
            1,
            "what is typed still goes up"
        );
    }
}

#[test]
fn a_cursor_that_the_server_does_not_know_fills_anew_without_touching_the_journal() {
    let mut rig = pulling(5);
    let actions = rig.answer(&lane(), Ok(reply(409, problem(code::CURSOR_INVALID))));
    assert!(matches!(
        called(&actions, &lane()),
        Some(StoreCall::ResetScope { .. })
    ));
    let actions = rig.stored(lane(), StoreReply::Done);
    assert!(matches!(
        sent(&actions, &lane()),
        Some(Request::Snapshot { after: None, .. })
    ));
}

#[test]
fn a_middlebox_that_cuts_long_waits_makes_them_shorter() {
    let mut rig = pulling(5);
    rig.answer(&lane(), Ok(page(5, false, Vec::new())));
    rig.answer(&lane(), Err(LinkError::Timeout));
    let actions = rig.put(Input::Timer(lane()));
    assert!(
        matches!(
            sent(&actions, &lane()),
            Some(Request::Pull {
                wait_ms: 25_000,
                ..
            })
        ),
        "{actions:?}"
    );
}

#[test]
fn a_scope_that_hello_no_longer_names_is_hidden_and_its_long_poll_dropped() {
    let mut rig = pulling(5);
    rig.put(Input::Timer(Lane::Hello));
    let mut actions = rig.greet(Vec::new());
    actions.retain(|action| !matches!(action, Action::Arm { .. }));
    assert!(
        actions
            .iter()
            .any(|action| matches!(action, Action::Cancel(on) if *on == lane()))
    );
    assert!(matches!(
        called(&actions, &lane()),
        Some(StoreCall::DropScope { .. })
    ));
}

#[test]
fn another_life_of_the_server_stops_the_feeds_until_it_is_adopted() {
    let mut rig = pulling(5);
    let strange = Reply {
        stamp: Some(Stamp {
            epoch: epoch(2),
            server_time: 0,
        }),
        ..page(900, false, vec![gone()])
    };
    let actions = rig.answer(&lane(), Ok(strange));
    assert!(
        called(&actions, &lane()).is_none(),
        "a page of another life is not mixed in"
    );
    let actions_hello = sent(&actions, &Lane::Hello);
    assert_eq!(actions_hello, Some(Request::Hello));
    let heads = vec![Head {
        incarnation: incarnation(2),
        seq: 3,
        hash: ChainHash::GENESIS,
    }];
    let hello = ReplyBody::Hello(Box::new(hello_reply(heads, vec![scope()])));
    let answer = Reply {
        stamp: Some(Stamp {
            epoch: epoch(2),
            server_time: 0,
        }),
        ..reply(200, hello)
    };
    let actions = rig.answer(&Lane::Hello, Ok(answer));
    match called(&actions, &Lane::Hello) {
        Some(StoreCall::AdoptEpoch {
            epoch: new,
            scopes,
            server,
        }) => {
            assert!(new == epoch(2) && scopes.contains(&scope()));
            assert_eq!(server.len(), 1, "what the server has of us goes along");
        }
        other => panic!("{other:?}"),
    }
    let actions = rig.stored(Lane::Hello, StoreReply::Done);
    assert!(matches!(
        called(&actions, &Lane::Hello),
        Some(StoreCall::LoadHead { .. })
    ));
}

/// `sync.md` section 7, by the heads alone.
#[test]
fn heads_tell_who_was_restored() {
    let hash_a = ChainHash::after(ChainHash::GENESIS, b"a");
    let hash_b = ChainHash::after(ChainHash::GENESIS, b"b");
    let table = [
        // (server seq, our last, acknowledged, our hash there) → what the push lane asks of the store
        (3, 5, 3, Some(hash_a), "unsent"),
        (3, 5, 5, Some(hash_a), "rewind"),
        (0, 5, 5, None, "rewind"),
        (7, 5, 5, None, "new life"),
        (3, 5, 3, Some(hash_b), "new life"),
        (0, 0, 0, None, "unsent"),
    ];
    for (seq, last_seq, acknowledged_seq, hash_there, wanted) in table {
        let mut rig = Rig::started();
        rig.unsent(&[]);
        let hello = hello_reply(Vec::new(), Vec::new());
        rig.answer(
            &Lane::Hello,
            Ok(reply(200, ReplyBody::Hello(Box::new(hello)))),
        );
        let server = Head {
            incarnation: incarnation(2),
            seq,
            hash: hash_a,
        };
        let head = JournalHead {
            last_seq,
            acknowledged_seq,
            server,
            hash_there,
        };
        let mut actions = rig.stored(Lane::Hello, StoreReply::Head(head));
        actions.extend(rig.put(Input::Wake(Wake::Journal)));
        let asked = match called(&actions, &Lane::Push) {
            Some(StoreCall::LoadUnsent { .. }) => "unsent",
            Some(StoreCall::Rewind { seq: to }) if to == seq => "rewind",
            Some(StoreCall::NewIncarnation { .. }) => "new life",
            other => panic!("{other:?}"),
        };
        assert_eq!(
            asked, wanted,
            "server at {seq}, we at {last_seq}/{acknowledged_seq}"
        );
    }
}

#[test]
fn the_policy_is_told_when_it_changes_and_only_then() {
    let mut rig = Rig::started();
    let told = |actions: &[Action]| {
        actions
            .iter()
            .any(|one| matches!(one, Action::Tell(Notice::Policy { .. })))
    };
    let hello = || {
        reply(
            200,
            ReplyBody::Hello(Box::new(hello_reply(Vec::new(), Vec::new()))),
        )
    };
    assert!(told(&rig.answer(&Lane::Hello, Ok(hello()))));
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
    rig.stored(Lane::Hello, StoreReply::Head(head));
    rig.stored(Lane::Hello, StoreReply::Done);
    rig.put(Input::Timer(Lane::Hello));
    assert!(!told(&rig.answer(&Lane::Hello, Ok(hello()))));
}

/// Found by the simulator: a desk that was off when it lost an office never heard of it, and kept a place in a feed that
/// was of another life of the server when the office came back.
#[test]
fn the_first_hello_ends_what_rights_were_lost_to_while_the_desk_was_off() {
    let mut rig = Rig::started();
    let actions = rig.greet(vec![scope()]);
    match called(&actions, &Lane::Hello) {
        Some(StoreCall::KeepScopes { scopes }) => assert_eq!(scopes, [scope()]),
        other => panic!("{other:?}"),
    }
    rig.put(Input::Timer(Lane::Hello));
    let actions = rig.greet(vec![scope()]);
    assert!(
        called(&actions, &Lane::Hello).is_none(),
        "afterwards the lanes themselves know"
    );
}

/// Found by the simulator: the store made ops unsent again, and nobody told the lane that sends them.
#[test]
fn a_new_life_of_the_server_wakes_the_push_lane() {
    let mut rig = Rig::started();
    rig.unsent(&[]);
    let hello = ReplyBody::Hello(Box::new(hello_reply(Vec::new(), Vec::new())));
    let answer = Reply {
        stamp: Some(Stamp {
            epoch: epoch(2),
            server_time: 0,
        }),
        ..reply(200, hello)
    };
    rig.answer(&Lane::Hello, Ok(answer));
    rig.stored(Lane::Hello, StoreReply::Done);
    let server = Head {
        incarnation: incarnation(2),
        seq: 0,
        hash: ChainHash::GENESIS,
    };
    let head = JournalHead {
        last_seq: 3,
        acknowledged_seq: 0,
        server,
        hash_there: None,
    };
    let actions = rig.stored(Lane::Hello, StoreReply::Head(head));
    assert!(matches!(
        called(&actions, &Lane::Push),
        Some(StoreCall::LoadUnsent { .. })
    ));
}
