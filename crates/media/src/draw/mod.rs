//! Visibly fake documents, for the demonstration and for tests.
//!
//! Everything is overprinted 样张 SAMPLE and drawn from the parameters alone: the same parameters
//! give the same pixels on the same computer. Chinese is drawn with the computer's own font; where
//! none is found, each character becomes a small pattern of blocks, so pictures and PDFs still
//! have the right shape and their codes still decode, but nothing can be read by eye.

pub mod bad;
mod canvas;
mod device;
mod invoice;
mod papers;
mod pdf;
mod sheet;

pub use canvas::Canvas;
pub use device::{DeviceLabel, FaultScreen, SalesSlip};
pub use invoice::VatInvoice;
pub use papers::{BusinessLicence, IdCard, PaperForm};
pub use sheet::{Colour, Sheet};
