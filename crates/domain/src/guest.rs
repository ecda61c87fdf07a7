//! What a merchant may know of a case without an account: which papers are asked for and how far it is. Nothing of
//! persons, of risk or of money.

use crate::case::{Case, CaseState, DocumentKind};
use crate::checklist::{RequiredStatus, required_documents};
use crate::time::Millis;
use serde::{Deserialize, Serialize};

/// Kinds that a merchant may always send besides what is asked for.
pub const OTHERS: &[DocumentKind] = &[
    DocumentKind::DeviceLabel,
    DocumentKind::FaultPhoto,
    DocumentKind::Other,
];

/// How far a case is, in the merchant's terms.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Collecting,
    Reviewing,
    Returned,
    Executing,
    Unbound,
    Closed,
    Rejected,
    Withdrawn,
    /// Repaired, referred elsewhere, or a duplicate: nothing is to be unbound.
    Ended,
}

/// One paper that the case needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// Any one of these will do; the first is asked for first.
    pub any_of: Vec<DocumentKind>,
    pub status: RequiredStatus,
    /// Code of the reason for which the newest one came back.
    pub reason: Option<String>,
}

impl Stage {
    /// A hold is the office's own business: it shows as what was going on before it.
    pub fn of(case: &Case) -> Self {
        match case.effective_state() {
            CaseState::Draft | CaseState::Waiting => Self::Collecting,
            CaseState::Submitted | CaseState::InReview | CaseState::OnHold => Self::Reviewing,
            CaseState::Returned => Self::Returned,
            CaseState::Approved
            | CaseState::Executing
            | CaseState::ExecFailed
            | CaseState::ExecUnknown => Self::Executing,
            CaseState::Unbound => Self::Unbound,
            CaseState::Closed => Self::Closed,
            CaseState::Rejected => Self::Rejected,
            CaseState::Withdrawn => Self::Withdrawn,
            CaseState::Resolved | CaseState::Referred | CaseState::Duplicate => Self::Ended,
        }
    }

    /// Since when, as far as the case tells.
    pub fn since(self, case: &Case) -> Millis {
        let moments = &case.moments;
        let moment = match self {
            Self::Collecting => None,
            Self::Reviewing => moments.submitted_at,
            Self::Returned => case.returns.last().map(|item| item.at),
            Self::Executing => moments.approved_at,
            Self::Unbound => moments.unbound_at,
            Self::Closed | Self::Rejected | Self::Withdrawn | Self::Ended => moments.closed_at,
        };
        moment.unwrap_or(moments.created_at)
    }
}

/// The papers that the case needs, as the merchant sees them.
pub fn wanted(case: &Case) -> Vec<Wanted> {
    let entries = required_documents(case).into_iter();
    entries
        .map(|entry| Wanted {
            reason: reason(case, &entry.any_of, entry.status),
            any_of: entry.any_of,
            status: entry.status,
        })
        .collect()
}

fn reason(case: &Case, any_of: &[DocumentKind], status: RequiredStatus) -> Option<String> {
    if !matches!(status, RequiredStatus::Returned | RequiredStatus::Rejected) {
        return None;
    }
    case.active_documents()
        .filter(|(_, document)| any_of.contains(&document.kind))
        .filter_map(|(_, document)| document.verdict.as_ref())
        .max_by_key(|word| word.at)
        .and_then(|word| word.code.clone())
}

/// True for a paper that is asked for, or that anybody may add.
pub fn may_send(case: &Case, kind: DocumentKind) -> bool {
    OTHERS.contains(&kind)
        || required_documents(case)
            .iter()
            .any(|entry| entry.any_of.contains(&kind))
}

#[cfg(test)]
mod tests {
    use super::{Stage, may_send, wanted};
    use crate::case::{CaseState, DocumentKind};
    use crate::checklist::RequiredStatus;
    use crate::testkit::Story;

    #[test]
    fn a_hold_shows_as_what_was_going_on_before() {
        let mut case = Story::created().the_case().clone();
        case.state = CaseState::OnHold;
        case.held_from = Some(CaseState::Approved);
        assert_eq!(Stage::of(&case), Stage::Executing);
        case.held_from = Some(CaseState::InReview);
        assert_eq!(Stage::of(&case), Stage::Reviewing);
    }

    #[test]
    fn only_what_is_asked_for_may_be_sent() {
        let story = Story::created();
        let case = story.the_case();
        assert!(may_send(case, DocumentKind::IdCardFront));
        assert!(may_send(case, DocumentKind::FaultPhoto));
        assert!(!may_send(case, DocumentKind::PoliceReceipt));
        assert!(
            wanted(case)
                .iter()
                .all(|paper| paper.status == RequiredStatus::Missing && paper.reason.is_none())
        );
    }
}
