//! A desk without its window: the product's own store and courier on an enrolled device.

use crate::chance::{Counted, mix};
use crate::{fill, raw, watch};
use desk_app::door::SystemClock;
use desk_domain::calendar::shanghai_day;
use desk_domain::case::{DocumentKind, Provenance};
use desk_domain::case_no::CaseNo;
use desk_domain::field::{FieldKey, FieldValue};
use desk_domain::ids::{CaseId, DeviceId, DocumentId, Incarnation, OpId};
use desk_domain::op::OpBody;
use desk_domain::people::UserCard;
use desk_domain::time::{Chance, Millis};
use desk_store::{DbKey, Identity, NewDocument, NewOp, Store, StorePaths, Touched, manifest_of};
use desk_sync::machine::Config;
use desk_sync::{Courier, CourierConfig, FrontDoor, NetConfig, SessionTokens, Signer};
use desk_tests::Failure;
use desk_tests::office::{BRANCH, Office, password};
use ed25519_dalek::{Signer as _, SigningKey};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

/// Longest that one wait lasts; a bench that reaches it is void.
const PATIENCE_MS: f64 = 300_000.0;
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// One enrolled desk.
pub struct Station {
    pub store: Arc<Store>,
    pub agent: UserCard,
    identity: Identity,
    signer: Signer,
    session: SessionTokens,
    chance: Counted,
    cases: u32,
    courier: Option<Courier>,
    news: Receiver<Touched>,
}

impl Station {
    /// Enrols a fresh desk of the demo branch. `seed` tells the desks of one run apart.
    pub fn enrol(folder: &Path, office: &Office, seed: u64) -> Result<Self, Failure> {
        let chance = Counted::from(mix(seed) << 20);
        let mut secret = [0; 32];
        chance.fill(&mut secret);
        let key = SigningKey::from_bytes(&secret);
        let device = DeviceId::new(watch::now(), &chance);
        let public_key = key.verifying_key().to_bytes();
        let signer: Signer = Arc::new(move |message: &[u8]| key.sign(message).to_bytes());
        let door = FrontDoor::open(
            &net(office.url()),
            device,
            signer.clone(),
            Arc::new(SystemClock),
        )
        .map_err(Failure::at("open the door"))?;
        let enrolled = door
            .enrol(&office.enrol_code(BRANCH)?, &public_key, "示例桌面")
            .map_err(Failure::at("enrol"))?;
        let session = door
            .sign_in("agent1", &password("agent1"), None)
            .map_err(Failure::at("sign in"))?;
        let identity = Identity {
            device,
            incarnation: Incarnation::new(watch::now(), &chance),
            office: enrolled.office,
            office_name: enrolled.office_name,
            device_code: enrolled.device_code,
        };
        let store = new_store(folder, &identity, &session.user)?;
        let news = store.subscribe();
        Ok(Self {
            store: Arc::new(store),
            agent: session.user.clone(),
            identity,
            signer,
            session,
            chance,
            cases: 0,
            courier: None,
            news,
        })
    }

    /// Starts the courier towards an address (the office's own, or a proxy before it).
    pub fn start(&mut self, url: &str, tuning: Config) -> Result<(), Failure> {
        let config = CourierConfig {
            net: net(url),
            app_version: env!("CARGO_PKG_VERSION").to_owned(),
            device: self.identity.device,
            signer: self.signer.clone(),
            session: Some(self.session.clone()),
            clock: Arc::new(SystemClock),
            chance: Arc::new(desk_app::door::OsChance),
            tuning,
        };
        let courier = Courier::start(config, Arc::clone(&self.store));
        self.courier = Some(courier.map_err(Failure::at("start the courier"))?);
        Ok(())
    }

    /// Ends the courier.
    pub fn stop(&mut self) {
        self.courier = None;
    }

    /// Waits until `enough` holds, looking again after each write of the store.
    ///
    /// # Errors
    /// What it waited for, when it does not come within five minutes.
    pub fn until(
        &self,
        what: &str,
        mut enough: impl FnMut(&Store, &Touched) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let started = watch::monotonic_ms();
        let mut touched = Touched::default();
        while !enough(&self.store, &touched)? {
            if watch::monotonic_ms() - started > PATIENCE_MS {
                return Err(Failure::new(format!("void: waited in vain until {what}")));
            }
            touched = self.news.recv_timeout(LOOK_EVERY).unwrap_or_default();
        }
        Ok(())
    }

    /// Waits until the server has every op and every document.
    pub fn until_moved(&self) -> Result<(), Failure> {
        self.until("every document is stored", |store, _| {
            let waiting = store
                .documents_to_send(1)
                .map_err(Failure::at("list uploads"))?;
            Ok(waiting.is_empty() && unsent(store)? == 0)
        })
    }

    /// One action: a new case with so many fields.
    pub fn new_case(&mut self, fields: usize) -> Result<CaseId, Failure> {
        let now = watch::now();
        let case = CaseId::new(now, &self.chance);
        self.cases += 1;
        let number = CaseNo::compose(
            shanghai_day(now),
            self.identity.office.as_str(),
            &self.identity.device_code,
            self.cases % 10_000,
        )
        .map_err(|reject| Failure::new(format!("case number: {reject:?}")))?;
        let mut ops = vec![self.op(
            now,
            case,
            OpBody::CaseCreate {
                case_no: number,
                office: self.identity.office.clone(),
                parent: None,
            },
        )];
        for (field, text) in FIELDS.iter().cycle().take(fields) {
            ops.push(self.op(now, case, set(*field, text)));
        }
        self.append(&ops)?;
        Ok(case)
    }

    /// One action: one field of a case.
    pub fn set_field(&self, case: CaseId, field: FieldKey, text: &str) -> Result<OpId, Failure> {
        let op = self.op(watch::now(), case, set(field, text));
        let id = op.op_id;
        self.append(&[op])?;
        Ok(id)
    }

    /// Attaches so many bytes that do not compress; no two documents are alike.
    pub fn attach(&self, case: CaseId, size_bytes: usize) -> Result<DocumentId, Failure> {
        let now = watch::now();
        let id = DocumentId::new(now, &self.chance);
        let mut original = vec![0; size_bytes];
        self.chance.fill(&mut original);
        let manifest = manifest_of(&original, "image/jpeg", 1);
        self.store
            .put_document(&NewDocument {
                id,
                original: &original,
                rendition: None,
                thumbnail: None,
                manifest: &manifest,
                quality: None,
                added_at: now,
            })
            .map_err(Failure::at("put a document"))?;
        let body = OpBody::DocumentAttach {
            document: id,
            kind: DocumentKind::Invoice,
            manifest,
            replaces: None,
        };
        self.append(&[self.op(now, case, body)])?;
        Ok(id)
    }

    fn op(&self, at: Millis, case: CaseId, body: OpBody) -> NewOp {
        NewOp {
            op_id: OpId::new(at, &self.chance),
            actor: self.agent.user,
            case,
            body,
            base_rev: None,
            captured_at: at,
        }
    }

    fn append(&self, ops: &[NewOp]) -> Result<(), Failure> {
        self.store
            .append(ops, &[])
            .map(|_| ())
            .map_err(Failure::at("append"))
    }
}

/// Ops that the server lacks.
pub fn unsent(store: &Store) -> Result<u64, Failure> {
    Ok(store.outbox().map_err(Failure::at("count the ops"))?.unsent)
}

fn new_store(folder: &Path, identity: &Identity, agent: &UserCard) -> Result<Store, Failure> {
    let paths = StorePaths {
        db: folder.join("desk.db"),
        documents_dir: folder.join("documents"),
    };
    let store = Store::create(
        &paths,
        &DbKey::from_bytes(raw::KEY),
        Arc::new(desk_app::door::OsChance),
    )
    .map_err(Failure::at("create a desk file"))?;
    store
        .set_identity(identity)
        .map_err(Failure::at("name the desk"))?;
    store
        .put_user(agent)
        .map_err(Failure::at("add the agent"))?;
    store.set_judge(fill::judge()?);
    Ok(store)
}

fn net(url: &str) -> NetConfig {
    NetConfig {
        base_url: url.to_owned(),
        ..NetConfig::default()
    }
}

fn set(field: FieldKey, text: &str) -> OpBody {
    OpBody::FieldSet {
        field,
        value: Some(FieldValue::Text(text.to_owned())),
        source: Provenance::Typed,
        accepted: BTreeMap::new(),
    }
}

const FIELDS: [(FieldKey, &str); 4] = [
    (FieldKey::CallerName, "王样例"),
    (FieldKey::RequestKind, "unbind_terminal"),
    (FieldKey::RequestWords, "机器黑屏，想解绑，示例记录"),
    (FieldKey::TerminalModel, "样例型号 P-1"),
];
