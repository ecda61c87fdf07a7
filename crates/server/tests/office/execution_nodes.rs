//! Several servers over one database: a request is one node's at a time, a dead node is no loss, and a result that comes
//! by two ways at once is recorded once.

use crate::support::core::{Core, Mood};
use crate::support::demo::case_in;
use crate::support::{TestOffice, eventually};
use desk_domain::case::{CaseState, ExecutionResult, TerminalResult};
use desk_domain::field::FieldKey;
use desk_domain::ids::{CaseId, ExecutionId};
use desk_server::connector::answer::Told;
use desk_server::connector::scope::Scope;
use desk_server::connector::{Heard, Terms};
use desk_server::repo::cases;
use desk_server::repo::executions::results::{self, Callback};
use desk_server::repo::executions::rows::{self, State};
use desk_server::repo::executions::{self, Claimed, start};
use desk_server::repo::sql::Connection;
use desk_server::run::House;

const TERMS: Terms = Terms {
    lease_ms: 60_000,
    unknown_after_ms: 600_000,
};

/// An office whose own server executes nothing, and its approved case.
fn begun() -> (TestOffice, CaseId) {
    let office = TestOffice::demo(11);
    let case = case_in(&office, CaseState::Approved).id;
    (office, case)
}

fn start(house: &House, case: CaseId) -> Option<ExecutionId> {
    let rules = house.rules.clone();
    let work = move |conn: &Connection| {
        let of = cases::load(conn, case)?.unwrap();
        let scope = Scope {
            offices: [of.office].into(),
            ..Scope::default()
        };
        start::start(conn, &rules, &scope, case)
    };
    house.repo.write_blocking(work).unwrap()
}

fn claim(house: &House) -> Vec<Claimed> {
    let rules = house.rules.clone();
    let work = move |conn: &Connection| executions::claim(conn, &rules, TERMS, 4);
    house.repo.write_blocking(work).unwrap()
}

fn settle(house: &House, claimed: &Claimed, heard: Heard) {
    let (rules, claimed) = (house.rules.clone(), claimed.clone());
    let at = rules.clock.now();
    let work =
        move |conn: &Connection| executions::settle(conn, &rules, (&claimed, &heard, TERMS), at);
    house.repo.write_blocking(work).unwrap();
}

fn callback(house: &House, key: ExecutionId, told: Told) -> Callback {
    let rules = house.rules.clone();
    let work = move |conn: &Connection| results::callback(conn, &rules, key, &told);
    house.repo.write_blocking(work).unwrap()
}

fn state(house: &House, case: CaseId) -> (State, CaseState, usize) {
    let read = move |conn: &Connection| {
        let of = cases::load(conn, case)?.unwrap();
        let kept = rows::of_case(conn, &of.office, case)?.unwrap();
        let lines = cases::timeline_after(conn, &of.office, case, 0)?;
        let records = lines.iter().filter(|line| line.kind == "execution.record");
        Ok((kept.state, of.state, records.count()))
    };
    house.repo.read_blocking(read).unwrap()
}

fn done(house: &House, case: CaseId) -> Told {
    let read = move |conn: &Connection| Ok(cases::load(conn, case)?.unwrap());
    let case = house.repo.read_blocking(read).unwrap();
    let numbers = case.members(FieldKey::TerminalNumbers).into_iter();
    Told::Done {
        reference: "CORE-1".into(),
        evidence: "示例".into(),
        terminals: numbers
            .map(|terminal_no| TerminalResult {
                terminal_no,
                result: ExecutionResult::Unbound,
            })
            .collect(),
    }
}

#[test]
fn two_nodes_that_begin_at_once_begin_once() {
    let (office, case) = begun();
    let (one, two) = (office.house(), office.house());
    let (mine, theirs) = std::thread::scope(|scope| {
        let theirs = scope.spawn(|| start(&two, case));
        (start(&one, case), theirs.join().unwrap())
    });
    assert!(mine.is_some() != theirs.is_some(), "{mine:?} {theirs:?}");
    let (mine, theirs) = std::thread::scope(|scope| {
        let theirs = scope.spawn(|| claim(&two));
        (claim(&one), theirs.join().unwrap())
    });
    assert_eq!(mine.len() + theirs.len(), 1);
}

#[test]
fn a_node_that_dies_after_sending_leaves_a_question_and_its_late_word_counts_for_nothing() {
    let (office, case) = begun();
    let (one, two) = (office.house(), office.house());
    start(&one, case).unwrap();
    let mine = claim(&one);
    assert!(mine[0].send.is_some(), "it is to be sent");
    assert!(claim(&two).is_empty(), "it is being sent");
    office.clock.advance(TERMS.lease_ms);
    let theirs = claim(&two);
    assert!(theirs[0].send.is_none(), "it may be there: it is asked for");
    // The first node wakes up and says that nothing left: nobody believes it any more.
    settle(&one, &mine[0], Heard::Unsent);
    assert_eq!(state(&one, case).0, State::Asked);
    settle(&two, &theirs[0], Heard::Told(Told::NeverSeen));
    let again = claim(&one);
    assert!(again[0].send.is_some());
    assert_eq!(again[0].key, mine[0].key);
    settle(&one, &again[0], Heard::Told(done(&one, case)));
    assert_eq!(state(&one, case), (State::Ended, CaseState::Unbound, 1));
}

#[test]
fn a_callback_on_another_node_and_the_answer_to_a_question_are_one_result() {
    let (office, case) = begun();
    let (one, two) = (office.house(), office.house());
    let key = start(&one, case).unwrap();
    let told = done(&one, case);
    // Nothing has left yet: whoever reports a result of it made it up.
    assert_eq!(callback(&two, key, told.clone()), Callback::Misfit);
    let mine = claim(&one);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| callback(&two, key, told.clone()));
        }
        settle(&one, &mine[0], Heard::Told(told.clone()));
    });
    assert_eq!(state(&one, case), (State::Ended, CaseState::Unbound, 1));
    let late = Told::Refused {
        reference: None,
        reason: "示例".into(),
    };
    assert_eq!(callback(&two, key, late), Callback::Taken { news: false });
    assert_eq!(state(&one, case), (State::Ended, CaseState::Unbound, 1));
}

#[test]
fn a_server_that_is_stopped_and_started_goes_on_with_a_question() {
    let (mut office, case) = begun();
    let core = Core::start();
    core.set(Mood::Pending);
    core.serve(&mut office, &["HZ001"]);
    let key = eventually(|| core.keys().first().cloned());
    office.restart_after(|| {
        core.finish(&key);
    });
    let house = office.house();
    eventually(|| {
        office.clock.advance(20_000);
        (state(&house, case).1 == CaseState::Unbound).then_some(())
    });
    assert_eq!((core.posts(), core.questions() > 0), (1, true));
    assert!(core.unbound().values().all(|times| *times == 1));
}
