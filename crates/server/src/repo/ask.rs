//! What the handlers may ask of the repository. Each question is one read state or one transaction.

use super::apply::{self, Pushed};
use super::backup;
use super::device_events::{self, What};
use super::devices::{self, Applicant, Device, Enrolled};
use super::digest;
use super::documents::{self, Expected};
use super::feed::{self, FillOf, PageOf};
use super::invitations::{self, Bid, Found, Redeemed, Shown};
use super::oidc::{self, Attempt, Subject};
use super::people::{self, Account};
use super::second_factor::Tried;
use super::sessions::{self, Admitted, Bearer, NewSession, Refreshed, Throttles};
use super::wipes::{self, Confirmed};
use super::{Repo, RepoError, Rules, Scope, calls, journal};
use crate::frames::Frames;
use crate::second_factor::FactorKey;
use desk_domain::ids::{DeviceId, DocumentId, Incarnation, OfficeCode};
use desk_domain::people::UserCard;
use desk_domain::time::Millis;
use desk_protocol::digest::{DigestReply, DigestRequest};
use desk_protocol::sync::{Head, PullReply, SnapshotReply};
use desk_protocol::wipe::SignedWipe;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Digests that are taken in one transaction: some 20 ms of the writer.
const DIGEST_PORTION: usize = 500;
/// Portions that one request waits for; what is left is taken for the next one.
const DIGEST_PORTIONS: usize = 8;

/// Somebody whose password was right.
#[derive(Clone)]
pub struct Knock {
    pub card: UserCard,
    /// What was typed as the second factor.
    pub typed: Option<String>,
    pub key: Arc<FactorKey>,
}

impl Knock {
    pub fn tried(&self) -> Tried<'_> {
        Tried {
            card: &self.card,
            typed: self.typed.as_deref(),
            key: &self.key,
        }
    }
}

impl Repo {
    pub async fn bearer(
        self: &Arc<Self>,
        access_hash: [u8; 32],
    ) -> Result<Option<Bearer>, RepoError> {
        self.glance(move |house| sessions::bearer(house, &access_hash))
            .await
    }

    pub async fn device(self: &Arc<Self>, id: DeviceId) -> Result<Option<Device>, RepoError> {
        self.read(Scope::House, move |conn| devices::find(conn, id))
            .await
    }

    pub async fn heads(self: &Arc<Self>, device: DeviceId) -> Result<Vec<Head>, RepoError> {
        self.read(Scope::House, move |conn| journal::heads(conn, device))
            .await
    }

    /// Up to where each chain of a device is in a verified backup.
    pub async fn backup_safe(
        self: &Arc<Self>,
        device: DeviceId,
    ) -> Result<BTreeMap<Incarnation, u64>, RepoError> {
        self.read(Scope::House, move |conn| backup::safe_of(conn, device))
            .await
    }

    /// Where each feed and each bell stands, both of one moment.
    pub async fn positions(self: &Arc<Self>) -> Result<[BTreeMap<OfficeCode, u64>; 2], RepoError> {
        self.read(Scope::House, |conn| {
            Ok([feed::positions(conn)?, calls::bells(conn)?])
        })
        .await
    }

    pub async fn pull(self: &Arc<Self>, page: PageOf) -> Result<Option<PullReply>, RepoError> {
        self.read(Scope::of(&page.office), move |conn| feed::pull(conn, &page))
            .await
    }

    pub async fn snapshot(
        self: &Arc<Self>,
        fill: FillOf,
    ) -> Result<Option<SnapshotReply>, RepoError> {
        self.read(Scope::of(&fill.page.office), move |conn| {
            feed::snapshot(conn, &fill)
        })
        .await
    }

    /// Compares digests; those that wait are taken first, as many as one request may wait for.
    pub async fn digest(
        self: &Arc<Self>,
        request: DigestRequest,
        page: PageOf,
    ) -> Result<Option<DigestReply>, RepoError> {
        let (office, scope) = (page.office.clone(), Scope::of(&page.office));
        let mut stale = self
            .read(scope.clone(), move |conn| digest::is_stale(conn, &office))
            .await?;
        for _ in 0..DIGEST_PORTIONS {
            if !stale {
                break;
            }
            let office = page.office.clone();
            stale = self
                .write(scope.clone(), move |conn| {
                    digest::settle(conn, &office, DIGEST_PORTION)
                })
                .await?;
        }
        self.read(scope, move |conn| digest::answer(conn, &request, &page))
            .await
    }

    /// Notes for headquarters that cases on a desk were not the ones here.
    pub async fn cases_differed(
        &self,
        device: DeviceId,
        scope: OfficeCode,
        buckets: usize,
        now: Millis,
    ) -> Result<(), RepoError> {
        self.write(Scope::of(&scope), move |conn| {
            let params = [
                ("scope", scope.to_string()),
                ("buckets", buckets.to_string()),
            ];
            let life = journal::newest_life(conn, device)?;
            device_events::note(conn, (device, life), What::CasesDiffered, &params, now)
        })
        .await
    }

    pub async fn push(&self, rules: Rules, frames: Frames) -> Result<Pushed, RepoError> {
        let pushed = self.write(Scope::Undecided, move |conn| {
            let pushed = apply::push(conn, &rules, &frames);
            desk_failpoint::reached("server.push.before_commit");
            pushed
        });
        let pushed = pushed.await;
        desk_failpoint::reached("server.push.after_commit_before_reply");
        pushed
    }

    pub async fn enrol(&self, applicant: Applicant, now: Millis) -> Result<Enrolled, RepoError> {
        self.write(Scope::House, move |conn| {
            devices::enrol(conn, &applicant, now)
        })
        .await
    }

    pub async fn account(self: &Arc<Self>, login: String) -> Result<Option<Account>, RepoError> {
        self.read(Scope::House, move |conn| people::by_login(conn, &login))
            .await
    }

    /// Until when a sign-in is locked; none when it is not.
    pub async fn locked(
        self: &Arc<Self>,
        throttles: Throttles,
        now: Millis,
    ) -> Result<Option<Millis>, RepoError> {
        self.read(Scope::House, move |conn| {
            sessions::locked(conn, &throttles, now)
        })
        .await
    }

    /// Takes a proof; false when it was shown before.
    pub async fn take_proof(&self, device: DeviceId, at: Millis) -> Result<bool, RepoError> {
        self.write(Scope::House, move |conn| {
            sessions::take_proof(conn, device, at)
        })
        .await
    }

    /// Counts a failed sign-in; each key has its own number of free tries.
    pub async fn sign_in_failed(&self, throttles: Throttles, now: Millis) -> Result<(), RepoError> {
        self.write(Scope::House, move |conn| {
            sessions::count_failures(conn, &throttles, now)
        })
        .await
    }

    /// Judges the second factor of somebody whose password was right, and opens a session.
    pub async fn admit(
        &self,
        new: NewSession,
        knock: Knock,
        throttles: Throttles,
        now: Millis,
    ) -> Result<Admitted, RepoError> {
        self.write(Scope::House, move |conn| {
            sessions::admit(conn, &new, &knock.tried(), &throttles, now)
        })
        .await
    }

    /// Whose invitation it is, if it works here and now.
    pub async fn invited(
        self: &Arc<Self>,
        shown: Shown,
        now: Millis,
    ) -> Result<Option<Found>, RepoError> {
        self.read(Scope::House, move |conn| {
            invitations::find(conn, &shown, now)
        })
        .await
    }

    /// Judges the second factor of somebody with a right code; then sets the password and opens a session.
    pub async fn redeem(
        &self,
        new: NewSession,
        bid: Bid,
        now: Millis,
    ) -> Result<Redeemed, RepoError> {
        self.write(Scope::House, move |conn| {
            invitations::redeem(conn, &bid, &new, now)
        })
        .await
    }

    /// Keeps a sign-in that waits for a browser, in place of the desk's earlier one.
    pub async fn begin_oidc(&self, attempt: Attempt) -> Result<(), RepoError> {
        self.write(Scope::House, move |conn| oidc::begin(conn, &attempt))
            .await
    }

    /// Takes it; nobody gets it twice.
    pub async fn take_oidc(
        &self,
        device: DeviceId,
        state_hash: [u8; 32],
        now: Millis,
    ) -> Result<Option<Attempt>, RepoError> {
        self.write(Scope::House, move |conn| {
            oidc::take(conn, device, &state_hash, now)
        })
        .await
    }

    /// The account that a subject of the identity provider is bound to.
    pub async fn oidc_account(
        self: &Arc<Self>,
        subject: Subject,
    ) -> Result<Option<Account>, RepoError> {
        self.read(Scope::House, move |conn| oidc::account(conn, &subject))
            .await
    }

    /// The order that a desk has to obey now.
    pub async fn wipe_order(
        self: &Arc<Self>,
        device: DeviceId,
    ) -> Result<Option<SignedWipe>, RepoError> {
        self.read(Scope::House, move |conn| wipes::of(conn, device))
            .await
    }

    /// A desk says that it has obeyed.
    pub async fn confirm_wiped(
        &self,
        device: DeviceId,
        nonce: String,
        now: Millis,
    ) -> Result<Confirmed, RepoError> {
        self.write(Scope::House, move |conn| {
            wipes::confirm(conn, device, &nonce, now)
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
        self.write(Scope::House, move |conn| {
            sessions::refresh(conn, &old_hash, &proof_hash, &new, now)
        })
        .await
    }

    pub async fn document(
        self: &Arc<Self>,
        offices: BTreeSet<OfficeCode>,
        id: DocumentId,
    ) -> Result<Option<Expected>, RepoError> {
        self.read(Scope::Offices(offices.clone()), move |conn| {
            documents::find(conn, &offices, id)
        })
        .await
    }

    pub async fn document_stored(&self, rules: Rules, document: Expected) -> Result<(), RepoError> {
        let judging = Scope::Judging(document.office.clone());
        let stored = self.write(judging, move |conn| {
            let stored = documents::stored(conn, &rules, &document);
            desk_failpoint::reached("server.stored.before_commit");
            stored
        });
        let stored = stored.await;
        desk_failpoint::reached("server.stored.after_commit_before_reply");
        stored
    }
}
