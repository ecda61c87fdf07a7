//! People, ops and whole stories for tests of every room. Nothing here is compiled into a product.
//!
//! All values are synthetic; all ids count up from fixed numbers, so that a failing test repeats.

use crate::calendar::Calendar;
use crate::case::{
    Case, DocumentKind, DocumentManifest, EvidenceKind, ExecutionResult, FollowUpResult,
    NoticeChannel, Provenance, TerminalResult, Verdict,
};
use crate::case_no::CaseNo;
use crate::decide::{CallDoubt, Context, Decision, decide};
use crate::field::{self, FieldKey, FieldValue};
use crate::ids::{CaseId, DeviceId, DocumentId, GroupId, Incarnation, OfficeCode, OpId, UserId};
use crate::op::{ChainHash, Group, Hlc, Op, OpBody};
use crate::outcome::Outcome;
use crate::people::{Actor, Employer, Role};
use crate::policy::Policy;
use crate::time::Millis;
use chrono::NaiveDate;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// The terminal of every story.
pub const SERIAL: &str = "N9QT00000001";

/// A Monday morning, 2026-03-02 10:00 in Shanghai.
pub const MONDAY: Millis = 1_772_416_800_000;
/// One minute in milliseconds.
pub const MINUTE: Millis = 60_000;
/// One day in milliseconds.
pub const DAY: Millis = 24 * 60 * MINUTE;
/// The office of the stories.
pub const OFFICE: &str = "BJ001";

/// What must be there; a kit that is broken stops the test.
fn must<T>(value: Option<T>) -> T {
    value.unwrap_or_else(|| unreachable!("the test kit is broken"))
}

/// A UUID from a number.
pub const fn uuid(n: u128) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | n)
}

/// The office code of the stories.
pub fn office() -> OfficeCode {
    must(OfficeCode::parse(OFFICE))
}

/// The case with this number.
pub fn case_no(sequence: u32) -> CaseNo {
    let day = must(NaiveDate::from_ymd_opt(2026, 3, 2));
    must(CaseNo::compose(day, OFFICE, "01", sequence).ok())
}

/// A person of the story's office with one role, whose account number is also their person number.
pub fn actor(n: u128, role: Role) -> Actor {
    Actor {
        user: UserId::from_uuid(uuid(0xA000 + n)),
        person: UserId::from_uuid(uuid(0xB000 + n)),
        roles: BTreeSet::from([role]),
        employer: Employer::Acquirer,
        offices: BTreeSet::from([office()]),
        active: true,
    }
}

/// The agent who makes the story's case.
pub fn agent() -> Actor {
    actor(1, Role::Agent)
}
/// The reviewer who judges it.
pub fn reviewer() -> Actor {
    actor(2, Role::Reviewer)
}
/// Another reviewer.
pub fn second_reviewer() -> Actor {
    actor(3, Role::Reviewer)
}
/// The operator who executes it.
pub fn operator() -> Actor {
    actor(4, Role::Operator)
}
/// The supervisor.
pub fn supervisor() -> Actor {
    actor(5, Role::Supervisor)
}
/// The server's own device.
pub fn system() -> Actor {
    actor(6, Role::System)
}

/// An op with the given number as its id and a body of this version.
pub fn op(n: u64, by: &Actor, case: CaseId, at: Millis, body: &OpBody) -> Op {
    Op {
        op_id: OpId::from_uuid(uuid(0xF_0000 + u128::from(n))),
        device: DeviceId::from_uuid(uuid(0xD1)),
        incarnation: Incarnation::from_uuid(uuid(0xE1)),
        seq: n,
        prev_hash: ChainHash::GENESIS,
        actor: by.user,
        case,
        group: Group {
            id: GroupId::from_uuid(uuid(0xC_0000 + u128::from(n))),
            i: 0,
            len: 1,
        },
        kind: body.kind().to_owned(),
        version: 1,
        body: must(body.to_raw().ok()),
        base_rev: None,
        hlc: Hlc { ms: at, n: 0 },
        captured_at: at,
    }
}

/// A `field.set` of what was typed.
pub fn typed(key: FieldKey, raw: &str) -> OpBody {
    let today = must(NaiveDate::from_ymd_opt(2026, 3, 2));
    let value = must(field::canonicalise(key, raw, today).ok()).value;
    set(key, value)
}

/// A `field.set` of a value.
pub fn set(key: FieldKey, value: Option<FieldValue>) -> OpBody {
    OpBody::FieldSet {
        field: key,
        value,
        source: Provenance::Typed,
        accepted: BTreeMap::new(),
    }
}

/// The document with this number.
pub fn document_id(n: u128) -> DocumentId {
    DocumentId::from_uuid(uuid(0x5000 + n))
}

/// A manifest of one small photo.
pub fn manifest(n: u128) -> DocumentManifest {
    let hash = format!("{n:064x}");
    DocumentManifest {
        sha256: hash.clone(),
        size_bytes: 1000,
        chunks: vec![hash],
        mime: "image/jpeg".to_owned(),
        pages: 1,
    }
}

/// Attaches document `n`.
pub fn attach(n: u128, kind: DocumentKind) -> OpBody {
    OpBody::DocumentAttach {
        document: document_id(n),
        kind,
        manifest: manifest(n),
        replaces: None,
    }
}

/// Every field that the story's merchant, without a licence and with a bought terminal, must answer.
pub const ANSWERS: &[(FieldKey, &str)] = &[
    (FieldKey::CallerName, "张三"),
    (FieldKey::CallerPhone, "13000000001"),
    (FieldKey::CallerRelation, "holder"),
    (FieldKey::Channel, "phone"),
    (FieldKey::RequestKind, "unbind_terminal"),
    (FieldKey::MerchantNo, "822290070110001"),
    (FieldKey::MerchantName, "测试小吃店"),
    (FieldKey::MerchantClass, "micro"),
    (FieldKey::MerchantPhone, "13000000001"),
    (FieldKey::LegalName, "张三"),
    (FieldKey::LegalIdNo, "110105199003070017"),
    (FieldKey::DiagnosisConclusion, "confirmed_damaged"),
    (FieldKey::DiagnosisRoute, "unbind"),
    (FieldKey::TerminalSerial, SERIAL),
    (FieldKey::TerminalSerialAgain, SERIAL),
    (FieldKey::TerminalNumbers, "00000751,A0000001"),
    (FieldKey::TerminalObtainedBy, "purchased"),
    (FieldKey::TerminalPlace, "in_hand"),
    (FieldKey::ReasonCode, "FAULT_POWER"),
    (FieldKey::UnsettledFen, "0"),
    (FieldKey::EffectsTold, "true"),
    (FieldKey::HandoverTransactions, "done"),
    (FieldKey::HandoverSettlement, "waived"),
    (FieldKey::HandoverReceipts, "not_possible"),
    (FieldKey::NoticeReadBack, "true"),
    (FieldKey::Signature, "on_site"),
];

/// The papers of the story, by document number.
pub const PAPERS: &[(u128, DocumentKind)] = &[
    (1, DocumentKind::Invoice),
    (2, DocumentKind::IdCardFront),
    (3, DocumentKind::IdCardBack),
];

/// One case as it is written, op by op, under the judge's eye.
#[derive(Clone, Debug)]
pub struct Story {
    pub case_id: CaseId,
    pub case: Option<Case>,
    pub now: Millis,
    pub policy: Policy,
    pub calendar: Calendar,
    pub same_serial_open: Option<CaseNo>,
    pub call_doubt: Option<CallDoubt>,
    /// Every op that was judged, with its author, when, and what came of it.
    pub log: Vec<(Op, Actor, Millis, Outcome)>,
}

impl Default for Story {
    fn default() -> Self {
        Self::new()
    }
}

impl Story {
    /// Before the first op.
    pub fn new() -> Self {
        Self {
            case_id: CaseId::from_uuid(uuid(0xCA5E)),
            case: None,
            now: MONDAY,
            policy: Policy::shipped(),
            calendar: must(Calendar::shipped().ok()),
            same_serial_open: None,
            call_doubt: None,
            log: Vec::new(),
        }
    }

    /// The case so far.
    pub fn the_case(&self) -> &Case {
        must(self.case.as_ref())
    }

    /// The case so far, for breaking exactly one thing.
    pub fn break_case(&mut self) -> &mut Case {
        must(self.case.as_mut())
    }

    /// The context in which an actor is judged now.
    pub fn context<'a>(&'a self, by: &'a Actor) -> Context<'a> {
        Context {
            actor: by,
            policy: &self.policy,
            calendar: &self.calendar,
            now: self.now,
            same_serial_open: self.same_serial_open.clone(),
            call_doubt: self.call_doubt,
        }
    }

    /// The next op of this story; a field is written by somebody who saw what stands.
    pub fn next_op(&self, by: &Actor, body: &OpBody) -> Op {
        let n = u64::try_from(self.log.len())
            .unwrap_or(u64::MAX)
            .saturating_add(1);
        let mut next = op(n, by, self.case_id, self.now, body);
        if let (OpBody::FieldSet { field, .. }, Some(case)) = (body, &self.case) {
            next.base_rev = case.fields.get(field).map(|state| state.rev);
        }
        next
    }

    /// Judges a body and keeps what comes of it.
    pub fn send(&mut self, by: &Actor, body: &OpBody) -> Outcome {
        let op = self.next_op(by, body);
        self.send_op(by, op)
    }

    /// Judges an op and keeps what comes of it; a minute passes.
    pub fn send_op(&mut self, by: &Actor, op: Op) -> Outcome {
        let Decision { outcome, case, .. } = decide(self.case.as_ref(), &op, &self.context(by));
        self.case = case.or(self.case.take());
        self.log.push((op, by.clone(), self.now, outcome.clone()));
        self.now += MINUTE;
        outcome
    }

    /// Judges a body that must be applied.
    #[must_use]
    pub fn then(mut self, by: &Actor, body: &OpBody) -> Self {
        let outcome = self.send(by, body);
        if !matches!(outcome, Outcome::Applied { .. }) {
            unreachable!("{}: {outcome:?}", body.kind());
        }
        self
    }

    /// An empty draft.
    pub fn created() -> Self {
        let create = OpBody::CaseCreate {
            case_no: case_no(1),
            office: office(),
            parent: None,
        };
        Self::new().then(&agent(), &create)
    }

    /// A draft with everything that `submit` asks for.
    pub fn ready() -> Self {
        let mut story = Self::created();
        for (key, raw) in ANSWERS {
            story = story.then(&agent(), &typed(*key, raw));
        }
        let agreed = BTreeSet::from([FieldKey::LegalName, FieldKey::TerminalSerial]);
        let matched = OpBody::IdentityMatch {
            merchant: None,
            agreed,
            differed: BTreeSet::new(),
        };
        story = story.then(&agent(), &matched);
        story = story.then(&system(), &evidence(EvidenceKind::OneTimeCode));
        story = story.then(&agent(), &evidence(EvidenceKind::CallBack));
        for (n, kind) in PAPERS {
            story = story.then(&agent(), &attach(*n, *kind));
        }
        story
    }

    /// The body that submits what stands now.
    pub fn submit_body(&self) -> OpBody {
        OpBody::Submit {
            digest: self.the_case().content_digest(),
        }
    }

    /// Submitted, every document stored.
    pub fn submitted() -> Self {
        let story = Self::ready();
        let submit = story.submit_body();
        let mut story = story.then(&agent(), &submit);
        for (n, _) in PAPERS {
            story = story.then(
                &system(),
                &OpBody::DocumentStored {
                    document: document_id(*n),
                },
            );
        }
        story
    }

    /// Taken by the reviewer.
    pub fn in_review() -> Self {
        Self::submitted().then(
            &reviewer(),
            &OpBody::ReviewTake {
                note: String::new(),
            },
        )
    }

    /// Every document accepted.
    pub fn judged() -> Self {
        let mut story = Self::in_review();
        for (n, _) in PAPERS {
            story = story.then(&reviewer(), &verdict(*n, Verdict::Accepted, None));
        }
        story
    }

    /// The body that approves what stands now.
    pub fn approve_body(&self) -> OpBody {
        OpBody::ReviewApprove {
            digest: self.the_case().content_digest(),
        }
    }

    /// Approved.
    pub fn approved() -> Self {
        let story = Self::judged();
        let approve = story.approve_body();
        story.then(&reviewer(), &approve)
    }

    /// Handed to the acquirer's system.
    pub fn executing() -> Self {
        Self::approved().then(
            &operator(),
            &OpBody::ExecuteStart {
                idempotency_key: "key-1".to_owned(),
            },
        )
    }

    /// Unbound there.
    pub fn unbound() -> Self {
        Self::executing().then(&operator(), &executed(ExecutionResult::Unbound))
    }

    /// The merchant knows and sees the records.
    pub fn told() -> Self {
        let notice = OpBody::NoticeRecord {
            channel: NoticeChannel::Sms,
            template: "done".to_owned(),
            delivered: true,
            note: String::new(),
        };
        let seen = OpBody::FollowUpRecord {
            result: FollowUpResult::RecordsSeen,
            note: String::new(),
        };
        Self::unbound()
            .then(&agent(), &notice)
            .then(&agent(), &seen)
    }

    /// Closed: the whole happy path.
    pub fn closed() -> Self {
        Self::told().then(
            &agent(),
            &OpBody::Close {
                note: String::new(),
            },
        )
    }
}

/// Evidence of a kind, without a call id.
pub fn evidence(kind: EvidenceKind) -> OpBody {
    OpBody::EvidenceRecord {
        evidence: kind,
        call_ref: None,
        note: if kind == EvidenceKind::OneTimeCode {
            SERIAL.to_owned()
        } else {
            String::new()
        },
    }
}

/// A verdict on document `n`.
pub fn verdict(n: u128, verdict: Verdict, code: Option<&str>) -> OpBody {
    OpBody::DocumentJudge {
        document: document_id(n),
        verdict,
        code: code.map(str::to_owned),
        note: String::new(),
    }
}

/// An execution result over every terminal number of the story.
pub fn executed(result: ExecutionResult) -> OpBody {
    recorded(result, false)
}

/// As [`executed`], after asking the acquirer's system again.
pub fn requeried(result: ExecutionResult) -> OpBody {
    recorded(result, true)
}

fn recorded(result: ExecutionResult, requeried: bool) -> OpBody {
    let terminal = |no: &str| TerminalResult {
        terminal_no: no.to_owned(),
        result,
    };
    OpBody::ExecuteRecord {
        result,
        reference: "LKL-2026-0001".to_owned(),
        evidence: "screenshot 0001".to_owned(),
        terminals: vec![terminal("00000751"), terminal("A0000001")],
        requeried,
    }
}
