//! Enrolment and sign-in: calls that a person waits for, before there is a courier or a session.

use crate::error::SyncError;
use crate::http::{Door, NetConfig, may_be_opened};
use crate::loopback::Verifier;
use crate::machine::port::{ReplyBody, SessionTokens};
use crate::proof::{Prover, Signer};
use crate::wire::{Body, Call, Expect, Method, Raw, is_ours, json, problem, unpack};
use desk_domain::ids::DeviceId;
use desk_domain::time::Clock;
use desk_protocol::Envelope;
use desk_protocol::oidc::{OidcBegun, OidcFinish};
pub use desk_protocol::people::EnrolReply;
use desk_protocol::people::SessionReply;
use desk_protocol::wipe::{WipedReply, WipedRequest};
use serde::Serialize;
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};

/// A sign-in hashes a password on the server: allow for a busy one.
const PATIENCE_MS: u64 = 45_000;

/// Blocking calls; never from the thread that draws.
pub struct FrontDoor {
    runtime: Runtime,
    door: Door,
    prover: Prover,
    clock: Arc<dyn Clock>,
}

impl FrontDoor {
    /// A door to one server for one device.
    pub fn open(
        net: &NetConfig,
        device: DeviceId,
        signer: Signer,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SyncError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|_| SyncError::NoNetworkLayer)?;
        let door = Door::open(net)?;
        Ok(Self {
            runtime,
            door,
            prover: Prover::new(device, signer),
            clock,
        })
    }

    /// Redeems a one-time code. The key stays here; only its public half goes.
    pub fn enrol(
        &self,
        code: &str,
        public_key: &[u8; 32],
        label: &str,
    ) -> Result<EnrolReply, SyncError> {
        let body = json(&self.prover.enrol(code, public_key, label)).map_err(SyncError::Offline)?;
        let raw = self.post("/v1/enrol", body)?;
        let bytes = receipt(raw)?;
        let envelope: Envelope<EnrolReply> =
            serde_json::from_slice(&bytes).map_err(|_| SyncError::Unreadable)?;
        Ok(envelope.body)
    }

    /// Opens a session for a person on this device.
    pub fn sign_in(
        &self,
        login: &str,
        password: &str,
        totp: Option<&str>,
    ) -> Result<SessionTokens, SyncError> {
        let request = self.prover.sign_in(login, password, totp, self.clock.now());
        self.session("/v1/session", &request)
    }

    /// Redeems an invitation of this desk's office: the password is chosen, and a session opened.
    pub fn redeem(
        &self,
        code: &str,
        password: &str,
        totp: Option<&str>,
    ) -> Result<SessionTokens, SyncError> {
        let request = self.prover.invited(code, password, totp, self.clock.now());
        self.session("/v1/session/invited", &request)
    }

    /// Begins a sign-in by the identity provider, for a browser that comes back to that port.
    pub fn begin_oidc(&self, port: u16, verifier: &Verifier) -> Result<OidcBegun, SyncError> {
        let request = self
            .prover
            .oidc_begin(port, &verifier.challenge(), self.clock.now());
        let body = json(&request).map_err(SyncError::Offline)?;
        let bytes = receipt(self.post("/v1/session/oidc/begin", body)?)?;
        let envelope: Envelope<OidcBegun> =
            serde_json::from_slice(&bytes).map_err(|_| SyncError::Unreadable)?;
        if may_be_opened(&envelope.body.address) {
            Ok(envelope.body)
        } else {
            Err(SyncError::BadAddress)
        }
    }

    /// Ends it with the code that the browser brought.
    pub fn finish_oidc(
        &self,
        begun: &OidcBegun,
        (code, verifier): (&str, &Verifier),
        invitation: Option<&str>,
        totp: Option<&str>,
    ) -> Result<SessionTokens, SyncError> {
        let (state, at) = (begun.state.as_str(), self.clock.now());
        let request = OidcFinish {
            invitation: invitation.map(str::to_owned),
            totp: totp.map(str::to_owned),
            ..self.prover.oidc_finish(state, code, verifier.as_str(), at)
        };
        self.session("/v1/session/oidc", &request)
    }

    fn session(&self, path: &str, request: &impl Serialize) -> Result<SessionTokens, SyncError> {
        let body = json(request).map_err(SyncError::Offline)?;
        let bytes = receipt(self.post(path, body)?)?;
        let envelope: Envelope<SessionReply> =
            serde_json::from_slice(&bytes).map_err(|_| SyncError::Unreadable)?;
        Ok(envelope.body.into())
    }

    fn post(&self, path: &str, body: Body) -> Result<Raw, SyncError> {
        post(&self.runtime, &self.door, path, body)
    }
}

/// Tells the server that its order to wipe was obeyed. There is no key left to sign with: the proof was made before.
pub fn confirm_wiped(net: &NetConfig, request: &WipedRequest) -> Result<(), SyncError> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|_| SyncError::NoNetworkLayer)?;
    let body = json(request).map_err(SyncError::Offline)?;
    let raw = post(&runtime, &Door::open(net)?, "/v1/device/wiped", body)?;
    let bytes = receipt(raw)?;
    let _: Envelope<WipedReply> =
        serde_json::from_slice(&bytes).map_err(|_| SyncError::Unreadable)?;
    Ok(())
}

fn post(runtime: &Runtime, door: &Door, path: &str, body: Body) -> Result<Raw, SyncError> {
    let call = Call {
        method: Method::Post,
        path: path.to_owned(),
        query: Vec::new(),
        body,
        range: None,
        expect: Expect::Session,
        timeout_ms: PATIENCE_MS,
    };
    runtime
        .block_on(door.exchange(call, None))
        .map_err(SyncError::Offline)
}

impl std::fmt::Debug for FrontDoor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FrontDoor")
            .field("prover", &self.prover)
            .finish_non_exhaustive()
    }
}

/// The plain bytes of a 2xx of ours; everything else as the error it is.
fn receipt(raw: Raw) -> Result<Vec<u8>, SyncError> {
    let status = raw.status;
    if !is_ours(&raw.content_type) {
        return Err(if status >= 500 {
            SyncError::ServerTrouble(status)
        } else {
            SyncError::Portal
        });
    }
    let bytes = unpack(&raw.content_encoding, raw.body).ok_or(SyncError::Unreadable)?;
    if (200..300).contains(&status) {
        return Ok(bytes);
    }
    let (_, body) = problem(&bytes);
    if status >= 500 {
        return Err(SyncError::ServerTrouble(status));
    }
    if let ReplyBody::Problem(problem) = body {
        return Err(SyncError::Refused(problem));
    }
    Err(SyncError::Unreadable)
}
