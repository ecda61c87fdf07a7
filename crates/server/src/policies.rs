//! The policy in force, as this process knows it. The database says which one it is ([`crate::repo::policies`]); a text
//! is believed only under the signature of this server's own key, so that whoever can write to the database still cannot
//! make an unbind cheaper.

use desk_domain::policy::{self, Policy};
use desk_protocol::policy::policy_message;
use ed25519_dalek::{Signature, VerifyingKey};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// One version, read and believed.
#[derive(Clone, Debug)]
pub struct InForce {
    pub version: u32,
    pub toml: String,
    pub policy: Arc<Policy>,
    /// None for the text that ships with the program.
    pub signature: Option<[u8; 64]>,
}

impl InForce {
    fn shipped() -> Self {
        let policy = Policy::shipped();
        Self {
            version: policy.version,
            toml: policy::SHIPPED.to_owned(),
            policy: Arc::new(policy),
            signature: None,
        }
    }
}

/// Why a stored policy is not believed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Doubt {
    #[error(
        "policy {0} is not signed with this server's key: copy keys/ from the server that set it, or set it anew with `policy set`"
    )]
    Signature(u32),
    #[error(
        "policy {version} cannot be read by this program: {why}; set one that can with `policy set`"
    )]
    Unreadable { version: u32, why: String },
}

/// Holds it; shared by everything that judges in this process.
#[derive(Debug)]
pub struct Policies {
    key: OnceLock<VerifyingKey>,
    now: RwLock<Arc<InForce>>,
}

impl Policies {
    /// Until the database has been asked: the one that ships with the program.
    pub fn shipped() -> Self {
        Self {
            key: OnceLock::new(),
            now: RwLock::new(Arc::new(InForce::shipped())),
        }
    }

    /// From now on only texts signed with this key are believed. The first key stays.
    pub fn trust(&self, key: VerifyingKey) {
        // A second House on the same rules has the same data directory, and so the same key.
        let _ = self.key.set(key);
    }

    pub fn now(&self) -> Arc<InForce> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts a stored version in force here.
    ///
    /// # Errors
    /// When it is not believed; the one before stays.
    pub fn take(
        &self,
        version: u32,
        toml: String,
        signature: [u8; 64],
    ) -> Result<Arc<InForce>, Doubt> {
        if !self.believes(version, &toml, &signature) {
            return Err(Doubt::Signature(version));
        }
        let unreadable = |why: String| Doubt::Unreadable { version, why };
        let policy = Policy::parse(&toml).map_err(|error| unreadable(error.to_string()))?;
        if policy.version != version {
            return Err(unreadable(format!("its text says {}", policy.version)));
        }
        let taken = Arc::new(InForce {
            version,
            toml,
            policy: Arc::new(policy),
            signature: Some(signature),
        });
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&taken);
        Ok(taken)
    }

    fn believes(&self, version: u32, toml: &str, signature: &[u8; 64]) -> bool {
        let Some(key) = self.key.get() else {
            return true;
        };
        let signature = Signature::from_bytes(signature);
        key.verify_strict(&policy_message(version, toml), &signature)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signer as _, SigningKey};

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_bytes(&[seed; 32])
    }

    fn next() -> String {
        policy::SHIPPED.replace("version = 2", "version = 3")
    }

    #[test]
    fn what_this_servers_key_did_not_sign_is_not_believed_and_the_one_before_stays() {
        let policies = Policies::shipped();
        policies.trust(key(1).verifying_key());
        let sign =
            |by: u8, version, text: &str| key(by).sign(&policy_message(version, text)).to_bytes();
        let text = next();
        for (version, text, signature) in [
            (3, text.clone(), sign(2, 3, &text)),
            (3, text.clone(), sign(1, 4, &text)),
            (3, format!("{text}\n"), sign(1, 3, &text)),
            (3, text.clone(), [0; 64]),
        ] {
            assert_eq!(
                policies.take(version, text, signature).err(),
                Some(Doubt::Signature(version))
            );
        }
        let wrong = sign(1, 4, &text);
        assert!(matches!(
            policies.take(4, text.clone(), wrong),
            Err(Doubt::Unreadable { .. })
        ));
        let broken = "version = 3";
        let signed = sign(1, 3, broken);
        assert!(matches!(
            policies.take(3, broken.to_owned(), signed),
            Err(Doubt::Unreadable { .. })
        ));
        assert_eq!(policies.now().version, 2);

        policies.take(3, text.clone(), sign(1, 3, &text)).unwrap();
        assert_eq!(policies.now().version, 3);
    }
}
