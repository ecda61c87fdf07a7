//! A desk's store and courier without the use cases above them, on a pace that suits tests: what people do is written
//! straight into the journal, and a failed line is tried again within milliseconds.

use crate::Failure;
pub use crate::desk::PATIENCE;
use crate::office::{Office, password};
use desk_app::door::{OsChance, SystemClock};
use desk_domain::calendar::{Calendar, shanghai_day};
use desk_domain::case::{DocumentKind, Provenance};
use desk_domain::case_no::CaseNo;
use desk_domain::field::{FieldKey, FieldValue};
use desk_domain::ids::{CaseId, DeviceId, DocumentId, Incarnation, OpId};
use desk_domain::op::OpBody;
use desk_domain::people::UserCard;
use desk_domain::policy::Policy;
use desk_domain::time::{Chance, Clock};
use desk_store::{
    DbKey, Identity, JournalRow, Judge, NewDocument, NewOp, Store, StorePaths, Touched, manifest_of,
};
use desk_sync::machine::{Config, Pace};
use desk_sync::{Courier, CourierConfig, FrontDoor, NetConfig, SessionTokens, Signer};
use ed25519_dalek::{Signer as _, SigningKey};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

/// The key of every such desk's file: a test may look into it.
const KEY: [u8; 32] = [42; 32];
/// What changed outside the file is looked at as well, this much later.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// One enrolled desk: its open file, and what its courier is started with.
pub struct BareDesk {
    pub store: Arc<Store>,
    pub device: DeviceId,
    pub tokens: SessionTokens,
    pub me: UserCard,
    signer: Signer,
    paths: StorePaths,
    news: Receiver<Touched>,
}

impl BareDesk {
    /// Enrols at the office itself, whatever line the courier will use, and makes the file.
    pub fn enrol(
        folder: &Path,
        office: &Office,
        branch: &str,
        login: &str,
    ) -> Result<Self, Failure> {
        let (clock, chance) = (Arc::new(SystemClock), Arc::new(OsChance));
        let now = clock.now();
        let mut seed = [0_u8; 32];
        chance.fill(&mut seed);
        let key = SigningKey::from_bytes(&seed);
        let public = *key.verifying_key().as_bytes();
        let signer: Signer = Arc::new(move |message: &[u8]| key.sign(message).to_bytes());
        let device = DeviceId::new(now, chance.as_ref());
        let door = FrontDoor::open(&net(office.url()), device, Arc::clone(&signer), clock)
            .map_err(Failure::at("open the front door"))?;
        let enrolled = door
            .enrol(&office.enrol_code(branch)?, &public, "示例桌面")
            .map_err(Failure::at("enrol"))?;
        let tokens = door
            .sign_in(login, &password(login), None)
            .map_err(Failure::at("sign in"))?;
        let paths = StorePaths {
            db: folder.join("desk.db"),
            documents_dir: folder.join("documents"),
        };
        let incarnation = Incarnation::new(now, chance.as_ref());
        let store = Store::create(&paths, &DbKey::from_bytes(KEY), chance)
            .map_err(Failure::at("make a desk file"))?;
        store.set_judge(judge()?);
        let identity = Identity {
            device,
            incarnation,
            office: enrolled.office,
            office_name: enrolled.office_name,
            device_code: enrolled.device_code,
        };
        store
            .set_identity(&identity)
            .and_then(|()| store.put_user(&tokens.user))
            .map_err(Failure::at("name the desk"))?;
        let news = store.subscribe();
        Ok(Self {
            store: Arc::new(store),
            device,
            me: tokens.user.clone(),
            tokens,
            signer,
            paths,
            news,
        })
    }

    /// Starts a courier on this address that tries again within milliseconds.
    pub fn courier(&self, url: &str) -> Result<Courier, Failure> {
        let pace = Pace {
            base_ms: 4,
            cap_ms: 60,
        };
        let tuning = Config {
            pace,
            ..Config::default()
        };
        self.courier_of(self.tokens.clone(), url, tuning)
    }

    /// Starts a courier on this address for somebody who has signed in.
    pub fn courier_of(
        &self,
        session: SessionTokens,
        url: &str,
        tuning: Config,
    ) -> Result<Courier, Failure> {
        let config = CourierConfig {
            net: net(url),
            app_version: env!("CARGO_PKG_VERSION").to_owned(),
            device: self.device,
            signer: Arc::clone(&self.signer),
            session: Some(session),
            clock: Arc::new(SystemClock),
            chance: Arc::new(OsChance),
            tuning,
        };
        Courier::start(config, Arc::clone(&self.store)).map_err(Failure::at("start the courier"))
    }

    /// Signs a person in, once more or for the first time.
    pub fn sign_in(&self, url: &str, login: &str) -> Result<SessionTokens, Failure> {
        let signer = Arc::clone(&self.signer);
        FrontDoor::open(&net(url), self.device, signer, Arc::new(SystemClock))
            .and_then(|door| door.sign_in(login, &password(login), None))
            .map_err(Failure::at("sign in"))
    }

    /// A connection to the file past its door, as a fault would reach it.
    pub fn past_the_door(&self) -> Result<rusqlite::Connection, Failure> {
        let conn = open_plainly(&self.paths.db).map_err(Failure::at("open the file"))?;
        let key = format!("PRAGMA key = \"x'{}'\";", hex::encode(KEY));
        conn.execute_batch(&key)
            .map_err(Failure::at("give the key"))?;
        Ok(conn)
    }

    /// Opens a case.
    pub fn new_case(&self) -> Result<CaseId, Failure> {
        let (case, create) = self.create()?;
        self.act(case, vec![(create, None)])?;
        Ok(case)
    }

    /// What opens a case, to be written with what belongs to the same action.
    pub fn create(&self) -> Result<(CaseId, OpBody), Failure> {
        let now = SystemClock.now();
        let identity = self.identity()?;
        let day = shanghai_day(now);
        let number = self
            .store
            .next_case_sequence(&day.format("%y%m%d").to_string())
            .map_err(Failure::at("number a case"))?;
        let case_no = CaseNo::compose(day, identity.office.as_str(), &identity.device_code, number)
            .map_err(|reject| Failure::new(format!("case number: {reject:?}")))?;
        let create = OpBody::CaseCreate {
            case_no,
            office: identity.office,
            parent: None,
        };
        Ok((CaseId::new(now, &OsChance), create))
    }

    /// Sets a text field on the revision that this desk shows.
    pub fn set(&self, case: CaseId, field: FieldKey, text: &str) -> Result<JournalRow, Failure> {
        let view = self
            .store
            .case_view(case)
            .map_err(Failure::at("look at a case"))?
            .ok_or_else(|| Failure::new("no such case"))?;
        let base = view.case.fields.get(&field).map(|state| state.rev);
        let body = OpBody::FieldSet {
            field,
            value: Some(FieldValue::Text(text.to_owned())),
            source: Provenance::Typed,
            accepted: BTreeMap::new(),
        };
        let rows = self.act(case, vec![(body, base)])?;
        rows.into_iter()
            .next()
            .ok_or_else(|| Failure::new("nothing was written"))
    }

    /// Puts a document on the shelf and attaches it.
    pub fn attach(&self, case: CaseId, bytes: &[u8]) -> Result<DocumentId, Failure> {
        let now = SystemClock.now();
        let id = DocumentId::new(now, &OsChance);
        let manifest = manifest_of(bytes, "image/jpeg", 1);
        let document = NewDocument {
            id,
            original: bytes,
            rendition: None,
            thumbnail: None,
            manifest: &manifest,
            quality: None,
            added_at: now,
        };
        self.store
            .put_document(&document)
            .map_err(Failure::at("shelve a document"))?;
        let body = OpBody::DocumentAttach {
            document: id,
            kind: DocumentKind::DeviceLabel,
            manifest,
            replaces: None,
        };
        self.act(case, vec![(body, None)])?;
        Ok(id)
    }

    /// One action of this desk's person.
    pub fn act(
        &self,
        case: CaseId,
        bodies: Vec<(OpBody, Option<OpId>)>,
    ) -> Result<Vec<JournalRow>, Failure> {
        let now = SystemClock.now();
        let ops: Vec<NewOp> = bodies
            .into_iter()
            .map(|(body, base_rev)| NewOp {
                op_id: OpId::new(now, &OsChance),
                actor: self.me.user,
                case,
                body,
                base_rev,
                captured_at: now,
            })
            .collect();
        let done = self.store.append(&ops, &[]);
        Ok(done.map_err(Failure::at("write an op"))?.rows)
    }

    /// Looks again after each change of the file until `enough` holds.
    pub fn until(&self, what: &str, enough: impl Fn(&Store) -> bool) -> Result<(), Failure> {
        self.wait(what, PATIENCE, |_| Ok(enough(&self.store)))
    }

    /// The same, told what each change touched.
    pub fn wait(
        &self,
        what: &str,
        patience: Duration,
        mut enough: impl FnMut(&Touched) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let started = now();
        let mut touched = Touched::default();
        while !enough(&touched)? {
            if started.elapsed() > patience {
                return Err(Failure::new(format!("{what}: never came to it")));
            }
            touched = self.news.recv_timeout(LOOK_EVERY).unwrap_or_default();
        }
        Ok(())
    }

    /// Until the server has said its word on everything and this desk has heard the case back.
    pub fn until_drained(&self, case: CaseId) -> Result<(), Failure> {
        self.until("drained", |store| {
            let settled = store
                .case_view(case)
                .is_ok_and(|view| view.is_some_and(|view| view.pending.is_empty()));
            settled && store.outbox().is_ok_and(|outbox| outbox.unsent == 0)
        })
    }

    /// Who this desk is.
    pub fn identity(&self) -> Result<Identity, Failure> {
        self.store
            .identity()
            .map_err(Failure::at("read the identity"))?
            .ok_or_else(|| Failure::new("the desk has no identity"))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a fault does not come through the door"
)]
fn open_plainly(db: &Path) -> rusqlite::Result<rusqlite::Connection> {
    rusqlite::Connection::open(db)
}

/// The shipped rules.
pub fn judge() -> Result<Judge, Failure> {
    Ok(Judge {
        policy: Arc::new(Policy::shipped()),
        calendar: Arc::new(Calendar::shipped().map_err(Failure::at("read the calendar"))?),
    })
}

fn net(url: &str) -> NetConfig {
    NetConfig {
        base_url: url.to_owned(),
        ..NetConfig::default()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test's patience is real time; nothing the product does depends on it"
)]
fn now() -> Instant {
    Instant::now()
}
