//! The provider's keys, and whether one of them signed something. Signatures are checked by ring; nothing symmetric is
//! known here, so that a public key is never taken for a shared secret.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;

/// Keys of one provider that are looked at.
const MOST_KEYS: usize = 64;
/// Bytes of one coordinate of P-256.
const COORDINATE_BYTES: usize = 32;
/// An elliptic point that is given by both its coordinates.
const UNCOMPRESSED: u8 = 4;

/// What a token may be signed with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Algorithm {
    Rs256,
    Ps256,
    Es256,
    EdDsa,
}

impl Algorithm {
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "PS256" => Some(Self::Ps256),
            "ES256" => Some(Self::Es256),
            "EdDSA" => Some(Self::EdDsa),
            _ => None,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }
}

/// A key set as it is sent (RFC 7517); what is not understood is passed over.
#[derive(Deserialize)]
struct Sent {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct SentKey {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// One key that signs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Key {
    id: Option<String>,
    /// The only algorithm that it is for, if the provider says so.
    only: Option<String>,
    material: Material,
}

/// Reads a key set; none when it is no key set.
pub fn read(json: &[u8]) -> Option<Vec<Key>> {
    let sent: Sent = serde_json::from_slice(json).ok()?;
    let understood = sent.keys.into_iter().take(MOST_KEYS).filter_map(understand);
    Some(understood.collect())
}

fn understand(value: serde_json::Value) -> Option<Key> {
    let sent: SentKey = serde_json::from_value(value).ok()?;
    if sent
        .purpose
        .as_deref()
        .is_some_and(|purpose| purpose != "sig")
    {
        return None;
    }
    let bytes = |text: Option<&String>| URL_SAFE_NO_PAD.decode(text?).ok();
    let x = bytes(sent.x.as_ref());
    let material = match (sent.kty.as_str(), sent.crv.as_deref()) {
        ("RSA", _) => Material::Rsa {
            n: bytes(sent.n.as_ref())?,
            e: bytes(sent.e.as_ref())?,
        },
        ("EC", Some("P-256")) => {
            let (x, y) = (x?, bytes(sent.y.as_ref())?);
            if x.len() != COORDINATE_BYTES || y.len() != COORDINATE_BYTES {
                return None;
            }
            Material::P256([&[UNCOMPRESSED], x.as_slice(), y.as_slice()].concat())
        }
        ("OKP", Some("Ed25519")) => Material::Ed25519(x?),
        _ => return None,
    };
    Some(Key {
        id: sent.kid,
        only: sent.alg,
        material,
    })
}

/// The key that a token names; without a name the only one that fits.
pub fn choose<'a>(keys: &'a [Key], algorithm: Algorithm, id: Option<&str>) -> Option<&'a Key> {
    let mut fitting = keys.iter().filter(|key| key.fits(algorithm));
    match id {
        Some(id) => fitting.find(|key| key.id.as_deref() == Some(id)),
        None => fitting.next().filter(|_| fitting.next().is_none()),
    }
}

impl Key {
    fn fits(&self, algorithm: Algorithm) -> bool {
        let of_kind = match (&self.material, algorithm) {
            (Material::Rsa { .. }, Algorithm::Rs256 | Algorithm::Ps256)
            | (Material::P256(_), Algorithm::Es256)
            | (Material::Ed25519(_), Algorithm::EdDsa) => true,
            (Material::Rsa { .. } | Material::P256(_) | Material::Ed25519(_), _) => false,
        };
        let only = self.only.as_deref();
        of_kind && only.is_none_or(|only| only == algorithm.as_str())
    }

    /// True when this key signed these bytes by that algorithm.
    pub fn signed(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let checked =
            match (&self.material, algorithm) {
                (Material::Rsa { n, e }, Algorithm::Rs256) => RsaPublicKeyComponents { n, e }
                    .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature),
                (Material::Rsa { n, e }, Algorithm::Ps256) => RsaPublicKeyComponents { n, e }
                    .verify(&RSA_PSS_2048_8192_SHA256, message, signature),
                (Material::P256(point), Algorithm::Es256) => {
                    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                        .verify(message, signature)
                }
                (Material::Ed25519(point), Algorithm::EdDsa) => {
                    UnparsedPublicKey::new(&ED25519, point).verify(message, signature)
                }
                (Material::Rsa { .. } | Material::P256(_) | Material::Ed25519(_), _) => {
                    return false;
                }
            };
        checked.is_ok()
    }
}

#[cfg(test)]
mod tests {
    //! The keys were made for these lines and thrown away; the signatures are openssl's.
    use super::*;

    const MESSAGE: &[u8] = b"header.claims";
    const N: &str = "u5puoMAJsF51q0X37vju_LdDZN3RaOjM1JdD6qhZ1L31-lBzA7ONG2jL9uXpPpUnjtY3ZiWXZGdOz2fNUZLgD0PI3d49BlWH\
        Y-q4poRx73z-A0AakjZCznXMT6FIBhSJmHFuBIDUzDwf0tvaZPc-aWn3ShAI9iQZUV27B7kL-7sHG-MHGjhk9XgWlvTRWZ4B\
        doLE-1lK6Wg9epPNOQdu-vP9hpS4vyLfDZVCu-xMrMRmwehD4JIMDBKXjoE3trVn4EjrkGBcbFAlOQi7FDaRJBPWYkgf5gxt\
        d1R-X8z1IqogmclrOiYAUd05z1xcS7gXK1csVSazmKwbUiTGUTd_4Q";
    const RS256: &str = "hV1iwtpP5iWgc_hIHEFEkSDs4erGQsGHIeKkM_Hq6ra0Jbzh8u2WVdWhXlDA--HdcaVrefQfYzqMd-M0YlkQ1XQwenxvvrBM\
        oj9G7FNPRkl2Fpu-jN74sfZ31dcijruSDxFJFfXasOdde9_UOgJtRuDYNgGbFMa42ps4T5BURz9A4oK8Sk7UZyvbMPBc5gkL\
        Ej9u5MOLiLLG08QMsdam9ATnd1KOK4oOME_FV0m5P6k0w9-kE_9RTh8MlESaAxER9vtkIrXg_hu5dv2vuqRwVnwHAsAq211z\
        IPecCyqXQbP4gd0cIuEqrZ2I4wEGl1US5r9Hb0ZELbwO7gkMXPFhig";
    const PS256: &str = "n_nSR6AheBZC4RcMXvkbXzdybzrKymQbt02qLL_eGpvQzbecflrOWSb5ziAO3mmAGxso3LbDPpJ9U0ewDg1h5_Ug9YUynThU\
        z_5tKb5vMj5QFT0hwXT1mN0EZU2Z86vHB1slJeidsmQemZpdB9Lk-MfBmIKUB7xMGEx3ABzmItInezCeXAJlGQhuIcVqcPbb\
        JIxnLtijwSx6nvkO7ZSyNfkkVSYAC118TzonkrDVQATBdrwOKsTmco0P7Pus19LpIw_Fs0RRceg5ZslnSzKwRNSXE728oi8j\
        m3zzlaHx2olc4lrVCbcD0nImud1KNKWH9xZWdRkvJjVh4nqjWDADNg";
    const ED25519: &str = "iBKWHVuRAPrh7RXsYz64meWFis6LXGYEr1mIscpXFtY";
    const EDDSA: &str =
        "xhVlpf3P6MHVzeiFm0FH9IxIqKnJM-rpenH2sBX38V3y1nCJXq8DXzMqOIH61wQP-Jua8IitEiwwz1nrdiPYBw";

    fn bytes(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    fn keys() -> Vec<Key> {
        let json = format!(
            r#"{{"keys": [
                {{"kty": "RSA", "kid": "r", "n": "{N}", "e": "AQAB"}},
                {{"kty": "OKP", "crv": "Ed25519", "kid": "e", "x": "{ED25519}", "alg": "EdDSA", "use": "sig"}},
                {{"kty": "RSA", "kid": "sealing", "use": "enc", "n": "{N}", "e": "AQAB"}},
                {{"kty": "oct", "kid": "shared", "k": "AAAA"}},
                {{"kty": "EC", "crv": "P-256", "kid": "short", "x": "AAAA", "y": "AAAA"}},
                {{"kid": "nothing"}}, 7
            ]}}"#
        );
        read(json.as_bytes()).unwrap()
    }

    #[test]
    fn what_another_program_signed_is_right_for_its_key_algorithm_and_bytes_only() {
        let keys = keys();
        let made = [
            (Algorithm::Rs256, "r", RS256),
            (Algorithm::Ps256, "r", PS256),
            (Algorithm::EdDsa, "e", EDDSA),
        ];
        for (algorithm, id, signature) in made {
            let key = choose(&keys, algorithm, Some(id)).unwrap();
            let mut signature = bytes(signature);
            assert!(key.signed(algorithm, MESSAGE, &signature), "{algorithm:?}");
            assert!(!key.signed(algorithm, b"header.other", &signature));
            for (other, ..) in made.iter().filter(|(other, ..)| *other != algorithm) {
                assert!(
                    !key.signed(*other, MESSAGE, &signature),
                    "{algorithm:?} as {other:?}"
                );
            }
            signature[0] ^= 1;
            assert!(!key.signed(algorithm, MESSAGE, &signature));
            assert!(!key.signed(algorithm, MESSAGE, &[]));
        }
    }

    #[test]
    fn a_key_is_chosen_by_its_name_or_because_it_is_the_only_one_that_fits() {
        let keys = keys();
        assert_eq!(keys.len(), 2, "what does not sign is passed over: {keys:?}");
        assert!(choose(&keys, Algorithm::Rs256, None).is_some());
        assert!(choose(&keys, Algorithm::Es256, None).is_none());
        assert!(choose(&keys, Algorithm::Rs256, Some("e")).is_none());
        assert!(choose(&keys, Algorithm::Rs256, Some("unknown")).is_none());
        let two = [keys.clone(), keys].concat();
        assert!(
            choose(&two, Algorithm::Rs256, None).is_none(),
            "which of them?"
        );
        assert!(read(b"[]").is_none() && read(b"{}").is_none() && read(b"").is_none());
        for symmetric in ["HS256", "none", "", "rs256"] {
            assert!(Algorithm::parse(symmetric).is_none(), "{symmetric}");
        }
    }
}
