//! A small office, desks that sign, and a plain HTTP client over a socket.

pub mod calls;
mod command;
pub mod core;
pub mod demo;
pub mod desk;
pub mod execution;
pub mod hooks;
pub mod provider;
pub mod register;
pub mod shared;
pub mod sms;
pub mod store;
mod wire;

pub use command::{admin, refuses, said};
pub use desk::{Desk, manifest};
pub use wire::{Reply, applied, call, outcomes};

use desk_domain::ids::{OfficeCode, UserId};
use desk_domain::people::{Employer, Role, UserCard};
use desk_domain::time::{Clock, Millis};
use desk_server::door::SystemChance;
use desk_server::gateway::GatewayKind;
use desk_server::hashing::Scratch;
use desk_server::objects::Location;
use desk_server::repo::people::Account;
use desk_server::repo::safeguards::{self, Safeguards};
use desk_server::repo::{devices, offices, people};
use desk_server::run::House;
use desk_server::{RunningServer, Server, ServerConfig, secrets};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tempfile::TempDir;

pub const NOON: Millis = 1_795_305_600_000;
pub const HERE: &str = "HZ001";
pub const THERE: &str = "SH002";
pub const PASSWORD: &str = "a long fake password";

/// Looks until there is something, for as long as a slow machine may need.
pub fn eventually<T>(mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..4_000 {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    unreachable!("it never came");
}

pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn now_ms(&self) -> Millis {
        self.0.load(Ordering::SeqCst)
    }
    pub fn advance(&self, ms: Millis) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Millis {
        self.0.load(Ordering::SeqCst)
    }
}

pub struct TestOffice {
    pub dir: TempDir,
    pub clock: Arc<TestClock>,
    pub config: ServerConfig,
    server: Option<RunningServer>,
}

/// Two offices; `agent` and `clerk` here, `stranger` there, `chief` admin of both.
pub fn office() -> TestOffice {
    office_with(true)
}

pub fn office_with(auto_approve: bool) -> TestOffice {
    office_at(auto_approve, Location::Folder, shared::database())
}

/// The same for what only a database in a file has: its backup, a second process on its folder.
pub fn office_on_file() -> TestOffice {
    office_at(true, Location::Folder, None)
}

/// The same, with documents or everything else kept elsewhere.
pub fn office_at(auto_approve: bool, objects: Location, database: Option<String>) -> TestOffice {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(TestClock(AtomicI64::new(NOON)));
    let config = ServerConfig {
        auto_approve,
        database,
        objects,
        docbox: Some(env!("CARGO_BIN_EXE_unbind-desk-server").into()),
        clock: clock.clone(),
        ..ServerConfig::new(dir.path())
    };
    let house = House::open(&config).unwrap();
    for (code, name) in [(HERE, "网点示例"), (THERE, "另一网点示例")] {
        let code = OfficeCode::parse(code).unwrap();
        house
            .repo
            .write_blocking(move |conn| offices::put(conn, &code, name, NOON))
            .unwrap();
    }
    add_user(&house, "agent", Role::Agent, &[HERE]);
    add_user(&house, "clerk", Role::Clerk, &[HERE]);
    add_user(&house, "reviewer", Role::Reviewer, &[HERE]);
    add_user(&house, "stranger", Role::Agent, &[THERE]);
    add_user(&house, "chief", Role::Admin, &[HERE, THERE]);
    drop(house);
    let server = Some(Server::start(config.clone()).unwrap());
    TestOffice {
        dir,
        clock,
        config,
        server,
    }
}

/// From now on a second admin has to agree where two are asked for.
pub fn ask_two_admins(house: &House) {
    let asked = Safeguards {
        second_factor: false,
        two_admins: true,
    };
    house
        .repo
        .write_blocking(move |conn| safeguards::put(conn, asked))
        .unwrap();
}

pub fn add_user(house: &House, login: &str, role: Role, offices: &[&str]) -> UserId {
    let user = UserId::new(NOON, &SystemChance);
    let card = UserCard {
        user,
        person: user,
        login: login.into(),
        name: format!("示例{login}"),
        roles: [role].into(),
        employer: Employer::Acquirer,
        offices: offices
            .iter()
            .map(|code| OfficeCode::parse(code).unwrap())
            .collect(),
        active: true,
    };
    let account = Account {
        card,
        password_phc: secrets::hash_password(PASSWORD, &SystemChance, &mut Scratch::default())
            .unwrap(),
    };
    house
        .repo
        .write_blocking(move |conn| people::put(conn, &account, NOON))
        .unwrap();
    user
}

impl TestOffice {
    /// The demo's office with so many cases.
    pub fn demo(cases: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(NOON)));
        let config = ServerConfig {
            auto_approve: true,
            gateway: GatewayKind::Log,
            database: shared::database(),
            docbox: Some(env!("CARGO_BIN_EXE_unbind-desk-server").into()),
            clock: clock.clone(),
            ..ServerConfig::new(dir.path())
        };
        let silent = ServerConfig {
            gateway: GatewayKind::None,
            ..config.clone()
        };
        desk_server::demo::fill(&silent, cases, 7).unwrap();
        let server = Some(Server::start(config.clone()).unwrap());
        Self {
            dir,
            clock,
            config,
            server,
        }
    }
    /// What another process must be told to find the same office.
    pub fn environment(&self) -> Option<(&'static str, String)> {
        let url = self.config.database.clone()?;
        Some(("UNBIND_DESK_DATABASE", url))
    }
    pub fn addr(&self) -> SocketAddr {
        self.server.as_ref().unwrap().addr
    }
    /// Tells metrics as well, from now on; where.
    pub fn with_admin(&mut self) -> SocketAddr {
        self.config.admin_listen = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
        self.restart();
        self.server.as_ref().unwrap().admin.unwrap()
    }
    pub fn house(&self) -> House {
        House::open(&self.config).unwrap()
    }
    /// The folder and the running server, to be ended apart.
    pub fn into_parts(self) -> (TempDir, RunningServer) {
        (self.dir, self.server.unwrap())
    }
    pub fn restart(&mut self) {
        self.restart_after(|| {});
    }
    /// The same, and something is done in between.
    pub fn restart_after(&mut self, between: impl FnOnce()) {
        self.server.take().unwrap().stop();
        between();
        self.server = Some(Server::start(self.config.clone()).unwrap());
    }
    pub fn code(&self, office: &str) -> String {
        let code = secrets::enrol_code(&SystemChance);
        let (hash, at) = (secrets::hash(&code), self.clock.now() + secrets::CODE_MS);
        let office = OfficeCode::parse(office).unwrap();
        self.house()
            .repo
            .write_blocking(move |conn| devices::put_code(conn, &hash, &office, at, None))
            .unwrap();
        code
    }
    /// An enrolled desk with somebody signed in.
    pub fn desk(&self, office: &str, login: &str) -> Desk {
        let mut desk = Desk::new(self);
        desk.office = office.into();
        let reply = desk.enrol(&self.code(office));
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(desk.sign_in(login, PASSWORD).status, 200);
        desk
    }
}
