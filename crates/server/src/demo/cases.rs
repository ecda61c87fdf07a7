//! Demo cases, each walked to its state by the people who may.

use super::answers::{INTAKE, REST, answer};
use super::desk::{DemoClock, DemoDesk, code_said};
use super::papers::{self, Paper};
use super::people::{BRANCH, code};
use crate::error::ServerError;
use crate::objects::Completed;
use crate::repo::{cases as stored, documents};
use crate::run::House;
use desk_domain::calendar::shanghai_day;
use desk_domain::canonical::canonicalise;
use desk_domain::case::{
    CHUNK_BYTES, Case, CaseState, CloseWay, DocumentKind, EvidenceKind, ExecutionResult,
    FollowUpResult, NoticeChannel, Provenance, ReturnItem, ReturnTarget, TerminalResult, Verdict,
};
use desk_domain::case_no::CaseNo;
use desk_domain::field::FieldKey;
use desk_domain::ids::{CaseId, DocumentId};
use desk_domain::op::OpBody;
use desk_domain::registry::MerchantRecord;
use desk_domain::time::Millis;
use std::collections::{BTreeMap, BTreeSet};

/// How far back the oldest case lies.
pub const OLDEST_MS: Millis = 20 * 86_400_000;

use CaseState::{
    Approved, Closed, Draft, Duplicate, ExecFailed, ExecUnknown, Executing, InReview, OnHold,
    Referred, Rejected, Resolved, Returned, Submitted, Unbound, Waiting, Withdrawn,
};

/// Sixty cases, oldest first: what is done lies behind what is being worked on. Every state is among any 17 of one row.
const PLAN: [CaseState; 60] = [
    Closed,
    Rejected,
    Withdrawn,
    Resolved,
    Referred,
    Duplicate,
    Unbound,
    ExecFailed,
    ExecUnknown,
    Executing,
    Approved,
    OnHold,
    Returned,
    InReview,
    Submitted,
    Waiting,
    Draft,
    Closed,
    Closed,
    Closed,
    Closed,
    Closed,
    Closed,
    Closed,
    Resolved,
    Withdrawn,
    Rejected,
    Unbound,
    Unbound,
    Unbound,
    ExecUnknown,
    Executing,
    Approved,
    Approved,
    Approved,
    Approved,
    Returned,
    Returned,
    Returned,
    InReview,
    InReview,
    InReview,
    Waiting,
    Waiting,
    Submitted,
    Submitted,
    Submitted,
    Submitted,
    Submitted,
    Submitted,
    Submitted,
    Submitted,
    Submitted,
    Draft,
    Draft,
    Draft,
    Draft,
    Draft,
    Draft,
    Draft,
];

struct Story<'a> {
    house: &'a House,
    clock: &'a DemoClock,
    staff: &'a mut BTreeMap<&'static str, DemoDesk>,
    merchant: &'a MerchantRecord,
    maker: &'static str,
    id: CaseId,
    number: CaseNo,
}

/// Writes `count` cases over the days before `now`.
pub fn write(
    house: &House,
    clock: &DemoClock,
    mut staff: BTreeMap<&'static str, DemoDesk>,
    register: &[MerchantRecord],
    (count, now): (u32, Millis),
) -> Result<(), ServerError> {
    let mut first = None;
    let step = (OLDEST_MS - 86_400_000)
        .checked_div(Millis::from(count.max(1)))
        .unwrap_or_default();
    let makers = ["agent1", "agent2", "clerk1"];
    let plans = PLAN
        .iter()
        .cycle()
        .zip(register.iter().cycle())
        .zip(makers.iter().cycle());
    for (n, ((goal, merchant), maker)) in (1..=count).zip(plans) {
        clock.set(now - OLDEST_MS + step * Millis::from(n));
        let id = CaseId::new(now, house.rules.chance.as_ref());
        let desk_code = staff
            .get(maker)
            .map_or("", |desk| desk.device_code.as_str());
        let day = shanghai_day(house.rules.clock.now());
        let number = CaseNo::compose(day, BRANCH, desk_code, n)
            .map_err(|wrong| ServerError::Usage(format!("demo case number: {wrong:?}")))?;
        let surviving = first.get_or_insert_with(|| number.clone()).clone();
        let mut story = Story {
            house,
            clock,
            staff: &mut staff,
            merchant,
            maker,
            id,
            number,
        };
        story.walk(*goal, surviving)?;
    }
    Ok(())
}

impl Story<'_> {
    fn walk(&mut self, goal: CaseState, surviving: CaseNo) -> Result<(), ServerError> {
        self.create()?;
        match goal {
            Draft => self.by(self.maker, self.fields(INTAKE)?),
            Waiting => self.wait(),
            Withdrawn => self.by(self.maker, vec![withdraw()]),
            Resolved => self.by(
                self.maker,
                vec![finish(
                    CloseWay::Resolved,
                    "远程指导后恢复正常（示例）",
                    None,
                )],
            ),
            Referred => self.by(
                self.maker,
                vec![finish(CloseWay::Referred, "非本机构商户（示例）", None)],
            ),
            Duplicate => self.by(
                self.maker,
                vec![finish(
                    CloseWay::Duplicate,
                    "重复来电（示例）",
                    Some(surviving),
                )],
            ),
            Submitted | OnHold | InReview | Returned | Rejected | Approved | Executing
            | ExecFailed | ExecUnknown | Unbound | Closed => self.walk_on(goal),
        }
    }

    fn walk_on(&mut self, goal: CaseState) -> Result<(), ServerError> {
        self.submit()?;
        if goal == Submitted {
            return Ok(());
        }
        if goal == OnHold {
            let review_date = self.day_after(7);
            return self.by(
                "supervisor1",
                vec![OpBody::Hold {
                    reason: "需核实经营地址（示例）".into(),
                    review_date,
                }],
            );
        }
        self.clock.advance(3_600_000);
        self.by(
            "reviewer1",
            vec![OpBody::ReviewTake {
                note: String::new(),
            }],
        )?;
        match goal {
            InReview => return Ok(()),
            Returned => return self.send_back(),
            Rejected => {
                let appeal = "可补充新证据后申请复核（示例）".into();
                return self.by(
                    "reviewer1",
                    vec![OpBody::ReviewReject {
                        code: "NOT_BOUND_HERE".into(),
                        appeal,
                    }],
                );
            }
            Draft | Waiting | Submitted | Approved | Executing | Unbound | Closed | ExecFailed
            | ExecUnknown | OnHold | Withdrawn | Resolved | Referred | Duplicate => {}
        }
        self.approve()?;
        if goal == Approved {
            return Ok(());
        }
        self.execute(goal)
    }

    fn create(&mut self) -> Result<(), ServerError> {
        let create = OpBody::CaseCreate {
            case_no: self.number.clone(),
            office: code(BRANCH)?,
            parent: None,
        };
        self.by(self.maker, vec![create])
    }

    fn wait(&mut self) -> Result<(), ServerError> {
        let mut bodies = self.fields(INTAKE)?;
        bodies.push(OpBody::Wait {
            missing: vec!["购机发票".into(), "身份证照片".into()],
            promise_date: self.day_after(5),
        });
        self.by(self.maker, bodies)
    }

    fn submit(&mut self) -> Result<(), ServerError> {
        let mut bodies = self.fields(INTAKE)?;
        bodies.extend(self.fields(REST)?);
        let agreed = BTreeSet::from([
            FieldKey::MerchantNo,
            FieldKey::LegalName,
            FieldKey::TerminalSerial,
        ]);
        bodies.push(OpBody::IdentityMatch {
            merchant: Some(self.merchant.id),
            agreed,
            differed: BTreeSet::new(),
        });
        bodies.push(evidence(EvidenceKind::CallBack));
        self.by(self.maker, bodies)?;
        code_said(self.house, &self.case()?)?;
        let drawn = papers::draw(self.merchant, self.number.as_str())
            .map_err(|error| ServerError::Usage(format!("demo document: {error}")))?;
        for paper in &drawn {
            self.attach(paper)?;
        }
        let digest = self.case()?.content_digest();
        self.by(self.maker, vec![OpBody::Submit { digest }])
    }

    fn attach(&mut self, paper: &Paper) -> Result<(), ServerError> {
        let document = DocumentId::new(
            self.house.rules.clock.now(),
            self.house.rules.chance.as_ref(),
        );
        let manifest = paper.manifest();
        let attach = OpBody::DocumentAttach {
            document,
            kind: paper.kind,
            manifest: manifest.clone(),
            replaces: None,
        };
        self.by(self.maker, vec![attach])?;
        let office = code(BRANCH)?;
        let failed = |error| ServerError::Io("demo document", error);
        for (index, chunk) in paper.bytes.chunks(CHUNK_BYTES).enumerate() {
            self.house
                .objects
                .put_chunk(&office, document, index, chunk)
                .map_err(failed)?;
        }
        if self
            .house
            .objects
            .complete(&office, document, &manifest)
            .map_err(failed)?
            != Completed::Stored
        {
            return Err(ServerError::Usage(
                "a demo document is not what it says".into(),
            ));
        }
        let rules = self.house.rules.clone();
        let offices = BTreeSet::from([office]);
        self.house.repo.write_blocking(move |conn| {
            match documents::find(conn, &offices, document)? {
                Some(expected) => documents::stored(conn, &rules, &expected),
                None => Ok(()),
            }
        })?;
        Ok(())
    }

    fn send_back(&mut self) -> Result<(), ServerError> {
        let case = self.case()?;
        let blurred = case
            .active_documents()
            .find(|(_, document)| document.kind == DocumentKind::IdCardFront);
        let (id, _) =
            blurred.ok_or_else(|| ServerError::Usage("the demo case has no card".into()))?;
        let item = |target, code: &str, text: &str| ReturnItem {
            target,
            code: code.into(),
            text: text.into(),
        };
        let items = vec![
            item(
                ReturnTarget::Document { id: *id },
                "PHOTO_UNCLEAR",
                "请在自然光下重新拍摄（示例）",
            ),
            item(
                ReturnTarget::Field {
                    key: FieldKey::TerminalSerial,
                },
                "SERIAL_MISMATCH",
                "请核对机身标签（示例）",
            ),
        ];
        self.by("reviewer1", vec![OpBody::ReviewReturn { items }])
    }

    fn approve(&mut self) -> Result<(), ServerError> {
        let case = self.case()?;
        let accept = |id: &DocumentId| OpBody::DocumentJudge {
            document: *id,
            verdict: Verdict::Accepted,
            code: None,
            note: String::new(),
        };
        let verdicts = case.active_documents().map(|(id, _)| accept(id)).collect();
        self.by("reviewer1", verdicts)?;
        let digest = self.case()?.content_digest();
        self.by("reviewer1", vec![OpBody::ReviewApprove { digest }])
    }

    fn execute(&mut self, goal: CaseState) -> Result<(), ServerError> {
        self.clock.advance(3_600_000);
        let key = format!("demo-{}", self.number);
        self.by(
            "operator1",
            vec![OpBody::ExecuteStart {
                idempotency_key: key,
            }],
        )?;
        if goal == Executing {
            return Ok(());
        }
        let result = match goal {
            ExecFailed => ExecutionResult::Failed,
            ExecUnknown => ExecutionResult::Unknown,
            Draft | Waiting | Submitted | InReview | Returned | Approved | Executing | Unbound
            | Closed | Rejected | OnHold | Withdrawn | Resolved | Referred | Duplicate => {
                ExecutionResult::Unbound
            }
        };
        let numbers = self.case()?.members(FieldKey::TerminalNumbers);
        let record = OpBody::ExecuteRecord {
            result,
            reference: format!("DEMO-REF-{}", self.number),
            evidence: "演示系统回执（示例）".into(),
            terminals: numbers
                .into_iter()
                .map(|terminal_no| TerminalResult {
                    terminal_no,
                    result,
                })
                .collect(),
            requeried: false,
        };
        self.by("operator1", vec![record])?;
        if goal != Closed {
            return Ok(());
        }
        let (note, template) = (String::new(), "unbound_done".to_owned());
        let told = OpBody::NoticeRecord {
            channel: NoticeChannel::Sms,
            template,
            delivered: true,
            note: note.clone(),
        };
        let seen = OpBody::FollowUpRecord {
            result: FollowUpResult::RecordsSeen,
            note: note.clone(),
        };
        self.by(self.maker, vec![told, seen, OpBody::Close { note }])
    }

    fn fields(&self, keys: &[FieldKey]) -> Result<Vec<OpBody>, ServerError> {
        let today = shanghai_day(self.house.rules.clock.now());
        let mut bodies = Vec::new();
        for key in keys {
            let typed = answer(self.merchant, *key, self.maker);
            let canonical = canonicalise(*key, &typed, today).map_err(|wrong| {
                ServerError::Usage(format!("demo field {}: {}", key.as_str(), wrong.code))
            })?;
            if canonical.value.is_none() {
                continue;
            }
            let accepted = canonical
                .warnings
                .iter()
                .map(|code| ((*code).to_owned(), "演示数据".to_owned()))
                .collect();
            bodies.push(OpBody::FieldSet {
                field: *key,
                value: canonical.value,
                source: Provenance::Typed,
                accepted,
            });
        }
        Ok(bodies)
    }

    fn by(&mut self, login: &str, bodies: Vec<OpBody>) -> Result<(), ServerError> {
        let desk = self
            .staff
            .get_mut(login)
            .ok_or_else(|| ServerError::Usage(format!("no demo desk of {login}")))?;
        desk.write(self.house, self.clock, self.id, bodies)
    }

    fn case(&self) -> Result<Case, ServerError> {
        let id = self.id;
        let case = self
            .house
            .repo
            .read_blocking(move |conn| stored::load(conn, id))?;
        case.ok_or_else(|| ServerError::Usage("a demo case is missing".into()))
    }

    fn day_after(&self, days: Millis) -> String {
        shanghai_day(self.house.rules.clock.now() + days * 86_400_000)
            .format("%Y-%m-%d")
            .to_string()
    }
}

fn withdraw() -> OpBody {
    OpBody::Withdraw {
        reason: "商户改为送修（示例）".into(),
        identity_checked: true,
    }
}

fn finish(way: CloseWay, reason: &str, surviving: Option<CaseNo>) -> OpBody {
    OpBody::Finish {
        way,
        reason: reason.to_owned(),
        surviving,
    }
}

fn evidence(evidence: EvidenceKind) -> OpBody {
    OpBody::EvidenceRecord {
        evidence,
        call_ref: None,
        note: "演示".into(),
    }
}
