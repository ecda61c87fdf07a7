//! The wire: requests, replies, versions, limits and error codes. Serde only.
//!
//! Invariants: a shape that has shipped is only ever added to; every new field carries `#[serde(default)]`.
//! Every reply stands in an [`Envelope`] with epoch, server time and request id; a 200 without it is not our server.
//!
//! It must never know: how either side stores or sends anything.

pub mod admin;
pub mod calls;
pub mod codes;
pub mod digest;
pub mod documents;
pub mod error;
pub mod links;
pub mod oidc;
pub mod people;
pub mod policy;
pub mod sync;
pub mod wipe;

use desk_domain::ids::Epoch;
use desk_domain::time::Millis;
use serde::{Deserialize, Serialize};

/// The protocol version of this build. A server serves pull for N…N-2 and takes every push.
pub const PROTOCOL: u32 = 1;
/// Header that carries [`PROTOCOL`].
pub const HEADER_PROTOCOL: &str = "x-desk-protocol";
/// Content type of every JSON body of ours; a captive portal does not know it.
pub const CONTENT_TYPE: &str = "application/vnd.unbind-desk+json";
/// Most ops in one push.
pub const MAX_PUSH_OPS: usize = 500;
/// Most bytes in one push body before compression.
pub const MAX_PUSH_BYTES: usize = 1024 * 1024;
/// Longest long-poll, milliseconds.
pub const MAX_WAIT_MS: u64 = 50_000;
/// Most changed cases in one pull page.
pub const MAX_PAGE: usize = 200;

/// Every reply of ours.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Envelope<T> {
    pub epoch: Epoch,
    pub server_time: Millis,
    pub request_id: String,
    #[serde(flatten)]
    pub body: T,
}
