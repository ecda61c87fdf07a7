//! The organisation's policy on this desk: believed only under the key of the server that the desk enrolled at, kept for
//! the next start, in force at once. What is not believed or cannot be read leaves the one before in force.

use crate::desk::hold;
use crate::error::AppError;
use crate::line::shipped_calendar;
use crate::session::{Rules, keep, kept, recall};
use crate::wiping::holds;
use desk_domain::policy::Policy;
use desk_domain::time::Millis;
use desk_protocol::policy::policy_message;
use desk_store::{Judge, Store};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

const ALERT: &str = "policy.refused";

/// As it came with hello.
pub(crate) struct Signed<'a> {
    pub version: u32,
    pub toml: &'a str,
    /// Base64.
    pub signature: Option<&'a str>,
}

/// Takes what the server says is in force; also an older one, which a server that was put back to a backup has.
pub(crate) fn take_signed(
    store: &Store,
    judge: &Mutex<Rules>,
    signed: &Signed<'_>,
    now: Millis,
) -> Result<(), AppError> {
    let taken = if believed(store, signed)? {
        take(store, judge, signed.toml)
    } else {
        Err(AppError::Unexpected(
            "the policy is not signed by this desk's server",
        ))
    };
    match taken {
        Ok(()) => Ok(store.settle_alert(ALERT)?),
        Err(error) => {
            store.raise_alert(ALERT, now, &BTreeMap::new())?;
            Err(error)
        }
    }
}

/// Takes the one of a return bundle, which is signed as a whole. A stick may lie in a drawer for weeks: what it brings never
/// takes the place of something newer.
pub(crate) fn take_from_bundle(
    store: &Store,
    judge: &Mutex<Rules>,
    toml: &str,
) -> Result<(), AppError> {
    let brought = Policy::parse(toml).map_err(|_| unreadable())?;
    if brought.version < hold(judge).policy.version {
        return Ok(());
    }
    take(store, judge, toml)
}

fn believed(store: &Store, signed: &Signed<'_>) -> Result<bool, AppError> {
    let key: Option<String> = recall(store, kept::SERVER_KEY)?;
    let (Some(key), Some(signature)) = (key, signed.signature) else {
        return Ok(false);
    };
    let message = policy_message(signed.version, signed.toml);
    Ok(holds(&key, &message, signature))
}

fn take(store: &Store, judge: &Mutex<Rules>, toml: &str) -> Result<(), AppError> {
    let known: Option<String> = recall(store, kept::POLICY)?;
    if known.as_deref() == Some(toml) {
        return Ok(());
    }
    let policy = Policy::parse(toml).map_err(|_| unreadable())?;
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

fn unreadable() -> AppError {
    AppError::Unexpected("the server's policy is not readable")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Bench;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use desk_domain::policy::SHIPPED;
    use ed25519_dalek::{Signer as _, SigningKey};

    fn text(version: u32) -> String {
        SHIPPED
            .replace("version = 2", &format!("version = {version}"))
            .replace("stop_at = 70", "stop_at = 60")
    }

    fn sign(seed: u8, version: u32, toml: &str) -> String {
        let key = SigningKey::from_bytes(&[seed; 32]);
        STANDARD.encode(key.sign(&policy_message(version, toml)).to_bytes())
    }

    #[test]
    fn only_what_the_desks_own_server_signed_comes_into_force() {
        let bench = Bench::standalone();
        let session = bench.desk.session().unwrap();
        let (store, judge) = (&session.store, &session.judge);
        let key = SigningKey::from_bytes(&[7; 32]).verifying_key();
        crate::wiping::learn_key(store, &STANDARD.encode(key.to_bytes())).unwrap();
        let toml = text(5);
        let in_force = || session.rules().policy.version;
        let alerts = || store.alerts().unwrap().len();
        let try_it = |version, toml: &str, signature: Option<String>| {
            let signed = Signed {
                version,
                toml,
                signature: signature.as_deref(),
            };
            take_signed(store, judge, &signed, 1)
        };
        for (version, signature) in [
            (5, None),
            (5, Some(String::new())),
            (5, Some(sign(8, 5, &toml))),
            (6, Some(sign(7, 5, &toml))),
        ] {
            assert!(try_it(version, &toml, signature).is_err());
            assert_eq!((in_force(), alerts()), (2, 1));
        }
        let odd = "version = 6";
        assert!(try_it(6, odd, Some(sign(7, 6, odd))).is_err());
        assert_eq!(in_force(), 2);

        try_it(5, &toml, Some(sign(7, 5, &toml))).unwrap();
        assert_eq!((in_force(), alerts()), (5, 0));
        assert_eq!(session.rules().policy.risk.stop_at, 60);

        // An old stick changes nothing; a newer one does.
        take_from_bundle(store, judge, &text(4)).unwrap();
        assert_eq!(in_force(), 5);
        take_from_bundle(store, judge, &text(6)).unwrap();
        assert_eq!(in_force(), 6);
    }
}
