//! What a person sees and does in the sync centre.

use super::Bench;
use crate::commands::{sync_act, sync_status};
use crate::dto::{Nothing, SyncAct, SyncScreen};
use desk_domain::ids::OpId;
use desk_domain::testkit::MONDAY;
use std::collections::BTreeMap;

fn screen(bench: &Bench) -> SyncScreen {
    sync_status(&bench.desk, Nothing {}).unwrap()
}

/// A case whose only op a server did not take.
fn parked(bench: &Bench) -> OpId {
    bench.new_case();
    let store = bench.desk.session().unwrap().store.clone();
    let op = store.unsent(0, 10, usize::MAX).unwrap().remove(0).op_id;
    store.park(op, "push.malformed").unwrap();
    op
}

#[test]
fn a_parked_op_says_why_and_what_helps_and_a_retry_puts_it_back_in_line() {
    let bench = Bench::standalone();
    let op = parked(&bench);
    let before = screen(&bench);
    let row = before.rows.iter().find(|row| row.op == op.to_string());
    let row = row.unwrap();
    assert_eq!(
        (row.state.as_str(), row.reason.as_str(), row.action.as_str()),
        ("parked", "push.malformed", "retry")
    );
    assert_eq!(before.badge.attention, 1);
    let op = op.to_string();
    let after = sync_act(&bench.desk, SyncAct::Retry { op }).unwrap();
    assert_eq!(after.badge.attention, 0);
    assert!(after.rows.iter().all(|row| row.state != "parked"));
    parked(&bench);
    let all = sync_act(&bench.desk, SyncAct::RetryAll {}).unwrap();
    assert_eq!(all.badge.attention, 0);
}

#[test]
fn a_parked_op_is_let_be_only_with_a_reason_that_holds_no_secret() {
    let bench = Bench::standalone();
    let op = parked(&bench).to_string();
    let dismiss = |reason: &str| {
        let (op, reason) = (op.clone(), reason.to_owned());
        sync_act(&bench.desk, SyncAct::Dismiss { op, reason })
    };
    assert_eq!(dismiss(" ").unwrap_err().code(), "text.empty");
    assert!(dismiss("卡号 4111111111111111").is_err());
    assert_eq!(screen(&bench).badge.attention, 1);
    let after = dismiss("客户另行登记").unwrap();
    assert_eq!(after.badge.attention, 0);
    assert!(after.rows.iter().all(|row| row.op != op));
    let strange = SyncAct::Retry {
        op: "nobody".to_owned(),
    };
    assert_eq!(
        sync_act(&bench.desk, strange).unwrap_err().code(),
        "parked.not_found"
    );
}

#[test]
fn an_alert_is_on_the_screen_until_somebody_has_seen_it() {
    let bench = Bench::standalone();
    let store = bench.desk.session().unwrap().store.clone();
    let params = BTreeMap::from([("ops".to_owned(), "2".to_owned())]);
    store.raise_alert("desk.cloned", MONDAY, &params).unwrap();
    let shown = screen(&bench).alerts.remove(0);
    assert_eq!((shown.code.as_str(), shown.at), ("desk.cloned", MONDAY));
    assert_eq!(shown.params, params);
    let after = sync_act(&bench.desk, SyncAct::AlertSeen { alert: shown.id }).unwrap();
    assert!(after.alerts.is_empty());
}

#[test]
fn an_act_with_unknown_parts_is_refused() {
    for odd in [
        r#"{"act":"retry","op":"x","force":true}"#,
        r#"{"act":"delete","op":"x"}"#,
        r#"{"op":"x"}"#,
    ] {
        assert!(serde_json::from_str::<SyncAct>(odd).is_err(), "{odd}");
    }
    let all: SyncAct = serde_json::from_str(r#"{"act":"retry_all"}"#).unwrap();
    assert_eq!(all, SyncAct::RetryAll {});
}
