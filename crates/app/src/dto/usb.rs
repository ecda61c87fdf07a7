//! The hand-over by stick.

use super::case_screen::dto;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

dto! {
    UsbScreen {
        places: Vec<UsbPlace>,
        /// Set while a bundle is being written or read.
        running: Option<UsbRunning>,
        /// The last export, while ops of it wait for their receipt.
        exported: Option<UsbExported>,
        /// What an export would carry now.
        ops: u32,
        documents: u32,
    }
    /// A mounted medium that can be taken out.
    UsbPlace {
        path: String,
        label: String,
        #[ts(type = "number")] free_bytes: u64,
        writable: bool,
        /// Return bundles that lie there, newest last: paths for `usb_import`.
        returns: Vec<String>,
    }
    UsbRunning {
        /// export or import.
        what: String,
        #[ts(type = "number")] done_bytes: u64,
        #[ts(type = "number")] total_bytes: u64,
    }
    UsbExported {
        #[ts(type = "number")] at: i64,
        /// Ops of it that have no receipt yet.
        waiting: u32,
        files: Vec<String>,
    }
    /// Written, read back and compared: the stick may be taken out.
    UsbWritten {
        files: Vec<String>,
        ops: u32,
        documents: u32,
        #[ts(type = "number")] bytes: u64,
    }
    UsbTaken {
        /// This bundle was taken in before; nothing was done twice.
        already: bool,
        /// When headquarters made it.
        #[ts(type = "number")] made_at: i64,
        /// Ops that have their receipt now and had none before.
        receipts: u32,
        /// Changed cases, merchants and people.
        changes: u32,
        documents: u32,
        /// Offices whose pages do not follow on what is here: export again, the next return bundle fits.
        held_back: Vec<String>,
        /// More waits at headquarters: the next export brings it.
        more: bool,
        /// This desk was restored or copied: its unsent work goes on in a new life of the journal; export again.
        renewed: bool,
    }
}
