//! What was promised to people while the history went on.

use desk_domain::ids::{DeviceId, DocumentId, Incarnation, OpId};
use std::collections::{BTreeMap, BTreeSet};

/// Promises, and what was seen to be broken on the way.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Ops of which the screen said "kept", and the device.
    pub confirmed: BTreeMap<OpId, DeviceId>,
    /// Confirmed ops that went with a disk that somebody put back; nobody could keep those.
    pub excused: BTreeSet<OpId>,
    /// Highest head that the server's receipts named, as they reached a desk.
    pub acknowledged: BTreeMap<(DeviceId, Incarnation), u64>,
    /// Documents of which the screen said "kept", and their SHA-256.
    pub documents: BTreeMap<DocumentId, String>,
    /// Kept documents that went with a disk that somebody put back.
    pub excused_documents: BTreeSet<DocumentId>,
    /// Ops and documents that left their desk with a disk put back, whoever else has them.
    pub rolled_off: BTreeSet<OpId>,
    pub rolled_off_documents: BTreeSet<DocumentId>,
    pub broken: Vec<String>,
}
