//! Planted faults of the models. The checker must catch each of them, or its green runs mean nothing.

/// One way in which a desk store or a server may be wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Mutant {
    /// M01: the desk makes the cursor durable before the page that it belongs to.
    CursorBeforeData,
    /// M02: the server answers a push before its COMMIT.
    ReplyBeforeCommit,
    /// M03: the desk drops an op for which the server answered 4xx.
    DropOn4xx,
    /// M04: the server takes a known seq for a repetition without comparing hashes.
    NoHashCompare,
    /// M05: the desk tells its user "kept" before the op is synced.
    ConfirmBeforeSync,
    /// M06: the server judges a repeated op anew instead of giving back the stored outcome.
    JudgeAgain,
    /// M07: the later time wins a field.
    LastWriteWins,
    /// M08: a new incarnation forgets what was not sent yet.
    WipeOnResync,
}

impl Mutant {
    /// All of them, by number.
    pub const ALL: [Self; 8] = [
        Self::CursorBeforeData,
        Self::ReplyBeforeCommit,
        Self::DropOn4xx,
        Self::NoHashCompare,
        Self::ConfirmBeforeSync,
        Self::JudgeAgain,
        Self::LastWriteWins,
        Self::WipeOnResync,
    ];

    /// The name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CursorBeforeData => "M01",
            Self::ReplyBeforeCommit => "M02",
            Self::DropOn4xx => "M03",
            Self::NoHashCompare => "M04",
            Self::ConfirmBeforeSync => "M05",
            Self::JudgeAgain => "M06",
            Self::LastWriteWins => "M07",
            Self::WipeOnResync => "M08",
        }
    }

    /// Finds a mutant by its name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mutant| mutant.as_str() == text)
    }
}
