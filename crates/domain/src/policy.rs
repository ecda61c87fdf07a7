//! The policy: everything the organisation may change without a new version of the program.
//!
//! A versioned TOML text, signed and delivered by the server; the shipped one is `assets/policy/default.toml`.

mod changes;

pub use changes::{Change, changes};

use crate::case::EvidenceKind;
use crate::people::Role;
use crate::risk;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// The text of the shipped policy.
pub const SHIPPED: &str = include_str!("../../../assets/policy/default.toml");

/// Why a text is not a policy.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    #[error("policy is not the agreed TOML: {0}")]
    Malformed(#[from] toml::de::Error),
    #[error("policy does not make sense: {0}")]
    Senseless(&'static str),
}

/// Kinds of proof that do not stand in for one another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Class {
    Phone,
    Paper,
    InPerson,
    App,
    Terminal,
    Bank,
    Gov,
}

impl Class {
    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Phone => "PHONE",
            Self::Paper => "PAPER",
            Self::InPerson => "INPERSON",
            Self::App => "APP",
            Self::Terminal => "TERMINAL",
            Self::Bank => "BANK",
            Self::Gov => "GOV",
        }
    }
}

/// How sure we must be of the person, from a glance at the status to a change of the settlement account.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Level {
    L1,
    L2,
    L3,
    L4,
    L5,
}

impl Level {
    /// Every level, lowest first.
    pub const ALL: [Self; 5] = [Self::L1, Self::L2, Self::L3, Self::L4, Self::L5];

    /// The next level up; the highest stays.
    #[must_use]
    pub const fn raised(self) -> Self {
        match self {
            Self::L1 => Self::L2,
            Self::L2 => Self::L3,
            Self::L3 => Self::L4,
            Self::L4 | Self::L5 => Self::L5,
        }
    }
}

/// What one kind of evidence is worth, and who may record it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceRule {
    pub class: Class,
    pub points: u32,
    /// Connectors count for nothing until they are configured.
    pub enabled: bool,
    pub recorded_by: BTreeSet<Role>,
}

/// What one level asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LevelRule {
    pub points: u32,
    pub classes: u32,
    /// One of the strong classes must be among them.
    #[serde(default)]
    pub strong: bool,
    /// Reviewers who must agree.
    #[serde(default = "one")]
    pub people: u32,
    /// Hours between approval and execution.
    #[serde(default)]
    pub hold_hours: u32,
}

/// Points, classes, caps and levels of `product.md` section 5.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssuranceRules {
    pub before_review_points: u32,
    pub paper_accepted_points: u32,
    pub paper_photos_points: u32,
    pub spoken_facts: u32,
    pub lock_failures: u32,
    pub lock_hours: u32,
    pub strong_classes: BTreeSet<Class>,
    pub caps: BTreeMap<Class, u32>,
    pub evidence: BTreeMap<EvidenceKind, EvidenceRule>,
    pub levels: BTreeMap<Level, LevelRule>,
    pub by_request: BTreeMap<String, Level>,
    pub by_reason: BTreeMap<String, Level>,
}

/// What one reason for doubt weighs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskSignal {
    pub points: u32,
    /// People notice it and report it; the others are seen by the server.
    #[serde(default)]
    pub said: bool,
}

/// Where risk starts to matter, and what each reason adds to it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskRules {
    pub raise_at: u32,
    pub stop_at: u32,
    /// A text from before they were weighed by the policy means the shipped weights.
    #[serde(default = "shipped_signals")]
    pub signals: BTreeMap<String, RiskSignal>,
}

/// When a case that waits for the merchant may be given up.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaitingRules {
    pub days: u32,
    pub reminders: u32,
    pub reminder_template: String,
}

/// When the system closes what nobody closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClosingRules {
    pub days: u32,
}

/// How long a desk may work without the server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfflineRules {
    pub sign_in_days: u32,
    pub sign_in_days_at_most: u32,
    pub ask_online_days: u32,
}

/// Lengths of the clocks of `product.md` section 4.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockRules {
    pub capture_minutes: u32,
    pub review_work_days: u32,
    pub execute_work_hours: u32,
    pub tell_work_hours: u32,
    pub promise_work_days: u32,
    pub warn_percent: u32,
}

/// How long what is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionRules {
    pub identity_evidence_years_after_relationship: u32,
    pub note_days: u32,
    pub unused_draft_days: u32,
    pub local_copy_days_after_close: u32,
}

/// One acquirer, known by the first three digits of its merchant numbers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acquirer {
    pub prefix: String,
    pub zh: String,
    pub en: String,
    /// Ours; the others are referred.
    pub own: bool,
}

/// A coded reason with its text for people.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    pub code: String,
    pub zh: String,
    pub en: String,
    /// A supervisor must confirm it.
    #[serde(default)]
    pub fraud: bool,
}

/// One version of all of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    pub version: u32,
    pub assurance: AssuranceRules,
    pub risk: RiskRules,
    pub waiting: WaitingRules,
    pub closing: ClosingRules,
    pub offline: OfflineRules,
    pub clocks: ClockRules,
    pub retention: RetentionRules,
    pub acquirers: Vec<Acquirer>,
    pub return_reasons: Vec<Reason>,
    pub reject_reasons: Vec<Reason>,
}

const fn one() -> u32 {
    1
}

fn shipped_signals() -> BTreeMap<String, RiskSignal> {
    Policy::shipped().risk.signals
}

fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    (1..=64).contains(&name.len()) && name.bytes().all(plain)
}

impl Policy {
    /// Reads and checks a policy text.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let policy: Self = toml::from_str(text)?;
        policy.check()?;
        Ok(policy)
    }

    /// The policy this version was built with.
    pub fn shipped() -> Self {
        static PARSED: LazyLock<Policy> = LazyLock::new(|| {
            #[expect(
                clippy::expect_used,
                reason = "the text is compiled in and parsed by a test"
            )]
            Policy::parse(SHIPPED).expect("the shipped policy parses")
        });
        PARSED.clone()
    }

    /// What a level asks for.
    pub fn level(&self, level: Level) -> LevelRule {
        // `check` has made sure that every level is there; the fallback asks for more than anybody can bring.
        self.assurance
            .levels
            .get(&level)
            .copied()
            .unwrap_or(LevelRule {
                points: u32::MAX,
                classes: u32::MAX,
                strong: true,
                people: 2,
                hold_hours: 24,
            })
    }

    /// Whether somebody with these roles may record this evidence now; a connector that is off offers nothing.
    pub fn offers(&self, kind: EvidenceKind, roles: &BTreeSet<Role>) -> bool {
        let rule = self.assurance.evidence.get(&kind);
        rule.is_some_and(|rule| rule.enabled && !rule.recorded_by.is_disjoint(roles))
    }

    /// A reason that a reviewer may return with.
    pub fn return_reason(&self, code: &str) -> Option<&Reason> {
        self.return_reasons
            .iter()
            .find(|reason| reason.code == code)
    }

    /// A reason that a reviewer may reject with.
    pub fn reject_reason(&self, code: &str) -> Option<&Reason> {
        self.reject_reasons
            .iter()
            .find(|reason| reason.code == code)
    }

    /// The acquirer of a merchant number, if its prefix is known.
    pub fn acquirer_of(&self, merchant_no: &str) -> Option<&Acquirer> {
        self.acquirers
            .iter()
            .find(|acquirer| merchant_no.starts_with(&acquirer.prefix))
    }

    fn check(&self) -> Result<(), PolicyError> {
        let rules = &self.assurance;
        let sense = [
            (
                EvidenceKind::ALL
                    .iter()
                    .all(|kind| rules.evidence.contains_key(kind)),
                "a kind of evidence is missing",
            ),
            (
                Level::ALL
                    .iter()
                    .all(|level| rules.levels.contains_key(level)),
                "a level is missing",
            ),
            (
                rules
                    .evidence
                    .values()
                    .all(|rule| rules.caps.contains_key(&rule.class)),
                "a class has no cap",
            ),
            (rules.caps.contains_key(&Class::Paper), "PAPER has no cap"),
            (
                rules.levels.values().all(|rule| rule.people >= 1),
                "a level needs nobody",
            ),
            (
                self.risk.raise_at > 0 && self.risk.raise_at <= self.risk.stop_at,
                "risk thresholds are out of order",
            ),
            (
                risk::SEEN.iter().all(|name| {
                    let signal = self.risk.signals.get(*name);
                    signal.is_some_and(|signal| !signal.said)
                }),
                "a risk signal of the server's is missing, or left to people",
            ),
            (
                self.risk.signals.keys().all(|name| is_name(name)),
                "a risk signal has no plain name (a-z and _)",
            ),
            (
                (1..=100).contains(&self.clocks.warn_percent),
                "the warning is not a percentage",
            ),
            (
                !self.return_reasons.is_empty() && !self.reject_reasons.is_empty(),
                "reviewers have no reasons",
            ),
            (
                self.acquirers.iter().any(|acquirer| acquirer.own),
                "no acquirer is ours",
            ),
        ];
        match sense.into_iter().find(|(holds, _)| !holds) {
            Some((_, what)) => Err(PolicyError::Senseless(what)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(from: &str, to: &str) -> Result<Policy, PolicyError> {
        assert!(SHIPPED.contains(from), "{from}");
        Policy::parse(&SHIPPED.replace(from, to))
    }

    #[test]
    fn senseless_policies_are_refused() {
        for (from, to) in [
            ("version = 2", "version = \"two\""),
            ("several_unbinds = { points = 20 }\n", ""),
            (
                "match_failed = { points = 10 }",
                "match_failed = { points = 10, said = true }",
            ),
            ("caller_coached =", "\"Caller coached\" ="),
            ("caller_coached = {", "caller_coached = { weight = 1, "),
            ("raise_at = 40", "raise_at = 71"),
            ("raise_at = 40", "raise_at = 0"),
            ("warn_percent = 75", "warn_percent = 0"),
            ("PAPER = 35\n", ""),
            ("GOV = 60\n", ""),
            ("L4 = { points = 100", "L6 = { points = 100"),
            (
                "L3 = { points = 70, classes = 2 }",
                "L3 = { points = 70, classes = 2, people = 0 }",
            ),
            ("own = true", "own = false"),
            ("site_visit = {", "sight_visit = {"),
            ("stop_at = 70", "stop_at = 70\nsurprise = 1"),
        ] {
            assert!(broken(from, to).is_err(), "{from} -> {to}");
        }
    }

    #[test]
    fn shipped_policy_says_what_the_product_page_says() {
        let policy = Policy::shipped();
        let level = policy.level(Level::L3);
        assert_eq!(
            (level.points, level.classes, level.people, level.hold_hours),
            (70, 2, 1, 0)
        );
        let level = policy.level(Level::L4);
        assert_eq!(
            (
                level.points,
                level.classes,
                level.strong,
                level.people,
                level.hold_hours
            ),
            (100, 2, true, 2, 24)
        );
        assert_eq!(policy.level(Level::L5).points, 110);
        assert_eq!((policy.risk.raise_at, policy.risk.stop_at), (40, 70));
        assert_eq!(
            policy.acquirer_of("822290070110001").map(|a| a.own),
            Some(true)
        );
        assert_eq!(
            policy.acquirer_of("820000000000001").map(|a| a.own),
            Some(false)
        );
        assert!(policy.acquirer_of("100000000000001").is_none());
        assert!(
            policy
                .reject_reason("IMPERSONATION")
                .is_some_and(|reason| reason.fraud)
        );
        assert!(policy.return_reasons.iter().all(|reason| !reason.fraud));
    }

    #[test]
    fn reason_codes_are_unique() {
        let policy = Policy::shipped();
        for list in [&policy.return_reasons, &policy.reject_reasons] {
            let codes: BTreeSet<_> = list.iter().map(|reason| &reason.code).collect();
            assert_eq!(codes.len(), list.len());
        }
    }
}
