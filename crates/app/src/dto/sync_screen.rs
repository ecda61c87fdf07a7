//! The sync centre: what waits, what needs a person, what this machine has room for.

use super::SyncBadge;
use super::case_screen::{ConflictView, dto};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use ts_rs::TS;

dto! {
    SyncScreen {
        badge: SyncBadge,
        server_url: Option<String>,
        /// online, offline, portal, sign_in_needed, upgrade_needed, standalone.
        link: String,
        /// Catalogue key `sync.why.<why>`: dns, no_answer, timeout, portal, server, tls; or the server's own code.
        why: Option<String>,
        /// Heard from in this run or an earlier one.
        #[ts(type = "number | null")] last_contact_at: Option<i64>,
        /// Positive: the server is ahead of this machine.
        #[ts(type = "number | null")] clock_skew_ms: Option<i64>,
        server_version: Option<String>,
        /// Parked, refused and held: each needs a person.
        rows: Vec<SyncRow>,
        /// What simply waits, by case, the oldest first.
        waiting: Vec<SyncCase>,
        /// Ops that wait and are not counted in `waiting`: the list is bounded.
        #[ts(type = "number")] waiting_more: u64,
        documents: Vec<SyncDocument>,
        conflicts: Vec<ConflictView>,
        /// What happened to the desk itself and nobody has seen yet, newest first.
        alerts: Vec<AlertView>,
        #[ts(type = "number")] database_bytes: u64,
        #[ts(type = "number")] documents_bytes: u64,
        /// 0 where the platform does not say.
        #[ts(type = "number")] free_bytes: u64,
        /// The reserve is spent: documents are read-only until there is room.
        disk_low: bool,
    }
    AlertView {
        #[ts(type = "number")] id: i64,
        /// Catalogue key `alert.<code>`: desk.cloned, desk.restored, desk.recovered, desk.disk_full, server.restored, clock.skew, digest.repaired, policy.refused.
        code: String,
        #[ts(type = "number")] at: i64,
        /// Counts and codes for the text, never a value of anybody.
        params: BTreeMap<String, String>,
    }
    SyncRow {
        op: String,
        case: String,
        case_no: String,
        kind: String,
        #[ts(type = "number")] at: i64,
        /// held, refused or parked.
        state: String,
        /// Catalogue key `sync.reason.<reason>`, or a code of the error catalogue.
        reason: String,
        /// Catalogue key `sync.action.<action>`: none, sync_now, retry, sign_in, open_case, contact_admin, update.
        action: String,
    }
    SyncCase {
        case: String,
        case_no: String,
        ops: u32,
        /// Kinds of the ops, each once.
        kinds: Vec<String>,
        #[ts(type = "number")] oldest_at: i64,
        /// local, queued, sending or exported.
        state: String,
        reason: String,
        action: String,
    }
    /// Bytes that the server has confirmed, never bytes that were only written to the line.
    SyncDocument {
        id: String,
        case: String,
        case_no: String,
        kind: String,
        #[ts(type = "number")] sent_bytes: u64,
        #[ts(type = "number")] total_bytes: u64,
        /// 100 only when the server holds all of it.
        percent: u8,
        /// When all of it should be there, by the pace so far; null while nobody can know.
        #[ts(type = "number | null")] done_at: Option<i64>,
        state: String,
        reason: String,
        action: String,
    }
    /// `path`: where the file lies, when one was asked for.
    Diagnostics { text: String, path: Option<String> }
}
