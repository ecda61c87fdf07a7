//! The connector of a real server beside `fake-core`, as `OPERATE.md` says to try it.
#![expect(clippy::unwrap_used, reason = "a test may end at once")]

use desk_domain::case::{Case, CaseState, ExecutionResult};
use desk_domain::ids::CaseId;
use desk_server::ServerConfig;
use desk_server::connector::settings::{KEY_ID, SECRET};
use desk_server::repo::cases;
use desk_server::repo::sql::Connection;
use desk_server::run::House;
use desk_tests::office::{BRANCH, Office};
use desk_tests::programs::{Running, program};
use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};

const KEY: [(&str, &str); 2] = [
    (KEY_ID, "desk-fake"),
    (SECRET, "not-a-real-secret-but-a-long-one"),
];
/// Every state up to approved is among so many cases of the demo.
const CASES: u32 = 11;

struct FakeCore {
    _running: Running,
    lines: Lines<BufReader<ChildStdout>>,
}

impl FakeCore {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(program("fake-core").unwrap());
        command.args(["--listen", "127.0.0.1:0"]).args(arguments);
        let mut running = Running::start(command.envs(KEY).stdout(Stdio::piped())).unwrap();
        let out = running.child().stdout.take().unwrap();
        Self {
            _running: running,
            lines: BufReader::new(out).lines(),
        }
    }

    /// What follows in the next line that begins like this.
    fn after(&mut self, begin: &str) -> String {
        loop {
            let line = self.lines.next().unwrap().unwrap();
            if let Some(rest) = line.strip_prefix(begin) {
                return rest.to_owned();
            }
        }
    }
}

/// The office executes by the core system from its next start on.
fn connect(office: &mut Office, folder: &Path, url: &str) {
    let file = folder.join("connector.toml");
    std::fs::write(
        &file,
        format!("url = \"{url}\"\noffices = [\"{BRANCH}\"]\n"),
    )
    .unwrap();
    office.set_environment("UNBIND_DESK_CONNECTOR", "http");
    office.set_environment("UNBIND_DESK_CONNECTOR_CONFIG", &file);
    for (name, value) in KEY {
        office.set_environment(name, value);
    }
    office.stop();
    office.restart().unwrap();
}

fn all(conn: &Connection) -> Vec<Case> {
    let mut select = conn.prepare_cached("SELECT id FROM case_file").unwrap();
    let ids = select.query_map((), |row| row.get::<String>(0)).unwrap();
    let ids = ids.map(|id| CaseId::parse(&id.unwrap()).unwrap());
    let load = |id| cases::load(conn, id).unwrap().unwrap();
    ids.map(load).collect()
}

#[test]
fn an_unbind_that_is_taken_for_later_is_called_back_and_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut office = Office::open(&data, CASES).unwrap();
    let hook = office.admin(&["execution", "hook"]).unwrap();
    let callback = format!("{}{hook}", office.url().trim_end_matches('/'));
    let later = ["--answer", "later", "--later-ms", "300"];
    let mut core = FakeCore::start(&[&later[..], &["--callback", &callback]].concat());
    let url = core.after("listening on ");
    connect(&mut office, folder.path(), &url);

    let key = core.after("execute ");
    let key = key.strip_suffix(": taken for later").unwrap();
    assert_eq!(core.after(&format!("later {key}: ")), "done");
    assert_eq!(core.after(&format!("callback {key}: ")), "200");
    office.stop();

    let house = House::open(&ServerConfig::new(&data)).unwrap();
    let read = |conn: &Connection| Ok(all(conn));
    let cases = house.repo.read_blocking(read).unwrap();
    let reference = format!("CORE-{key}");
    let case = cases.iter().find(|case| {
        let last = case.executions.last();
        last.is_some_and(|one| one.reference == reference)
    });
    let case = case.unwrap();
    assert_eq!(case.state, CaseState::Unbound);
    assert_eq!(case.executions.len(), 1);
    assert_eq!(case.executions[0].result, Some(ExecutionResult::Unbound));
}
