//! Planted faults of the models and of the machine's port, in the order of `sync.md` section 9.
//! The checker must catch each of them, or its green runs mean nothing. None of this is reachable from the product.

macro_rules! mutants {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)+) => {
        /// One way in which a desk or a server may be wrong.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Mutant { $($(#[$doc])* $name),+ }

        impl Mutant {
            /// All of them, by number.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name on the command line.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }
        }
    };
}

mutants! {
    /// Feed positions come from a sequence, so that a slow commit appears below a cursor that has passed it.
    SequenceCursor = "M01",
    /// The desk makes the cursor durable before the page that it belongs to.
    CursorBeforeData = "M02",
    /// The server answers a push before its COMMIT.
    ReplyBeforeCommit = "M03",
    /// The server takes a known seq for a repetition without comparing hashes.
    NoHashCompare = "M04",
    /// A clone or a restored desk goes on under its old incarnation.
    CloneKeepsNumbers = "M05",
    /// The desk commits without waiting for the disk.
    NormalNotFull = "M06",
    /// The server renames files into place that are not on the disk yet.
    RenameWithoutFsync = "M07",
    /// The desk believes its own note of what was acknowledged, whatever the server says it has.
    OneSidedCheckpoint = "M08",
    /// The desk notes the server's sums as its own instead of fetching what differs.
    AdoptRemoteDigest = "M09",
    /// The later write wins a field.
    LastWriteWins = "M10",
    /// The desk drops an op for which the server answered 4xx.
    DropOn4xx = "M11",
    /// An op on which the rules fail takes its whole batch with it.
    BatchFailsWhole = "M12",
    /// The desk deletes its copy of a document on the last chunk's 2xx.
    DeleteOnLastChunk = "M13",
    /// A receipt clears the "to send" mark of the whole case, also of what was typed meanwhile.
    FlagClearedDuringUpload = "M14",
    /// A page that is exactly full moves the cursor over the first row that did not fit.
    OffByOnePage = "M15",
    /// A new incarnation forgets what was not sent yet.
    WipeOnResync = "M16",
    /// The desk swallows one error of its store, and that lane never tries again.
    SwallowedError = "M17",
    /// The server refuses what was captured under a wrong clock.
    RefuseOnSkew = "M18",
    /// A case that moves to another office is not taken from the feed of the old one.
    MoveWithoutMarker = "M19",
    /// The server judges a repeated op anew instead of giving back the stored outcome.
    JudgeAgain = "M20",
}

impl Mutant {
    /// Finds a mutant by its name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|mutant| mutant.as_str() == text)
    }
}
