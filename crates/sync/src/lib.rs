//! Room 4, courier: ops go up, feed pages come down, documents travel beside them; offline is a state, not an error.
//!
//! Invariants: [`machine`] is pure and total; `http.rs` is the only place that speaks to the network
//! (`loopback.rs` listens to this machine's own browser, for one answer); an op leaves the
//! outbox only after a receipt of our own content type and envelope; no lane waits for another.
//!
//! It must never know: how the store keeps things, what a case means, or any front end.

mod courier;
mod error;
mod front_door;
mod hand;
pub mod http;
mod loopback;
pub mod machine;
pub mod proof;
pub mod skew;
pub mod wire;

pub use courier::{Courier, CourierConfig, SyncEvent, SyncStatus};
pub use error::SyncError;
pub use front_door::{EnrolReply, FrontDoor, confirm_wiped};
pub use hand::Hand;
pub use http::NetConfig;
pub use loopback::{Loopback, Verifier};
pub use machine::port::{BundleKeys, SessionTokens};
pub use machine::status::{DocProgress, Link, OfflineWhy};
pub use machine::{AdminAnswer, AdminAsk, LinksAsk};
pub use proof::Signer;
