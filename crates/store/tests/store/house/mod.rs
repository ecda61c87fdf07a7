//! What the tests of this room share: a desk in a temporary folder, people, and ops built by hand.

#![allow(dead_code, reason = "each user uses its own part of it")]

use desk_domain::calendar::Calendar;
use desk_domain::case::{Case, Provenance};
use desk_domain::case_no::CaseNo;
use desk_domain::decide::{Context, decide};
use desk_domain::field::{FieldKey, FieldValue};
use desk_domain::ids::{CaseId, DeviceId, Incarnation, OfficeCode, OpId, UserId};
use desk_domain::op::{Op, OpBody};
use desk_domain::people::{Employer, Role, UserCard};
use desk_domain::policy::Policy;
use desk_domain::time::{Chance, Millis};
use desk_store::{
    Acknowledged, Appended, DbKey, Identity, Judge, NewOp, Store, StoreError, StorePaths,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use tempfile::TempDir;

/// 2026-11-02, a Monday, 10:00 in Shanghai.
pub const START: Millis = 1_793_584_800_000;

/// Chance that repeats itself in each test process.
pub struct Counted(AtomicU64);

impl Counted {
    pub fn from(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Chance for Counted {
    fn fill(&self, out: &mut [u8]) {
        for part in out.chunks_mut(8) {
            let n = self.0.fetch_add(1, Ordering::Relaxed);
            // SplitMix64: enough to tell test values apart.
            let mut z = n
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .wrapping_add(0x1234_5678);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let bytes = (z ^ (z >> 31)).to_le_bytes();
            part.copy_from_slice(&bytes[..part.len()]);
        }
    }
}

pub fn key() -> DbKey {
    DbKey::from_bytes([7; 32])
}

pub fn office() -> OfficeCode {
    OfficeCode::parse("BJ001").unwrap()
}

pub fn judge() -> Judge {
    static JUDGE: OnceLock<Judge> = OnceLock::new();
    let make = || Judge {
        policy: Arc::new(Policy::shipped()),
        calendar: Arc::new(Calendar::shipped().unwrap()),
    };
    JUDGE.get_or_init(make).clone()
}

/// One desk with an agent signed in.
pub struct Desk {
    pub store: Arc<Store>,
    pub agent: UserCard,
    pub identity: Identity,
    pub chance: Arc<Counted>,
    pub paths: StorePaths,
    clock: AtomicU64,
    dir: Option<TempDir>,
}

pub fn paths(dir: &Path) -> StorePaths {
    StorePaths {
        db: dir.join("desk.db"),
        documents_dir: dir.join("documents"),
    }
}

impl Desk {
    /// The server has every op, and has said nothing of what came of them.
    pub fn acknowledge_all(&self) {
        let last = self.store.unsent(0, 9, usize::MAX).unwrap().pop().unwrap();
        let receipt = Acknowledged {
            incarnation: last.incarnation,
            first_seq: 1,
            seq: last.seq,
            hash: last.hash,
            outcomes: Vec::new(),
        };
        self.store.acknowledge(&receipt).unwrap();
    }

    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut desk = Self::at(dir.path());
        desk.dir = Some(dir);
        desk
    }

    /// A new desk in a folder that outlives it.
    pub fn at(dir: &Path) -> Self {
        let chance = Arc::new(Counted::from(1));
        let paths = paths(dir);
        let store = Store::create(&paths, &key(), chance.clone()).unwrap();
        let agent = card("agent", Role::Agent, &*chance);
        let identity = Identity {
            device: DeviceId::new(START, &*chance),
            incarnation: Incarnation::new(START, &*chance),
            office: office(),
            office_name: "示例网点".to_owned(),
            device_code: "0A".to_owned(),
        };
        store.set_identity(&identity).unwrap();
        store.put_user(&agent).unwrap();
        store.set_judge(judge());
        Self {
            store: Arc::new(store),
            agent,
            identity,
            chance,
            paths,
            clock: AtomicU64::new(0),
            dir: None,
        }
    }

    pub fn now(&self) -> Millis {
        START + i64::try_from(self.clock.fetch_add(1, Ordering::Relaxed)).unwrap() * 1000
    }

    pub fn op(&self, case: CaseId, body: OpBody) -> NewOp {
        let now = self.now();
        NewOp {
            op_id: OpId::new(now, &*self.chance),
            actor: self.agent.user,
            case,
            body,
            base_rev: None,
            captured_at: now,
        }
    }

    pub fn create_op(&self, case: CaseId) -> NewOp {
        let sequence = self.store.next_case_sequence("261102").unwrap();
        let day = desk_domain::calendar::shanghai_day(START);
        let case_no = CaseNo::compose(day, "BJ001", "0A", sequence).unwrap();
        self.op(
            case,
            OpBody::CaseCreate {
                case_no,
                office: office(),
                parent: None,
            },
        )
    }

    pub fn new_case(&self) -> CaseId {
        let case = CaseId::new(self.now(), &*self.chance);
        let create = self.create_op(case);
        self.store.append(&[create], &[]).unwrap();
        case
    }

    /// Sets a field as somebody who sees the view.
    pub fn set(&self, case: CaseId, field: FieldKey, text: &str) -> Result<Appended, StoreError> {
        self.store.append(&[self.set_op(case, field, text)], &[])
    }

    pub fn set_op(&self, case: CaseId, field: FieldKey, text: &str) -> NewOp {
        let view = self.store.case_view(case).unwrap();
        let base_rev = view.and_then(|view| view.case.fields.get(&field).map(|state| state.rev));
        NewOp {
            base_rev,
            ..self.op(case, set_body(field, text))
        }
    }

    pub fn case(&self, case: CaseId) -> Case {
        self.store.case_view(case).unwrap().unwrap().case
    }

    /// Closes the desk and opens the same file again.
    pub fn reopened(mut self) -> Self {
        let path = self.paths.clone();
        let store = Arc::try_unwrap(self.store).unwrap();
        drop(store);
        let store = Store::open(&path, &key(), self.chance.clone()).unwrap();
        store.set_judge(judge());
        self.store = Arc::new(store);
        self
    }
}

pub fn set_body(field: FieldKey, text: &str) -> OpBody {
    OpBody::FieldSet {
        field,
        value: Some(FieldValue::Text(text.to_owned())),
        source: Provenance::Typed,
        accepted: BTreeMap::new(),
    }
}

pub fn card(login: &str, role: Role, chance: &dyn Chance) -> UserCard {
    let user = UserId::new(START, chance);
    UserCard {
        user,
        person: user,
        login: login.to_owned(),
        name: "样例甲".to_owned(),
        roles: BTreeSet::from([role]),
        employer: Employer::Acquirer,
        offices: BTreeSet::from([office()]),
        active: true,
    }
}

/// What a server would make of the journal's bytes on top of a case.
pub fn server_fold(case: Option<Case>, rows: &[&str], by: &UserCard) -> Option<Case> {
    let judge = judge();
    rows.iter().fold(case, |case, bytes| {
        let op = Op::parse(bytes).unwrap();
        let actor = by.actor();
        let context = Context {
            actor: &actor,
            policy: &judge.policy,
            calendar: &judge.calendar,
            now: op.captured_at,
            same_serial_open: None,
            call_doubt: None,
        };
        decide(case.as_ref(), &op, &context).case.or(case)
    })
}
