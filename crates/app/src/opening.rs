//! From key files to an open session.

use crate::desk::{Asked, Desk, DeskConfig};
use crate::dto::SignIn;
use crate::error::AppError;
use crate::line::{
    Coming, admitted, front_door, judge_of, signer, start_courier, stored_signing_key,
};
use crate::session::{KeptSession, Mode, Rules, Session, keep, kept, recall};
use crate::upkeep::Upkeep;
use crate::vault::{DatabaseKey, Person, Vault, VaultError, check_passphrase};
use crate::wiping;
use desk_domain::ids::{Incarnation, UserId};
use desk_domain::people::UserCard;
use desk_domain::time::Millis;
use desk_store::{DbKey, HeadNote, Mend, Store, StoreError, StorePaths};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// The folder of the real desk inside the profile.
const REAL: &str = "desk";
const DAY_MS: Millis = 24 * 60 * 60 * 1_000;

/// The folder of the real desk, if it stands.
pub(crate) fn real_vault(config: &DeskConfig) -> Result<Option<Vault>, AppError> {
    wiping::finish(config)?;
    Ok(Vault::find(&vault_dir(config), config.kdf)?)
}

/// Opens the real desk with a passphrase. The second answer says that the server must be heard first.
pub(crate) fn unlock(
    desk: &Desk,
    who: Option<&str>,
    passphrase: &str,
) -> Result<(Session, bool), AppError> {
    let vault = real_vault(desk.config())?.ok_or(AppError::NotSetUp)?;
    let (person, key) = vault.unlock(who, passphrase, desk.now())?;
    let store = open_store(desk, &vault, &key)?;
    let me = store.user(person.user)?.ok_or(AppError::AccountInactive)?;
    if !me.active {
        return Err(AppError::AccountInactive);
    }
    let session = around(desk, store, vault, Arc::new(key), &me)?;
    let silent = is_silent(desk, &session)?;
    Ok((session, silent))
}

/// Signs a person in at the server on an open desk; a second person needs a passphrase of their own.
pub(crate) fn sign_in(
    desk: &Desk,
    session: &Session,
    args: &SignIn,
    asked: Asked,
) -> Result<Option<Session>, AppError> {
    let Mode::Server { url } = &session.mode else {
        return Err(AppError::NoServer);
    };
    let key = stored_signing_key(&session.store)?;
    let door = front_door(desk, url, session.identity.device, signer(&key))?;
    if let Some(passphrase) = &args.passphrase {
        // Before the code is spent.
        check_passphrase(passphrase)?;
    }
    let coming = Coming {
        login: &args.login,
        password: &args.password,
        totp: args.totp.as_deref(),
        invitation: args.invitation.as_deref(),
        provider: args.provider == Some(true),
        asked,
    };
    let tokens = admitted(desk, &door, &coming)?;
    let is_same = tokens.user.user == session.user.user;
    give_wrap(desk, session, &tokens.user, args)?;
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

/// A wrap of the database key for somebody who has none here. Whoever comes with a code after a forgotten password may
/// have forgotten the passphrase too, and names a new one.
fn give_wrap(
    desk: &Desk,
    session: &Session,
    user: &UserCard,
    args: &SignIn,
) -> Result<(), AppError> {
    let people = session.vault.people()?;
    let known = people.iter().any(|person| person.user == user.user);
    let passphrase = match args.passphrase.as_deref() {
        Some(passphrase) if !known || args.invitation.is_some() => passphrase,
        None if !known => return Err(AppError::PassphraseNeeded),
        Some(_) | None => return Ok(()),
    };
    session
        .vault
        .add_person(&session.key, &person(user), passphrase, desk.chance())?;
    Ok(())
}

pub(crate) fn vault_dir(config: &DeskConfig) -> PathBuf {
    config.profile_dir.join(REAL)
}

/// Too long without a word from the server: rights may have changed.
pub(crate) fn is_silent(desk: &Desk, session: &Session) -> Result<bool, AppError> {
    if !matches!(session.mode, Mode::Server { .. }) {
        return Ok(false);
    }
    let heard_at: Millis = session.recall(kept::LAST_CONTACT)?.unwrap_or(0);
    let rules = session.rules().policy.offline;
    let days = rules.sign_in_days.min(rules.sign_in_days_at_most);
    Ok(desk.now().saturating_sub(heard_at) > Millis::from(days) * DAY_MS)
}

pub(crate) fn open_session(
    desk: &Desk,
    vault: Vault,
    key: DatabaseKey,
    me: &UserCard,
) -> Result<Session, AppError> {
    let store = open_store(desk, &vault, &key)?;
    around(desk, store, vault, Arc::new(key), me)
}

/// Opened (mended first, if it must be), judged by the newest policy known, and heard by the front ends.
fn open_store(desk: &Desk, vault: &Vault, key: &DatabaseKey) -> Result<Arc<Store>, AppError> {
    let (paths, db_key) = (paths(vault.dir()), DbKey::from_bytes(*key.bytes()));
    let open = || Store::open(&paths, &db_key, Arc::clone(&desk.config().chance));
    let (store, mended) = match open() {
        // The vault has proved the key: a file that it does not open was damaged at its beginning.
        Err(StoreError::Damaged(_) | StoreError::WrongKey) => {
            mend(desk, vault, key)?;
            (open()?, true)
        }
        opened => (opened?, false),
    };
    store.set_judge(judge_of(&store)?);
    store.finish_recovery()?;
    settle_outside(desk, vault, key, &store, mended)?;
    desk.listen(&store)?;
    Ok(Arc::new(store))
}

fn mend(desk: &Desk, vault: &Vault, key: &DatabaseKey) -> Result<(), AppError> {
    let keepsake = vault.keepsake(key);
    let mend = Mend {
        keepsake: keepsake.as_ref(),
        outside: vault.noted_head().map(|head| (head.incarnation, head.seq)),
        chance: desk.chance(),
        at: desk.now(),
    };
    let recovered = Store::recover(&paths(vault.dir()), &DbKey::from_bytes(*key.bytes()), &mend)?;
    tracing::error!(
        kept = recovered.kept,
        lost = recovered.lost,
        "the damaged file was mended"
    );
    Ok(())
}

/// Before anything else is written: a file older than what is known outside begins a new life of its journal.
fn settle_outside(
    desk: &Desk,
    vault: &Vault,
    key: &DatabaseKey,
    store: &Store,
    mended: bool,
) -> Result<(), AppError> {
    let noted = vault.noted_head().filter(|_| !mended);
    if let (Some(noted), Some(present)) = (noted, store.head_note()?)
        && !store.is_at_or_after(&noted)?
    {
        let same_life = noted.incarnation == present.incarnation;
        let missing = noted.seq.saturating_sub(present.seq);
        let params = same_life.then(|| ("missing".to_owned(), missing.to_string()));
        let fresh = Incarnation::new(desk.now(), desk.chance());
        store.begin_life(
            fresh,
            "desk.restored",
            desk.now(),
            &params.into_iter().collect(),
        )?;
    }
    let users: Vec<_> = vault
        .people()?
        .into_iter()
        .map(|person| person.user)
        .collect();
    let system: Option<UserId> = recall(store, kept::SYSTEM_USER)?;
    let users: Vec<UserId> = users.into_iter().chain(system).collect();
    let names = [
        kept::MODE,
        kept::SIGNING_KEY,
        kept::SERVER_KEY,
        kept::SYSTEM_USER,
    ];
    let kept_outside = store
        .keepsake(&names, &users)?
        .map_or(Ok(()), |keepsake| {
            vault.keep_keepsake(key, &keepsake, desk.chance())
        })
        .and_then(|()| store.head_note().map_or(Ok(()), |head| note(vault, head)));
    if let Err(error) = kept_outside {
        // Worth a try at the next opening, no reason to stay shut.
        tracing::warn!(
            code = error.code(),
            "nothing could be noted outside the file"
        );
    }
    Ok(())
}

fn note(vault: &Vault, head: Option<HeadNote>) -> Result<(), VaultError> {
    head.map_or(Ok(()), |head| vault.note_head(&head))
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
    let rules = Arc::new(Mutex::new(Rules {
        policy: judge.policy,
        calendar: judge.calendar,
    }));
    let upkeep = Upkeep {
        store: Arc::downgrade(&store),
        vault: vault.clone(),
        rules: Arc::clone(&rules),
        clock: Arc::clone(&desk.config().clock),
    };
    let session = Session {
        _upkeep: upkeep.start()?,
        courier: Mutex::new(None),
        mode,
        user: me.clone(),
        identity,
        vault,
        key,
        judge: rules,
        system,
        seen: Mutex::default(),
        store,
    };
    start_courier(desk, &session)?;
    Ok(session)
}

pub(crate) fn paths(dir: &Path) -> StorePaths {
    StorePaths {
        db: dir.join("desk.db"),
        documents_dir: dir.join("documents"),
    }
}

pub(crate) fn person(card: &UserCard) -> Person {
    Person {
        user: card.user,
        login: card.login.clone(),
        name: card.name.clone(),
    }
}
