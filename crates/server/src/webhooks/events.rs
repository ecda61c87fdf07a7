//! What endpoints hear of: that a case came to a state, by its ids alone. Nobody's name, number, serial or text is in it;
//! who is entitled to more asks with the id.

use crate::sms::signing::utc;
use desk_domain::case::CaseState;
use desk_domain::ids::{CaseId, OfficeCode};
use desk_domain::time::Millis;
use serde::Serialize;

/// Asked for by `webhook test`; wanted by every endpoint.
pub const TEST: &str = "webhook.test";

/// The states that are told, by their events.
const EVENTS: &[(&str, CaseState)] = &[
    ("case.submitted", CaseState::Submitted),
    ("case.returned", CaseState::Returned),
    ("case.rejected", CaseState::Rejected),
    ("case.approved", CaseState::Approved),
    ("case.unbound", CaseState::Unbound),
    ("case.execution_failed", CaseState::ExecFailed),
    ("case.execution_unknown", CaseState::ExecUnknown),
    ("case.withdrawn", CaseState::Withdrawn),
    ("case.closed", CaseState::Closed),
];

/// Every event of cases.
pub fn names() -> impl Iterator<Item = &'static str> {
    EVENTS.iter().map(|(name, _)| *name)
}

/// The event of a state, if it is told.
pub fn of(state: CaseState) -> Option<&'static str> {
    let found = EVENTS.iter().find(|(_, one)| *one == state);
    found.map(|(name, _)| *name)
}

/// A case that came to another state.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    pub case: CaseId,
    pub case_no: &'a str,
    pub office: &'a OfficeCode,
    pub from: CaseState,
    pub to: CaseState,
    /// When it was done, by the clock of who did it.
    pub at: Millis,
}

#[derive(Serialize)]
struct Body<'a, T> {
    r#type: &'a str,
    timestamp: String,
    data: T,
}

#[derive(Serialize)]
struct CaseData<'a> {
    case_id: CaseId,
    case_no: &'a str,
    office: &'a OfficeCode,
    state: &'static str,
    previous_state: &'static str,
    at: String,
}

#[derive(Serialize)]
struct TestData<'a> {
    office: &'a OfficeCode,
}

/// The body of a change, the same in every attempt.
///
/// # Errors
/// None that such a value could make.
pub fn body(event: &str, change: &Change<'_>, now: Millis) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Body {
        r#type: event,
        timestamp: instant(now),
        data: CaseData {
            case_id: change.case,
            case_no: change.case_no,
            office: change.office,
            state: change.to.as_str(),
            previous_state: change.from.as_str(),
            at: instant(change.at),
        },
    })
}

/// The body of a test.
///
/// # Errors
/// None that such a value could make.
pub fn test_body(office: &OfficeCode, now: Millis) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Body {
        r#type: TEST,
        timestamp: instant(now),
        data: TestData { office },
    })
}

/// RFC 3339, in UTC.
fn instant(at: Millis) -> String {
    utc(at, "%Y-%m-%dT%H:%M:%S%.3fZ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::door::SystemChance;
    use std::collections::BTreeSet;

    #[test]
    fn an_event_has_one_state_and_a_state_one_event() {
        let names: BTreeSet<_> = names().collect();
        let states: BTreeSet<_> = CaseState::ALL
            .iter()
            .filter_map(|state| of(*state))
            .collect();
        assert_eq!(names.len(), EVENTS.len());
        assert_eq!(names, states);
        assert!(!names.contains(TEST));
        assert_eq!(of(CaseState::Draft), None);
    }

    #[test]
    fn a_body_is_what_receivers_were_told_it_is() {
        let office = OfficeCode::parse("HZ001").unwrap();
        let case = CaseId::new(1, &SystemChance);
        let change = Change {
            case,
            case_no: "JB-261122-HZ001-01-0001-X",
            office: &office,
            from: CaseState::Executing,
            to: CaseState::Unbound,
            at: 1_795_305_600_000,
        };
        let told = body("case.unbound", &change, 1_795_305_600_250).unwrap();
        let expected = format!(
            "{{\"type\":\"case.unbound\",\"timestamp\":\"2026-11-22T00:00:00.250Z\",\"data\":{{\"case_id\":\"{case}\",\
             \"case_no\":\"JB-261122-HZ001-01-0001-X\",\"office\":\"HZ001\",\"state\":\"unbound\",\
             \"previous_state\":\"executing\",\"at\":\"2026-11-22T00:00:00.000Z\"}}}}"
        );
        assert_eq!(told, expected);
    }
}
