//! Reasons for doubt: their stable names, and what they weigh by the policy.
//!
//! Risk refuses nothing by itself: it raises the level that an action needs, and from a point on stops the case until a
//! supervisor has looked. What the server sees it weighs anew each time; what people noticed stays until then.

use crate::case::Case;
use crate::policy::Policy;
use std::collections::BTreeSet;

/// The registered number changed lately.
pub const PHONE_CHANGED: &str = "phone_changed_recently";
/// The register saw a trade although the terminal is said to be broken or lost.
pub const TRADED_LATELY: &str = "traded_though_broken";
/// Several unbinds were asked for one merchant.
pub const SEVERAL_UNBINDS: &str = "several_unbinds";
/// A blind match failed.
pub const MATCH_FAILED: &str = "match_failed";
/// A picture of this case lies in another one too.
pub const PICTURE_REUSED: &str = "picture_reused";
/// The register says that a terminal traded for its merchant after it was unbound from it.
pub const TRADED_AFTER_UNBIND: &str = "traded_after_unbind";
/// The merchant of record has stopped it from the message that announced it.
pub const STOPPED_BY_MERCHANT: &str = "stopped_by_merchant";

/// What the server weighs anew when a case is submitted; every other reason stays on the case.
pub const SEEN_AT_SUBMIT: [&str; 5] = [
    PHONE_CHANGED,
    TRADED_LATELY,
    SEVERAL_UNBINDS,
    MATCH_FAILED,
    PICTURE_REUSED,
];
/// Every reason that the server itself gives; a policy must weigh each.
pub const SEEN: [&str; 7] = [
    PHONE_CHANGED,
    TRADED_LATELY,
    SEVERAL_UNBINDS,
    MATCH_FAILED,
    PICTURE_REUSED,
    TRADED_AFTER_UNBIND,
    STOPPED_BY_MERCHANT,
];

/// The sum of what these reasons weigh; a name that the policy does not know weighs nothing.
pub fn points_of<'a>(signals: impl IntoIterator<Item = &'a String>, policy: &Policy) -> u32 {
    let known = signals
        .into_iter()
        .filter_map(|name| policy.risk.signals.get(name));
    known.fold(0, |sum, signal| sum.saturating_add(signal.points))
}

/// The reasons that people may report, in the order of their names.
pub fn said_by_people(policy: &Policy) -> impl Iterator<Item = &str> {
    let said = policy.risk.signals.iter().filter(|(_, signal)| signal.said);
    said.map(|(name, _)| name.as_str())
}

/// The case's reasons after the server has looked: `seen` in place of what it saw before, the rest as it was.
pub fn seen_anew(case: &Case, seen: &BTreeSet<String>) -> BTreeSet<String> {
    let stays = |name: &&String| !SEEN_AT_SUBMIT.contains(&name.as_str());
    let kept = case.risk.signals.iter().filter(stays);
    kept.chain(seen).cloned().collect()
}
