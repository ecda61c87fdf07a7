//! Signatures by the Standard Webhooks specification: `v1,` and the base64 of an HMAC-SHA256 over `id.seconds.body`.

use crate::sealing::SealingKey;
use crate::sms::signing::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use desk_domain::ids::WebhookId;
use desk_domain::time::{Chance, Millis};
use zeroize::Zeroizing;

/// In front of a secret as people copy it.
const PREFIX: &str = "whsec_";
/// The specification asks for 24 to 64.
const SECRET_BYTES: usize = 32;
/// Names the use of the key that [`WebhookKey`] is derived from; never changes.
const CONTEXT: &str = "unbind-desk webhook secret v1";

/// What an endpoint and this server share; wiped when dropped.
pub struct HookSecret(Zeroizing<Vec<u8>>);

impl HookSecret {
    /// A new one.
    pub fn random(chance: &dyn Chance) -> Self {
        let mut bytes = Zeroizing::new(vec![0; SECRET_BYTES]);
        chance.fill(&mut bytes);
        Self(bytes)
    }

    /// As it is shown, once.
    pub fn text(&self) -> Zeroizing<String> {
        let encoded = Zeroizing::new(STANDARD.encode(self.0.as_slice()));
        Zeroizing::new([PREFIX, encoded.as_str()].concat())
    }
}

/// Seals secrets. Derived from the keys of the data directory, so that every server of an office has the same.
pub struct WebhookKey(SealingKey);

impl WebhookKey {
    /// The key that follows from a seed.
    pub fn derive(seed: &[u8; 32]) -> Self {
        Self(SealingKey::derive(CONTEXT, seed))
    }

    /// Sealed for one endpoint.
    pub fn seal(&self, of: WebhookId, secret: &HookSecret, chance: &dyn Chance) -> Option<Vec<u8>> {
        self.0.seal(&of.to_string(), &secret.0, chance)
    }

    /// None when it was sealed with another key, for another endpoint, or changed.
    pub fn open(&self, of: WebhookId, sealed: &[u8]) -> Option<HookSecret> {
        self.0.open(&of.to_string(), sealed).map(HookSecret)
    }
}

/// One attempt's `webhook-timestamp`, and its `webhook-signature`: as many as there are secrets, apart by blanks.
pub fn signed(secrets: &[HookSecret], id: &str, now: Millis, body: &str) -> (String, String) {
    let seconds = now.div_euclid(1000).to_string();
    let text = format!("{id}.{seconds}.{body}");
    let one = |secret: &HookSecret| {
        let mac = hmac(&secret.0, text.as_bytes());
        format!("v1,{}", STANDARD.encode(mac))
    };
    let all: Vec<String> = secrets.iter().map(one).collect();
    (seconds, all.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::door::SystemChance;

    fn secret(text: &str) -> HookSecret {
        let bytes = STANDARD.decode(text.strip_prefix(PREFIX).unwrap()).unwrap();
        HookSecret(Zeroizing::new(bytes))
    }

    /// The worked example of the specification's own libraries.
    #[test]
    fn a_signature_is_the_specifications() {
        let known = secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let body = r#"{"test": 2432232314}"#;
        let (seconds, signature) = signed(&[known], id, 1_614_265_330_999, body);
        assert_eq!(seconds, "1614265330");
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_secret_signs_and_an_empty_list_signs_nothing() {
        let (old, new) = (
            HookSecret::random(&SystemChance),
            HookSecret::random(&SystemChance),
        );
        let alone = signed(&[HookSecret(new.0.clone())], "a", 0, "b").1;
        let both = signed(&[new, old], "a", 0, "b").1;
        assert_eq!(both.split(' ').count(), 2);
        assert_eq!(both.split(' ').next(), Some(alone.as_str()));
        assert_eq!(signed(&[], "a", 0, "b").1, "");
    }

    #[test]
    fn a_secret_is_shown_as_the_specification_writes_it_and_opens_for_its_endpoint_only() {
        let chance = &SystemChance;
        let (key, other) = (WebhookKey::derive(&[1; 32]), WebhookKey::derive(&[2; 32]));
        let (owner, made) = (WebhookId::new(1, chance), HookSecret::random(chance));
        assert_eq!(secret(&made.text()).0, made.0);
        assert_eq!(made.0.len(), 32);
        let sealed = key.seal(owner, &made, chance).unwrap();
        assert_eq!(key.open(owner, &sealed).unwrap().0, made.0);
        assert!(key.open(WebhookId::new(1, chance), &sealed).is_none());
        assert!(other.open(owner, &sealed).is_none());
        assert!(
            !sealed
                .windows(made.0.len())
                .any(|part| part == made.0.as_slice())
        );
    }
}
