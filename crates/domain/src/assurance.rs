//! Assurance: how sure we are that the caller may ask for this, in points by class of proof.
//!
//! Points never cancel risk. A level is reached only with enough points from enough classes.

use crate::case::{Case, Evidence, EvidenceKind, Verdict};
use crate::checklist::{self, RequiredStatus};
use crate::field::FieldKey;
use crate::policy::{Class, Level, LevelRule, Policy};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What there is, what the level asks for, and what is still to be had.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Assurance {
    pub level: Level,
    /// Capped points over all classes.
    pub points: u32,
    pub by_class: BTreeMap<Class, u32>,
    /// Classes with any points.
    pub classes: u32,
    pub needed: u32,
    pub needed_classes: u32,
    pub needed_before_review: u32,
    /// The level is reached in full.
    pub holds: bool,
    /// Enough to submit.
    pub holds_before_review: bool,
    /// Stable codes: `points`, `classes`, `strong_class`.
    pub missing: Vec<&'static str>,
}

/// The level that the wanted action needs, before risk raises it.
pub fn base_level(case: &Case, policy: &Policy) -> Level {
    let rules = &policy.assurance;
    let by_request = rules.by_request.get(case.text(FieldKey::RequestKind));
    let by_reason = rules.by_reason.get(case.text(FieldKey::ReasonCode));
    let named = [by_request, by_reason];
    named
        .into_iter()
        .flatten()
        .copied()
        .max()
        .unwrap_or(Level::L3)
}

/// The level that counts: risk from `raise_at` on asks for the next one.
pub fn level_of(case: &Case, policy: &Policy) -> Level {
    let base = base_level(case, policy);
    if case.risk.points >= policy.risk.raise_at {
        base.raised()
    } else {
        base
    }
}

/// Risk stops the case until a supervisor has cleared it.
pub fn risk_stops(case: &Case, policy: &Policy) -> bool {
    case.risk.points >= policy.risk.stop_at && case.risk.cleared_by.is_none()
}

/// Reviewers who must agree: more than one for a high level or when a substitute stands in for the proof of purchase.
pub fn people_needed(case: &Case, policy: &Policy) -> u32 {
    let by_level = policy.level(level_of(case, policy)).people;
    if checklist::rests_on_substitute(case) {
        by_level.max(2)
    } else {
        by_level
    }
}

/// Counts what the case has against what `level` asks for.
pub fn assess(case: &Case, level: Level, policy: &Policy) -> Assurance {
    let rule = policy.level(level);
    let by_class = points_by_class(case, policy);
    let points = by_class
        .values()
        .fold(0_u32, |sum, points| sum.saturating_add(*points));
    let classes = u32::try_from(by_class.len()).unwrap_or(u32::MAX);
    let missing = missing(&by_class, points, classes, rule, policy);
    let before = policy.assurance.before_review_points.min(rule.points);
    Assurance {
        level,
        points,
        classes,
        needed: rule.points,
        needed_classes: rule.classes,
        needed_before_review: before,
        holds: missing.is_empty(),
        holds_before_review: points >= before,
        missing,
        by_class,
    }
}

fn missing(
    by_class: &BTreeMap<Class, u32>,
    points: u32,
    classes: u32,
    rule: LevelRule,
    policy: &Policy,
) -> Vec<&'static str> {
    let strong = by_class
        .keys()
        .any(|class| policy.assurance.strong_classes.contains(class));
    let wants = [
        (points < rule.points, "points"),
        (classes < rule.classes, "classes"),
        (rule.strong && !strong, "strong_class"),
    ];
    wants
        .into_iter()
        .filter(|(lacks, _)| *lacks)
        .map(|(_, code)| code)
        .collect()
}

/// A one-time code was given for one terminal: it is worth nothing once the serial is another. The server's own device
/// writes that serial into the evidence's note.
fn stands(case: &Case, evidence: &Evidence) -> bool {
    evidence.kind != EvidenceKind::OneTimeCode
        || evidence.note == case.text(FieldKey::TerminalSerial)
}

fn points_by_class(case: &Case, policy: &Policy) -> BTreeMap<Class, u32> {
    let rules = &policy.assurance;
    let mut by_class: BTreeMap<Class, u32> = BTreeMap::new();
    // Twice the same kind proves nothing more.
    let standing = case.evidence.iter().filter(|one| stands(case, one));
    let mut kinds: BTreeSet<_> = standing.map(|evidence| evidence.kind).collect();
    // A call back is one proof, whether or not the telephone system vouches for it: the better of the two counts.
    let (plain, vouched) = (EvidenceKind::CallBack, EvidenceKind::CallBackWithCallId);
    if kinds.contains(&plain) && kinds.contains(&vouched) {
        let rule = |kind| rules.evidence.get(&kind).filter(|rule| rule.enabled);
        let worth = |kind| rule(kind).map_or(0, |rule| rule.points);
        let lesser = if worth(plain) > worth(vouched) {
            vouched
        } else {
            plain
        };
        kinds.remove(&lesser);
    }
    for rule in kinds
        .iter()
        .filter_map(|kind| rules.evidence.get(kind))
        .filter(|rule| rule.enabled)
    {
        let points = by_class.entry(rule.class).or_default();
        *points = points.saturating_add(rule.points);
    }
    by_class.insert(Class::Paper, paper_points(case, policy));
    for (class, points) in &mut by_class {
        *points = (*points).min(rules.caps.get(class).copied().unwrap_or(0));
    }
    by_class.retain(|_, points| *points > 0);
    by_class
}

/// In full only when a reviewer has accepted every required paper and no two values stand side by side.
fn paper_points(case: &Case, policy: &Policy) -> u32 {
    let required = checklist::required_documents(case);
    let any_accepted = case.active_documents().any(|(_, document)| {
        document
            .verdict
            .as_ref()
            .is_some_and(|word| word.verdict == Verdict::Accepted)
    });
    let all = |fits: fn(RequiredStatus) -> bool| required.iter().all(|entry| fits(entry.status));
    if any_accepted && case.conflicts.is_empty() && all(RequiredStatus::is_settled) {
        return policy.assurance.paper_accepted_points;
    }
    let any_attached = case.active_documents().next().is_some();
    if any_attached && all(RequiredStatus::is_there) {
        policy.assurance.paper_photos_points
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::{self, Story};

    /// A judged case with exactly this evidence.
    fn with(kinds: &[EvidenceKind]) -> Case {
        let mut story = Story::judged();
        let evidence = |kind: &EvidenceKind| Evidence {
            op: crate::ids::OpId::from_uuid(testkit::uuid(0)),
            kind: *kind,
            by: testkit::agent().user,
            at: 0,
            note: testkit::SERIAL.to_owned(),
        };
        story.break_case().evidence = kinds.iter().map(evidence).collect();
        story.the_case().clone()
    }

    #[test]
    fn a_code_given_for_one_terminal_is_worth_nothing_for_another() {
        let policy = Policy::shipped();
        let kinds = [EvidenceKind::OneTimeCode, EvidenceKind::CallBack];
        let mut case = with(&kinds);
        assert_eq!(assess(&case, Level::L3, &policy).points, 75);
        for evidence in &mut case.evidence {
            evidence.note = "N9QT00000002".to_owned();
        }
        assert_eq!(assess(&case, Level::L3, &policy).points, 50);
    }

    #[test]
    fn classes_are_capped_and_connectors_that_are_off_count_nothing() {
        use EvidenceKind::{
            CallBack, CallBackWithCallId, InPerson, MerchantApp, OneTimeCode, SiteVisit,
        };
        let policy = Policy::shipped();
        // Accepted papers are always there: 35.
        let table: [(&[EvidenceKind], u32, u32); 9] = [
            (&[], 35, 1),
            (&[CallBack], 50, 2),
            (&[CallBackWithCallId], 60, 2),
            // The same call back told twice: fifteen or twenty-five, never both.
            (&[CallBack, CallBackWithCallId], 60, 2),
            (&[OneTimeCode, CallBack], 75, 2),
            (&[OneTimeCode, CallBackWithCallId, CallBack], 75, 2),
            (&[OneTimeCode, OneTimeCode], 60, 2),
            (&[InPerson, SiteVisit], 95, 2),
            (&[MerchantApp], 35, 1),
        ];
        for (kinds, points, classes) in table {
            let found = assess(&with(kinds), Level::L3, &policy);
            assert_eq!(
                (found.points, found.classes),
                (points, classes),
                "{kinds:?}"
            );
            assert_eq!(found.holds, points >= 70, "{kinds:?}");
        }
        let mut on = policy.clone();
        if let Some(rule) = on.assurance.evidence.get_mut(&MerchantApp) {
            rule.enabled = true;
        }
        assert_eq!(assess(&with(&[MerchantApp]), Level::L3, &on).points, 85);
    }

    #[test]
    fn high_level_needs_points_classes_and_a_strong_proof() {
        use EvidenceKind::{CallBack, InPerson, OneTimeCode};
        let policy = Policy::shipped();
        let phone = assess(&with(&[OneTimeCode, CallBack]), Level::L4, &policy);
        assert_eq!(phone.missing, ["points", "strong_class"]);
        assert!(
            assess(
                &with(&[OneTimeCode, CallBack, InPerson]),
                Level::L4,
                &policy
            )
            .holds
        );
        let mut lax = policy.clone();
        if let Some(rule) = lax.assurance.levels.get_mut(&Level::L4) {
            rule.points = 75;
        }
        assert_eq!(
            assess(&with(&[OneTimeCode, CallBack]), Level::L4, &lax).missing,
            ["strong_class"]
        );
        if let Some(rule) = lax.assurance.levels.get_mut(&Level::L3) {
            rule.points = 30;
        }
        assert_eq!(assess(&with(&[]), Level::L3, &lax).missing, ["classes"]);
    }

    #[test]
    fn papers_count_little_until_a_reviewer_accepted_all_of_them() {
        let policy = Policy::shipped();
        let paper = |case: &Case| {
            assess(case, Level::L3, &policy)
                .by_class
                .get(&Class::Paper)
                .copied()
        };
        let mut case = with(&[]);
        assert_eq!(paper(&case), Some(35));
        if let Some(document) = case.documents.get_mut(&testkit::document_id(2)) {
            document.verdict = None;
        }
        assert_eq!(paper(&case), Some(10));
        case.documents.remove(&testkit::document_id(2));
        assert_eq!(paper(&case), None);
    }

    #[test]
    fn level_follows_request_reason_and_risk() {
        let policy = Policy::shipped();
        let mut story = Story::judged();
        assert_eq!(level_of(story.the_case(), &policy), Level::L3);
        story.break_case().risk.points = 40;
        assert_eq!(level_of(story.the_case(), &policy), Level::L4);
        assert_eq!(base_level(story.the_case(), &policy), Level::L3);
        let choose = |story: &mut Story, key, text: &str| {
            let state = story.break_case().fields.get_mut(&key).unwrap();
            state.value = Some(crate::field::FieldValue::Text(text.to_owned()));
        };
        choose(&mut story, FieldKey::ReasonCode, "THIRD_PARTY_BOUND");
        assert_eq!(base_level(story.the_case(), &policy), Level::L4);
        choose(&mut story, FieldKey::RequestKind, "settlement_card");
        assert_eq!(base_level(story.the_case(), &policy), Level::L5);
        assert_eq!(level_of(story.the_case(), &policy), Level::L5);
    }
}
