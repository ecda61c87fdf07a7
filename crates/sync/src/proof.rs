//! What this device signs, so that the server knows it is this device. The key itself stays with the caller.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use desk_domain::ids::DeviceId;
use desk_domain::op::ChainHash;
use desk_domain::time::Millis;
use desk_protocol::oidc::{OidcBegin, OidcFinish, oidc_begin_message, oidc_finish_message};
use desk_protocol::people::{
    EnrolRequest, InvitedRequest, RefreshRequest, SignInRequest, enrol_message, invited_message,
    refresh_message, session_message,
};
use desk_protocol::wipe::{WipedRequest, wiped_message};
use std::sync::Arc;

/// Signs with the device's Ed25519 key, wherever that lives.
pub type Signer = Arc<dyn Fn(&[u8]) -> [u8; 64] + Send + Sync>;

/// This device, as the server knows it.
#[derive(Clone)]
pub struct Prover {
    pub device: DeviceId,
    signer: Signer,
}

impl Prover {
    /// A device and its signature.
    pub fn new(device: DeviceId, signer: Signer) -> Self {
        Self { device, signer }
    }

    /// Body of `POST /v1/enrol`.
    pub fn enrol(&self, code: &str, public_key: &[u8; 32], label: &str) -> EnrolRequest {
        EnrolRequest {
            code: code.to_owned(),
            device: self.device,
            public_key: STANDARD.encode(public_key),
            label: label.to_owned(),
            proof: self.sign(&enrol_message(code, self.device)),
        }
    }

    /// Body of `POST /v1/session`.
    pub fn sign_in(
        &self,
        login: &str,
        password: &str,
        totp: Option<&str>,
        at: Millis,
    ) -> SignInRequest {
        SignInRequest {
            device: self.device,
            login: login.to_owned(),
            password: password.to_owned(),
            totp: totp.map(str::to_owned),
            at,
            proof: self.sign(&session_message(self.device, login, at)),
        }
    }

    /// Body of `POST /v1/session/invited`.
    pub fn invited(
        &self,
        code: &str,
        password: &str,
        totp: Option<&str>,
        at: Millis,
    ) -> InvitedRequest {
        InvitedRequest {
            device: self.device,
            code: code.to_owned(),
            password: password.to_owned(),
            totp: totp.map(str::to_owned),
            at,
            proof: self.sign(&invited_message(self.device, code, at)),
        }
    }

    /// Body of `POST /v1/session/oidc/begin`.
    pub fn oidc_begin(&self, port: u16, challenge: &str, at: Millis) -> OidcBegin {
        OidcBegin {
            device: self.device,
            port,
            challenge: challenge.to_owned(),
            at,
            proof: self.sign(&oidc_begin_message(self.device, port, challenge, at)),
        }
    }

    /// Body of `POST /v1/session/oidc`, still without what the person adds.
    pub fn oidc_finish(&self, state: &str, code: &str, verifier: &str, at: Millis) -> OidcFinish {
        OidcFinish {
            device: self.device,
            state: state.to_owned(),
            code: code.to_owned(),
            verifier: verifier.to_owned(),
            invitation: None,
            totp: None,
            at,
            proof: self.sign(&oidc_finish_message(self.device, state, at)),
        }
    }

    /// Body of `POST /v1/session/refresh`.
    pub fn refresh(&self, refresh_token: &str, at: Millis) -> RefreshRequest {
        RefreshRequest {
            device: self.device,
            refresh_token: refresh_token.to_owned(),
            at,
            proof: self.sign(&refresh_message(self.device, refresh_token, at)),
        }
    }

    /// Body of `POST /v1/device/wiped`; made while there is still a key to sign with.
    pub fn wiped(&self, nonce: &str) -> WipedRequest {
        WipedRequest {
            device: self.device,
            nonce: nonce.to_owned(),
            proof: self.sign(&wiped_message(self.device, nonce)),
        }
    }

    /// Signature of a push: over the hash of its last op, and so over all of them.
    pub fn push(&self, last: ChainHash) -> String {
        self.sign(last.as_bytes())
    }

    /// Signature of a bundle, over the message that the bundle's room makes.
    pub fn sign_bytes(&self, message: &[u8]) -> [u8; 64] {
        (self.signer)(message)
    }

    fn sign(&self, message: &[u8]) -> String {
        STANDARD.encode((self.signer)(message))
    }
}

impl std::fmt::Debug for Prover {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Prover({})", self.device)
    }
}
