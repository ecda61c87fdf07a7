//! The line to the server: its door, this device's signature, the running courier, and what it learns.

use crate::browsing;
use crate::desk::{Asked, Desk, Inner};
use crate::dto::Changed;
use crate::error::AppError;
use crate::policy::{self, Signed};
use crate::session::{KeptSession, Mode, Rules, Session, keep, kept, recall};
use crate::vault::bundle;
use crate::wiping::{self, Wiper};
use desk_domain::calendar::Calendar;
use desk_domain::ids::{DeviceId, UserId};
use desk_domain::policy::Policy;
use desk_domain::time::Millis;
use desk_store::{Judge, Store};
use desk_sync::proof::Prover;
use desk_sync::skew::WORTH_TELLING_MS;
use desk_sync::{
    Courier, CourierConfig, FrontDoor, NetConfig, SessionTokens, Signer, SyncError, SyncEvent,
    SyncStatus,
};
use ed25519_dalek::{Signer as _, SigningKey};
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use zeroize::Zeroizing;

/// A call that stops by itself disappears this soon.
const STOPS_WITHIN: Duration = Duration::from_secs(1);
/// While nothing rings there is nothing to look for.
const QUIET: Duration = Duration::from_hours(1);

pub(crate) fn start_courier(desk: &Desk, session: &Session) -> Result<(), AppError> {
    let Mode::Server { url } = &session.mode else {
        return Ok(());
    };
    let kept_session: Option<KeptSession> =
        session.recall(&kept::session(&session.user.user.to_string()))?;
    let signer = signer(&stored_signing_key(&session.store)?);
    let prover = Prover::new(session.identity.device, Arc::clone(&signer));
    let config = CourierConfig {
        net: net(url),
        app_version: env!("CARGO_PKG_VERSION").to_owned(),
        device: session.identity.device,
        signer,
        session: kept_session.map(Into::into),
        clock: Arc::clone(&desk.config().clock),
        chance: Arc::clone(&desk.config().chance),
        tuning: desk_sync::machine::Config::default(),
    };
    // What rang for whoever sat here before.
    desk.ringing().hear(Vec::new(), desk.now());
    let courier = Courier::start(config, Arc::clone(&session.store)).map_err(from_server)?;
    let news = courier.subscribe();
    let (desk, store, user) = (
        Arc::downgrade(desk.inner()),
        Arc::downgrade(&session.store),
        session.user.user,
    );
    let judge = Arc::clone(&session.judge);
    let mut wiper = Wiper {
        device: session.identity.device,
        server_url: url.clone(),
        prover,
        believed: None,
    };
    let mut skew_told = false;
    let spawned = std::thread::Builder::new()
        .name("desk-courier-news".into())
        .spawn(move || {
            while let Some(event) = next_news(&news, &desk) {
                let (Some(desk), Some(store)) = (desk.upgrade(), store.upgrade()) else {
                    return;
                };
                if let SyncEvent::Status(status) = &event {
                    tell_skew(&store, desk.config.clock.now(), status, &mut skew_told);
                }
                heard(&desk, &store, &judge, user, &event);
                if let SyncEvent::WipeOrdered(wipe) = &event {
                    wiper.hear(&desk.config, &store, wipe);
                }
                if wiper.is_due(&store) && wiper.obey(&Desk::of(desk), store) {
                    return;
                }
            }
        });
    spawned.map_err(|_| AppError::Unexpected("no thread"))?;
    session.set_courier(courier);
    Ok(())
}

/// The next news; calls that stop by themselves in the meantime are told. None once the courier or the desk is gone.
fn next_news(news: &Receiver<SyncEvent>, desk: &Weak<Inner>) -> Option<SyncEvent> {
    loop {
        let rings = desk.upgrade()?.ringing.will_end();
        match news.recv_timeout(if rings { STOPS_WITHIN } else { QUIET }) {
            Ok(event) => return Some(event),
            Err(RecvTimeoutError::Timeout) => desk.upgrade()?.stop_ringing(),
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
}

/// What the courier learns is kept, so that the next start knows it.
fn heard(desk: &Arc<Inner>, store: &Store, judge: &Mutex<Rules>, user: UserId, event: &SyncEvent) {
    let now = desk.config.clock.now();
    let done = match event {
        SyncEvent::Status(status) => keep_contact(store, status.last_success_at, now),
        SyncEvent::SessionRenewed(tokens) => keep(
            store,
            &kept::session(&user.to_string()),
            &KeptSession::from(tokens),
        ),
        SyncEvent::SessionLost => Ok(()),
        SyncEvent::Policy {
            version,
            toml,
            signature,
        } => {
            let signed = Signed {
                version: *version,
                toml,
                signature: signature.as_deref(),
            };
            policy::take_signed(store, judge, &signed, now)
        }
        SyncEvent::BundleKeys(keys) => {
            wiping::learn_key(store, &keys.signer).and_then(|()| bundle::learn(store, keys))
        }
        SyncEvent::Calls(calls) => {
            desk.ringing.hear(calls.clone(), now);
            return desk.tell_ringing();
        }
        SyncEvent::WipeOrdered(_) => return,
    };
    if let Err(error) = done {
        tracing::warn!(code = error.code(), "news of the courier could not be kept");
    }
    desk.events.tell(Changed {
        sync: true,
        ..Changed::default()
    });
}

/// A clock that is wrong is told when it is noticed, and is over when it is set right.
fn tell_skew(store: &Store, now: Millis, status: &SyncStatus, told: &mut bool) {
    let Some(skew) = status.clock_skew_ms else {
        return;
    };
    let wrong = skew.abs() >= WORTH_TELLING_MS;
    if wrong == *told {
        return;
    }
    let minutes = (skew / 60_000).to_string();
    let done = if wrong {
        let params = BTreeMap::from([("minutes".to_owned(), minutes)]);
        store.raise_alert("clock.skew", now, &params)
    } else {
        store.settle_alert("clock.skew")
    };
    match done {
        Ok(()) => *told = wrong,
        Err(error) => tracing::warn!(code = error.code(), "the clock's skew could not be told"),
    }
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

pub(crate) fn shipped_judge() -> Result<Judge, AppError> {
    Ok(Judge {
        policy: Arc::new(Policy::shipped()),
        calendar: Arc::new(shipped_calendar()?),
    })
}

pub(crate) fn shipped_calendar() -> Result<Calendar, AppError> {
    Calendar::shipped().map_err(|_| AppError::Unexpected("the shipped calendar is damaged"))
}

pub(crate) fn front_door(
    desk: &Desk,
    url: &str,
    device: DeviceId,
    signer: Signer,
) -> Result<FrontDoor, AppError> {
    FrontDoor::open(&net(url), device, signer, Arc::clone(&desk.config().clock))
        .map_err(from_server)
}

/// How a person comes in at the server.
pub(crate) struct Coming<'a> {
    pub login: &'a str,
    pub password: &'a str,
    pub totp: Option<&'a str>,
    pub invitation: Option<&'a str>,
    /// By the identity provider, in the browser.
    pub provider: bool,
    pub asked: Asked,
}

/// Signs in, or redeems an invitation with the password that its owner has chosen.
pub(crate) fn admitted(
    desk: &Desk,
    door: &FrontDoor,
    coming: &Coming<'_>,
) -> Result<SessionTokens, AppError> {
    let (totp, password) = (coming.totp, coming.password);
    let code = coming.invitation.map(str::trim);
    let tokens = match code {
        code if coming.provider => browsing::admitted(desk, door, coming.asked, code, totp)?,
        Some(code) => door.redeem(code, password, totp).map_err(from_server)?,
        None => door
            .sign_in(coming.login, password, totp)
            .map_err(from_server)?,
    };
    if tokens.user.active {
        Ok(tokens)
    } else {
        Err(AppError::AccountInactive)
    }
}

pub(crate) fn net(url: &str) -> NetConfig {
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
        | SyncError::NotFinished
        | SyncError::Denied
        | SyncError::Stopped => AppError::Server {
            code,
            params: BTreeMap::new(),
            retryable: false,
        },
    }
}

pub(crate) fn signer(key: &SigningKey) -> Signer {
    let key = key.clone();
    Arc::new(move |message: &[u8]| key.sign(message).to_bytes())
}

pub(crate) fn new_signing_key(desk: &Desk) -> SigningKey {
    let mut seed = Zeroizing::new([0_u8; 32]);
    desk.chance().fill(seed.as_mut_slice());
    SigningKey::from_bytes(&seed)
}

pub(crate) fn stored_signing_key(store: &Store) -> Result<SigningKey, AppError> {
    let seed: Option<Zeroizing<String>> =
        recall::<String>(store, kept::SIGNING_KEY)?.map(Zeroizing::new);
    signing_key(&seed.ok_or(AppError::Unexpected("the device key is gone"))?)
}

pub(crate) fn signing_key(seed: &str) -> Result<SigningKey, AppError> {
    let bytes = hex::decode(seed)
        .ok()
        .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let bytes = Zeroizing::new(bytes.ok_or(AppError::Unexpected("the device key is damaged"))?);
    Ok(SigningKey::from_bytes(&bytes))
}
