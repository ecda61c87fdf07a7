//! Desk files with as many synthetic cases as wanted, filled as a first fill from a server fills them.

use crate::chance::Counted;
use crate::raw;
use crate::words::{Words, words_of};
use desk_domain::calendar::shanghai_day;
use desk_domain::case::{Case, CaseState, FieldState, Provenance};
use desk_domain::case_no::CaseNo;
use desk_domain::decide::{Context, decide};
use desk_domain::field::{FieldKey, FieldValue};
use desk_domain::ids::{CaseId, DeviceId, GroupId, Incarnation, OfficeCode, OpId, UserId};
use desk_domain::op::{ChainHash, Group, Hlc, Op, OpBody};
use desk_domain::people::{Employer, Role, UserCard};
use desk_domain::time::Millis;
use desk_store::{DbKey, Identity, Page, PageChange, Store, StorePaths};
use desk_tests::Failure;
use desk_tests::bare_desk::judge;
use desk_tests::programs::repository;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// 2026-11-02, a Monday, 10:00 in Shanghai: when the newest case was opened.
pub const START: Millis = 1_793_584_800_000;
/// Time between two cases.
const STEP: Millis = 20_000;
/// Raise it when the same number gives another case: older files are then not used again.
const GENERATION: u32 = 1;
const PER_PAGE: usize = 200;

/// One filled file, open.
pub struct Filled {
    pub store: Store,
    pub db: PathBuf,
    pub cases: usize,
    pub agent: UserCard,
}

/// A fresh folder on the disk that the repository is on: a temporary folder may be memory, where an fsync costs nothing.
pub fn folder() -> Result<TempDir, Failure> {
    let parent = repository().join("target/bench");
    std::fs::create_dir_all(&parent).map_err(Failure::at("make target/bench"))?;
    tempfile::tempdir_in(parent).map_err(Failure::at("make a folder"))
}

/// A file of so many cases under `target/bench`; an earlier run's is used again.
pub fn kept(cases: usize) -> Result<Filled, Failure> {
    let folder = repository().join(format!("target/bench/{GENERATION}-{cases}"));
    let complete = folder.join("complete");
    if complete.is_file() {
        return open(&folder, cases);
    }
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(Failure::at("remove half a fill"))?;
    }
    let filled = fresh(&folder, cases, false)?;
    std::fs::write(complete, b"").map_err(Failure::at("mark the fill"))?;
    Ok(filled)
}

fn open(folder: &Path, cases: usize) -> Result<Filled, Failure> {
    let paths = paths(folder);
    let store = Store::open(
        &paths,
        &DbKey::from_bytes(raw::KEY),
        Arc::new(Counted::from(2)),
    );
    let store = store.map_err(Failure::at("open the filled file"))?;
    store.set_judge(judge()?);
    Ok(Filled {
        store,
        db: paths.db,
        cases,
        agent: agent()?,
    })
}

/// A new file in a folder. With `drafts`, every case is one that still takes facts.
pub fn fresh(folder: &Path, cases: usize, drafts: bool) -> Result<Filled, Failure> {
    let paths = paths(folder);
    let chance = Arc::new(Counted::from(1));
    let store = Store::create(&paths, &DbKey::from_bytes(raw::KEY), chance.clone());
    let store = store.map_err(Failure::at("create a desk file"))?;
    let agent = agent()?;
    store
        .set_identity(&Identity {
            device: DeviceId::new(START, &*chance),
            incarnation: Incarnation::new(START, &*chance),
            office: office()?,
            office_name: "示例网点".to_owned(),
            device_code: "0A".to_owned(),
        })
        .map_err(Failure::at("name the desk"))?;
    store
        .put_user(&agent)
        .map_err(Failure::at("add the agent"))?;
    store.set_judge(judge()?);
    let template = template(&agent)?;
    let numbers: Vec<usize> = (0..cases).collect();
    for (page, part) in numbers.chunks(PER_PAGE).enumerate() {
        let last = (page + 1) * PER_PAGE >= cases;
        let changes: Result<Vec<PageChange>, Failure> = part
            .iter()
            .map(|number| change(&template, *number, cases, drafts))
            .collect();
        let page = Page {
            scope: office()?,
            cursor: last.then_some(1),
            fill: true,
            changes: changes?,
        };
        store
            .apply_page(&page)
            .map_err(Failure::at("fill a page"))?;
    }
    while store
        .upkeep(1_000)
        .map_err(Failure::at("index the rest"))?
        .unindexed
        > 0
    {}
    Ok(Filled {
        store,
        db: paths.db,
        cases,
        agent,
    })
}

fn paths(folder: &Path) -> StorePaths {
    StorePaths {
        db: folder.join("desk.db"),
        documents_dir: folder.join("documents"),
    }
}

/// A number of things as a figure.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub fn count(many: usize) -> f64 {
    many as f64
}

fn office() -> Result<OfficeCode, Failure> {
    OfficeCode::parse("HZ001").ok_or_else(|| Failure::new("office code"))
}

fn agent() -> Result<UserCard, Failure> {
    let user = UserId::new(START, &Counted::from(100));
    Ok(UserCard {
        user,
        person: user,
        login: "agent".to_owned(),
        name: "坐席样例".to_owned(),
        roles: BTreeSet::from([Role::Agent]),
        employer: Employer::Acquirer,
        offices: BTreeSet::from([office()?]),
        active: true,
    })
}

/// The id of the case with this number; the highest number is the newest.
pub fn case_id(number: usize, of: usize) -> CaseId {
    let seed = u64::try_from(number).unwrap_or(0) << 8;
    CaseId::new(opened_at(number, of), &Counted::from(seed))
}

fn opened_at(number: usize, of: usize) -> Millis {
    let back = i64::try_from(of.saturating_sub(number)).unwrap_or(0);
    START - back * STEP
}

/// An empty case as the rules make it.
fn template(agent: &UserCard) -> Result<Case, Failure> {
    let chance = Counted::from(7);
    let body = OpBody::CaseCreate {
        case_no: case_no(0, START)?,
        office: office()?,
        parent: None,
    };
    let op = Op {
        op_id: OpId::new(START, &chance),
        device: DeviceId::new(START, &chance),
        incarnation: Incarnation::new(START, &chance),
        seq: 1,
        prev_hash: ChainHash::GENESIS,
        actor: agent.user,
        case: case_id(0, 0),
        group: Group {
            id: GroupId::new(START, &chance),
            i: 0,
            len: 1,
        },
        kind: body.kind().to_owned(),
        version: 1,
        body: body.to_raw().map_err(Failure::at("write an op"))?,
        base_rev: None,
        hlc: Hlc::default(),
        captured_at: START,
    };
    let judge = judge()?;
    let context = Context {
        actor: &agent.actor(),
        policy: &judge.policy,
        calendar: &judge.calendar,
        now: START,
        same_serial_open: None,
        call_doubt: None,
    };
    let decision = decide(None, &op, &context);
    decision
        .case
        .ok_or_else(|| Failure::new(format!("no case: {:?}", decision.outcome)))
}

fn case_no(number: usize, at: Millis) -> Result<CaseNo, Failure> {
    let sequence = u32::try_from(number).unwrap_or(0) % 10_000;
    CaseNo::compose(shanghai_day(at), "HZ001", "0A", sequence)
        .map_err(|reject| Failure::new(format!("case number: {reject:?}")))
}

fn change(template: &Case, number: usize, of: usize, drafts: bool) -> Result<PageChange, Failure> {
    let at = opened_at(number, of);
    let mut case = template.clone();
    case.id = case_id(number, of);
    case.case_no = case_no(number, at)?;
    case.moments.created_at = at;
    if !drafts {
        let state = number % CaseState::ALL.len();
        case.state = CaseState::ALL.get(state).copied().unwrap_or(case.state);
    }
    let words = words_of(u64::try_from(number).unwrap_or(0));
    case.fields = fields(&words, template.created_by, at);
    case.rev = 8;
    Ok(PageChange::Case {
        case: Box::new(case),
        timeline: Vec::new(),
        outcomes: Vec::new(),
    })
}

fn fields(words: &Words, by: UserId, at: Millis) -> BTreeMap<FieldKey, FieldState> {
    let chance = Counted::from(u64::try_from(at).unwrap_or(0));
    let texts = [
        (FieldKey::CallerName, words.caller.as_str()),
        (FieldKey::CallerPhone, &words.phone),
        (FieldKey::RequestKind, "unbind_terminal"),
        (FieldKey::RequestWords, &words.request),
        (FieldKey::MerchantName, &words.merchant),
        (FieldKey::MerchantNo, &words.merchant_no),
        (FieldKey::TerminalSerial, &words.serial),
    ];
    let state = |text: &str| FieldState {
        value: Some(FieldValue::Text(text.to_owned())),
        rev: OpId::new(at, &chance),
        by,
        at,
        source: Provenance::Typed,
        accepted: BTreeMap::new(),
        also: BTreeSet::new(),
    };
    texts
        .into_iter()
        .map(|(key, text)| (key, state(text)))
        .collect()
}
