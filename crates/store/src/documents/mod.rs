//! Documents: their bytes in sealed files, their keys in the database.

mod download;
mod erase;
mod ledger;
mod seal;
mod shelf;
mod sweep;
mod upload;

pub use desk_domain::manifest::manifest_of;
pub use download::DownloadWanted;
pub use ledger::{DocumentSummary, Transfer};
pub(crate) use ledger::{note_attachment, note_snapshot};
pub use shelf::{NewDocument, Part};
pub use upload::Upload;
