//! What goes into the machine and what comes out: values only.

use super::ask::{Answer, Ask};
use crate::error::SyncError;
use desk_domain::case::{DocumentKind, DocumentManifest};
use desk_domain::digest::Sums;
use desk_domain::ids::{CaseId, DocumentId, Epoch, Incarnation, OfficeCode, OpId};
use desk_domain::op::ChainHash;
use desk_domain::people::UserCard;
use desk_domain::time::Millis;
use desk_protocol::calls::{Call, CallsReply};
use desk_protocol::digest::{DigestAsk, DigestPlace, DigestReply};
use desk_protocol::documents::{ChunkReply, OfferReply};
use desk_protocol::error::Problem;
use desk_protocol::people::SessionReply;
use desk_protocol::sync::{
    Change, Head, HelloReply, OpOutcome, PullReply, PushReply, SnapshotReply,
};
use desk_protocol::wipe::SignedWipe;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One queue of work. None ever waits for another.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Lane {
    /// The refresh flight of the session.
    Session,
    Hello,
    Push,
    Pull(OfficeCode),
    /// Finding out which documents go up and come down, and their bookkeeping.
    Documents,
    /// One of the parallel uploads.
    Upload(u8),
    Download,
    /// Comparing what is here with what the server has.
    Digest,
    /// Waiting for calls that ring.
    Calls,
    /// One question of a person who waits; gone with its answer.
    Ask(u64),
}

/// Number of one request, so that a late answer is not taken for the current one.
pub type Flight = u64;

/// A signed-in person on this device.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionTokens {
    pub access_token: String,
    pub access_expires_at: Millis,
    /// Good for one use.
    pub refresh_token: String,
    pub user: UserCard,
}

impl std::fmt::Debug for SessionTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SessionTokens({})", self.user.user)
    }
}

impl From<SessionReply> for SessionTokens {
    fn from(reply: SessionReply) -> Self {
        Self {
            access_token: reply.access_token,
            access_expires_at: reply.access_expires_at,
            refresh_token: reply.refresh_token,
            user: reply.user,
        }
    }
}

/// Everything that can happen to the machine.
#[derive(Clone, Debug)]
pub enum Input {
    /// First of all: what the store remembers of the server.
    Started {
        epoch: Option<Epoch>,
        session: Option<SessionTokens>,
    },
    /// The store was written to.
    Wake(Wake),
    Timer(Lane),
    Reply {
        lane: Lane,
        flight: Flight,
        result: Result<Reply, LinkError>,
    },
    Stored {
        lane: Lane,
        result: Result<StoreReply, StoreTrouble>,
    },
    /// A person signed in (or out: none).
    SessionSet(Option<SessionTokens>),
    /// A person asks and waits; answered by [`Notice::Answered`].
    Ask {
        ticket: u64,
        ask: Ask,
    },
}

/// Why the machine should look again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wake {
    Journal,
    Documents,
    /// Somebody works here: a good moment to try again, but not too often.
    Poke,
    /// A person asked, or the network changed: every wait ends now.
    Person,
}

/// Everything that the machine wants done.
#[derive(Clone, Debug)]
pub enum Action {
    Send {
        lane: Lane,
        flight: Flight,
        /// Bearer token to send with it; none for the refresh itself.
        token: Option<String>,
        request: Request,
    },
    /// Drop the connection of this lane; its answer no longer matters.
    Cancel(Lane),
    Store {
        lane: Lane,
        call: StoreCall,
    },
    /// One timer per lane; a new one replaces the old.
    Arm {
        lane: Lane,
        after_ms: u64,
    },
    Tell(Notice),
}

/// News for whoever owns the courier.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Notice {
    /// Keep these: the old refresh token is spent.
    SessionRenewed(SessionTokens),
    SessionLost,
    Policy {
        version: u32,
        toml: String,
        /// By the server over [`desk_protocol::policy::policy_message`], base64.
        signature: Option<String>,
    },
    /// Cases here were not as the server has them, and are now.
    Repaired {
        scope: OfficeCode,
        cases: u64,
    },
    /// Keys for bundles that travel by hand; told when they change.
    BundleKeys(BundleKeys),
    /// The server orders this desk to destroy what it holds; whether it is the server's own is not known here.
    WipeOrdered(SignedWipe),
    /// All calls that ring for this person now; told again whenever that changes.
    Calls(Vec<Call>),
    Answered {
        ticket: u64,
        result: Result<Answer, SyncError>,
    },
}

/// What a desk must know of headquarters before it goes without a network.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct BundleKeys {
    /// Whom bundles are sealed for, `age1…`.
    pub recipients: Vec<String>,
    /// Whom return bundles are signed by: Ed25519, base64.
    pub signer: String,
}

/// A call to the server; `http.rs` turns it into bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Request {
    /// The token is spent by its first use; the same bytes again are answered the same way.
    Refresh {
        refresh_token: String,
        at: Millis,
    },
    Hello,
    Push(Batch),
    Pull {
        scope: OfficeCode,
        cursor: u64,
        wait_ms: u64,
        limit: usize,
    },
    Snapshot {
        scope: OfficeCode,
        after: Option<String>,
        limit: usize,
    },
    Offer(DocumentToSend),
    PutChunk {
        document: DocumentId,
        index: u32,
    },
    Complete {
        document: DocumentId,
    },
    /// Bytes `from..to` of a document.
    Fetch {
        document: DocumentId,
        from: u64,
        to: u64,
    },
    Digest {
        scope: OfficeCode,
        cursor: u64,
        ask: DigestAsk,
    },
    Calls {
        cursor: u64,
        wait_ms: u64,
    },
    Ask(Ask),
}

/// Consecutive ops of one incarnation; a group is whole or absent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Batch {
    pub incarnation: Incarnation,
    pub rows: Vec<OutboxRow>,
}

/// One op of the journal that the server may lack.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutboxRow {
    pub seq: u64,
    pub op_id: OpId,
    pub bytes: Arc<str>,
    pub hash: ChainHash,
    /// Parked: only its hash travels.
    pub parked: bool,
}

/// An answer of the server, or of something that pretends to be it.
#[derive(Clone, PartialEq, Debug)]
pub struct Reply {
    pub status: u16,
    pub retry_after_ms: Option<u64>,
    /// None when the answer carries no envelope of ours.
    pub stamp: Option<Stamp>,
    pub body: ReplyBody,
}

/// The envelope without its body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stamp {
    pub epoch: Epoch,
    pub server_time: Millis,
}

#[derive(Clone, PartialEq, Debug)]
pub enum ReplyBody {
    Session(Box<SessionReply>),
    Hello(Box<HelloReply>),
    Push(PushReply),
    Pull(PullReply),
    Snapshot(SnapshotReply),
    Offer(OfferReply),
    Chunk(ChunkReply),
    /// Part of a document; `from` is where it starts.
    Bytes {
        from: u64,
        bytes: Vec<u8>,
    },
    Digest(DigestReply),
    Calls(CallsReply),
    Answer(Answer),
    Problem(Problem),
    /// Ours by its content type, but this version cannot read it.
    Unreadable,
    /// Not our content type: a portal, a proxy, another server.
    Foreign,
}

/// No answer came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LinkError {
    Dns,
    Refused,
    Timeout,
    Tls,
    /// The connection ended inside the exchange.
    Cut,
    /// The answer is larger than we take.
    TooLarge,
    /// This machine could not make the request (a chunk that cannot be read, say).
    Local,
}

/// Calls to the store; each is answered by [`Input::Stored`] of the same lane.
#[derive(Clone, Debug)]
pub enum StoreCall {
    /// After what the server has acknowledged, whole groups.
    LoadUnsent {
        max_ops: usize,
        max_bytes: usize,
    },
    Acknowledge {
        incarnation: Incarnation,
        /// First op that the receipt speaks of.
        first_seq: u64,
        seq: u64,
        hash: ChainHash,
        outcomes: Vec<OpOutcome>,
    },
    Park {
        ops: Vec<OpId>,
        code: String,
    },
    /// The server was restored: what is above this seq is unsent again, and every document is offered again.
    Rewind {
        seq: u64,
    },
    /// The journal forked or was rolled back: unsent ops go on under a new life, same op ids.
    NewIncarnation {
        why: NewLife,
    },
    /// How the journal stands beside what the server says it has.
    LoadHead {
        server: Vec<Head>,
        /// Up to where a verified backup of the server holds each chain.
        backup_safe: BTreeMap<Incarnation, u64>,
    },
    /// The server's database began a new life: feeds anew, documents offered again. The journal stays; what the server
    /// does not show to have of it, in whichever of its lives, is unsent again.
    AdoptEpoch {
        epoch: Epoch,
        scopes: Vec<OfficeCode>,
        server: Vec<Head>,
    },
    LoadCursor {
        scope: OfficeCode,
    },
    ApplyPage(Box<FeedPage>),
    /// The feed of this scope is filled anew.
    ResetScope {
        scope: OfficeCode,
    },
    /// Rights to this scope are gone: its cases are hidden, unsent ops stay.
    DropScope {
        scope: OfficeCode,
    },
    /// These are all the scopes there are rights to: others that stand here end as by [`StoreCall::DropScope`].
    KeepScopes {
        scopes: Vec<OfficeCode>,
    },
    LoadDocuments,
    SetChunks {
        document: DocumentId,
        have: Vec<bool>,
    },
    MarkStored {
        document: DocumentId,
    },
    PutDownloaded {
        document: DocumentId,
        bytes: Arc<Vec<u8>>,
    },
    /// Takes some of the digests that are behind.
    LoadDigest {
        scope: OfficeCode,
    },
    ApplyRepair(Box<RepairPage>),
}

/// What the server has in some buckets, from one place to another; applied in one transaction.
#[derive(Clone, PartialEq, Debug)]
pub struct RepairPage {
    pub scope: OfficeCode,
    /// Where the server stood in the feed when it said so.
    pub position: u64,
    pub buckets: Vec<u8>,
    pub after: Option<DigestPlace>,
    pub until: Option<DigestPlace>,
    pub changes: Vec<Change>,
}

/// How it showed that this journal has to begin a new life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NewLife {
    /// The server has another history under the same numbers: a copy of this desk is alive.
    Forked,
    /// The server has more of this journal than the journal itself: an old copy was put back.
    Behind,
}

/// A page to apply in one transaction with its cursor.
#[derive(Clone, PartialEq, Debug)]
pub struct FeedPage {
    pub scope: OfficeCode,
    /// None while a fill is not complete.
    pub cursor: Option<u64>,
    pub fill: bool,
    pub changes: Vec<Change>,
    /// Where the fill goes on after a restart.
    pub mark: Option<FillMark>,
}

/// A place within a first fill.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct FillMark {
    pub position: u64,
    pub next: String,
}

#[derive(Clone, PartialEq, Debug)]
pub enum StoreReply {
    Unsent {
        incarnation: Incarnation,
        rows: Vec<OutboxRow>,
    },
    Head(JournalHead),
    Cursor {
        cursor: Option<u64>,
        mark: Option<FillMark>,
    },
    Documents {
        to_send: Vec<DocumentToSend>,
        wanted: Vec<WantedDocument>,
    },
    /// Digests are behind: ask again.
    DigestWorking,
    Digest {
        cursor: u64,
        sums: Box<Sums>,
    },
    /// A repair is done; or the feed has gone past it and nothing was done.
    Mended {
        cases: u64,
        outdated: bool,
    },
    Done,
}

/// The journal's current life beside the server's head of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JournalHead {
    pub last_seq: u64,
    pub acknowledged_seq: u64,
    /// What the server has of this life; seq 0 when nothing.
    pub server: Head,
    /// The journal's own hash at the server's seq, if it has that op.
    pub hash_there: Option<ChainHash>,
}

/// A document with what is needed to move it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DocumentToSend {
    pub id: DocumentId,
    pub case: CaseId,
    pub kind: DocumentKind,
    pub manifest: DocumentManifest,
}

/// A document that is only elsewhere and that somebody here wants to see.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WantedDocument {
    pub id: DocumentId,
    pub manifest: DocumentManifest,
}

/// Number of chunks by the manifest.
pub(crate) fn chunk_count(manifest: &DocumentManifest) -> u32 {
    u32::try_from(manifest.chunks.len()).unwrap_or(u32::MAX)
}

/// Byte range of chunk `index`, half open.
pub(crate) fn chunk_range(manifest: &DocumentManifest, index: u32, chunk_bytes: u64) -> (u64, u64) {
    let from = u64::from(index) * chunk_bytes;
    (from, (from + chunk_bytes).min(manifest.size_bytes))
}

/// The store said no; the code is the store's own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoreTrouble {
    pub code: String,
}
