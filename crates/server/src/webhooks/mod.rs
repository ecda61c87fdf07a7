//! Webhooks out, by the Standard Webhooks specification: which events there are, how they are signed, where they may go,
//! and the door through which they leave. When they are written and sent is [`crate::repo::deliveries`]'.

pub mod address;
pub mod door;
pub mod events;
pub mod signing;

use address::Reach;
use std::time::Duration;

/// What `serve` says of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct WebhookSettings {
    pub reach: Reach,
    /// How long an endpoint may take to answer; the usual time when none.
    pub within: Option<Duration>,
}
