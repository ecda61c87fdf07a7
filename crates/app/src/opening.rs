//! From key files to an open session, and from nothing to key files. Every way in ends here.

use crate::demo::Pack;
use crate::desk::{Desk, DeskConfig, hold};
use crate::dto::{Changed, RingingCall, SetupServer, SetupStandalone};
use crate::error::AppError;
use crate::session::{KeptSession, Mode, Rules, Session, keep, kept, recall};
use crate::vault::{DatabaseKey, KdfCost, Person, Vault, check_passphrase, recovery};
use desk_domain::calendar::Calendar;
use desk_domain::ids::{DeviceId, Incarnation, OfficeCode, OpId, UserId};
use desk_domain::mask;
use desk_domain::people::{Employer, Role, UserCard};
use desk_domain::policy::Policy;
use desk_domain::time::Millis;
use desk_store::{DbKey, Identity, Judge, Store, StorePaths};
use desk_sync::{
    Courier, CourierConfig, EnrolReply, FrontDoor, NetConfig, SessionTokens, Signer, SyncError,
    SyncEvent,
};
use ed25519_dalek::{Signer as _, SigningKey};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use zeroize::Zeroizing;

const REAL: &str = "desk";
const DEMO: &str = "demo";
/// A desk in the making; becomes [`REAL`] by one rename, or is made anew.
const MAKING: &str = "making";
const PENDING: &str = "enrolment.json";
/// Demo data guards nothing, so its passphrase is no secret.
const DEMO_PASSPHRASE: &str = "demo data is not secret";
const DAY_MS: Millis = 24 * 60 * 60 * 1_000;
const NAME_CHARS: usize = 50;

/// An enrolment that the server has taken, kept until the desk stands: its code works only once.
#[derive(Serialize, Deserialize)]
struct Enrolled {
    server_url: String,
    code: String,
    /// Ed25519, hexadecimal.
    key: String,
    reply: EnrolReply,
}

/// Who this desk is to be, before there is a file.
struct Founding {
    mode: Mode,
    identity: Identity,
    signing_key: SigningKey,
    me: UserCard,
    system: Option<UserId>,
    users: Vec<UserCard>,
    tokens: Option<SessionTokens>,
}

/// The folder of the real desk, if it stands.
pub(crate) fn real_vault(config: &DeskConfig) -> Result<Option<Vault>, AppError> {
    Ok(Vault::find(&config.profile_dir.join(REAL), config.kdf)?)
}

/// Enrols and signs in, then founds. A slip of the password or a cut line costs nothing but another try.
pub(crate) fn found_with_server(desk: &Desk, args: &SetupServer) -> Result<Session, AppError> {
    check_passphrase(&args.passphrase)?;
    let making = prepare_making(desk)?;
    let (vault, enrolled) = enrol(desk, &making, args)?;
    let key = signing_key(&enrolled.key)?;
    let door = front_door(desk, &args.server_url, vault.device(), signer(&key))?;
    let tokens = door
        .sign_in(&args.login, &args.password, None)
        .map_err(from_server)?;
    if !tokens.user.active {
        return Err(AppError::AccountInactive);
    }
    let incarnation = Incarnation::new(desk.now(), desk.chance());
    let founding = Founding {
        mode: Mode::Server {
            url: args.server_url.clone(),
        },
        identity: Identity {
            device: vault.device(),
            incarnation,
            office: enrolled.reply.office.clone(),
            office_name: enrolled.reply.office_name.clone(),
            device_code: enrolled.reply.device_code.clone(),
        },
        signing_key: key,
        me: tokens.user.clone(),
        system: None,
        users: vec![tokens.user.clone()],
        tokens: Some(tokens),
    };
    let database_key = DatabaseKey::random(desk.chance());
    if let Some(recipient) = &enrolled.reply.recovery_key {
        vault.add_recovery(&recovery::wrap(
            &database_key,
            vault.device(),
            recipient,
            desk.chance(),
        )?)?;
    }
    found(desk, &vault, &database_key, &founding, &args.passphrase)?;
    let standing = stand(desk, &making)?;
    open_session(desk, standing, database_key, &founding.me)
}

/// One person, one desk, nobody else.
pub(crate) fn found_standalone(desk: &Desk, args: &SetupStandalone) -> Result<Session, AppError> {
    check_passphrase(&args.passphrase)?;
    let office_name = crate::words::said(&args.office_name, "office_name", NAME_CHARS)?;
    let name = crate::words::said(&args.name, "name", NAME_CHARS)?;
    let making = prepare_making(desk)?;
    let now = desk.now();
    let vault = Vault::create(
        &making,
        DeviceId::new(now, desk.chance()),
        desk.config().keystore,
        desk.config().kdf,
        desk.chance(),
    )?;
    let office = own_office(desk)?;
    let me = local_user(
        desk,
        &name,
        &office,
        &[
            Role::Agent,
            Role::Clerk,
            Role::Reviewer,
            Role::Operator,
            Role::Supervisor,
        ],
    );
    let system = local_user(desk, "", &office, &[Role::System]);
    let founding = Founding {
        mode: Mode::Standalone,
        identity: Identity {
            device: vault.device(),
            incarnation: Incarnation::new(now, desk.chance()),
            office,
            office_name,
            device_code: "01".to_owned(),
        },
        signing_key: new_signing_key(desk),
        system: Some(system.user),
        users: vec![me.clone(), system],
        me,
        tokens: None,
    };
    let key = DatabaseKey::random(desk.chance());
    found(desk, &vault, &key, &founding, &args.passphrase)?;
    let standing = stand(desk, &making)?;
    open_session(desk, standing, key, &founding.me)
}

/// Opens the demo desk, made on the first call, beside the real one.
pub(crate) fn open_demo(desk: &Desk) -> Result<Session, AppError> {
    let pack = desk.config().demo_pack.ok_or(AppError::NoDemoPack)?;
    let pack: Pack = serde_json::from_slice(pack).map_err(|_| AppError::NoDemoPack)?;
    let me = pack.user().cloned().ok_or(AppError::NoDemoPack)?;
    let dir = desk.config().profile_dir.join(DEMO);
    let cost = demo_cost(desk.config().kdf);
    let (vault, key) = match Vault::find(&dir, cost)? {
        Some(vault) => {
            let (_, key) = vault.unlock(None, DEMO_PASSPHRASE, desk.now())?;
            (vault, key)
        }
        None => make_demo(desk, &dir, cost, &pack, &me)?,
    };
    let session = open_session(desk, vault, key, &me)?;
    let number = pack.ringing_number.as_deref().unwrap_or("13800000000");
    desk.ring(RingingCall {
        call_ref: format!("demo-{}", desk.now()),
        number: mask::phone(number).to_string(),
        at: desk.now(),
        demo: true,
    });
    Ok(session)
}

fn make_demo(
    desk: &Desk,
    dir: &Path,
    cost: KdfCost,
    pack: &Pack,
    me: &UserCard,
) -> Result<(Vault, DatabaseKey), AppError> {
    let making = dir.with_extension(MAKING);
    remove_making(&making)?;
    let now = desk.now();
    let vault = Vault::create(
        &making,
        DeviceId::new(now, desk.chance()),
        crate::KeystoreChoice::File,
        cost,
        desk.chance(),
    )?;
    let system = local_user(desk, "", &pack.office, &[Role::System]);
    let founding = Founding {
        mode: Mode::Demo,
        identity: Identity {
            device: vault.device(),
            incarnation: Incarnation::new(now, desk.chance()),
            office: pack.office.clone(),
            office_name: pack.office_name.clone(),
            device_code: pack.device_code.clone(),
        },
        signing_key: new_signing_key(desk),
        system: Some(system.user),
        users: vec![system],
        me: me.clone(),
        tokens: None,
    };
    let key = DatabaseKey::random(desk.chance());
    let store = found_store(desk, &making, &key, &founding)?;
    store.apply_page(&pack.page())?;
    drop(store);
    vault.add_person(&key, &person(me), DEMO_PASSPHRASE, desk.chance())?;
    fs::rename(&making, dir).map_err(crate::vault::VaultError::Io)?;
    let vault = Vault::find(dir, cost)?.ok_or(AppError::Unexpected("the demo desk vanished"))?;
    Ok((vault, key))
}

/// Opens the real desk with a passphrase. The second answer says that the server must be heard first.
pub(crate) fn unlock(
    desk: &Desk,
    who: Option<&str>,
    passphrase: &str,
) -> Result<(Session, bool), AppError> {
    let vault = real_vault(desk.config())?.ok_or(AppError::NotSetUp)?;
    let (person, key) = vault.unlock(who, passphrase, desk.now())?;
    let store = open_store(desk, vault_dir(desk.config()), &key)?;
    let me = store.user(person.user)?.ok_or(AppError::AccountInactive)?;
    drop(store);
    if !me.active {
        return Err(AppError::AccountInactive);
    }
    let session = open_session(desk, vault, key, &me)?;
    let silent = is_silent(desk, &session)?;
    Ok((session, silent))
}

/// Signs a person in at the server on an open desk; a second person needs a passphrase of their own.
pub(crate) fn sign_in(
    desk: &Desk,
    session: &Session,
    (login, password): (&str, &str),
    passphrase: Option<&str>,
) -> Result<Option<Session>, AppError> {
    let Mode::Server { url } = &session.mode else {
        return Err(AppError::NoServer);
    };
    let key = stored_signing_key(&session.store)?;
    let door = front_door(desk, url, session.identity.device, signer(&key))?;
    let tokens = door.sign_in(login, password, None).map_err(from_server)?;
    if !tokens.user.active {
        return Err(AppError::AccountInactive);
    }
    let is_same = tokens.user.user == session.user.user;
    let known = session
        .vault
        .people()?
        .iter()
        .any(|person| person.user == tokens.user.user);
    if !known {
        let passphrase = passphrase.ok_or(AppError::PassphraseNeeded)?;
        session.vault.add_person(
            &session.key,
            &person(&tokens.user),
            passphrase,
            desk.chance(),
        )?;
    }
    session.store.put_user(&tokens.user)?;
    keep(
        &session.store,
        &kept::session(&tokens.user.user.to_string()),
        &KeptSession::from(&tokens),
    )?;
    keep(&session.store, kept::LAST_CONTACT, &desk.now())?;
    if is_same {
        if let Some(courier) = session.courier() {
            courier.set_session(Some(tokens));
        }
        return Ok(None);
    }
    session.stop_courier();
    let key = Arc::clone(&session.key);
    around(
        desk,
        Arc::clone(&session.store),
        session.vault.clone(),
        key,
        &tokens.user,
    )
    .map(Some)
}

fn vault_dir(config: &DeskConfig) -> PathBuf {
    config.profile_dir.join(REAL)
}

/// Too long without a word from the server: rights may have changed.
fn is_silent(desk: &Desk, session: &Session) -> Result<bool, AppError> {
    if !matches!(session.mode, Mode::Server { .. }) {
        return Ok(false);
    }
    let heard_at: Millis = session.recall(kept::LAST_CONTACT)?.unwrap_or(0);
    let rules = session.rules().policy.offline;
    let days = rules.sign_in_days.min(rules.sign_in_days_at_most);
    Ok(desk.now().saturating_sub(heard_at) > Millis::from(days) * DAY_MS)
}

fn prepare_making(desk: &Desk) -> Result<PathBuf, AppError> {
    if real_vault(desk.config())?.is_some() {
        return Err(AppError::AlreadySetUp);
    }
    let making = desk.config().profile_dir.join(MAKING);
    if making.join(PENDING).exists() {
        // The enrolment is worth keeping; what was half made beside it is not.
        remove_half_made(&making)?;
    } else {
        remove_making(&making)?;
    }
    Ok(making)
}

/// Only what this module itself made and never finished; nobody ever typed into it.
fn remove_making(making: &Path) -> Result<(), AppError> {
    match fs::remove_dir_all(making) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(crate::vault::VaultError::Io(error).into()),
    }
}

fn remove_half_made(making: &Path) -> Result<(), AppError> {
    let entries = fs::read_dir(making).map_err(crate::vault::VaultError::Io)?;
    for entry in entries {
        let path = entry.map_err(crate::vault::VaultError::Io)?.path();
        let keeps = ["desk.json", "device.secret", PENDING];
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if keeps.contains(&name) {
            continue;
        }
        let removed = if path.is_dir() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        removed.map_err(crate::vault::VaultError::Io)?;
    }
    Ok(())
}

fn enrol(desk: &Desk, making: &Path, args: &SetupServer) -> Result<(Vault, Enrolled), AppError> {
    let code = args.enrol_code.trim();
    if let Some(vault) = Vault::find(making, desk.config().kdf)?
        && let Some(enrolled) = vault.kept::<Enrolled>(PENDING)?
        && (enrolled.code.as_str(), enrolled.server_url.as_str())
            == (code, args.server_url.as_str())
    {
        return Ok((vault, enrolled));
    }
    remove_making(making)?;
    let config = desk.config();
    let device = DeviceId::new(desk.now(), desk.chance());
    let key = new_signing_key(desk);
    let door = front_door(desk, &args.server_url, device, signer(&key))?;
    let reply = door
        .enrol(code, key.verifying_key().as_bytes(), "unbind-desk")
        .map_err(from_server)?;
    let vault = Vault::create(making, device, config.keystore, config.kdf, desk.chance())?;
    let key = hex::encode(key.to_bytes());
    let enrolled = Enrolled {
        server_url: args.server_url.clone(),
        code: code.to_owned(),
        key,
        reply,
    };
    vault.keep(PENDING, &enrolled, desk.chance())?;
    Ok((vault, enrolled))
}

fn found(
    desk: &Desk,
    vault: &Vault,
    key: &DatabaseKey,
    founding: &Founding,
    passphrase: &str,
) -> Result<(), AppError> {
    let making = desk.config().profile_dir.join(MAKING);
    drop(found_store(desk, &making, key, founding)?);
    vault.add_person(key, &person(&founding.me), passphrase, desk.chance())?;
    Ok(())
}

fn found_store(
    desk: &Desk,
    dir: &Path,
    key: &DatabaseKey,
    founding: &Founding,
) -> Result<Store, AppError> {
    let store = Store::create(
        &paths(dir),
        &DbKey::from_bytes(*key.bytes()),
        Arc::clone(&desk.config().chance),
    )?;
    store.set_judge(shipped_judge()?);
    store.set_identity(&founding.identity)?;
    for card in founding.users.iter().chain([&founding.me]) {
        store.put_user(card)?;
    }
    keep(&store, kept::MODE, &founding.mode)?;
    let seed = Zeroizing::new(hex::encode(founding.signing_key.to_bytes()));
    keep(&store, kept::SIGNING_KEY, &*seed)?;
    if let Some(system) = founding.system {
        keep(&store, kept::SYSTEM_USER, &system)?;
    }
    if let Some(tokens) = &founding.tokens {
        keep(
            &store,
            &kept::session(&tokens.user.user.to_string()),
            &KeptSession::from(tokens),
        )?;
        keep(&store, kept::LAST_CONTACT, &desk.now())?;
    }
    Ok(store)
}

/// The one moment at which a desk begins to be.
fn stand(desk: &Desk, making: &Path) -> Result<Vault, AppError> {
    let io = crate::vault::VaultError::Io;
    let pending = making.join(PENDING);
    if pending.exists() {
        fs::remove_file(&pending).map_err(io)?;
    }
    fs::rename(making, vault_dir(desk.config())).map_err(io)?;
    crate::vault::file::sync_dir(&desk.config().profile_dir)?;
    real_vault(desk.config())?.ok_or(AppError::Unexpected("the desk vanished"))
}

fn open_session(
    desk: &Desk,
    vault: Vault,
    key: DatabaseKey,
    me: &UserCard,
) -> Result<Session, AppError> {
    let store = Arc::new(open_store(desk, vault.dir().to_owned(), &key)?);
    around(desk, store, vault, Arc::new(key), me)
}

fn open_store(desk: &Desk, dir: PathBuf, key: &DatabaseKey) -> Result<Store, AppError> {
    let store = Store::open(
        &paths(&dir),
        &DbKey::from_bytes(*key.bytes()),
        Arc::clone(&desk.config().chance),
    )?;
    store.set_judge(judge_of(&store)?);
    Ok(store)
}

fn around(
    desk: &Desk,
    store: Arc<Store>,
    vault: Vault,
    key: Arc<DatabaseKey>,
    me: &UserCard,
) -> Result<Session, AppError> {
    let identity = store
        .identity()?
        .ok_or(AppError::Unexpected("the desk has no identity"))?;
    let mode: Mode =
        recall(&store, kept::MODE)?.ok_or(AppError::Unexpected("the desk has no mode"))?;
    let judge = judge_of(&store)?;
    let system = recall(&store, kept::SYSTEM_USER)?;
    desk.listen(&store)?;
    let session = Session {
        courier: Mutex::new(None),
        mode,
        user: me.clone(),
        identity,
        vault,
        key,
        judge: Arc::new(Mutex::new(Rules {
            policy: judge.policy,
            calendar: judge.calendar,
        })),
        system,
        store,
    };
    start_courier(desk, &session)?;
    Ok(session)
}

fn start_courier(desk: &Desk, session: &Session) -> Result<(), AppError> {
    let Mode::Server { url } = &session.mode else {
        return Ok(());
    };
    let kept_session: Option<KeptSession> =
        session.recall(&kept::session(&session.user.user.to_string()))?;
    let config = CourierConfig {
        net: net(url),
        app_version: env!("CARGO_PKG_VERSION").to_owned(),
        device: session.identity.device,
        signer: signer(&stored_signing_key(&session.store)?),
        session: kept_session.map(Into::into),
        clock: Arc::clone(&desk.config().clock),
        chance: Arc::clone(&desk.config().chance),
        tuning: desk_sync::machine::Config::default(),
    };
    let courier = Courier::start(config, Arc::clone(&session.store)).map_err(from_server)?;
    let news = courier.subscribe();
    let (desk, store, user) = (
        Arc::downgrade(desk.inner()),
        Arc::downgrade(&session.store),
        session.user.user,
    );
    let judge = Arc::clone(&session.judge);
    let spawned = std::thread::Builder::new()
        .name("desk-courier-news".into())
        .spawn(move || {
            while let Ok(event) = news.recv() {
                let (Some(desk), Some(store)) = (desk.upgrade(), store.upgrade()) else {
                    return;
                };
                heard(&desk, &store, &judge, user, &event);
            }
        });
    spawned.map_err(|_| AppError::Unexpected("no thread"))?;
    session.set_courier(courier);
    Ok(())
}

/// What the courier learns is kept, so that the next start knows it.
fn heard(
    desk: &Arc<crate::desk::Inner>,
    store: &Store,
    judge: &Mutex<Rules>,
    user: UserId,
    event: &SyncEvent,
) {
    let now = desk.config.clock.now();
    let done = match event {
        SyncEvent::Status(status) => keep_contact(store, status.last_success_at, now),
        SyncEvent::SessionRenewed(tokens) => keep(
            store,
            &kept::session(&user.to_string()),
            &KeptSession::from(tokens),
        ),
        SyncEvent::SessionLost => Ok(()),
        SyncEvent::Policy { toml, .. } => take_policy(store, judge, toml),
    };
    if let Err(error) = done {
        tracing::warn!(code = error.code(), "news of the courier could not be kept");
    }
    desk.events.tell(Changed {
        sync: true,
        ..Changed::default()
    });
}

/// Once a minute is often enough for a limit of days.
fn keep_contact(store: &Store, at: Option<Millis>, now: Millis) -> Result<(), AppError> {
    let Some(at) = at.filter(|at| *at <= now) else {
        return Ok(());
    };
    let before: Millis = recall(store, kept::LAST_CONTACT)?.unwrap_or(0);
    if at.saturating_sub(before) < 60_000 {
        Ok(())
    } else {
        keep(store, kept::LAST_CONTACT, &at)
    }
}

/// A policy that cannot be read leaves the one before in force.
fn take_policy(store: &Store, judge: &Mutex<Rules>, toml: &str) -> Result<(), AppError> {
    let known: Option<String> = recall(store, kept::POLICY)?;
    if known.as_deref() == Some(toml) {
        return Ok(());
    }
    let policy = Policy::parse(toml)
        .map_err(|_| AppError::Unexpected("the server's policy is not readable"))?;
    keep(store, kept::POLICY, &toml)?;
    let rules = Rules {
        policy: Arc::new(policy),
        calendar: Arc::new(shipped_calendar()?),
    };
    store.set_judge(Judge {
        policy: Arc::clone(&rules.policy),
        calendar: Arc::clone(&rules.calendar),
    });
    *hold(judge) = rules;
    Ok(())
}

pub(crate) fn judge_of(store: &Store) -> Result<Judge, AppError> {
    let text: Option<String> = recall(store, kept::POLICY)?;
    let policy = text
        .and_then(|text| Policy::parse(&text).ok())
        .unwrap_or_else(Policy::shipped);
    Ok(Judge {
        policy: Arc::new(policy),
        calendar: Arc::new(shipped_calendar()?),
    })
}

fn shipped_judge() -> Result<Judge, AppError> {
    Ok(Judge {
        policy: Arc::new(Policy::shipped()),
        calendar: Arc::new(shipped_calendar()?),
    })
}

fn shipped_calendar() -> Result<Calendar, AppError> {
    Calendar::shipped().map_err(|_| AppError::Unexpected("the shipped calendar is damaged"))
}

fn paths(dir: &Path) -> StorePaths {
    StorePaths {
        db: dir.join("desk.db"),
        documents_dir: dir.join("documents"),
    }
}

fn front_door(
    desk: &Desk,
    url: &str,
    device: DeviceId,
    signer: Signer,
) -> Result<FrontDoor, AppError> {
    FrontDoor::open(&net(url), device, signer, Arc::clone(&desk.config().clock))
        .map_err(from_server)
}

fn net(url: &str) -> NetConfig {
    NetConfig {
        base_url: url.trim().to_owned(),
        ..NetConfig::default()
    }
}

/// The server's own code, or the line's.
pub(crate) fn from_server(error: SyncError) -> AppError {
    let code = error.code().to_owned();
    match error {
        SyncError::Refused(problem) => AppError::Server {
            code,
            params: problem.params,
            retryable: problem.retryable,
        },
        SyncError::Offline(_) | SyncError::Portal | SyncError::ServerTrouble(_) => {
            AppError::Server {
                code,
                params: BTreeMap::new(),
                retryable: true,
            }
        }
        SyncError::BadAddress
        | SyncError::PlainHttp
        | SyncError::BadCertificate
        | SyncError::NoNetworkLayer
        | SyncError::Unreadable
        | SyncError::SignInNeeded
        | SyncError::Stopped => AppError::Server {
            code,
            params: BTreeMap::new(),
            retryable: false,
        },
    }
}

fn signer(key: &SigningKey) -> Signer {
    let key = key.clone();
    Arc::new(move |message: &[u8]| key.sign(message).to_bytes())
}

fn new_signing_key(desk: &Desk) -> SigningKey {
    let mut seed = Zeroizing::new([0_u8; 32]);
    desk.chance().fill(seed.as_mut_slice());
    SigningKey::from_bytes(&seed)
}

fn stored_signing_key(store: &Store) -> Result<SigningKey, AppError> {
    let seed: Option<Zeroizing<String>> =
        recall::<String>(store, kept::SIGNING_KEY)?.map(Zeroizing::new);
    signing_key(&seed.ok_or(AppError::Unexpected("the device key is gone"))?)
}

fn signing_key(seed: &str) -> Result<SigningKey, AppError> {
    let bytes = hex::decode(seed)
        .ok()
        .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let bytes = Zeroizing::new(bytes.ok_or(AppError::Unexpected("the device key is damaged"))?);
    Ok(SigningKey::from_bytes(&bytes))
}

fn demo_cost(wanted: KdfCost) -> KdfCost {
    if wanted == KdfCost::for_tests() {
        wanted
    } else {
        KdfCost::floor()
    }
}

fn person(card: &UserCard) -> Person {
    Person {
        user: card.user,
        login: card.login.clone(),
        name: card.name.clone(),
    }
}

/// A code that no server gives: stand-alone cases never meet those of another office.
fn own_office(desk: &Desk) -> Result<OfficeCode, AppError> {
    const LETTERS: &[u8] = b"0123456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    let mut bytes = [0_u8; 4];
    desk.chance().fill(&mut bytes);
    let tail = bytes
        .iter()
        .filter_map(|byte| LETTERS.get(usize::from(*byte) % LETTERS.len()));
    let text: String = std::iter::once('Z')
        .chain(tail.map(|byte| char::from(*byte)))
        .collect();
    OfficeCode::parse(&text).ok_or(AppError::Unexpected("no office code"))
}

fn local_user(desk: &Desk, name: &str, office: &OfficeCode, roles: &[Role]) -> UserCard {
    let user = UserId::from_uuid(OpId::new(desk.now(), desk.chance()).uuid());
    UserCard {
        user,
        person: user,
        login: name.to_owned(),
        name: name.to_owned(),
        roles: roles.iter().copied().collect(),
        employer: Employer::Acquirer,
        offices: [office.clone()].into(),
        active: true,
    }
}
