//! Room 7, office: the server that stores every op of an enrolled desk, judges it with the same rules, and tells the
//! other desks.
//!
//! Invariants: an acknowledgement is sent after COMMIT with `synchronous=FULL`; an outcome once given stays; a feed
//! position is taken from one counter row of its office; every id in every request is looked up within the offices of
//! the person who asks; no password is hashed on any path but sign-in; no log line holds personal data.
//!
//! It must never know: how a desk stores anything, any front end, the wall clock or a random source other than through
//! [`door`]. SQL stands in [`repo`] and nowhere else.

pub mod audit;
pub mod backup;
pub mod bundles;
pub mod calls;
pub mod cli;
pub mod config;
pub mod connector;
pub mod demo;
pub mod doctor;
pub mod door;
pub mod error;
pub mod frames;
pub mod gateway;
pub mod groups;
pub mod hashing;
pub mod http;
pub mod jobs;
pub mod metrics;
pub mod objects;
pub mod oidc;
pub mod policies;
mod quarantine;
pub mod registry;
pub mod repo;
pub mod run;
mod sealing;
pub mod second_factor;
pub mod secrets;
pub mod sms;
pub mod webhooks;

pub use config::ServerConfig;
pub use error::ServerError;
pub use run::{RunningServer, Server};
