//! A small office, desks that sign, and a plain HTTP client over a socket.

pub mod desk;
mod wire;

pub use desk::{Desk, manifest};
pub use wire::{Reply, applied, call, outcomes};

use desk_domain::ids::{OfficeCode, UserId};
use desk_domain::people::{Employer, Role, UserCard};
use desk_domain::time::{Clock, Millis};
use desk_server::door::SystemChance;
use desk_server::gateway::GatewayKind;
use desk_server::repo::people::Account;
use desk_server::repo::{devices, offices, people};
use desk_server::run::House;
use desk_server::{RunningServer, Server, ServerConfig, demo, secrets};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tempfile::TempDir;

pub const NOON: Millis = 1_795_305_600_000;
pub const HERE: &str = "HZ001";
pub const THERE: &str = "SH002";
pub const PASSWORD: &str = "a long fake password";

pub struct TestClock(AtomicI64);

impl TestClock {
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
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(TestClock(AtomicI64::new(NOON)));
    let config = ServerConfig {
        auto_approve,
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
        password_phc: secrets::hash_password(PASSWORD, &SystemChance).unwrap(),
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
            clock: clock.clone(),
            ..ServerConfig::new(dir.path())
        };
        demo::fill(&config, cases, 7).unwrap();
        let server = Some(Server::start(config.clone()).unwrap());
        Self {
            dir,
            clock,
            config,
            server,
        }
    }
    pub fn addr(&self) -> SocketAddr {
        self.server.as_ref().unwrap().addr
    }
    pub fn house(&self) -> House {
        House::open(&self.config).unwrap()
    }
    /// The folder and the running server, to be ended apart.
    pub fn into_parts(self) -> (TempDir, RunningServer) {
        (self.dir, self.server.unwrap())
    }
    pub fn restart(&mut self) {
        self.server.take().unwrap().stop();
        self.server = Some(Server::start(self.config.clone()).unwrap());
    }
    pub fn code(&self, office: &str) -> String {
        let code = secrets::enrol_code(&SystemChance);
        let (hash, at) = (secrets::hash(&code), self.clock.now() + secrets::CODE_MS);
        let office = OfficeCode::parse(office).unwrap();
        self.house()
            .repo
            .write_blocking(move |conn| devices::put_code(conn, &hash, &office, at))
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
