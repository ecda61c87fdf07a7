//! From nothing to a desk: with a server, alone, or with demo data. A desk stands whole or not at all.

use crate::demo::Pack;
use crate::desk::{Asked, Desk};
use crate::dto::{SetupServer, SetupStandalone};
use crate::error::AppError;
use crate::line::{
    Coming, admitted, from_server, front_door, new_signing_key, shipped_judge, signer, signing_key,
};
use crate::opening::{open_session, paths, person, real_vault, vault_dir};
use crate::ringing::Ring;
use crate::session::{KeptSession, Mode, Session, keep, kept};
use crate::vault::{
    DatabaseKey, KdfCost, KeystoreChoice, Vault, VaultError, check_passphrase, file, recovery,
};
use crate::wiping;
use crate::words;
use desk_domain::ids::{DeviceId, Incarnation, OfficeCode, OpId, UserId};
use desk_domain::people::{Employer, Role, UserCard};
use desk_protocol::error::DEVICE_PENDING;
use desk_protocol::people::fingerprint;
use desk_store::{DbKey, Identity, Store};
use desk_sync::{EnrolReply, SessionTokens};
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

const DEMO: &str = "demo";
/// A desk in the making; becomes the real one by one rename, or is made anew.
const MAKING: &str = "making";
const PENDING: &str = "enrolment.json";
/// Demo data guards nothing, so its passphrase is no secret.
const DEMO_PASSPHRASE: &str = "demo data is not secret";
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
    /// What the server's orders are signed by, if it says so.
    server_key: Option<String>,
}

/// Enrols and signs in, then founds. A slip of the password or a cut line costs nothing but another try.
pub(crate) fn found_with_server(
    desk: &Desk,
    args: &SetupServer,
    asked: Asked,
) -> Result<Session, AppError> {
    check_passphrase(&args.passphrase)?;
    let making = prepare_making(desk)?;
    let (vault, enrolled) = enrol(desk, &making, args)?;
    let key = signing_key(&enrolled.key)?;
    let door = front_door(desk, &args.server_url, vault.device(), signer(&key))?;
    let coming = Coming {
        login: &args.login,
        password: &args.password,
        totp: args.totp.as_deref(),
        invitation: args.invitation.as_deref(),
        provider: args.provider == Some(true),
        asked,
    };
    let tokens = admitted(desk, &door, &coming).map_err(|error| waiting(error, &key))?;
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
        server_key: enrolled.reply.server_key.clone(),
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

/// A desk that waits for its approval says by what an admin knows it: both compare it over the phone.
fn waiting(error: AppError, key: &SigningKey) -> AppError {
    let AppError::Server {
        code,
        mut params,
        retryable,
    } = error
    else {
        return error;
    };
    if code == DEVICE_PENDING {
        let own = fingerprint(key.verifying_key().as_bytes());
        params.insert("fingerprint".to_owned(), own);
    }
    AppError::Server {
        code,
        params,
        retryable,
    }
}

/// One person, one desk, nobody else.
pub(crate) fn found_standalone(desk: &Desk, args: &SetupStandalone) -> Result<Session, AppError> {
    check_passphrase(&args.passphrase)?;
    let office_name = words::said(&args.office_name, "office_name", NAME_CHARS)?;
    let name = words::said(&args.name, "name", NAME_CHARS)?;
    let making = prepare_making(desk)?;
    let now = desk.now();
    let vault = Vault::create(
        &making,
        DeviceId::new(now, desk.chance()),
        desk.config().keystore,
        founding_cost(desk)?,
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
        server_key: None,
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
    let now = desk.now();
    desk.ring(Ring::demo(format!("demo-{now}"), number, now));
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
        KeystoreChoice::File,
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
        server_key: None,
    };
    let key = DatabaseKey::random(desk.chance());
    let store = found_store(desk, &making, &key, &founding)?;
    store.apply_page(&pack.clone().told_by(now).page())?;
    drop(store);
    vault.add_person(&key, &person(me), DEMO_PASSPHRASE, desk.chance())?;
    fs::rename(&making, dir).map_err(VaultError::Io)?;
    let vault = Vault::find(dir, cost)?.ok_or(AppError::Unexpected("the demo desk vanished"))?;
    Ok((vault, key))
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
        Err(error) => Err(VaultError::Io(error).into()),
    }
}

fn remove_half_made(making: &Path) -> Result<(), AppError> {
    let entries = fs::read_dir(making).map_err(VaultError::Io)?;
    for entry in entries {
        let path = entry.map_err(VaultError::Io)?.path();
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
        removed.map_err(VaultError::Io)?;
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
    let cost = founding_cost(desk)?;
    let vault = Vault::create(making, device, config.keystore, cost, desk.chance())?;
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
    if let Some(key) = &founding.server_key {
        wiping::learn_key(&store, key)?;
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
    let dir = vault_dir(desk.config());
    fs::rename(making, &dir).map_err(VaultError::Io)?;
    file::sync_dir(&desk.config().profile_dir)?;
    // The enrolment is needed until the desk stands, and by nobody afterwards; it is sealed.
    if fs::remove_file(dir.join(PENDING)).is_err() {
        tracing::debug!("no enrolment was left to clear away");
    }
    real_vault(desk.config())?.ok_or(AppError::Unexpected("the desk vanished"))
}

/// The standard cost is fitted to this machine once, when its desk is made.
fn founding_cost(desk: &Desk) -> Result<KdfCost, AppError> {
    let wanted = desk.config().kdf;
    if wanted == KdfCost::default() {
        return Ok(KdfCost::calibrated(desk.config().clock.as_ref())?);
    }
    Ok(wanted)
}

fn demo_cost(wanted: KdfCost) -> KdfCost {
    if wanted == KdfCost::for_tests() {
        wanted
    } else {
        KdfCost::floor()
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
