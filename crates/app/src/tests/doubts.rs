//! What an agent notices on the phone weighs by the policy, and is not taken back by who said it.

use super::{Bench, case_of};
use desk_domain::testkit;
use serde_json::{Value, json};

fn say(case: &str, signals: &Value, note: &str) -> Value {
    json!({ "case": case, "act": { "kind": "say", "signals": signals, "note": note } })
}

#[test]
fn what_is_no_doubt_is_refused_and_changes_nothing() {
    let bench = Bench::demo(&testkit::agent());
    let case = case_of("ready").to_string();
    for odd in [
        json!([]),
        json!(["no_such_doubt"]),
        // Seen by the server, never said by people.
        json!(["phone_changed_recently"]),
        json!(["under_pressure", "traded_after_unbind"]),
    ] {
        let refused = bench.refused("risk_act", say(&case, &odd, ""));
        assert_eq!(refused.code, "request.not_a_choice", "{odd}");
    }
    let secret = say(&case, &json!(["under_pressure"]), "验证码是 246810");
    assert!(
        bench
            .refused("risk_act", secret)
            .code
            .starts_with("secret.")
    );
    let extra =
        json!({ "case": case, "act": { "kind": "say", "signals": [], "note": "", "points": 0 } });
    assert_eq!(
        bench.refused("risk_act", extra).code,
        "request.bad_arguments"
    );
    let screen = bench.screen(&case);
    assert_eq!((screen.review.risk_points, screen.notes.len()), (0, 0));
}

#[test]
fn doubts_add_up_by_the_policy_and_stay() {
    let bench = Bench::demo(&testkit::agent());
    let case = case_of("ready").to_string();
    let offered = bench.screen(&case).identity.doubts;
    assert!(offered.len() >= 4 && offered.iter().all(|doubt| !doubt.said));
    bench.ask(
        "risk_act",
        say(&case, &json!(["under_pressure"]), "旁边有人催（示例）"),
    );
    let told = bench.ask("risk_act", say(&case, &json!(["story_changes"]), ""));
    assert_eq!(told["review"]["risk_points"], json!(60));
    let screen = bench.screen(&case);
    assert_eq!(screen.notes.len(), 1);
    let said = screen.identity.doubts.iter().filter(|doubt| doubt.said);
    assert_eq!(said.count(), 2);
    // Above 40 the action asks for the next level's proof.
    assert!(screen.identity.needed_approve > 70);
    assert!(screen.allowed.contains(&"risk_say".to_owned()));
    assert!(!screen.allowed.contains(&"risk_clear".to_owned()));
    let reviewer = Bench::demo(&testkit::reviewer());
    let screen = reviewer.screen(&case_of("submitted").to_string());
    assert!(
        !screen.allowed.contains(&"risk_say".to_owned()),
        "who decides does not report"
    );
}
