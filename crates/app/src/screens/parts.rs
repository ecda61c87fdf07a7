//! The smaller parts of a case's screen.

use super::{Painter, show};
use crate::dto::{
    ConflictView, DoubtView, EvidenceOffer, EvidenceView, ExecutionView, FieldView, IdentityView,
    MerchantBrief, NoteView, NoticeView, ReturnMark, ReturnView, ReviewView, TerminalResultView,
    TimelineView,
};
use crate::screens::offers::{Offers, evidence};
use crate::words::word;
use desk_domain::assurance;
use desk_domain::case::{Case, EvidenceKind, FieldConflict, OpenReturn, ReturnTarget};
use desk_domain::decide;
use desk_domain::field::FieldKey;
use desk_domain::ids::{ExecutionId, OpId};
use desk_domain::mask;
use desk_domain::outcome::Outcome;
use desk_domain::registry::MerchantRecord;
use desk_domain::risk;
use desk_store::{CaseView, OpState, PendingOp};
use std::collections::BTreeMap;

/// Lines of history on one screen.
const TIMELINE_LINES: usize = 200;

impl Painter<'_> {
    /// Every field of the form, filled or not, with drafts.
    pub(crate) fn fields(&self, view: &CaseView) -> BTreeMap<String, FieldView> {
        let all = FieldKey::ALL.iter();
        all.map(|key| (key.as_str().to_owned(), self.field(view, *key)))
            .collect()
    }

    fn field(&self, view: &CaseView, key: FieldKey) -> FieldView {
        let state = view.case.fields.get(&key);
        let shown = show::value(key, state.and_then(|state| state.value.as_ref()));
        FieldView {
            key: key.as_str().to_owned(),
            display: shown.display,
            raw: shown.raw,
            masked: shown.masked,
            // What this person typed and the desk has not taken yet: theirs to go on with.
            draft: view.drafts.get(&key).cloned(),
            rev: state.map(|state| state.rev.to_string()),
            source: state.map(|state| word(&state.source)),
            by: state.map(|state| self.name_of(state.by)),
            at: state.map(|state| state.at),
            warnings: state
                .map(|state| state.accepted.clone())
                .unwrap_or_default(),
            conflict: view
                .case
                .conflicts
                .values()
                .any(|conflict| conflict.field == key),
            returned: self.return_mark(&view.case, key),
            pending: state.is_some_and(|state| view.pending.iter().any(|op| op.op_id == state.rev)),
        }
    }

    fn return_mark(&self, case: &Case, key: FieldKey) -> Option<ReturnMark> {
        let open = case.returns.iter().filter(|open| open.answered.is_none());
        let mut marks = open.filter(|open| open.item.target == ReturnTarget::Field { key });
        marks.next().map(|open| ReturnMark {
            code: open.item.code.clone(),
            label: self.reason_label(&open.item.code),
            text: open.item.text.clone(),
        })
    }

    pub(crate) fn returns(&self, case: &Case) -> Vec<ReturnView> {
        let numbered = (0_u32..).zip(&case.returns);
        numbered
            .map(|(index, open)| self.returned(index, open))
            .collect()
    }

    fn returned(&self, index: u32, open: &OpenReturn) -> ReturnView {
        let (field, document, missing_kind) = match &open.item.target {
            ReturnTarget::Field { key } => (Some(key.as_str().to_owned()), None, None),
            ReturnTarget::Document { id } => (None, Some(id.to_string()), None),
            ReturnTarget::Missing { kind } => (None, None, Some(word(kind))),
        };
        ReturnView {
            index,
            field,
            document,
            missing_kind,
            code: open.item.code.clone(),
            label: self.reason_label(&open.item.code),
            text: open.item.text.clone(),
            answered: open.answered.is_some(),
            answer: open.answer.clone(),
            by: self.name_of(open.by),
            at: open.at,
        }
    }

    pub(crate) fn conflicts(&self, case: &Case) -> Vec<ConflictView> {
        case.conflicts
            .iter()
            .map(|(id, conflict)| self.conflict(case, *id, conflict))
            .collect()
    }

    /// "Mine" is the value of the person who looks, wherever it stands.
    fn conflict(&self, case: &Case, id: OpId, conflict: &FieldConflict) -> ConflictView {
        let standing = case.fields.get(&conflict.field);
        let key = conflict.field;
        let losing = (
            show::value(key, conflict.value.as_ref()),
            self.name_of(conflict.by),
            conflict.at,
        );
        let canonical = (
            show::value(key, standing.and_then(|state| state.value.as_ref())),
            standing
                .map(|state| self.name_of(state.by))
                .unwrap_or_default(),
            standing.map_or(0, |state| state.at),
        );
        let (mine, theirs) = if is_mine(self, conflict) {
            (losing, canonical)
        } else {
            (canonical, losing)
        };
        ConflictView {
            id: id.to_string(),
            case: case.id.to_string(),
            case_no: case.case_no.to_string(),
            field: key.as_str().to_owned(),
            mine: mine.0.display,
            mine_by: mine.1,
            mine_at: mine.2,
            theirs: theirs.0.display,
            theirs_by: theirs.1,
            theirs_at: theirs.2,
            mine_raw: mine.0.raw,
            theirs_raw: theirs.0.raw,
        }
    }

    pub(crate) fn timeline(&self, view: &CaseView) -> Vec<TimelineView> {
        let lines = self
            .session
            .store
            .timeline(view.case.id, TIMELINE_LINES)
            .unwrap_or_default();
        let pending: BTreeMap<OpId, &PendingOp> =
            view.pending.iter().map(|op| (op.op_id, op)).collect();
        let line = |entry: desk_domain::case::TimelineEntry| TimelineView {
            op: entry.op.to_string(),
            at: entry.at,
            by: self.name_of(entry.by),
            kind: entry.kind,
            params: entry.params,
            pending: pending
                .get(&entry.op)
                .is_some_and(|op| op.outcome.is_none()),
            trouble: pending.get(&entry.op).and_then(|op| trouble(op)),
        };
        lines.into_iter().map(line).collect()
    }

    pub(crate) fn notes(&self, view: &CaseView) -> Vec<NoteView> {
        let notes = view.case.notes.iter();
        notes
            .map(|note| NoteView {
                by: self.name_of(note.by),
                at: note.at,
                text: note.text.clone(),
                pending: view.pending.iter().any(|op| op.op_id == note.op),
            })
            .collect()
    }

    pub(crate) fn identity(&self, case: &Case, offers: &Offers<'_>) -> IdentityView {
        let policy = &self.rules.policy;
        let level = assurance::level_of(case, policy);
        let now = assurance::assess(case, level, policy);
        let before = assurance::assess(case, assurance::base_level(case, policy), policy);
        let merchant = case
            .identity
            .merchant
            .and_then(|id| self.session.store.merchant(id).ok().flatten());
        IdentityView {
            merchant: merchant.as_ref().map(brief),
            agreed: case
                .identity
                .agreed
                .iter()
                .map(|key| key.as_str().to_owned())
                .collect(),
            failures: case.identity.failures,
            locked_until: case.identity.locked_until.filter(|until| *until > self.now),
            evidence: self.evidence(case),
            points: now.points,
            needed_submit: before.needed_before_review,
            needed_approve: now.needed,
            classes: now.classes,
            needed_classes: now.needed_classes,
            holds: before.holds_before_review,
            offers: self.evidence_offers(case, offers),
            doubts: risk::said_by_people(policy)
                .map(|signal| DoubtView {
                    said: case.risk.signals.contains(signal),
                    signal: signal.to_owned(),
                })
                .collect(),
        }
    }

    fn evidence(&self, case: &Case) -> Vec<EvidenceView> {
        let rules = &self.rules.policy.assurance.evidence;
        let line = |found: &desk_domain::case::Evidence| EvidenceView {
            kind: word(&found.kind),
            by: self.name_of(found.by),
            at: found.at,
            note: found.note.clone(),
            points: rules
                .get(&found.kind)
                .filter(|rule| rule.enabled)
                .map_or(0, |rule| rule.points),
        };
        case.evidence.iter().map(line).collect()
    }

    fn evidence_offers(&self, case: &Case, offers: &Offers<'_>) -> Vec<EvidenceOffer> {
        let rules = &self.rules.policy.assurance.evidence;
        let offer = |kind: &EvidenceKind| {
            let rule = rules.get(kind).filter(|rule| rule.enabled)?;
            Some(EvidenceOffer {
                kind: word(kind),
                class: rule.class.as_str().to_owned(),
                points: rule.points,
                available: self.may_offer(case, offers, *kind),
            })
        };
        EvidenceKind::ALL.iter().filter_map(offer).collect()
    }

    /// A one-time code is recorded by the server once it is right; a desk without a server cannot send any.
    fn may_offer(&self, case: &Case, offers: &Offers<'_>, kind: EvidenceKind) -> bool {
        if kind == EvidenceKind::OneTimeCode {
            return self.session.courier().is_some()
                && offers.would_pass(case, evidence(EvidenceKind::CallBack));
        }
        offers.would_pass(case, evidence(kind))
    }

    pub(crate) fn review(&self, case: &Case) -> ReviewView {
        let policy = &self.rules.policy;
        ReviewView {
            digest: case.content_digest().to_string(),
            reviewer: case.reviewer.map(|user| self.name_of(user)),
            mine: case.reviewer == Some(self.session.user.user),
            locked_until: decide::lock_of(case)
                .map(|(_, until)| until)
                .filter(|until| *until > self.now),
            approvals: case
                .approvals
                .iter()
                .map(|approval| self.name_of(approval.user))
                .collect(),
            second_needed: assurance::people_needed(case, policy) > 1,
            fraud_reject_by: case.fraud_reject_by.map(|user| self.name_of(user)),
            risk_points: case.risk.points,
            risk_signals: case.risk.signals.iter().cloned().collect(),
            risk_cleared: case.risk.cleared_by.is_some(),
        }
    }

    pub(crate) fn execution(&self, case: &Case) -> Option<ExecutionView> {
        let last = case.executions.last()?;
        let terminals = last.terminals.iter().map(|terminal| TerminalResultView {
            terminal_no: terminal.terminal_no.clone(),
            result: word(&terminal.result),
        });
        Some(ExecutionView {
            started_by: self.name_of(last.started_by),
            by_connector: last.idempotency_key == ExecutionId::of_connector(case.id).to_string(),
            started_at: last.started_at,
            result: last.result.as_ref().map(word),
            reference: last.reference.clone(),
            finished_at: last.finished_at,
            terminals: terminals.collect(),
        })
    }

    pub(crate) fn notices(&self, case: &Case) -> Vec<NoticeView> {
        let line = |notice: &desk_domain::case::Notice| NoticeView {
            channel: word(&notice.channel),
            template: notice.template.clone(),
            delivered: notice.delivered,
            by: self.name_of(notice.by),
            at: notice.at,
        };
        case.notices.iter().map(line).collect()
    }
}

fn is_mine(painter: &Painter<'_>, conflict: &FieldConflict) -> bool {
    conflict.by == painter.session.user.user
}

/// What a person should look at: the server's verdict before the preview.
fn trouble(op: &PendingOp) -> Option<String> {
    let by_state = match op.state {
        OpState::Parked => Some("parked"),
        OpState::Conflict => Some("conflict"),
        OpState::Refused => Some("refused"),
        OpState::Held => Some("held"),
        OpState::Queued | OpState::Stored | OpState::Applied | OpState::Noop => None,
    };
    let by_preview = || match op.preview {
        Some(Outcome::Refused { .. }) => Some("likely_refused"),
        Some(Outcome::Conflict { .. }) => Some("conflict"),
        Some(Outcome::Held { .. }) => Some("held"),
        Some(Outcome::Applied { .. } | Outcome::Noop { .. }) | None => None,
    };
    by_state.or_else(by_preview).map(str::to_owned)
}

/// A merchant in one line; the phone is masked.
pub(crate) fn brief(record: &MerchantRecord) -> MerchantBrief {
    MerchantBrief {
        id: record.id.to_string(),
        merchant_no: record.merchant_no.clone(),
        name: record.name.clone(),
        phone: mask::phone(&record.phone).to_string(),
        terminals: u32::try_from(record.terminals.len()).unwrap_or(u32::MAX),
    }
}
