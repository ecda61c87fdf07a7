//! What a person may do now on one case, found by asking the rules: the screen never offers what they would refuse.

use crate::session::{Rules, Session};
use chrono::NaiveDate;
use desk_domain::case::{
    Case, CaseState, CloseWay, DocumentKind, DocumentManifest, EvidenceKind, ExecutionResult,
    FollowUpResult, NoticeChannel, Provenance, ReturnItem, ReturnTarget, TerminalResult, Verdict,
};
use desk_domain::case_no::CaseNo;
use desk_domain::decide::{Context, decide};
use desk_domain::field::FieldKey;
use desk_domain::ids::{CaseId, DocumentId, GroupId, OpId};
use desk_domain::op::{ChainHash, Group, Hlc, Op, OpBody};
use desk_domain::outcome::Outcome;
use desk_domain::people::Actor;
use desk_domain::risk;
use desk_domain::time::Millis;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// A far, plausible day for bodies that need one.
const SOME_DAY: &str = "2099-12-31";
const SOME_WORDS: &str = "-";

/// Asks the rules on behalf of one person at one instant.
pub(crate) struct Offers<'a> {
    pub session: &'a Session,
    pub rules: &'a Rules,
    pub actor: &'a Actor,
    pub now: Millis,
    pub same_serial_open: Option<CaseNo>,
}

impl Offers<'_> {
    pub(crate) fn context(&self) -> Context<'_> {
        Context {
            actor: self.actor,
            policy: &self.rules.policy,
            calendar: &self.rules.calendar,
            now: self.now,
            same_serial_open: self.same_serial_open.clone(),
            call_doubt: None,
        }
    }

    /// Command names in the order of the bridge.
    pub(crate) fn allowed(&self, case: &Case) -> Vec<String> {
        let plausible = Plausible {
            case,
            policy: self.rules,
        };
        let mut allowed = Vec::new();
        for (command, bodies) in plausible.candidates() {
            if bodies.into_iter().any(|body| self.would_pass(case, body)) {
                allowed.push(command.to_owned());
            }
        }
        allowed
    }

    /// Whether the rules would take this op as it is.
    pub(crate) fn would_pass(&self, case: &Case, body: OpBody) -> bool {
        let Some(op) = self.envelope(case.id, body) else {
            return false;
        };
        let decided = decide(Some(case), &op, &self.context());
        matches!(
            decided.outcome,
            Outcome::Applied { .. } | Outcome::Noop { .. } | Outcome::Conflict { .. }
        )
    }

    fn envelope(&self, case: CaseId, body: OpBody) -> Option<Op> {
        let id = Uuid::from_u128(u128::MAX);
        Some(Op {
            op_id: OpId::from_uuid(id),
            device: self.session.identity.device,
            incarnation: self.session.identity.incarnation,
            seq: u64::MAX,
            prev_hash: ChainHash::GENESIS,
            actor: self.actor.user,
            case,
            group: Group {
                id: GroupId::from_uuid(id),
                i: 0,
                len: 1,
            },
            kind: body.kind().to_owned(),
            version: 1,
            body: body.to_raw().ok()?,
            base_rev: None,
            hlc: Hlc::default(),
            captured_at: self.now,
        })
    }
}

/// Bodies that a person could well mean, for each command.
struct Plausible<'a> {
    case: &'a Case,
    policy: &'a Rules,
}

type Candidate = (&'static str, Vec<OpBody>);

impl Plausible<'_> {
    fn candidates(&self) -> Vec<Candidate> {
        let mut all = self.collecting();
        all.extend(self.moving());
        all.extend(self.reviewing());
        all.extend(self.executing());
        all
    }

    /// Facts are always kept, but people are asked for them only while they can matter.
    fn collecting(&self) -> Vec<Candidate> {
        use CaseState::{Draft, Returned, Waiting};
        let mut all = vec![(
            "note_add",
            vec![OpBody::NoteAdd {
                text: SOME_WORDS.to_owned(),
            }],
        )];
        if self
            .case
            .fields
            .keys()
            .any(|key| super::show::is_personal(*key))
        {
            let reveal = OpBody::RevealRecord {
                field: FieldKey::CallerPhone,
                reason: SOME_WORDS.to_owned(),
            };
            all.push(("reveal", vec![reveal]));
        }
        if !matches!(self.case.state, Draft | Returned | Waiting) {
            return all;
        }
        let field = || field_set();
        for command in ["draft_put", "field_set", "fields_fill", "diagnosis_answer"] {
            all.push((command, vec![field()]));
        }
        let matched = OpBody::IdentityMatch {
            merchant: None,
            agreed: BTreeSet::new(),
            differed: BTreeSet::new(),
        };
        if self.case.identity.locked_until.is_none() {
            all.push(("identity_match", vec![matched]));
        }
        all.push((
            "evidence_add",
            EvidenceKind::ALL
                .iter()
                .map(|kind| evidence(*kind))
                .collect(),
        ));
        all.push(("document_add", vec![attach()]));
        all.push(("document_attach", vec![attach()]));
        if let Some((document, _)) = self.case.active_documents().next() {
            let detach = OpBody::DocumentDetach {
                document: *document,
                reason: SOME_WORDS.to_owned(),
            };
            all.push(("document_detach", vec![detach]));
        }
        if !self.case.returns.is_empty() {
            all.push((
                "return_answer",
                vec![OpBody::ReturnAnswer {
                    item: 0,
                    text: SOME_WORDS.to_owned(),
                }],
            ));
        }
        if let Some(conflict) = self.case.conflicts.keys().next() {
            all.push((
                "conflict_resolve",
                vec![OpBody::ConflictResolve {
                    conflict: *conflict,
                    value: None,
                }],
            ));
        }
        all
    }

    fn moving(&self) -> Vec<Candidate> {
        let text = || SOME_WORDS.to_owned();
        let finish = |way| OpBody::Finish {
            way,
            reason: text(),
            surviving: None,
        };
        let duplicate = OpBody::Finish {
            way: CloseWay::Duplicate,
            reason: text(),
            // Any other number will do to ask; the case's own would be refused for what it is.
            surviving: some_case_no(),
        };
        let mut all = Vec::new();
        // The rules take a second submission as an amendment; nobody is asked for one.
        if matches!(self.case.state, CaseState::Draft | CaseState::Returned) {
            let digest = self.case.content_digest();
            all.push(("submit", vec![OpBody::Submit { digest }]));
        }
        all.extend([
            (
                "case_wait",
                vec![OpBody::Wait {
                    missing: vec![text()],
                    promise_date: SOME_DAY.to_owned(),
                }],
            ),
            (
                "case_resume",
                vec![
                    OpBody::Resume { note: text() },
                    OpBody::Unhold { reason: text() },
                ],
            ),
            (
                "case_withdraw",
                vec![OpBody::Withdraw {
                    reason: text(),
                    identity_checked: true,
                }],
            ),
            (
                "case_finish",
                vec![
                    finish(CloseWay::Resolved),
                    finish(CloseWay::Referred),
                    duplicate,
                ],
            ),
            (
                "case_close",
                vec![OpBody::Close {
                    note: String::new(),
                }],
            ),
            (
                "case_reopen",
                vec![OpBody::Reopen {
                    reason: text(),
                    new_evidence: text(),
                }],
            ),
            (
                "case_hold",
                vec![OpBody::Hold {
                    reason: text(),
                    review_date: SOME_DAY.to_owned(),
                }],
            ),
        ]);
        all
    }

    fn reviewing(&self) -> Vec<Candidate> {
        let text = || SOME_WORDS.to_owned();
        let returns =
            self.policy
                .policy
                .return_reasons
                .first()
                .map(|reason| OpBody::ReviewReturn {
                    items: vec![ReturnItem {
                        target: ReturnTarget::Field {
                            key: FieldKey::TerminalSerial,
                        },
                        code: reason.code.clone(),
                        text: text(),
                    }],
                });
        let rejects = self
            .policy
            .policy
            .reject_reasons
            .iter()
            .map(|reason| OpBody::ReviewReject {
                code: reason.code.clone(),
                appeal: text(),
            });
        let judged = self
            .case
            .active_documents()
            .map(|(document, _)| OpBody::DocumentJudge {
                document: *document,
                verdict: Verdict::Accepted,
                code: None,
                note: String::new(),
            });
        let waived = DocumentKind::ALL.iter().map(|kind| OpBody::DocumentWaive {
            kind: *kind,
            reason: text(),
        });
        vec![
            (
                "review_take",
                vec![OpBody::ReviewTake {
                    note: String::new(),
                }],
            ),
            ("document_judge", judged.collect()),
            ("document_waive", waived.collect()),
            ("review_return", returns.into_iter().collect()),
            ("review_reject", rejects.collect()),
            (
                "review_approve",
                vec![OpBody::ReviewApprove {
                    digest: self.case.content_digest(),
                }],
            ),
            ("risk_clear", vec![OpBody::RiskClear { reason: text() }]),
            ("risk_say", self.doubts()),
        ]
    }

    /// Doubt can matter until the terminal is unbound; afterwards it is for whoever looks back.
    fn doubts(&self) -> Vec<OpBody> {
        let over = matches!(
            self.case.state,
            CaseState::Rejected
                | CaseState::Withdrawn
                | CaseState::Resolved
                | CaseState::Referred
                | CaseState::Duplicate
                | CaseState::Closed
        );
        let policy = &self.policy.policy;
        let open = risk::said_by_people(policy)
            .filter(|signal| !over && !self.case.risk.signals.contains(*signal));
        open.map(|signal| OpBody::RiskAssess {
            points: 0,
            signals: BTreeSet::from([signal.to_owned()]),
        })
        .collect()
    }

    fn executing(&self) -> Vec<Candidate> {
        let record = |requeried| OpBody::ExecuteRecord {
            result: ExecutionResult::Unbound,
            reference: SOME_WORDS.to_owned(),
            evidence: SOME_WORDS.to_owned(),
            terminals: terminal_results(self.case, ExecutionResult::Unbound),
            requeried,
        };
        let mut all = vec![
            (
                "execute_start",
                vec![OpBody::ExecuteStart {
                    idempotency_key: OTHER_KEY.to_owned(),
                }],
            ),
            ("execute_record", vec![record(true)]),
        ];
        // To tell or to ask makes sense only when there is a result.
        if matches!(
            self.case.state,
            CaseState::Unbound | CaseState::Rejected | CaseState::Closed
        ) {
            let told = OpBody::NoticeRecord {
                channel: NoticeChannel::Call,
                template: SOME_WORDS.to_owned(),
                delivered: true,
                note: String::new(),
            };
            all.push(("notice_record", vec![told]));
        }
        if self.case.state == CaseState::Unbound {
            let asked = OpBody::FollowUpRecord {
                result: FollowUpResult::RecordsSeen,
                note: String::new(),
            };
            all.push(("follow_up", vec![asked]));
        }
        all
    }
}

fn field_set() -> OpBody {
    OpBody::FieldSet {
        field: FieldKey::RequestWords,
        value: None,
        source: Provenance::Typed,
        accepted: BTreeMap::new(),
    }
}

fn attach() -> OpBody {
    let hash = "0".repeat(64);
    OpBody::DocumentAttach {
        document: DocumentId::from_uuid(Uuid::from_u128(u128::MAX)),
        kind: DocumentKind::Other,
        manifest: DocumentManifest {
            sha256: hash.clone(),
            size_bytes: 1,
            chunks: vec![hash],
            mime: "image/jpeg".to_owned(),
            pages: 1,
        },
        replaces: None,
    }
}

fn some_case_no() -> Option<CaseNo> {
    CaseNo::compose(NaiveDate::from_ymd_opt(2000, 1, 1)?, "00000", "00", 0).ok()
}

const OTHER_KEY: &str = "ffffffff-ffff-ffff-ffff-ffffffffffff";

pub(crate) fn evidence(kind: EvidenceKind) -> OpBody {
    OpBody::EvidenceRecord {
        evidence: kind,
        call_ref: Some(SOME_WORDS.to_owned()),
        note: SOME_WORDS.to_owned(),
    }
}

/// One result for each terminal number of the case.
pub(crate) fn terminal_results(case: &Case, result: ExecutionResult) -> Vec<TerminalResult> {
    let numbers = case.members(FieldKey::TerminalNumbers);
    numbers
        .into_iter()
        .map(|terminal_no| TerminalResult {
            terminal_no,
            result,
        })
        .collect()
}
