//! Bundles that travel by hand (`.jbx`): what a stick carries between a desk without a network and headquarters.
//!
//! Invariants: nothing of a bundle is handed out before its signature over every byte was verified, and what is handed
//! out afterwards is exactly what was verified; memory is bounded by one frame, whatever the file claims; a bundle
//! that was not finished is never taken for a whole one.
//!
//! It must never know: stores, databases, networks, where keys are kept, or what time it is.

mod error;
mod frame;
mod header;
mod keys;
mod name;
mod plan;
mod read;
mod seal;
pub mod stick;
mod write;

pub use error::BundleError;
pub use frame::{FillPage, Frame, Page, PolicyText};
pub use header::{Answer, Ask, Counts, FillPlace, Header, Place, Way};
pub use keys::{Opener, Sign};
pub use name::{ENDING, PARTIAL, file_name};
pub use plan::{Part, Planner};
pub use read::{Checked, Contents, check};
pub use seal::Limits;
pub use write::{Writer, Written};

/// Version of the format; a reader takes this one and no other.
pub const VERSION: u32 = 1;
/// Largest part: FAT32 holds files below 4 GiB.
pub const PART_BYTES: u64 = 4 * 1024 * 1024 * 1024 - 64 * 1024 * 1024;
