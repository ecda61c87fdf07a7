//! Named places at which a process may die, and how it dies.

use crate::dice::Dice;
use std::collections::BTreeMap;

/// What an end leaves behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Death {
    /// The process is gone; what it gave to the system is still written.
    Kill,
    /// The machine is gone: only what was synced stays.
    PowerCut,
}

macro_rules! points {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)+) => {
        /// One place between two steps of a write.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum FailPoint { $($(#[$doc])* $name),+ }

        impl FailPoint {
            /// Every place.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name in the summary.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }
        }
    };
}

points! {
    PushArrived = "server.push.arrived",
    PushWritten = "server.push.written",
    PushCommitted = "server.push.committed",
    RefreshCommitted = "server.refresh.committed",
    ChunkWritten = "server.chunk.written",
    ChunkRenamed = "server.chunk.renamed",
    ChunkKept = "server.chunk.kept",
    WholeJoined = "server.complete.joined",
    WholeLinked = "server.complete.linked",
    WholeKept = "server.complete.kept",
    StoredCommitted = "server.complete.committed",
    ShelfWritten = "desk.shelf.written",
    OpWritten = "desk.op.written",
    OpCommitted = "desk.op.committed",
    ReceiptWritten = "desk.receipt.written",
    ReceiptCommitted = "desk.receipt.committed",
    PageWritten = "desk.page.written",
    PageCommitted = "desk.page.committed",
    ParkWritten = "desk.park.written",
    ParkCommitted = "desk.park.committed",
    RewindWritten = "desk.rewind.written",
    RewindCommitted = "desk.rewind.committed",
    RechainWritten = "desk.rechain.written",
    RechainCommitted = "desk.rechain.committed",
    EpochWritten = "desk.epoch.written",
    EpochCommitted = "desk.epoch.committed",
    ScopeWritten = "desk.scope.written",
    ScopeCommitted = "desk.scope.committed",
    DocumentWritten = "desk.document.written",
    DocumentCommitted = "desk.document.committed",
    DownloadWritten = "desk.download.written",
    DownloadCommitted = "desk.download.committed",
}

impl FailPoint {
    /// True for a place in the server.
    pub const fn is_of_server(self) -> bool {
        matches!(
            self,
            Self::PushArrived
                | Self::PushWritten
                | Self::PushCommitted
                | Self::RefreshCommitted
                | Self::ChunkWritten
                | Self::ChunkRenamed
                | Self::ChunkKept
                | Self::WholeJoined
                | Self::WholeLinked
                | Self::WholeKept
                | Self::StoredCommitted
        )
    }
}

#[derive(Clone, Copy, Debug)]
struct Trap {
    /// Passed so many times more before it springs.
    passes: u64,
    death: Death,
}

/// The traps laid for one process over all its lives.
#[derive(Clone, Debug, Default)]
pub struct Traps {
    laid: BTreeMap<FailPoint, Trap>,
    /// The trap that sprang last; taken by whoever ends the process.
    pub sprung: Option<(FailPoint, Death)>,
}

impl Traps {
    /// Lays traps at some of these places.
    pub fn lay(&mut self, dice: &Dice, among: &[FailPoint], most: u64) {
        for _ in 0..dice.below(most + 1) {
            let Some(point) = dice.pick(among) else {
                continue;
            };
            let death = if dice.permille(500) {
                Death::Kill
            } else {
                Death::PowerCut
            };
            let passes = dice.below(5) * dice.below(3);
            self.laid.insert(*point, Trap { passes, death });
        }
    }

    /// Nothing more goes wrong here.
    pub fn clear(&mut self) {
        self.laid.clear();
    }

    /// Passes a place; true when the process dies there.
    pub fn spring(&mut self, point: FailPoint) -> bool {
        let Some(trap) = self.laid.get_mut(&point) else {
            return false;
        };
        if trap.passes > 0 {
            trap.passes -= 1;
            return false;
        }
        self.sprung = Some((point, trap.death));
        self.laid.remove(&point);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trap_springs_once_after_its_passes() {
        let mut traps = Traps::default();
        let death = Death::Kill;
        traps
            .laid
            .insert(FailPoint::OpWritten, Trap { passes: 1, death });
        assert!(!traps.spring(FailPoint::OpCommitted), "not laid there");
        assert!(!traps.spring(FailPoint::OpWritten), "the first pass");
        assert!(traps.spring(FailPoint::OpWritten));
        assert_eq!(traps.sprung, Some((FailPoint::OpWritten, Death::Kill)));
        assert!(!traps.spring(FailPoint::OpWritten), "sprung already");
    }

    #[test]
    fn every_place_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> =
            FailPoint::ALL.iter().map(|point| point.as_str()).collect();
        assert_eq!(names.len(), FailPoint::ALL.len());
    }
}
