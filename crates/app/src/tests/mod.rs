//! The use cases on a real store in a temporary folder; clock and chance are told.

mod admin;
mod conflict;
mod demo;
mod doubts;
mod lists;
mod mending;
mod offers;
mod privacy;
mod start;
mod sync_centre;
mod table;
mod typing;

use crate::commands::dispatch;
use crate::demo::Pack;
use crate::dto::{CaseScreen, FieldView, UiError};
use crate::testing::{Dice, HandClock};
use crate::{Desk, DeskConfig, KdfCost, KeystoreChoice};
use desk_domain::case::{Case, CaseState, EvidenceKind, TimelineEntry};
use desk_domain::field::{FieldKey, FieldValue};
use desk_domain::ids::{CaseId, MerchantId, UserId};
use desk_domain::people::{Actor, UserCard};
use desk_domain::registry::{MerchantRecord, TerminalRecord};
use desk_domain::testkit::{self, MONDAY, Story, uuid};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

pub(super) const PASSPHRASE: &str = "correct horse battery";

/// One desk on a profile that outlives it.
pub(super) struct Bench {
    pub desk: Desk,
    pub clock: Arc<HandClock>,
    pub dir: Arc<TempDir>,
    seed: u64,
}

impl Bench {
    pub(super) fn fresh() -> Self {
        Self::on(Arc::new(tempfile::tempdir().unwrap()), None, 1, MONDAY)
    }

    pub(super) fn standalone() -> Self {
        let bench = Self::fresh();
        bench.ask(
            "setup_standalone",
            json!({ "office_name": "样例网点", "name": "坐席甲", "passphrase": PASSPHRASE }),
        );
        bench
    }

    /// A demo desk with the story's cases, used by one of the story's people.
    pub(super) fn demo(me: &Actor) -> Self {
        let pack = serde_json::to_vec(&pack(me)).unwrap();
        // A test's pack lives as long as its process.
        let bench = Self::on(
            Arc::new(tempfile::tempdir().unwrap()),
            Some(Vec::leak(pack)),
            1,
            later(),
        );
        bench.ask("setup_demo", json!({}));
        bench
    }

    fn on(dir: Arc<TempDir>, demo_pack: Option<&'static [u8]>, seed: u64, now: i64) -> Self {
        let clock = Arc::new(HandClock::at(now));
        let desk = Desk::new(DeskConfig {
            profile_dir: dir.path().to_owned(),
            docbox_exe: Path::new("no-such-program").to_owned(),
            clock: clock.clone(),
            chance: Arc::new(Dice::new(seed)),
            keystore: KeystoreChoice::File,
            demo_pack,
            kdf: KdfCost::for_tests(),
            default_server: None,
            exports_dir: dir.path().join("exports"),
        });
        Self {
            desk,
            clock,
            dir,
            seed,
        }
    }

    /// The process ends and starts again.
    pub(super) fn restarted(self) -> Self {
        self.desk.close();
        let now = desk_domain::time::Clock::now(self.clock.as_ref());
        Self::on(Arc::clone(&self.dir), None, self.seed + 1_000, now)
    }

    pub(super) fn ask(&self, name: &str, args: Value) -> Value {
        self.clock.pass(1);
        dispatch(&self.desk, name, args).unwrap_or_else(|error| panic!("{name}: {error:?}"))
    }

    pub(super) fn refused(&self, name: &str, args: Value) -> UiError {
        self.clock.pass(1);
        dispatch(&self.desk, name, args).expect_err(name)
    }

    pub(super) fn new_case(&self) -> String {
        self.ask("case_new", json!({}))["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub(super) fn screen(&self, case: &str) -> CaseScreen {
        serde_json::from_value(self.ask("case_open", json!({ "case": case }))).unwrap()
    }

    pub(super) fn field(&self, case: &str, key: FieldKey) -> FieldView {
        self.screen(case).fields[key.as_str()].clone()
    }

    pub(super) fn set(&self, case: &str, key: FieldKey, raw: &str) -> Value {
        let base = self.field(case, key).rev;
        self.ask("field_set", set_args(case, key, raw, base))
    }
}

pub(super) fn set_args(case: &str, key: FieldKey, raw: &str, base: Option<String>) -> Value {
    json!({ "case": case, "field": key.as_str(), "raw": raw, "source": "typed", "base": base, "accept": {} })
}

/// After every story has ended.
pub(super) fn later() -> i64 {
    MONDAY + 20 * testkit::DAY
}

pub(super) fn stories() -> Vec<(&'static str, Story)> {
    vec![
        ("draft", Story::created()),
        ("ready", Story::ready()),
        ("submitted", Story::submitted()),
        ("in_review", Story::in_review()),
        ("judged", Story::judged()),
        ("approved", Story::approved()),
        ("executing", Story::executing()),
        ("unbound", Story::unbound()),
        ("told", Story::told()),
        ("closed", Story::closed()),
    ]
}

/// Where the story of this name stands in the demo pack.
pub(super) fn case_of(name: &str) -> CaseId {
    let at = stories().iter().position(|(one, _)| *one == name).unwrap();
    CaseId::from_uuid(uuid(0x7000 + u128::try_from(at).unwrap()))
}

fn pack(me: &Actor) -> Pack {
    let people = [
        (testkit::agent(), "坐席甲"),
        (testkit::reviewer(), "审核乙"),
        (testkit::operator(), "执行丙"),
        (testkit::supervisor(), "主管丁"),
    ];
    Pack {
        office: testkit::office(),
        office_name: "样例网点".to_owned(),
        device_code: "01".to_owned(),
        me: Some(me.user),
        users: people
            .iter()
            // Whoever sits here may have more roles than the story gives.
            .map(|(actor, name)| card(if actor.user == me.user { me } else { actor }, name))
            .collect(),
        merchants: vec![merchant()],
        cases: stories()
            .into_iter()
            .enumerate()
            .map(|(at, (_, story))| told(at, &story))
            .collect(),
        ringing_number: Some("13000000001".to_owned()),
    }
}

fn told(at: usize, story: &Story) -> (Case, Vec<TimelineEntry>) {
    let mut case = story.the_case().clone();
    case.id = CaseId::from_uuid(uuid(0x7000 + u128::try_from(at).unwrap()));
    case.case_no = testkit::case_no(u32::try_from(at).unwrap() + 100);
    if case.state == CaseState::Draft {
        // Another open case with its serial would keep it from being submitted.
        for key in [FieldKey::TerminalSerial, FieldKey::TerminalSerialAgain] {
            if let Some(state) = case.fields.get_mut(&key) {
                state.value = Some(FieldValue::Text("N9QT00000002".to_owned()));
            }
        }
        // A one-time code is given for one terminal, and the server notes which.
        for evidence in &mut case.evidence {
            if evidence.kind == EvidenceKind::OneTimeCode {
                "N9QT00000002".clone_into(&mut evidence.note);
            }
        }
    }
    (case, Vec::new())
}

fn card(actor: &Actor, name: &str) -> UserCard {
    UserCard {
        user: actor.user,
        person: actor.person,
        login: name.to_owned(),
        name: name.to_owned(),
        roles: actor.roles.clone(),
        employer: actor.employer,
        offices: actor.offices.clone(),
        active: true,
    }
}

/// The register's side of the story's merchant.
pub(super) fn merchant() -> MerchantRecord {
    MerchantRecord {
        id: MerchantId::from_uuid(uuid(0x9000)),
        office: testkit::office(),
        merchant_no: "822290070110001".to_owned(),
        merchant_inner_no: None,
        name: "测试小吃店".to_owned(),
        class: "micro".to_owned(),
        uscc: None,
        legal_name: "张三".to_owned(),
        legal_id_no: "110105199003070017".to_owned(),
        phone: "13000000001".to_owned(),
        phone_changed_at: 0,
        settle_bank: "样例银行".to_owned(),
        settle_tail: "8888".to_owned(),
        address: "样例省样例市样例路1号院2楼".to_owned(),
        terminals: vec![TerminalRecord {
            serial: "N9QT00000001".to_owned(),
            tusn: None,
            terminal_numbers: vec!["00000751".to_owned(), "A0000001".to_owned()],
            model: "N910".to_owned(),
            kind: "smart".to_owned(),
            obtained_by: "purchased".to_owned(),
            bound_at: 0,
            unbound_at: None,
            last_trade_at: None,
        }],
        version: 1,
    }
}

/// A person of the story's office whom nobody has seen before.
pub(super) fn stranger() -> UserId {
    UserId::from_uuid(uuid(0xF00D))
}
