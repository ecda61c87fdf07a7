//! What a person may see of the line to the server. The age of the oldest unsent op is added by the courier.

use desk_domain::ids::DocumentId;
use desk_domain::time::Millis;
use serde::Serialize;

/// Why there is no line. A state to show, never an error to pop up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OfflineWhy {
    Dns,
    Refused,
    Timeout,
    Tls,
    Cut,
    /// The server answers, but not with what we asked (5xx or unreadable).
    Server,
}

/// The line to the server as one of a few plain states.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Link {
    /// Nothing has been heard yet.
    Connecting {
        since: Millis,
    },
    Online {
        since: Millis,
    },
    Offline {
        since: Millis,
        why: OfflineWhy,
    },
    /// Something between us and the server answers in its place.
    Portal {
        since: Millis,
    },
    SignInNeeded,
    /// This device may not speak: pending, revoked, or its signature is not accepted.
    Refused {
        code: String,
    },
    /// Too old to read the feed; what is typed here still goes up.
    UpgradeNeeded,
}

/// One document on its way up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct DocProgress {
    pub id: DocumentId,
    /// Bytes of the chunks that the server has confirmed; those on the line do not count.
    pub sent_bytes: u64,
    pub total_bytes: u64,
    /// This one is being sent; the others wait for it.
    pub under_way: bool,
    /// When all of it should be there, by the pace so far; unknown until a chunk of this run is confirmed.
    pub done_at: Option<Millis>,
}

/// The machine's share of the status.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LineStatus {
    pub link: Link,
    pub last_success_at: Option<Millis>,
    /// Ops in the batch under way.
    pub sending_ops: Option<usize>,
    pub documents: Vec<DocProgress>,
    /// Server clock minus ours; shown, never refused.
    pub clock_skew_ms: Option<i64>,
    pub server_version: Option<String>,
    /// Code of what keeps the outbox from moving although the line stands.
    pub push_trouble: Option<String>,
}
