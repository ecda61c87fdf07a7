//! What the handlers may ask of the repository. Each question is one read state or one transaction.

use super::apply::{self, Pushed};
use super::devices::{self, Applicant, Device, Enrolled};
use super::documents::{self, Expected};
use super::feed::{self, FillOf, PageOf};
use super::people::{self, Account};
use super::sessions::{self, Bearer, NewSession, Refreshed};
use super::{Repo, RepoError, Rules, journal};
use crate::frames::Frames;
use desk_domain::ids::{DeviceId, DocumentId, OfficeCode};
use desk_domain::time::Millis;
use desk_protocol::sync::{Head, PullReply, SnapshotReply};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl Repo {
    pub async fn bearer(
        self: &Arc<Self>,
        access_hash: [u8; 32],
    ) -> Result<Option<Bearer>, RepoError> {
        self.read(move |conn| sessions::bearer(conn, &access_hash))
            .await
    }

    pub async fn device(self: &Arc<Self>, id: DeviceId) -> Result<Option<Device>, RepoError> {
        self.read(move |conn| devices::find(conn, id)).await
    }

    pub async fn heads(self: &Arc<Self>, device: DeviceId) -> Result<Vec<Head>, RepoError> {
        self.read(move |conn| journal::heads(conn, device)).await
    }

    pub async fn positions(self: &Arc<Self>) -> Result<BTreeMap<OfficeCode, u64>, RepoError> {
        self.read(feed::positions).await
    }

    pub async fn pull(self: &Arc<Self>, page: PageOf) -> Result<Option<PullReply>, RepoError> {
        self.read(move |conn| feed::pull(conn, &page)).await
    }

    pub async fn snapshot(
        self: &Arc<Self>,
        fill: FillOf,
    ) -> Result<Option<SnapshotReply>, RepoError> {
        self.read(move |conn| feed::snapshot(conn, &fill)).await
    }

    pub async fn push(&self, rules: Rules, frames: Frames) -> Result<Pushed, RepoError> {
        let pushed = self.write(move |conn| {
            let pushed = apply::push(conn, &rules, &frames);
            desk_failpoint::reached("server.push.before_commit");
            pushed
        });
        let pushed = pushed.await;
        desk_failpoint::reached("server.push.after_commit_before_reply");
        pushed
    }

    pub async fn enrol(&self, applicant: Applicant, now: Millis) -> Result<Enrolled, RepoError> {
        self.write(move |conn| devices::enrol(conn, &applicant, now))
            .await
    }

    pub async fn account(self: &Arc<Self>, login: String) -> Result<Option<Account>, RepoError> {
        self.read(move |conn| people::by_login(conn, &login)).await
    }

    /// Until when one of the keys is locked; 0 when none is.
    pub async fn locked_until(self: &Arc<Self>, keys: [String; 2]) -> Result<Millis, RepoError> {
        self.read(move |conn| {
            let [one, other] = &keys;
            Ok(sessions::locked_until(conn, one)?.max(sessions::locked_until(conn, other)?))
        })
        .await
    }

    /// Takes a proof; false when it was shown before.
    pub async fn take_proof(&self, device: DeviceId, at: Millis) -> Result<bool, RepoError> {
        self.write(move |conn| sessions::take_proof(conn, device, at))
            .await
    }

    /// Counts a failed sign-in; each key has its own number of free tries.
    pub async fn sign_in_failed(
        &self,
        keys: [(String, u32); 2],
        now: Millis,
    ) -> Result<(), RepoError> {
        self.write(move |conn| {
            keys.iter()
                .try_for_each(|(key, free)| sessions::count_failure(conn, key, *free, now))
        })
        .await
    }

    /// Opens a session and forgives earlier failures.
    pub async fn open_session(
        &self,
        new: NewSession,
        key: String,
        now: Millis,
    ) -> Result<(), RepoError> {
        self.write(move |conn| {
            sessions::forgive(conn, &key)?;
            sessions::open(conn, &new, now)
        })
        .await
    }

    pub async fn refresh(
        &self,
        old_hash: [u8; 32],
        proof_hash: [u8; 32],
        new: NewSession,
        now: Millis,
    ) -> Result<Refreshed, RepoError> {
        self.write(move |conn| sessions::refresh(conn, &old_hash, &proof_hash, new, now))
            .await
    }

    pub async fn document(
        self: &Arc<Self>,
        offices: BTreeSet<OfficeCode>,
        id: DocumentId,
    ) -> Result<Option<Expected>, RepoError> {
        self.read(move |conn| documents::find(conn, &offices, id))
            .await
    }

    pub async fn document_stored(&self, rules: Rules, document: Expected) -> Result<(), RepoError> {
        let stored = self.write(move |conn| {
            let stored = documents::stored(conn, &rules, &document);
            desk_failpoint::reached("server.stored.before_commit");
            stored
        });
        let stored = stored.await;
        desk_failpoint::reached("server.stored.after_commit_before_reply");
        stored
    }
}
