//! Search: Chinese by two-character tokens, names by pinyin initials, numbers by keyed rows. All inside the encrypted file.
//!
//! Results are the index ∪ a look at the few cases that are not indexed yet, newest first, and every hit is checked
//! against the case itself, so that nothing is missed and nothing is too much.

mod index;
mod initials;
mod keyed;
mod matching;
mod query;
mod subject;
mod words;

pub(crate) use index::{drain_some, forget_case, mark_pending, pending_count};
pub(crate) use keyed::{SearchKey, bare_number};
pub use query::SearchPage;
