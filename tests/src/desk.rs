//! A desk without a window: the same use cases, asked by name.

use crate::Failure;
use crate::programs::program;
use desk_app::door::OsChance;
use desk_app::dto::UiError;
use desk_app::vault::Vault;
use desk_app::{Desk, DeskConfig, KdfCost, KeystoreChoice, Launch};
use desk_domain::time::Clock;
use desk_store::{DbKey, Store, StorePaths};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Long enough for a busy machine; a test that reaches it has failed.
pub const PATIENCE: Duration = Duration::from_mins(4);

/// One desk on a profile folder.
pub struct TestDesk {
    desk: Desk,
    profile: PathBuf,
}

impl TestDesk {
    /// Opens (or opens again) the profile. The device secret stands in a file: tests have no keystore.
    pub fn open(profile: &Path) -> Result<Self, Failure> {
        let arguments = [
            "--profile".to_owned(),
            profile.display().to_string(),
            "--keystore".to_owned(),
            "file".to_owned(),
        ];
        let launch = Launch::from_arguments(&arguments).map_err(Failure::at("launch"))?;
        let docbox = program("desk-docbox")?;
        let desk = launch
            .with_docbox(docbox)
            .open()
            .map_err(Failure::at("open the desk"))?;
        Ok(Self {
            desk,
            profile: profile.to_owned(),
        })
    }
    /// The same where a guess of the passphrase costs little, and the clock is somebody's.
    pub fn open_cheap(profile: &Path, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        Ok(Self {
            desk: cheap_desk(profile, clock)?,
            profile: profile.to_owned(),
        })
    }
    /// Enrols at a server and creates the encrypted file.
    pub fn enrol(&self, url: &str, code: &str, login: &str) -> Result<Value, Failure> {
        let arguments = json!({
            "server_url": url, "enrol_code": code, "login": login,
            "password": crate::office::password(login), "passphrase": PASSPHRASE,
        });
        self.ask("setup_server", arguments)
    }
    /// Runs a command; a refusal becomes a failure that names the code.
    pub fn ask(&self, name: &str, arguments: Value) -> Result<Value, Failure> {
        self.try_ask(name, arguments).map_err(|error| {
            Failure::new(format!(
                "{name}: {} {:?} {:?}",
                error.code, error.field, error.params
            ))
        })
    }
    /// Runs a command and hands a refusal back.
    pub fn try_ask(&self, name: &str, arguments: Value) -> Result<Value, UiError> {
        desk_app::commands::dispatch(&self.desk, name, arguments)
    }
    /// Asks again after each change until `enough` holds.
    pub fn until(
        &self,
        name: &str,
        arguments: &Value,
        enough: impl Fn(&Value) -> bool,
    ) -> Result<Value, Failure> {
        let mut seen = 0;
        let started = now();
        loop {
            let answer = self.ask(name, arguments.clone())?;
            if enough(&answer) {
                return Ok(answer);
            }
            if started.elapsed() >= PATIENCE {
                return Err(Failure::new(format!("{name} never came to it: {answer}")));
            }
            if let Some(changed) = self.desk.events_since(seen, Duration::from_millis(250)) {
                seen = changed.n;
            }
        }
    }
    /// The desk itself.
    pub fn desk(&self) -> &Desk {
        &self.desk
    }
    /// Its folder.
    pub fn profile(&self) -> &Path {
        &self.profile
    }
    /// Stops the courier and closes the file.
    pub fn close(self) {
        self.desk.close();
    }
}

/// A shut desk whose passphrase costs little to guess: for harnesses that open it thousands of times, and for fixtures.
pub fn cheap_desk(profile: &Path, clock: Arc<dyn Clock>) -> Result<Desk, Failure> {
    Ok(Desk::new(DeskConfig {
        profile_dir: profile.to_owned(),
        exports_dir: profile.join("exports"),
        docbox_exe: program("desk-docbox")?,
        clock,
        chance: Arc::new(OsChance),
        keystore: KeystoreChoice::File,
        demo_pack: None,
        kdf: KdfCost::for_tests(),
        default_server: None,
    }))
}

/// The store of a closed cheap desk, by its folder and its passphrase.
pub fn open_fixture(dir: &Path, passphrase: &str) -> Result<Store, Failure> {
    let vault = Vault::find(dir, KdfCost::for_tests())
        .map_err(Failure::at("find the vault"))?
        .ok_or_else(|| Failure::new("there is no vault"))?;
    let (_, key) = vault
        .unlock(None, passphrase, 0)
        .map_err(Failure::at("open the vault"))?;
    let paths = StorePaths {
        db: dir.join("desk.db"),
        documents_dir: dir.join("documents"),
    };
    Store::open(&paths, &DbKey::from_bytes(*key.bytes()), Arc::new(OsChance))
        .map_err(Failure::at("open the desk file"))
}

/// The passphrase of every test desk.
pub const PASSPHRASE: &str = "测试口令-correct-horse";

/// Patience is measured in real time: events may come faster than answers change.
#[expect(
    clippy::disallowed_methods,
    reason = "a test's patience is real time; nothing the product does depends on it"
)]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}
