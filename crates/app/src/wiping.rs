//! The server's order to destroy what this desk holds: believed only when it is signed by the server that this desk
//! enrolled at, names this desk, and was not obeyed before. Keys go first; what was cut short goes on at the next start;
//! the server is told, now or later.

use crate::desk::{Desk, DeskConfig, hold};
use crate::dto::Changed;
use crate::error::AppError;
use crate::line::net;
use crate::opening::vault_dir;
use crate::session::{keep, kept, recall};
use crate::vault::{destroy, file};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use desk_domain::ids::DeviceId;
use desk_domain::time::Millis;
use desk_protocol::wipe::{SignedWipe, WipePace, WipedRequest, wipe_message};
use desk_store::Store;
use desk_sync::confirm_wiped;
use desk_sync::proof::Prover;
use ed25519_dalek::{Signature, VerifyingKey};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// In the profile, beside the desk: an order being obeyed, and the last one that was.
const WIPING: &str = "wiping.json";
const WIPED: &str = "wiped.json";

/// One at a time: a front end may ask how things stand while files go.
static DESTROYING: Mutex<()> = Mutex::new(());

/// An order that is obeyed, with all that is needed to tell the server when the keys are gone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Deed {
    server_url: String,
    at: Millis,
    request: WipedRequest,
    is_told: bool,
}

/// Keeps the key of the server's orders, unless one is known.
pub(crate) fn learn_key(store: &Store, key: &str) -> Result<(), AppError> {
    match recall::<String>(store, kept::SERVER_KEY)? {
        None => keep(store, kept::SERVER_KEY, &key),
        Some(known) if known == key => Ok(()),
        Some(_) => {
            tracing::warn!("the server shows another key for its orders; the first one stays");
            Ok(())
        }
    }
}

/// Listens for orders on behalf of one open desk.
pub(crate) struct Wiper {
    pub device: DeviceId,
    pub server_url: String,
    pub prover: Prover,
    /// Believed, and waiting until everything is sent.
    pub believed: Option<SignedWipe>,
}

impl Wiper {
    /// Believes an order, or says in the log why not.
    pub(crate) fn hear(&mut self, config: &DeskConfig, store: &Store, wipe: &SignedWipe) {
        match self.doubt(config, store, wipe) {
            Ok(None) => self.believed = Some(wipe.clone()),
            Ok(Some(doubt)) => tracing::warn!(doubt, "an order to wipe is not obeyed"),
            Err(error) => {
                tracing::warn!(code = error.code(), "an order to wipe could not be checked");
            }
        }
    }

    fn doubt(
        &self,
        config: &DeskConfig,
        store: &Store,
        wipe: &SignedWipe,
    ) -> Result<Option<&'static str>, AppError> {
        if wipe.order.device != self.device {
            return Ok(Some("it names another desk"));
        }
        let done = read_deed(&config.profile_dir.join(WIPED));
        if done.is_some_and(|deed| deed.request.nonce == wipe.order.nonce) {
            return Ok(Some("it was obeyed before"));
        }
        let Some(key) = recall::<String>(store, kept::SERVER_KEY)? else {
            return Ok(Some("the server's key is not known"));
        };
        Ok((!is_signed(wipe, &key)).then_some("it is not signed by this desk's server"))
    }

    /// True when an order is believed and nothing speaks against obeying it now.
    pub(crate) fn is_due(&self, store: &Store) -> bool {
        match self.believed.as_ref().map(|wipe| wipe.order.pace) {
            None => false,
            Some(WipePace::AtOnce) => true,
            Some(WipePace::AfterSync) => is_all_sent(store).unwrap_or(false),
        }
    }

    /// Shuts the desk and destroys what it holds. False when something was done on it at the last moment: the order waits.
    pub(crate) fn obey(&self, desk: &Desk, store: Arc<Store>) -> bool {
        let Some(wipe) = &self.believed else {
            return false;
        };
        // Nobody waits for a browser meanwhile.
        desk.ask();
        let turn = desk.turn();
        desk.shut();
        if !self.is_due(&store) {
            return false;
        }
        drop(store);
        let deed = Deed {
            server_url: self.server_url.clone(),
            at: desk.now(),
            request: self.prover.wiped(&wipe.order.nonce),
            is_told: false,
        };
        let config = desk.config();
        let begun = file::write_json(&config.profile_dir.join(WIPING), &deed);
        let done = begun.map_err(AppError::from).and_then(|()| finish(config));
        if let Err(error) = done {
            tracing::error!(
                code = error.code(),
                "the wipe is not complete; it goes on at the next start"
            );
        }
        drop(turn);
        desk.tell(Changed {
            locked: true,
            ..Changed::default()
        });
        report(&config.profile_dir);
        true
    }
}

/// Every op and every document is stored by the server.
fn is_all_sent(store: &Store) -> Result<bool, AppError> {
    let outbox = store.outbox()?;
    Ok(outbox.unsent == 0 && outbox.parked == 0 && store.documents_to_send_count(1)? == 0)
}

fn is_signed(wipe: &SignedWipe, key: &str) -> bool {
    holds(key, &wipe_message(&wipe.order), &wipe.signature)
}

/// Whether the key, base64, has signed the message; false for a key or a signature that is none.
pub(crate) fn holds(key: &str, message: &[u8], signature: &str) -> bool {
    let bytes = |text: &str| STANDARD.decode(text).ok();
    let key = bytes(key)
        .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
        .and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok());
    let signature = bytes(signature).and_then(|bytes| <[u8; 64]>::try_from(bytes).ok());
    let (Some(key), Some(signature)) = (key, signature) else {
        return false;
    };
    key.verify_strict(message, &Signature::from_bytes(&signature))
        .is_ok()
}

/// Destroys what an order that is being obeyed has left; nothing when there is none.
pub(crate) fn finish(config: &DeskConfig) -> Result<(), AppError> {
    let begun = config.profile_dir.join(WIPING);
    if !begun.exists() {
        return Ok(());
    }
    let _alone = hold(&DESTROYING);
    destroy::destroy(&vault_dir(config))?;
    let Some(deed) = read_deed(&begun) else {
        return Ok(());
    };
    file::write_json(&config.profile_dir.join(WIPED), &deed)?;
    destroy::remove(&begun)?;
    tracing::warn!("this desk has obeyed its server's order and holds nothing any more");
    Ok(())
}

/// Tells the server, in a thread of its own, if it was not told yet.
pub(crate) fn report_later(config: &DeskConfig) {
    let profile: PathBuf = config.profile_dir.clone();
    if read_deed(&profile.join(WIPED)).is_none_or(|deed| deed.is_told) {
        return;
    }
    let spawned = std::thread::Builder::new()
        .name("desk-wiped".into())
        .spawn(move || report(&profile));
    if spawned.is_err() {
        tracing::debug!("the server is told at the next start");
    }
}

fn report(profile: &Path) {
    let path = profile.join(WIPED);
    let Some(deed) = read_deed(&path).filter(|deed| !deed.is_told) else {
        return;
    };
    if let Err(error) = confirm_wiped(&net(&deed.server_url), &deed.request) {
        tracing::info!(
            code = error.code(),
            "the server was not told of the wipe; it is told at the next start"
        );
        return;
    }
    let told = Deed {
        is_told: true,
        ..deed
    };
    if let Err(error) = file::write_json(&path, &told) {
        tracing::warn!(
            code = error.code(),
            "that the server was told could not be noted"
        );
    }
}

fn read_deed(path: &Path) -> Option<Deed> {
    file::read_json(path, "wipe").ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::signer;
    use crate::testing::Dice;
    use crate::tests::Bench;
    use desk_protocol::wipe::WipeOrder;
    use ed25519_dalek::{Signer as _, SigningKey};

    fn server() -> SigningKey {
        SigningKey::from_bytes(&[5; 32])
    }

    fn key_of(server: &SigningKey) -> String {
        STANDARD.encode(server.verifying_key().to_bytes())
    }

    fn signed(server: &SigningKey, device: DeviceId, nonce: &str) -> SignedWipe {
        let order = WipeOrder {
            device,
            nonce: nonce.to_owned(),
            pace: WipePace::AtOnce,
            ordered_at: 7,
        };
        let signature = STANDARD.encode(server.sign(&wipe_message(&order)).to_bytes());
        SignedWipe { order, signature }
    }

    #[test]
    fn an_order_is_believed_only_as_it_was_signed() {
        let (server, device) = (server(), DeviceId::new(1, &Dice::new(1)));
        let (wipe, key) = (signed(&server, device, "a"), key_of(&server));
        assert!(is_signed(&wipe, &key));
        assert!(!is_signed(
            &wipe,
            &key_of(&SigningKey::from_bytes(&[6; 32]))
        ));
        for nonsense in ["", "x", "AAAA"] {
            assert!(!is_signed(&wipe, nonsense));
            let signature = nonsense.to_owned();
            assert!(!is_signed(
                &SignedWipe {
                    signature,
                    ..wipe.clone()
                },
                &key
            ));
        }
        let mut slower = wipe;
        slower.order.pace = WipePace::AfterSync;
        assert!(!is_signed(&slower, &key));
    }

    #[test]
    fn another_desks_order_one_of_before_and_one_of_another_server_are_not_obeyed() {
        let bench = Bench::standalone();
        let session = bench.desk.session().unwrap();
        let (store, config) = (&session.store, bench.desk.config());
        let (server, device) = (server(), session.identity.device);
        let mut wiper = Wiper {
            device,
            server_url: String::new(),
            prover: Prover::new(device, signer(&SigningKey::from_bytes(&[7; 32]))),
            believed: None,
        };
        let mut is_believed = |wipe: &SignedWipe| {
            wiper.believed = None;
            wiper.hear(config, store, wipe);
            wiper.believed.is_some() && wiper.is_due(store)
        };
        let mine = signed(&server, device, "a");
        assert!(!is_believed(&mine), "the server's key is not known yet");
        learn_key(store, &key_of(&server)).unwrap();
        learn_key(store, &key_of(&SigningKey::from_bytes(&[6; 32]))).unwrap();
        assert!(is_believed(&mine), "the first key stays");
        let others = signed(&server, DeviceId::new(9, &Dice::new(9)), "a");
        assert!(!is_believed(&others));
        let forged = signed(&SigningKey::from_bytes(&[6; 32]), device, "a");
        assert!(!is_believed(&forged));
        let deed = Deed {
            server_url: String::new(),
            at: 7,
            request: Prover::new(device, signer(&server)).wiped("a"),
            is_told: true,
        };
        file::write_json(&config.profile_dir.join(WIPED), &deed).unwrap();
        assert!(!is_believed(&mine), "it was obeyed before");
        assert!(
            is_believed(&signed(&server, device, "b")),
            "a new one is another"
        );
    }
}
