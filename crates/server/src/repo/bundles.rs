//! What a bundle asks of the repository. The questions are those of the routes; a bundle is worked off on a thread
//! without a runtime.

use super::apply::{self, Pushed};
use super::devices::{self, Device};
use super::documents::{self, Expected};
use super::feed::{self, FillOf, PageOf};
use super::sql::{Connection, params};
use super::{Repo, RepoError, Rules, Scope, journal, people};
use crate::frames::Frames;
use desk_domain::ids::{DeviceId, DocumentId, Incarnation, OfficeCode, OpId, UserId};
use desk_domain::op::ChainHash;
use desk_domain::people::{Role, UserCard};
use desk_protocol::sync::{Head, OpOutcome, PullReply, PushReply, SnapshotReply};
use std::collections::BTreeSet;

/// A desk, and the person whose rights its feeds are read with.
#[derive(Clone, Debug)]
pub struct Sender {
    pub device: Device,
    /// The offices of that person, if he has ever signed in on this desk and is still let in.
    pub scopes: BTreeSet<OfficeCode>,
}

impl Repo {
    /// Who made a bundle; none for a desk that was never enrolled here.
    pub fn sender(&self, device: DeviceId, user: UserId) -> Result<Option<Sender>, RepoError> {
        self.read_blocking(|conn| {
            let Some(device) = devices::find(conn, device)? else {
                return Ok(None);
            };
            let card = people::card_on(conn, device.id, user)?.filter(|card| card.active);
            let scopes = card.as_ref().map(scopes_of).unwrap_or_default();
            Ok(Some(Sender { device, scopes }))
        })
    }

    /// A push, and where the chain ended before it.
    pub fn push_by_hand(&self, rules: &Rules, frames: Frames) -> Result<(Head, Pushed), RepoError> {
        let rules = rules.clone();
        self.write_blocking(move |conn| {
            let before = journal::head(conn, frames.device, frames.incarnation)?;
            Ok((before, apply::push(conn, &rules, &frames)?))
        })
    }

    pub fn document_by_hand(
        &self,
        offices: &BTreeSet<OfficeCode>,
        id: DocumentId,
    ) -> Result<Option<Expected>, RepoError> {
        self.read_within(&Scope::Offices(offices.clone()), |conn| {
            documents::find(conn, offices, id)
        })
    }

    pub fn stored_by_hand(&self, rules: &Rules, document: Expected) -> Result<(), RepoError> {
        let rules = rules.clone();
        self.write_blocking(move |conn| documents::stored(conn, &rules, &document))
    }

    pub fn heads_by_hand(&self, device: DeviceId) -> Result<Vec<Head>, RepoError> {
        self.read_blocking(|conn| journal::heads(conn, device))
    }

    pub fn page_by_hand(&self, page: &PageOf) -> Result<Option<PullReply>, RepoError> {
        self.read_within(&Scope::of(&page.office), |conn| feed::pull(conn, page))
    }

    pub fn fill_by_hand(&self, fill: &FillOf) -> Result<Option<SnapshotReply>, RepoError> {
        self.read_within(&Scope::of(&fill.page.office), |conn| {
            feed::snapshot(conn, fill)
        })
    }

    /// The next receipt after `after_seq`, for at most `most` ops; none when nothing is stored beyond it.
    pub fn receipt_after(
        &self,
        device: DeviceId,
        incarnation: Incarnation,
        after_seq: u64,
        most: usize,
    ) -> Result<Option<PushReply>, RepoError> {
        self.read_blocking(|conn| receipt(conn, (device, incarnation), after_seq, most))
    }
}

/// As for a request: administration alone opens no office.
fn scopes_of(card: &UserCard) -> BTreeSet<OfficeCode> {
    if card.roles.iter().any(|role| *role != Role::Admin) {
        card.offices.clone()
    } else {
        BTreeSet::new()
    }
}

fn receipt(
    conn: &Connection,
    (device, incarnation): (DeviceId, Incarnation),
    after_seq: u64,
    most: usize,
) -> Result<Option<PushReply>, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT seq, hash, op_id, outcome FROM journal WHERE device = ?1 AND incarnation = ?2 AND seq > ?3 \
         ORDER BY seq LIMIT ?4",
    )?;
    let mut rows = select.query(params![
        device.to_string(),
        incarnation.to_string(),
        after_seq,
        most
    ])?;
    let mut head = None;
    let mut outcomes = Vec::new();
    while let Some(row) = rows.next()? {
        head = Some(Head {
            incarnation,
            seq: row.get(0)?,
            hash: ChainHash::from_bytes(row.get(1)?),
        });
        outcomes.push(OpOutcome {
            op_id: OpId::parse(&row.get::<String>(2)?).ok_or(RepoError::Damaged("op id"))?,
            outcome: serde_json::from_str(&row.get::<String>(3)?)?,
        });
    }
    Ok(head.map(|head| PushReply { head, outcomes }))
}
