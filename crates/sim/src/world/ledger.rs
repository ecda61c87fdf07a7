//! What was promised to people while the history went on.

use desk_domain::ids::{DeviceId, Incarnation, OpId};
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
    pub broken: Vec<String>,
}
