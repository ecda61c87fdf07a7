//! What people do at a desk: mostly honest work, on few cases and few fields so that they meet.

use crate::cast::Player;
use crate::desk::{Books, NewOp};
use crate::dice::Dice;
use crate::paper::{self, Bytes};
use crate::rules::{BREAKS, FUTURE_NOTE};
use crate::server::POISON;
use desk_domain::calendar::shanghai_day;
use desk_domain::case::{Case, CaseState, CloseWay, DocumentKind, Provenance};
use desk_domain::case_no::CaseNo;
use desk_domain::field::{FieldKey, FieldValue};
use desk_domain::ids::{CaseId, DocumentId, OpId};
use desk_domain::op::OpBody;
use desk_domain::people::Role;
use desk_domain::time::Millis;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};

/// Most cases that one history opens by hand.
const MOST_CASES: usize = 6;
const TEXTS: [FieldKey; 3] = [
    FieldKey::RequestWords,
    FieldKey::ReasonText,
    FieldKey::HandoverNote,
];
const WORDS: [&str; 5] = ["机器不亮", "换了新机", "店铺搬走", "按键失灵", "打印空白"];
const CODES: [&str; 4] = ["power:no", "power:yes", "screen:dark", "paper:none"];

/// An op that somebody wants to go wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Odd {
    /// Answered with 4xx at every try.
    Poisoned,
    /// Makes the server's rules fail inside.
    Breaks,
    /// Of a version that the server does not know yet.
    Future,
}

/// What somebody did: the ops of one action, and the document that it puts on the shelf.
#[derive(Clone, Debug, Default)]
pub struct Deed {
    pub ops: Vec<NewOp>,
    pub paper: Option<(DocumentId, Bytes)>,
}

impl From<Vec<NewOp>> for Deed {
    fn from(ops: Vec<NewOp>) -> Self {
        Self { ops, paper: None }
    }
}

/// One person in front of one desk.
pub struct Person<'a> {
    pub player: &'a Player,
    pub books: &'a Books,
    pub dice: &'a Dice,
    pub now: Millis,
    /// Number of the next case made here.
    pub sequence: u32,
}

impl Person<'_> {
    /// The next action; no ops when there is nothing to do.
    pub fn act(&self, odd: Option<Odd>) -> Deed {
        let seen: Vec<CaseId> = self.books.seen().into_iter().collect();
        let reviews = self.player.card.roles.contains(&Role::Supervisor);
        if !reviews && (seen.is_empty() || (seen.len() < MOST_CASES && self.dice.permille(120))) {
            return self.create().into();
        }
        let Some(case) = self.dice.pick(&seen).and_then(|id| self.books.view(*id)) else {
            return Deed::default();
        };
        match odd {
            Some(Odd::Poisoned) => self.marked(case, POISON).into(),
            Some(Odd::Breaks) => self.marked(case, BREAKS).into(),
            Some(Odd::Future) => self.future(case).into(),
            None if reviews => self.supervise(case).into(),
            None if self.dice.permille(130) => self.attach(case),
            None => self.work(case).into(),
        }
    }

    /// A photo of a paper; now and then a better one of the same.
    fn attach(&self, case: &Case) -> Deed {
        let active: Vec<DocumentId> = case.active_documents().map(|(id, _)| *id).collect();
        let replaces = self.dice.pick(&active).filter(|_| self.dice.permille(200));
        let (bytes, manifest) = paper::draw(self.dice);
        let document = DocumentId::new(self.now, self.dice);
        let body = OpBody::DocumentAttach {
            document,
            kind: DocumentKind::FaultPhoto,
            manifest,
            replaces: replaces.copied(),
        };
        let mut ops = self.one(case, &body);
        if self.dice.permille(300) {
            ops.extend(self.one(case, &OpBody::NoteAdd { text: self.word() }));
        }
        Deed {
            ops,
            paper: Some((document, bytes)),
        }
    }

    /// A note that something on its way cannot digest, in one action with a field.
    fn marked(&self, case: &Case, mark: &str) -> Vec<NewOp> {
        let text = format!("{mark}{}", self.word());
        self.one(case, &OpBody::NoteAdd { text })
    }

    fn work(&self, case: &Case) -> Vec<NewOp> {
        match self.dice.below(100) {
            0..50 => self.set(case, 1),
            50..60 => self.set(case, 3),
            60..70 => self.one(case, &OpBody::NoteAdd { text: self.word() }),
            70..85 => self.resolve(case),
            85..95 => self.pause(case),
            95..98 => {
                let reason = self.word();
                self.one(
                    case,
                    &OpBody::Withdraw {
                        reason,
                        identity_checked: true,
                    },
                )
            }
            _ => {
                let reason = self.word();
                self.one(
                    case,
                    &OpBody::Finish {
                        way: CloseWay::Resolved,
                        reason,
                        surviving: None,
                    },
                )
            }
        }
    }

    fn supervise(&self, case: &Case) -> Vec<NewOp> {
        if case.state == CaseState::OnHold {
            return self.one(
                case,
                &OpBody::Unhold {
                    reason: self.word(),
                },
            );
        }
        if self.dice.permille(300) {
            return self.one(
                case,
                &OpBody::Hold {
                    reason: self.word(),
                    review_date: self.day_after(),
                },
            );
        }
        self.one(case, &OpBody::NoteAdd { text: self.word() })
    }

    fn create(&self) -> Vec<NewOp> {
        let offices: Vec<_> = self.player.card.offices.iter().collect();
        let Some(office) = self.dice.pick(&offices) else {
            return Vec::new();
        };
        let day = shanghai_day(self.now);
        let number = CaseNo::compose(day, office.as_str(), self.player.device_code, self.sequence);
        let Ok(case_no) = number else {
            return Vec::new();
        };
        let id = CaseId::new(self.now, self.dice);
        let body = OpBody::CaseCreate {
            case_no,
            office: (*office).clone(),
            parent: None,
        };
        let mut ops = Vec::new();
        ops.extend(self.op(id, None, &body));
        for key in TEXTS
            .iter()
            .take(usize::try_from(self.dice.below(3)).unwrap_or(0))
        {
            ops.extend(self.op(id, None, &set_text(*key, &self.word())));
        }
        ops
    }

    /// One action of so many fields: one group.
    fn set(&self, case: &Case, fields: usize) -> Vec<NewOp> {
        let mut ops = Vec::new();
        let from = self.dice.below(3);
        for key in TEXTS
            .iter()
            .cycle()
            .skip(usize::try_from(from).unwrap_or(0))
            .take(fields)
        {
            let body = if fields == 1 && self.dice.permille(200) {
                let code = self.dice.pick(&CODES).map(|code| (*code).to_owned());
                let value = FieldValue::Set(code.into_iter().collect::<BTreeSet<_>>());
                set(FieldKey::DiagnosisAnswers, value)
            } else {
                set_text(*key, &self.word())
            };
            let field = if let OpBody::FieldSet { field, .. } = &body {
                *field
            } else {
                *key
            };
            let base = case.fields.get(&field).map(|state| state.rev);
            ops.extend(self.op(case.id, base, &body));
        }
        ops
    }

    fn resolve(&self, case: &Case) -> Vec<NewOp> {
        let open: Vec<_> = case.conflicts.iter().collect();
        match self.dice.pick(&open) {
            Some((id, conflict)) => {
                let body = OpBody::ConflictResolve {
                    conflict: **id,
                    value: conflict.value.clone(),
                };
                self.one(case, &body)
            }
            None => self.set(case, 1),
        }
    }

    fn pause(&self, case: &Case) -> Vec<NewOp> {
        if case.state == CaseState::Waiting {
            return self.one(case, &OpBody::Resume { note: self.word() });
        }
        let missing = vec![self.word()];
        self.one(
            case,
            &OpBody::Wait {
                missing,
                promise_date: self.day_after(),
            },
        )
    }

    /// A version of a body that the server does not know yet.
    fn future(&self, case: &Case) -> Vec<NewOp> {
        let text = format!(r#"{{"text":"{}","tone":"calm"}}"#, self.word());
        let Ok(body) = RawValue::from_string(text) else {
            return Vec::new();
        };
        let (kind, version) = FUTURE_NOTE;
        let op = self.new_op(case.id, None, kind, body);
        vec![NewOp { version, ..op }]
    }

    fn one(&self, case: &Case, body: &OpBody) -> Vec<NewOp> {
        self.op(case.id, None, body).into_iter().collect()
    }

    fn op(&self, case: CaseId, base_rev: Option<OpId>, body: &OpBody) -> Option<NewOp> {
        Some(self.new_op(case, base_rev, body.kind(), body.to_raw().ok()?))
    }

    fn new_op(
        &self,
        case: CaseId,
        base_rev: Option<OpId>,
        kind: &str,
        body: Box<RawValue>,
    ) -> NewOp {
        NewOp {
            op_id: OpId::new(self.now, self.dice),
            actor: self.player.card.user,
            case,
            kind: kind.to_owned(),
            version: 1,
            body,
            base_rev,
            captured_at: self.now,
        }
    }

    fn word(&self) -> String {
        self.dice
            .pick(&WORDS)
            .copied()
            .unwrap_or_default()
            .to_owned()
    }

    fn day_after(&self) -> String {
        let day = shanghai_day(self.now.saturating_add(3 * 86_400_000));
        day.format("%Y-%m-%d").to_string()
    }
}

fn set_text(field: FieldKey, word: &str) -> OpBody {
    set(field, FieldValue::Text(word.to_owned()))
}

fn set(field: FieldKey, value: FieldValue) -> OpBody {
    OpBody::FieldSet {
        field,
        value: Some(value),
        source: Provenance::Typed,
        accepted: BTreeMap::new(),
    }
}
