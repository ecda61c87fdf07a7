//! One approved case, an office, and the core system that is to unbind its terminal.

use super::core::{Core, Mood};
use super::demo::{case_in, sit, write};
use super::{TestOffice, eventually};
use desk_domain::case::{Case, CaseState};
use desk_domain::field::FieldKey;
use desk_domain::ids::CaseId;
use desk_domain::op::OpBody;
use desk_server::connector::ConnectorKind;
use desk_server::connector::settings::ConnectorSettings;
use desk_server::repo::cases;
use desk_server::repo::sql::Connection;
use desk_server::run::House;
use serde_json::Value;

/// Every state up to approved is among so many cases of the demo.
const CASES: u32 = 11;
/// Rounds of the loop that a test waits for when nothing is to happen.
const ROUNDS: u32 = 3;

pub struct Story {
    pub office: TestOffice,
    pub core: Core,
    pub case: CaseId,
    house: House,
}

impl Story {
    pub fn begin(mood: Mood, offices: &[&str]) -> Self {
        Self::begin_with(mood, offices, |_| {})
    }

    pub fn begin_with(
        mood: Mood,
        offices: &[&str],
        change: impl FnOnce(&mut ConnectorSettings),
    ) -> Self {
        let office = TestOffice::demo(CASES);
        let case = case_in(&office, CaseState::Approved).id;
        Self::with(office, case, mood, offices, change)
    }

    pub fn of(office: TestOffice, case: CaseId, mood: Mood, offices: &[&str]) -> Self {
        Self::with(office, case, mood, offices, |_| {})
    }

    fn with(
        mut office: TestOffice,
        case: CaseId,
        mood: Mood,
        offices: &[&str],
        change: impl FnOnce(&mut ConnectorSettings),
    ) -> Self {
        let core = Core::start();
        core.set(mood);
        office.config.connector = ConnectorKind::Http;
        office.config.execution = core.settings(offices);
        change(&mut office.config.execution);
        office.restart();
        let house = office.house();
        Self {
            office,
            core,
            case,
            house,
        }
    }

    pub fn load(&self) -> Case {
        let id = self.case;
        let read = move |conn: &Connection| cases::load(conn, id);
        self.house.repo.read_blocking(read).unwrap().unwrap()
    }

    /// The case, once it is in that state.
    pub fn until(&self, state: CaseState) -> Case {
        eventually(|| Some(self.load()).filter(|case| case.state == state))
    }

    /// The same, and time goes by.
    pub fn advancing(&self, state: CaseState) -> Case {
        eventually(|| {
            self.office.clock.advance(20_000);
            Some(self.load()).filter(|case| case.state == state)
        })
    }

    /// The key of the request, once there is one.
    pub fn key(&self) -> String {
        eventually(|| {
            let case = self.load();
            Some(case.executions.last()?.idempotency_key.clone())
        })
    }

    /// The key, once its request is at the core system.
    pub fn arrived(&self) -> String {
        eventually(|| self.core.keys().first().cloned())
    }

    /// The one request that came.
    pub fn request(&self) -> Value {
        self.core.requests(&self.arrived())[0].clone()
    }

    /// State and outcome of the request's row.
    pub fn row(&self) -> (String, String) {
        let case = self.case.to_string();
        let read = move |conn: &Connection| {
            let sql = "SELECT state, outcome FROM execution_request WHERE case_id = ?1";
            Ok(conn.query_row(sql, [case], |row| {
                Ok((
                    row.get(0)?,
                    row.get::<Option<String>>(1)?.unwrap_or_default(),
                ))
            })?)
        };
        self.house.repo.read_blocking(read).unwrap()
    }

    /// How many results were recorded on the case.
    pub fn records(&self) -> usize {
        let case = self.case;
        let read = move |conn: &Connection| {
            let case = cases::load(conn, case)?.unwrap();
            cases::timeline_after(conn, &case.office, case.id, 0)
        };
        let lines = self.house.repo.read_blocking(read).unwrap();
        let records = lines.iter().filter(|line| line.kind == "execution.record");
        records.count()
    }

    /// Things that the core system unbinds for this case: each number, and the serial.
    pub fn things(&self) -> usize {
        self.load().members(FieldKey::TerminalNumbers).len() + 1
    }

    /// Some commits go by, each of which rings the loop.
    pub fn settles(&self) {
        let mut agent = sit(&self.office, "agent1");
        for _ in 0..ROUNDS {
            let text = "示例备注".into();
            write(&mut agent, self.case, vec![OpBody::NoteAdd { text }]);
        }
    }
}
