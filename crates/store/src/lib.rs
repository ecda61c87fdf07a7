//! Room 3, the encrypted file: the journal of what people did, what the server decided, and the view made of both.
//!
//! Invariants: one write door ([`Store`]'s `write`), one transaction and one fsync per save. An op row never changes
//! and never goes. The view is the confirmed snapshot ⊕ the pending ops replayed through `decide()`. Nothing readable
//! lies outside the encrypted file: document bytes are sealed, search rows and keyed lookups live inside.
//! A database is never created by opening it and never opened without its cipher.
//!
//! It must never know: the network, the wire, passphrases, windows, or what time it is.

mod alert;
mod ballast;
mod digest;
mod documents;
mod drafts;
mod error;
mod feed;
mod identity;
mod journal;
mod list;
mod maintain;
mod open;
mod people;
mod registry;
mod retention;
mod row;
mod salvage;
mod search;
mod sql;
mod store;
mod timeline;
mod view;
mod write;

// The tests' own desk speaks of this crate by its name.
#[cfg(test)]
extern crate self as desk_store;

#[cfg(test)]
mod digest_test;
#[cfg(test)]
mod disk_full_test;
#[cfg(test)]
#[path = "../tests/store/house/mod.rs"]
mod house;
#[cfg(test)]
mod schema_test;

pub use alert::Alert;
pub use digest::{DigestStand, Repair, Repaired, ScopeDigest};
pub use documents::{
    DocumentSummary, DownloadWanted, NewDocument, Part, Transfer, Upload, manifest_of,
};
pub use error::StoreError;
pub use feed::{Page, PageChange};
pub use identity::Identity;
pub use journal::{
    Acknowledged, Appended, ChainReport, HeadNote, JournalHead, JournalRow, NewOp, OpState,
    OutboxRow, OutboxSummary,
};
pub use list::{CaseRow, Key, Queue, QueueFilter};
pub use maintain::Upkeep;
pub use open::{DbKey, StorePaths};
pub use registry::BlindMatch;
pub use retention::{Pruned, Retention};
pub use salvage::{Keepsake, Mend, Recovered};
pub use search::SearchPage;
pub use store::{Judge, Store};
pub use view::{CaseView, PendingOp};
pub use write::Touched;
