//! A desk whose person signs in by the organisation's identity provider: the browser goes there and comes back.
#![expect(clippy::unwrap_used, reason = "a story ends at the first surprise")]

#[expect(dead_code, reason = "the office's own tests need more of it")]
#[path = "../../crates/server/tests/office/support/provider.rs"]
mod provider;

use desk_app::door::SystemClock;
use desk_domain::time::Clock;
use desk_tests::desk::{PASSPHRASE, TestDesk};
use desk_tests::office::{BRANCH, Office, password};
use provider::{CLIENT, Provider, SECRET};
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

const MINE: &str = "本机口令-correct-horse-示例";

/// Who sits at the browser, if anybody does.
type Sitting = Arc<Mutex<Option<&'static str>>>;

struct House {
    folder: tempfile::TempDir,
    office: Office,
    provider: Provider,
    sitting: Sitting,
    /// How often a browser was opened.
    opened: Arc<AtomicU32>,
}

impl House {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("server");
        fs::create_dir(&data).unwrap();
        let provider = Provider::start(SystemClock.now());
        let (file, secret) = (
            folder.path().join("oidc.toml"),
            folder.path().join("secret"),
        );
        let issuer = provider.state().issuer.clone();
        let text = format!(
            "issuer = \"{issuer}\"\nclient_id = \"{CLIENT}\"\nalgorithms = [\"ES256\"]\nsecret_file = {:?}\n",
            secret.display().to_string()
        );
        fs::write(&file, text).unwrap();
        fs::write(&secret, SECRET).unwrap();
        let mut office = Office::open(&data, 1).unwrap();
        office.set_environment("UNBIND_DESK_OIDC_CONFIG", file);
        office.stop();
        office.restart().unwrap();
        Self {
            folder,
            office,
            provider,
            sitting: Sitting::default(),
            opened: Arc::default(),
        }
    }

    fn desk(&self) -> TestDesk {
        let path = self.folder.path().join("desk");
        let desk = TestDesk::open_cheap(&path, Arc::new(SystemClock)).unwrap();
        let (provider, sitting) = (self.provider.clone(), Arc::clone(&self.sitting));
        let opened = Arc::clone(&self.opened);
        desk.desk().set_browser(Box::new(move |address| {
            opened.fetch_add(1, Ordering::SeqCst);
            if let Some(subject) = *sitting.lock().unwrap() {
                let code = provider.person(address, subject);
                comes_back(address, &code);
            }
            true
        }));
        desk
    }

    fn sits(&self, subject: Option<&'static str>) {
        *self.sitting.lock().unwrap() = subject;
    }

    fn invite(&self, login: &str) -> String {
        let person = [
            "--name",
            "新同事（示例）",
            "--role",
            "agent",
            "--office",
            BRANCH,
        ];
        let invite = [&["user", "invite", login][..], &person].concat();
        self.office.admin(&invite).unwrap()
    }
}

/// What a browser does with the provider's redirect.
fn comes_back(address: &str, code: &str) {
    let asked = |name: &str| {
        let (_, rest) = address.split_once(&format!("{name}=")).unwrap();
        rest.split('&').next().unwrap().to_owned()
    };
    let redirect = asked("redirect_uri")
        .replace("%3A", ":")
        .replace("%2F", "/");
    let (host, path) = redirect
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    let (host, path) = (
        host.to_owned(),
        format!("/{path}?code={code}&state={}", asked("state")),
    );
    std::thread::spawn(move || {
        let mut stream = TcpStream::connect(&host).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        assert!(
            page.contains("200 OK") && page.contains("可以关闭此页"),
            "{page}"
        );
    });
}

fn by_provider(invitation: Option<&str>, passphrase: Option<&str>) -> Value {
    json!({
        "login": "", "password": "", "totp": null, "invitation": invitation, "provider": true, "passphrase": passphrase,
    })
}

fn login_of(status: &Value) -> &str {
    status["user"]["login"].as_str().unwrap()
}

#[test]
fn a_person_is_bound_by_an_invitation_and_comes_back_by_the_browser_alone() {
    let house = House::open();
    let desk = house.desk();
    let enrol = house.office.enrol_code(BRANCH).unwrap();
    desk.enrol(house.office.url(), &enrol, "agent1").unwrap();
    house.sits(Some("f3c1-new"));
    let unbound = desk
        .try_ask("sign_in", by_provider(None, None))
        .unwrap_err();
    assert_eq!(unbound.code, "oidc.not_bound");
    let code = house.invite("xin");
    let unsaid = desk
        .try_ask("sign_in", by_provider(Some(&code), None))
        .unwrap_err();
    assert_eq!(unsaid.code, "session.passphrase_needed");
    let status = desk
        .ask("sign_in", by_provider(Some(&code), Some(MINE)))
        .unwrap();
    assert_eq!(
        (login_of(&status), &status["phase"]),
        ("xin", &json!("ready"))
    );
    desk.ask("lock", json!({})).unwrap();
    let unlock = json!({ "user": "xin", "passphrase": MINE });
    assert_eq!(login_of(&desk.ask("unlock", unlock).unwrap()), "xin");
    assert_eq!(
        login_of(&desk.ask("sign_in", by_provider(None, None)).unwrap()),
        "xin"
    );

    house.provider.state().down = true;
    house.office.admin(&["user", "oidc", "list"]).unwrap();
    let by_password = json!({ "login": "agent1", "password": password("agent1") });
    assert_eq!(
        login_of(&desk.ask("sign_in", by_password).unwrap()),
        "agent1"
    );
}

#[test]
fn a_new_desk_is_set_up_by_the_browser_and_locking_does_not_wait_for_it() {
    let house = House::open();
    let (desk, code) = (house.desk(), house.invite("xin"));
    house.sits(Some("f3c1-new"));
    let enrol = house.office.enrol_code(BRANCH).unwrap();
    let status = desk.ask(
        "setup_server",
        json!({
            "server_url": house.office.url(), "enrol_code": enrol, "login": "", "password": "", "totp": null,
            "invitation": code, "provider": true, "passphrase": PASSPHRASE,
        }),
    );
    assert_eq!(login_of(&status.unwrap()), "xin");

    house.sits(None);
    let before = house.opened.load(Ordering::SeqCst);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| desk.try_ask("sign_in", by_provider(None, None)));
        // Until the desk waits for a browser that never comes.
        while !waiting.is_finished() && house.opened.load(Ordering::SeqCst) == before {
            std::thread::yield_now();
        }
        let locked = desk.ask("lock", json!({})).unwrap();
        assert_eq!(locked["phase"], "locked");
        let ended = waiting.join().unwrap().unwrap_err();
        assert_eq!(ended.code, "oidc.not_finished");
    });
}
