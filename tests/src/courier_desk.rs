//! A desk without its window and its use cases: a real encrypted file, the product's courier, a person who signs in.
//! For tests that must look into the file, or meet a server whose sessions are gone.

use crate::Failure;
use crate::desk::PATIENCE;
use crate::office::{Office, password};
use desk_domain::calendar::Calendar;
use desk_domain::case::Case;
use desk_domain::case_no::CaseNo;
use desk_domain::ids::{CaseId, DeviceId, Incarnation, OfficeCode, OpId};
use desk_domain::op::OpBody;
use desk_domain::people::UserCard;
use desk_domain::policy::Policy;
use desk_domain::time::{Chance, Clock};
use desk_server::door::{SystemChance, SystemClock};
use desk_store::{DbKey, Identity, Judge, NewOp, Store, StorePaths};
use desk_sync::machine::Config;
use desk_sync::{Courier, CourierConfig, FrontDoor, NetConfig, SessionTokens, Signer, SyncStatus};
use ed25519_dalek::{Signer as _, SigningKey};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The key of every such desk's file: a test may look into it.
const KEY: [u8; 32] = [7; 32];

/// One desk.
pub struct CourierDesk {
    pub store: Arc<Store>,
    pub identity: Identity,
    pub me: UserCard,
    courier: Option<Courier>,
    url: String,
    login: String,
    signer: Signer,
    folder: PathBuf,
}

impl CourierDesk {
    /// Enrols at a branch of the office, makes a file in `folder` and starts the courier.
    pub fn enrol(
        office: &Office,
        folder: &Path,
        branch: &str,
        login: &str,
    ) -> Result<Self, Failure> {
        let mut seed = [0; 32];
        SystemChance.fill(&mut seed);
        let key = SigningKey::from_bytes(&seed);
        let public_key = key.verifying_key().to_bytes();
        let signer: Signer = Arc::new(move |message| key.sign(message).to_bytes());
        let device = DeviceId::new(SystemClock.now(), &SystemChance);
        let code = office.enrol_code(branch)?;
        let door = front_door(office.url(), device, &signer)?;
        let reply = door
            .enrol(&code, &public_key, login)
            .map_err(Failure::at("enrol"))?;
        let tokens = sign_in(&door, login)?;
        let identity = Identity {
            device,
            incarnation: Incarnation::new(SystemClock.now(), &SystemChance),
            office: reply.office,
            office_name: reply.office_name,
            device_code: reply.device_code,
        };
        let store = Store::create(
            &paths(folder),
            &DbKey::from_bytes(KEY),
            Arc::new(SystemChance),
        )
        .map_err(Failure::at("make a file"))?;
        let failed = |error| Failure::new(format!("found a desk: {error}"));
        store.set_identity(&identity).map_err(failed)?;
        store.put_user(&tokens.user).map_err(failed)?;
        store.set_judge(judge()?);
        let mut desk = Self {
            store: Arc::new(store),
            identity,
            me: tokens.user.clone(),
            courier: None,
            url: office.url().to_owned(),
            login: login.to_owned(),
            signer,
            folder: folder.to_owned(),
        };
        desk.start(Some(tokens))?;
        Ok(desk)
    }

    /// The person signs in once more, at the same address.
    pub fn sign_in_again(&self) -> Result<(), Failure> {
        let door = front_door(&self.url, self.identity.device, &self.signer)?;
        let tokens = sign_in(&door, &self.login)?;
        if let Some(courier) = &self.courier {
            courier.set_session(Some(tokens));
        }
        Ok(())
    }

    /// Ends the courier; what is done now waits.
    pub fn go_offline(&mut self) {
        self.courier = None;
    }

    /// Starts a courier for somebody who has just signed in.
    pub fn go_online(&mut self) -> Result<(), Failure> {
        let door = front_door(&self.url, self.identity.device, &self.signer)?;
        let tokens = sign_in(&door, &self.login)?;
        self.start(Some(tokens))
    }

    /// "Sync now": every wait ends, and the cases are compared.
    pub fn sync_now(&self) {
        if let Some(courier) = &self.courier {
            courier.sync_now();
        }
    }

    /// How the courier stands.
    pub fn status(&self) -> Option<SyncStatus> {
        self.courier.as_ref().map(Courier::status)
    }

    /// Opens a case with a note: one action.
    pub fn open_case(&self, note: &str) -> Result<CaseId, Failure> {
        let now = SystemClock.now();
        let case = CaseId::new(now, &SystemChance);
        let day = desk_domain::calendar::shanghai_day(now);
        let text = day.format("%y%m%d").to_string();
        let sequence = self
            .store
            .next_case_sequence(&text)
            .map_err(Failure::at("number a case"))?;
        let (office, code) = (&self.identity.office, &self.identity.device_code);
        let case_no = CaseNo::compose(day, office.as_str(), code, sequence)
            .map_err(Failure::at("number a case"))?;
        let create = OpBody::CaseCreate {
            case_no,
            office: office.clone(),
            parent: None,
        };
        let said = OpBody::NoteAdd {
            text: note.to_owned(),
        };
        self.write(case, vec![create, said])?;
        Ok(case)
    }

    /// One more note on a case.
    pub fn note(&self, case: CaseId, text: &str) -> Result<(), Failure> {
        let text = text.to_owned();
        self.write(case, vec![OpBody::NoteAdd { text }])
    }

    /// One action.
    pub fn write(&self, case: CaseId, bodies: Vec<OpBody>) -> Result<(), Failure> {
        let now = SystemClock.now();
        let ops: Vec<NewOp> = bodies
            .into_iter()
            .map(|body| NewOp {
                op_id: OpId::new(now, &SystemChance),
                actor: self.me.user,
                case,
                body,
                base_rev: None,
                captured_at: now,
            })
            .collect();
        self.store
            .append(&ops, &[])
            .map_err(Failure::at("write an action"))?;
        Ok(())
    }

    /// One case as it is seen here.
    pub fn case(&self, id: CaseId) -> Option<Case> {
        Some(self.store.case_view(id).ok()??.case)
    }

    /// Waits until something holds.
    pub fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) -> Result<(), Failure> {
        let news = self.store.subscribe();
        let started = now();
        while !holds(self) {
            if started.elapsed() >= PATIENCE {
                let status = self.status();
                return Err(Failure::new(format!("never: {what}; {status:?}")));
            }
            // A time-out looks again as well: not everything that is waited for is a write.
            let _ = news.recv_timeout(Duration::from_millis(100));
        }
        Ok(())
    }

    /// Everything that was done here is with the server, and nothing of it is pending.
    pub fn until_settled(&self) -> Result<(), Failure> {
        self.until("everything sent and judged", |desk| {
            desk.store.outbox().is_ok_and(|outbox| outbox.unsent == 0)
        })
    }

    /// A connection to the file past its door, as a fault would reach it.
    pub fn past_the_door(&self) -> Result<rusqlite::Connection, Failure> {
        let opened = open_plainly(&paths(&self.folder).db);
        let conn = opened.map_err(Failure::at("open the file"))?;
        let key = format!("PRAGMA key = \"x'{}'\";", hex::encode(KEY));
        conn.execute_batch(&key)
            .map_err(Failure::at("give the key"))?;
        Ok(conn)
    }

    fn start(&mut self, session: Option<SessionTokens>) -> Result<(), Failure> {
        let config = CourierConfig {
            net: net(&self.url),
            app_version: "test".to_owned(),
            device: self.identity.device,
            signer: Arc::clone(&self.signer),
            session,
            clock: Arc::new(SystemClock),
            chance: Arc::new(SystemChance),
            tuning: Config {
                digest_retry_ms: 200,
                ..Config::default()
            },
        };
        let started = Courier::start(config, Arc::clone(&self.store));
        self.courier = Some(started.map_err(Failure::at("start the courier"))?);
        Ok(())
    }
}

/// Where such a desk keeps its data.
pub fn paths(folder: &Path) -> StorePaths {
    StorePaths {
        db: folder.join("desk.db"),
        documents_dir: folder.join("documents"),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a fault does not come through the door"
)]
fn open_plainly(db: &Path) -> rusqlite::Result<rusqlite::Connection> {
    rusqlite::Connection::open(db)
}

fn net(url: &str) -> NetConfig {
    NetConfig {
        base_url: url.to_owned(),
        ..NetConfig::default()
    }
}

fn front_door(url: &str, device: DeviceId, signer: &Signer) -> Result<FrontDoor, Failure> {
    FrontDoor::open(&net(url), device, Arc::clone(signer), Arc::new(SystemClock))
        .map_err(Failure::at("find the server"))
}

fn sign_in(door: &FrontDoor, login: &str) -> Result<SessionTokens, Failure> {
    door.sign_in(login, &password(login), None)
        .map_err(Failure::at("sign in"))
}

fn judge() -> Result<Judge, Failure> {
    Ok(Judge {
        policy: Arc::new(Policy::shipped()),
        calendar: Arc::new(Calendar::shipped().map_err(Failure::at("read the calendar"))?),
    })
}

/// The office that a branch code names.
pub fn branch(code: &str) -> Result<OfficeCode, Failure> {
    OfficeCode::parse(code).ok_or_else(|| Failure::new("no office code"))
}

/// Patience is measured in real time.
#[expect(
    clippy::disallowed_methods,
    reason = "a test's patience is real time; nothing the product does depends on it"
)]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}
