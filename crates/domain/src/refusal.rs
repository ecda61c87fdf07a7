//! Every reason why the rules say no: one stable code each, `area.reason`, for ever.

use std::collections::BTreeMap;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)+) => {
        /// The stable codes of refusals.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Code { $( $(#[$doc])* $name ),+ }

        impl Code {
            /// Every code, in the order of this file.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The text on the wire and in the message catalogues.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$name => $code ),+ }
            }
        }
    };
}

codes! {
    /// The op names another author than the one who sent it.
    ActorMismatch = "actor.mismatch";
    ActorOffice = "actor.office";
    ActorRole = "actor.role";
    /// The two-person rule.
    ActorIsMaker = "actor.is_maker";
    CaseExists = "case.exists";
    CaseNumberOffice = "case.number_office";
    CaseWrongState = "case.wrong_state";
    FieldInvalid = "field.invalid";
    FieldSecret = "field.secret";
    TextSecret = "text.secret";
    TextTooLong = "text.too_long";
    DocumentExists = "document.exists";
    DocumentManifest = "document.manifest";
    DocumentInactive = "document.inactive";
    DocumentNotStored = "document.not_stored";
    DocumentReasonMissing = "document.reason_missing";
    DocumentReasonUnknown = "document.reason_unknown";
    SubmitIncomplete = "submit.incomplete";
    WaitMissingList = "wait.missing_list";
    WaitPromiseDate = "wait.promise_date";
    WithdrawReason = "withdraw.reason";
    WithdrawIdentity = "withdraw.identity_unchecked";
    WithdrawTooEarly = "withdraw.too_early";
    WithdrawReminders = "withdraw.reminders";
    FinishReason = "finish.reason";
    FinishSurviving = "finish.surviving";
    ReviewTaken = "review.taken";
    ReviewNoItems = "review.no_items";
    ReviewItemUnknown = "review.item_unknown";
    ReviewReasonUnknown = "review.reason_unknown";
    ReviewAppealMissing = "review.appeal_missing";
    ReviewFraudFirst = "review.fraud_needs_reviewer_first";
    ReviewFraudSecondPerson = "review.fraud_needs_second_person";
    ReviewFraudOpen = "review.fraud_open";
    ReviewStale = "review.stale_content";
    ReviewConflictOpen = "review.conflict_open";
    ReviewDocumentsOpen = "review.documents_open";
    ReviewRiskHold = "review.risk_hold";
    ReviewAssurance = "review.assurance";
    ReviewSecondPerson = "review.second_person";
    WaiveReason = "waive.reason";
    WaiveNotRequired = "waive.not_required";
    HoldReason = "hold.reason";
    HoldReviewDate = "hold.review_date";
    RiskReason = "risk.reason";
    RiskNothing = "risk.nothing_to_clear";
    ExecutionKey = "execution.key";
    ExecutionKeyUsed = "execution.key_used";
    ExecutionHold = "execution.hold_time";
    ExecutionDone = "execution.already_unbound";
    ExecutionRiskHold = "execution.risk_hold";
    ExecutionReference = "execution.reference";
    ExecutionEvidence = "execution.evidence";
    ExecutionTerminals = "execution.terminals";
    ExecutionRequery = "execution.requery_first";
    ExecutionStillUnknown = "execution.still_unknown";
    CloseNotTold = "close.not_told";
    CloseFollowUp = "close.follow_up";
    CloseTooEarly = "close.too_early";
    ReopenReason = "reopen.reason";
    ReopenEvidence = "reopen.evidence";
    /// Another op of the same action was refused; params `op` and its `code`.
    GroupRefused = "group.refused";
}

/// A code with its small, non-personal parameters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    pub code: Code,
    pub params: BTreeMap<String, String>,
}

impl Refusal {
    /// A refusal with one more parameter.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.params.insert(key.to_owned(), value.into());
        self
    }
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Self {
            code,
            params: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Append only: a code that was ever shipped keeps its spelling.
    const SHIPPED: &str = "actor.mismatch actor.office actor.role actor.is_maker case.exists case.number_office \
        case.wrong_state field.invalid field.secret text.secret text.too_long document.exists document.manifest \
        document.inactive document.not_stored document.reason_missing document.reason_unknown submit.incomplete \
        wait.missing_list wait.promise_date withdraw.reason withdraw.identity_unchecked withdraw.too_early \
        withdraw.reminders finish.reason finish.surviving review.taken review.no_items review.item_unknown review.reason_unknown \
        review.appeal_missing review.fraud_needs_reviewer_first review.fraud_needs_second_person review.fraud_open \
        review.stale_content review.conflict_open review.documents_open review.risk_hold review.assurance \
        review.second_person waive.reason waive.not_required hold.reason hold.review_date risk.reason \
        risk.nothing_to_clear execution.key execution.key_used execution.hold_time execution.already_unbound \
        execution.risk_hold execution.reference execution.evidence execution.terminals execution.requery_first \
        execution.still_unknown close.not_told close.follow_up close.too_early reopen.reason reopen.evidence group.refused";

    #[test]
    fn codes_keep_their_spelling_for_ever() {
        let codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(codes.join(" "), SHIPPED);
    }

    #[test]
    fn codes_are_area_dot_reason_and_unique() {
        let unique: std::collections::BTreeSet<_> =
            Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(unique.len(), Code::ALL.len());
        for code in unique {
            let (area, reason) = code.split_once('.').unwrap();
            let fits = |part: &str| {
                !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
            };
            assert!(fits(area) && fits(reason), "{code}");
        }
    }
}
