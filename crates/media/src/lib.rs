//! Room 5, documents: what a file is, how it is opened without danger, and what the desk keeps of it.
//!
//! Purpose: [`sniff()`] says what a file is by its content; [`Docbox`] has it decoded in a separate,
//! caged process and hands back clean pixels, a thumbnail, hints on quality and the texts of its
//! codes; [`masked_copy`] makes a copy with pixels destroyed; [`draw`] makes visibly fake samples.
//!
//! Invariants: bytes from outside are decoded only by [`docbox_main`] in the child, never in the
//! process that holds keys. What leaves this room as a picture was encoded here from raw pixels,
//! so it carries no EXIF, no position and no active content. Every size is bounded by a constant
//! below before memory is taken for it.
//!
//! Must never know: SQL, the network, Tauri, cases, or what a code's text means.

mod child;
mod docbox;
pub mod draw;
mod error;
mod fonts;
mod header;
mod mask;
mod num;
mod qr;
mod quality;
mod raster;
mod sniff;
mod wire;

pub use child::{Probe, docbox_main, docbox_main_with_probes};
pub use docbox::{Docbox, Intake};
pub use error::MediaError;
pub use header::dimensions;
pub use mask::{MaskRect, masked_copy, watermark_text};
pub use qr::{QUIET_MODULES, QrMatrix};
pub use quality::{Quality, QualityHint, perceptual_distance, perceptual_hash};
pub use raster::{Rgb8Image, encode_jpeg, encode_png};
pub use sniff::{MediaKind, sniff};

/// The largest file taken in.
pub const MAX_BYTES: usize = 20 * 1024 * 1024;
/// The most pixels a picture may say it has.
pub const MAX_PIXELS: u64 = 64_000_000;
/// The most pages a PDF may have.
pub const MAX_PDF_PAGES: u32 = 30;
/// The long side of the rendition that the desk keeps and shows.
pub const RENDITION_PX: u32 = 2400;
/// The long side of the thumbnail.
pub const THUMBNAIL_PX: u32 = 320;
/// The longest side that a page may be asked for.
pub const MAX_PAGE_PX: u32 = 4096;
