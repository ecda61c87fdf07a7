//! One person at one open desk.

use crate::desk::{Desk, hold};
use crate::error::{AppError, Thing};
use crate::upkeep::Running;
use crate::vault::{DatabaseKey, Vault};
use desk_domain::calendar::Calendar;
use desk_domain::field::FieldKey;
use desk_domain::ids::{CaseId, DocumentId, OpId, UserId};
use desk_domain::op::OpBody;
use desk_domain::people::{Actor, Role, UserCard};
use desk_domain::policy::Policy;
use desk_domain::time::Millis;
use desk_store::{Appended, CaseView, Identity, NewOp, Store};
use desk_sync::{Courier, SessionTokens};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// What this desk talks to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub(crate) enum Mode {
    Server {
        url: String,
    },
    Standalone,
    /// Synthetic cases; nothing leaves.
    Demo,
}

/// Names of what this room keeps in the store's settings.
pub(crate) mod kept {
    pub const MODE: &str = "app.mode";
    pub const SIGNING_KEY: &str = "app.signing_key";
    pub const POLICY: &str = "app.policy";
    /// What the server signs its orders with, as it was heard first: later words do not replace it.
    pub const SERVER_KEY: &str = "app.server_key";
    pub const LAST_CONTACT: &str = "app.last_contact_at";
    pub const CALLS: &str = "app.calls";
    pub const SYSTEM_USER: &str = "app.system_user";
    /// One per user.
    pub fn session(user: &str) -> String {
        format!("app.session.{user}")
    }
    /// One per user.
    pub fn reveals(user: &str) -> String {
        format!("app.reveals.{user}")
    }
    /// One per user.
    pub fn settings(user: &str) -> String {
        format!("app.settings.{user}")
    }
}

/// What a session needs; taken apart only in this module and in `opening`.
pub(crate) struct Session {
    /// First: it ends before the file is closed.
    pub _upkeep: Running,
    pub store: Arc<Store>,
    pub courier: Mutex<Option<Arc<Courier>>>,
    pub mode: Mode,
    pub user: UserCard,
    pub identity: Identity,
    pub vault: Vault,
    pub key: Arc<DatabaseKey>,
    pub judge: Arc<Mutex<Rules>>,
    /// Stands for the server where there is none.
    pub system: Option<UserId>,
    /// Papers that this person has looked at since the desk was opened: each is on record once.
    pub seen: Mutex<BTreeSet<DocumentId>>,
}

/// What screens and previews are computed by.
#[derive(Clone)]
pub(crate) struct Rules {
    pub policy: Arc<Policy>,
    pub calendar: Arc<Calendar>,
}

/// A session as it outlives a restart, inside the encrypted file.
#[derive(Serialize, Deserialize)]
pub(crate) struct KeptSession {
    pub access_token: String,
    pub access_expires_at: Millis,
    pub refresh_token: String,
    pub user: UserCard,
}

impl From<KeptSession> for SessionTokens {
    fn from(kept: KeptSession) -> Self {
        Self {
            access_token: kept.access_token,
            access_expires_at: kept.access_expires_at,
            refresh_token: kept.refresh_token,
            user: kept.user,
        }
    }
}

impl From<&SessionTokens> for KeptSession {
    fn from(tokens: &SessionTokens) -> Self {
        Self {
            access_token: tokens.access_token.clone(),
            access_expires_at: tokens.access_expires_at,
            refresh_token: tokens.refresh_token.clone(),
            user: tokens.user.clone(),
        }
    }
}

impl Session {
    /// With the rights of this moment: a role given or taken away arrives by the feed.
    pub(crate) fn actor(&self) -> Actor {
        let known = self.store.user(self.user.user).ok().flatten();
        known.as_ref().unwrap_or(&self.user).actor()
    }

    pub(crate) fn may(&self, role: Role) -> bool {
        self.actor().may(role)
    }

    pub(crate) fn rules(&self) -> Rules {
        hold(&self.judge).clone()
    }

    /// One case of this desk.
    pub(crate) fn view(&self, case: CaseId) -> Result<CaseView, AppError> {
        self.store
            .case_view(case)?
            .ok_or(AppError::NotFound(Thing::Case))
    }

    /// One action of this person: all of it or nothing.
    pub(crate) fn act(
        &self,
        desk: &Desk,
        case: CaseId,
        deeds: Vec<Deed>,
    ) -> Result<Appended, AppError> {
        let now = desk.now();
        let cleared: Vec<(CaseId, FieldKey)> = deeds
            .iter()
            .filter_map(|deed| deed.clears)
            .map(|field| (case, field))
            .collect();
        let ops: Vec<NewOp> = deeds
            .into_iter()
            .map(|deed| self.new_op(desk, case, deed, now))
            .collect();
        let appended = self.store.append(&ops, &cleared)?;
        self.poke();
        Ok(appended)
    }

    /// A receipt that the server would give; only where there is no server.
    pub(crate) fn act_as_system(
        &self,
        desk: &Desk,
        case: CaseId,
        body: OpBody,
    ) -> Result<(), AppError> {
        let Some(system) = self.system else {
            return Ok(());
        };
        let now = desk.now();
        let op = NewOp {
            op_id: OpId::new(now, desk.chance()),
            actor: system,
            case,
            body,
            base_rev: None,
            captured_at: now,
        };
        self.store.append(&[op], &[])?;
        Ok(())
    }

    fn new_op(&self, desk: &Desk, case: CaseId, deed: Deed, now: Millis) -> NewOp {
        NewOp {
            op_id: OpId::new(now, desk.chance()),
            actor: self.user.user,
            case,
            body: deed.body,
            base_rev: deed.base_rev,
            captured_at: now,
        }
    }

    /// The courier, where there is a server.
    pub(crate) fn courier(&self) -> Option<Arc<Courier>> {
        hold(&self.courier).clone()
    }

    pub(crate) fn set_courier(&self, courier: Courier) {
        *hold(&self.courier) = Some(Arc::new(courier));
    }

    /// Tells the courier that there is something to send.
    pub(crate) fn poke(&self) {
        if let Some(courier) = self.courier() {
            courier.poke();
        }
    }

    /// Ends with the last question that waits for it.
    pub(crate) fn stop_courier(&self) {
        drop(hold(&self.courier).take());
    }

    /// A small thing this room keeps in the encrypted file.
    pub(crate) fn recall<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, AppError> {
        recall(&self.store, name)
    }

    pub(crate) fn keep<T: Serialize>(&self, name: &str, value: &T) -> Result<(), AppError> {
        keep(&self.store, name, value)
    }

    /// A person's name, or nothing when this desk never heard of them.
    pub(crate) fn name_of(&self, user: UserId) -> String {
        match self.store.user(user) {
            Ok(Some(card)) => card.name,
            Ok(None) | Err(_) => String::new(),
        }
    }
}

/// One op to be, with the draft that it makes needless.
pub(crate) struct Deed {
    pub body: OpBody,
    pub base_rev: Option<OpId>,
    pub clears: Option<FieldKey>,
}

impl From<OpBody> for Deed {
    fn from(body: OpBody) -> Self {
        Self {
            body,
            base_rev: None,
            clears: None,
        }
    }
}

/// Reads a kept thing; one that cannot be read counts as absent, since it is never the only copy of anything.
pub(crate) fn recall<T: DeserializeOwned>(
    store: &Store,
    name: &str,
) -> Result<Option<T>, AppError> {
    Ok(store
        .setting(name)?
        .and_then(|json| serde_json::from_str(&json).ok()))
}

pub(crate) fn keep<T: Serialize>(store: &Store, name: &str, value: &T) -> Result<(), AppError> {
    let json = serde_json::to_string(value).map_err(|_| AppError::Unexpected("not JSON"))?;
    Ok(store.put_setting(name, &json)?)
}
