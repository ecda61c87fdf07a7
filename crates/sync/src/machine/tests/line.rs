//! The line itself: session, breaker, portal, clock, epoch.

use super::*;
use crate::machine::status::{Link, OfflineWhy};
use desk_protocol::error as code;
use desk_protocol::people::SessionReply;

fn session_reply(n: u64) -> ReplyBody {
    let SessionTokens {
        access_token,
        access_expires_at,
        refresh_token,
        user,
    } = tokens(n);
    ReplyBody::Session(Box::new(SessionReply {
        access_token,
        access_expires_at,
        refresh_token,
        user,
    }))
}

fn token_of(actions: &[Action], on: &Lane) -> Option<String> {
    actions.iter().find_map(|action| match action {
        Action::Send { lane, token, .. } if lane == on => token.clone(),
        _ => None,
    })
}

#[test]
fn nothing_is_sent_before_somebody_signs_in() {
    let mut rig = Rig::new();
    let mut actions = rig.put(Input::Started {
        epoch: None,
        session: None,
    });
    actions.extend(rig.unsent(&journal(incarnation(2), &[1])));
    assert!(
        !actions
            .iter()
            .any(|action| matches!(action, Action::Send { .. }))
    );
    assert_eq!(rig.machine.status().link, Link::SignInNeeded);
    let actions = rig.put(Input::SessionSet(Some(tokens(1))));
    assert!(sent(&actions, &Lane::Push).is_some());
    assert!(sent(&actions, &Lane::Hello).is_some());
}

#[test]
fn a_401_causes_one_refresh_for_all_lanes_and_then_the_same_bytes_again() {
    let mut rig = Rig::started();
    let rows = journal(incarnation(2), &[2]);
    let batch = pushed(&rig.unsent(&rows));
    let actions = rig.answer(&Lane::Push, Ok(reply(401, problem(code::TOKEN_EXPIRED))));
    let Some(Request::Refresh { refresh_token, at }) = sent(&actions, &Lane::Session) else {
        panic!("{actions:?}")
    };
    assert_eq!(refresh_token, "refresh-1");
    let actions = rig.answer(&Lane::Hello, Ok(reply(401, problem(code::TOKEN_EXPIRED))));
    assert!(actions.is_empty(), "one refresh flight only: {actions:?}");
    let actions = rig.answer(&Lane::Session, Err(LinkError::Timeout));
    assert!(armed(&actions, &Lane::Session).is_some());
    let actions = rig.put(Input::Timer(Lane::Session));
    assert_eq!(
        sent(&actions, &Lane::Session),
        Some(Request::Refresh { refresh_token, at }),
        "a repeated refresh is the same bytes, so that it is not taken for a stolen token"
    );
    let actions = rig.answer(&Lane::Session, Ok(reply(200, session_reply(2))));
    assert_eq!(pushed(&actions), batch);
    assert_eq!(token_of(&actions, &Lane::Push).as_deref(), Some("access-2"));
    assert!(sent(&actions, &Lane::Hello).is_some());
    assert!(
        actions.iter().any(
            |one| matches!(one, Action::Tell(Notice::SessionRenewed(new)) if *new == tokens(2))
        )
    );
}

#[test]
fn a_second_401_for_the_same_request_asks_for_a_person() {
    let mut rig = Rig::started();
    pushed(&rig.unsent(&journal(incarnation(2), &[1])));
    rig.answer(&Lane::Push, Ok(reply(401, problem(code::TOKEN_EXPIRED))));
    rig.answer(&Lane::Session, Ok(reply(200, session_reply(2))));
    let actions = rig.answer(&Lane::Push, Ok(reply(401, problem(code::TOKEN_INVALID))));
    assert!(sent(&actions, &Lane::Session).is_none(), "no loop");
    assert!(
        actions
            .iter()
            .any(|one| matches!(one, Action::Tell(Notice::SessionLost)))
    );
    assert_eq!(rig.machine.status().link, Link::SignInNeeded);
    let actions = rig.put(Input::SessionSet(Some(tokens(3))));
    assert_eq!(
        token_of(&actions, &Lane::Push).as_deref(),
        Some("access-3"),
        "what was typed waited"
    );
}

#[test]
fn a_refused_refresh_ends_the_session_and_keeps_the_outbox() {
    for answer in [
        reply(401, problem(code::TOKEN_INVALID)),
        reply(400, problem(code::BAD_JSON)),
    ] {
        let mut rig = Rig::started();
        pushed(&rig.unsent(&journal(incarnation(2), &[1])));
        rig.answer(&Lane::Push, Ok(reply(401, problem(code::TOKEN_EXPIRED))));
        rig.answer(&Lane::Session, Ok(answer));
        assert_eq!(rig.machine.status().link, Link::SignInNeeded);
        let actions = rig.put(Input::SessionSet(Some(tokens(3))));
        assert!(sent(&actions, &Lane::Push).is_some());
    }
}

#[test]
fn a_401_that_a_refresh_has_overtaken_is_simply_sent_again() {
    let mut rig = Rig::started();
    pushed(&rig.unsent(&journal(incarnation(2), &[1])));
    rig.answer(&Lane::Push, Ok(reply(401, problem(code::TOKEN_EXPIRED))));
    rig.answer(&Lane::Session, Ok(reply(200, session_reply(2))));
    let actions = rig.answer(&Lane::Hello, Ok(reply(401, problem(code::TOKEN_EXPIRED))));
    assert!(sent(&actions, &Lane::Session).is_none());
    assert_eq!(
        token_of(&actions, &Lane::Hello).as_deref(),
        Some("access-2")
    );
}

#[test]
fn offline_says_since_when_and_why() {
    let table = [
        (Err(LinkError::Dns), OfflineWhy::Dns),
        (Err(LinkError::Refused), OfflineWhy::Refused),
        (Err(LinkError::Timeout), OfflineWhy::Timeout),
        (Err(LinkError::Tls), OfflineWhy::Tls),
        (Err(LinkError::Cut), OfflineWhy::Cut),
        (Ok(reply(500, problem(code::INTERNAL))), OfflineWhy::Server),
        (Ok(html(502)), OfflineWhy::Server),
    ];
    for (answer, why) in table {
        let mut rig = Rig::started();
        rig.answer(&Lane::Hello, answer);
        let since = rig.now;
        assert_eq!(rig.machine.status().link, Link::Offline { since, why });
        rig.put(Input::Timer(Lane::Hello));
        rig.answer(&Lane::Hello, Err(LinkError::Refused));
        assert_eq!(
            rig.machine.status().link,
            Link::Offline {
                since,
                why: OfflineWhy::Refused
            },
            "since does not move"
        );
    }
}

#[test]
fn a_portal_is_told_apart_from_the_server_and_from_no_line() {
    for status in [200, 204, 302, 403, 404, 400] {
        let mut rig = Rig::started();
        rig.answer(&Lane::Hello, Ok(html(status)));
        let link = rig.machine.status().link;
        assert_eq!(link, Link::Portal { since: rig.now }, "{status}");
    }
}

#[test]
fn five_transport_failures_leave_only_hello_knocking_and_one_success_frees_all() {
    let mut rig = Rig::started();
    let rows = journal(incarnation(2), &[1]);
    pushed(&rig.unsent(&rows));
    rig.answer(&Lane::Push, Err(LinkError::Refused));
    for _ in 0..4 {
        rig.answer(&Lane::Hello, Err(LinkError::Refused));
        rig.put(Input::Timer(Lane::Hello));
    }
    rig.put(Input::Timer(Lane::Push));
    let actions = rig.unsent(&rows);
    assert!(sent(&actions, &Lane::Push).is_none(), "the breaker is open");
    let hello = Box::new(hello_reply(Vec::new(), Vec::new()));
    let actions = rig.answer(&Lane::Hello, Ok(reply(200, ReplyBody::Hello(hello))));
    assert!(
        matches!(
            called(&actions, &Lane::Push),
            Some(StoreCall::LoadUnsent { .. })
        ),
        "{actions:?}"
    );
}

#[test]
fn a_person_ends_every_wait_but_work_at_the_desk_respects_what_the_server_asked_for() {
    let mut rig = Rig::started();
    let busy = Reply {
        retry_after_ms: Some(60_000),
        ..reply(503, problem(code::UNAVAILABLE))
    };
    rig.answer(&Lane::Hello, Ok(busy));
    rig.now += 10_000;
    assert!(sent(&rig.put(Input::Wake(Wake::Poke)), &Lane::Hello).is_none());
    assert!(sent(&rig.put(Input::Wake(Wake::Person)), &Lane::Hello).is_some());
    rig.answer(&Lane::Hello, Err(LinkError::Refused));
    rig.now += 10_000;
    assert!(sent(&rig.put(Input::Wake(Wake::Poke)), &Lane::Hello).is_some());
    rig.answer(&Lane::Hello, Err(LinkError::Refused));
    assert!(
        sent(&rig.put(Input::Wake(Wake::Poke)), &Lane::Hello).is_none(),
        "not with every key pressed"
    );
}

#[test]
fn a_late_answer_of_a_flight_that_no_longer_counts_changes_nothing() {
    let mut rig = Rig::started();
    let flight = rig.machine.lines[&Lane::Hello]
        .flight
        .as_ref()
        .unwrap()
        .flight;
    let late = Input::Reply {
        lane: Lane::Hello,
        flight: flight + 77,
        result: Err(LinkError::Cut),
    };
    assert!(rig.put(late).is_empty());
    assert!(matches!(rig.machine.status().link, Link::Connecting { .. }));
}

#[test]
fn a_revoked_or_pending_device_is_told_so_and_parks_nothing() {
    for text in [
        code::DEVICE_PENDING,
        code::DEVICE_REVOKED,
        code::DEVICE_UNKNOWN,
    ] {
        for status in [401, 403] {
            let mut rig = Rig::started();
            pushed(&rig.unsent(&journal(incarnation(2), &[1])));
            let actions = rig.answer(&Lane::Push, Ok(reply(status, problem(text))));
            assert!(called(&actions, &Lane::Push).is_none());
            assert_eq!(
                rig.machine.status().link,
                Link::Refused {
                    code: text.to_owned()
                }
            );
        }
    }
}

#[test]
fn a_question_is_answered_once_and_never_queued() {
    let ask = || {
        let case = CaseId::parse(&text_id(8)).unwrap();
        crate::machine::Ask::SendCode(desk_protocol::codes::CodeSendRequest {
            case,
            serial: "N1".to_owned(),
        })
    };
    let answered = |actions: &[Action]| {
        actions.iter().find_map(|one| match one {
            Action::Tell(Notice::Answered { ticket, result }) => Some((*ticket, result.clone())),
            _ => None,
        })
    };
    let mut rig = Rig::started();
    assert!(
        sent(
            &rig.put(Input::Ask {
                ticket: 5,
                ask: ask()
            }),
            &Lane::Ask(5)
        )
        .is_some()
    );
    let actions = rig.answer(&Lane::Ask(5), Err(LinkError::Refused));
    assert_eq!(
        answered(&actions),
        Some((5, Err(crate::SyncError::Offline(LinkError::Refused))))
    );
    assert!(!rig.machine.lines.contains_key(&Lane::Ask(5)));
    rig.put(Input::Ask {
        ticket: 6,
        ask: ask(),
    });
    let actions = rig.answer(&Lane::Ask(6), Ok(reply(429, problem(code::RATE_LIMITED))));
    assert!(answered(&actions).is_some());
    let mut rig = Rig::new();
    // Before the session was read nobody can know that it is lost.
    let early = rig.put(Input::Ask {
        ticket: 7,
        ask: ask(),
    });
    assert!(answered(&early).is_none());
    let actions = rig.put(Input::Started {
        epoch: None,
        session: None,
    });
    assert_eq!(
        answered(&actions),
        Some((7, Err(crate::SyncError::SignInNeeded)))
    );
}
