//! Room 6, use cases: what any front end (window, loopback host, test) may ask of a desk, and who may ask it.
//!
//! Invariants: every command is one function from a desk and one argument struct to one answer, and every
//! change is one action in the store. Nothing typed is lost by a refusal. Personal values leave this room
//! masked; one at a time in clear by a counted, audited reveal. Keys live in [`vault`] and nowhere else.
//! A screen never offers what the rules would refuse: offers are found by asking the rules.
//!
//! It must never know: windows, HTML, SQL, sockets, or how a document is decoded.

mod asking;
mod browsing;
mod call_link;
pub mod commands;
mod content;
pub mod demo;
mod desk;
mod digests;
pub mod door;
pub mod dto;
mod error;
mod events;
mod export;
mod founding;
mod launch;
mod line;
mod opening;
mod policy;
mod report;
mod ringing;
mod screens;
mod session;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod ticket;
mod upkeep;
mod usb;
pub mod vault;
mod wiping;
mod words;

pub use call_link::CallLink;
pub use desk::{Browser, Desk, DeskConfig};
pub use digests::document_digests;
pub use error::{AppError, Thing};
pub use export::{ExportError, export_types};
pub use launch::{Launch, docbox};
pub use vault::{KdfCost, KeystoreChoice};
