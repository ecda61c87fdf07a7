//! What an admin asks of the office over the line: people, desks, offices, and which policy is in force. Only people with
//! the role `admin` get in; whoever lies outside their own offices does not exist for them. No case content is here.

use crate::people::DeviceStatus;
use crate::wipe::WipePace;
use desk_domain::ids::{DeviceId, OfficeCode};
use desk_domain::people::{Employer, Role, UserCard};
use desk_domain::time::Millis;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Longest page of people or desks.
pub const MOST_LISTED: usize = 100;

/// Reply of `GET /v1/admin/office`: the admin's own offices, and what holds in the whole house.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AdminOverview {
    pub offices: Vec<AdminOffice>,
    /// Who decides or administers signs in with a second factor.
    pub second_factor: bool,
    /// A desk is let in by another person than the one who made its code; a policy by another than who proposed it.
    pub two_admins: bool,
    pub policy: AdminPolicy,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AdminOffice {
    pub code: OfficeCode,
    pub name: String,
    /// The office it stands under, named also when it is not one of the admin's.
    #[serde(default)]
    pub parent: Option<OfficeCode>,
    /// People who may sign in, and desks that are let in.
    pub people: u32,
    pub desks: u32,
    /// Desks that wait for an approval.
    pub waiting: u32,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AdminPolicy {
    pub version: u32,
    /// Since when it is in force.
    pub since: Millis,
    /// A newer one that another person has to approve.
    #[serde(default)]
    pub waiting: Option<WaitingPolicy>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WaitingPolicy {
    pub version: u32,
    pub proposed_at: Millis,
    /// Login of who proposed it, if somebody was named.
    #[serde(default)]
    pub proposed_by: Option<String>,
    pub changes: Vec<PolicyChange>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PolicyChange {
    /// Dotted name of the setting, as in the policy's text.
    pub key: String,
    pub from: String,
    pub to: String,
    /// An unbind becomes easier by it.
    pub eases: bool,
}

/// `POST /v1/admin/policy/approve`. The reply is the new [`AdminOverview`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovePolicy {
    pub version: u32,
}

/// Reply of `GET /v1/admin/people?after=LOGIN&find=TEXT&office=CODE`: by login, at most [`MOST_LISTED`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AdminPeople {
    pub people: Vec<AdminPerson>,
    /// There are more after the last one.
    pub more: bool,
}

/// Somebody who works in one of the admin's offices.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AdminPerson {
    pub card: UserCard,
    /// Every office of this person is the admin's too, and it is not the admin: acts are possible.
    pub mine: bool,
    /// A password was chosen, or the identity provider knows this person.
    pub settled: bool,
    pub second_factor: bool,
    /// A code that was not used yet, also when it has expired.
    #[serde(default)]
    pub invitation: Option<AdminInvitation>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AdminInvitation {
    /// True after a reset, false for a new account.
    pub is_reset: bool,
    pub office: OfficeCode,
    pub expires_at: Millis,
}

/// `POST /v1/admin/people`: an account without a password, and a code by which its owner chooses one. The reply is
/// [`PersonDone`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InvitePerson {
    pub login: String,
    pub name: String,
    pub roles: BTreeSet<Role>,
    pub employer: Employer,
    pub offices: BTreeSet<OfficeCode>,
    /// At whose desks the code works; needed for somebody of several offices.
    #[serde(default)]
    pub office: Option<OfficeCode>,
}

/// `POST /v1/admin/people/{user}`. The reply is [`PersonDone`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum PersonAct {
    /// These in place of those before; rights change at once, on every desk.
    Rights {
        roles: BTreeSet<Role>,
        employer: Employer,
        offices: BTreeSet<OfficeCode>,
    },
    /// Lets somebody in no more, for now; sessions end.
    Disable,
    Enable,
    /// Somebody leaves: disabled, second factor gone; the reply lists the desks that hold what they could see.
    Leave,
    /// The password ends with every session; a code makes way for a new one.
    Reset {
        office: Option<OfficeCode>,
    },
    /// A new code in place of one that was lost or is too old.
    Renew {
        office: Option<OfficeCode>,
    },
    /// Takes a code back that was not used yet.
    Uninvite,
    /// Sets up an authenticator app, in place of any before: the reply shows it once.
    SetFactor,
    /// Takes it away: the phone was lost.
    RemoveFactor,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PersonDone {
    pub person: AdminPerson,
    #[serde(default)]
    pub code: Option<IssuedCode>,
    #[serde(default)]
    pub factor: Option<IssuedFactor>,
    /// The desks this person has worked on, when somebody leaves.
    #[serde(default)]
    pub desks: Vec<AdminDesk>,
}

/// A code that is shown once and kept nowhere.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct IssuedCode {
    /// 26 base32 characters, in groups.
    pub code: String,
    pub office: OfficeCode,
    pub expires_at: Millis,
}

/// A second factor that is shown once.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct IssuedFactor {
    /// `otpauth://totp/…`, for a QR.
    pub address: String,
    pub recovery_codes: Vec<String>,
}

/// Reply of `GET /v1/admin/desks?after=ID&office=CODE`: those that wait first, then by office and code.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AdminDesks {
    pub desks: Vec<AdminDesk>,
    pub more: bool,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AdminDesk {
    pub device: DeviceId,
    pub office: OfficeCode,
    /// Two characters printed in case numbers.
    pub device_code: String,
    pub label: String,
    pub status: DeviceStatus,
    pub enrolled_at: Millis,
    /// SHA-256 of its public key, first 16 hexadecimal digits: read over the phone before it is let in.
    pub fingerprint: String,
    /// Why this admin may not approve it: made its code (`code_by_you`), nobody was named (`code_by_nobody`).
    #[serde(default)]
    pub approve_barred: Option<String>,
    #[serde(default)]
    pub wipe: DeskWipe,
    /// What was done with it, the oldest first.
    pub acts: Vec<AdminAct>,
    /// What headquarters should know of it: cloned, restored, cases differed; the newest first.
    pub events: Vec<AdminEvent>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeskWipe {
    #[default]
    None,
    Ordered,
    Done,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AdminAct {
    pub at: Millis,
    /// `invited`, `approved`, `revoked`, `wipe_ordered`, `wiped` for a desk.
    pub what: String,
    /// Login of who did it, if somebody was named.
    #[serde(default)]
    pub by: Option<String>,
    pub reason: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AdminEvent {
    pub last_at: Millis,
    pub what: String,
    pub times: u32,
}

/// `POST /v1/admin/desks`: a one-time code for a new desk, 15 minutes. The reply is [`IssuedCode`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewDesk {
    pub office: OfficeCode,
}

/// `POST /v1/admin/desks/{device}`. The reply is the [`AdminDesk`] as it is then.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum DeskAct {
    Approve,
    /// Lets it in no more; what it holds stays on it.
    Revoke {
        reason: String,
    },
    /// Orders it to destroy what it holds, at its next contact.
    Wipe {
        pace: WipePace,
        reason: String,
    },
}

/// `POST /v1/admin/office`: adds an office under one of the admin's, or gives one of them another name or place. A new one
/// becomes the admin's too. The reply is the new [`AdminOverview`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutOffice {
    pub code: OfficeCode,
    pub name: String,
    #[serde(default)]
    pub parent: Option<OfficeCode>,
}

/// Reply of `GET /v1/admin/log?before=AT`: what admins did, the newest first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AdminLog {
    pub lines: Vec<AdminLine>,
    pub more: bool,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AdminLine {
    pub at: Millis,
    /// Login of who did it.
    pub by: String,
    /// `invite`, `rights`, `disable`, `enable`, `leave`, `reset`, `renew`, `uninvite`, `set_factor`, `remove_factor`,
    /// `new_desk`, `approve`, `revoke`, `wipe`, `put_office`, `approve_policy`.
    pub what: String,
    /// Login, desk (office and its two characters), office code or version of the policy.
    pub subject: String,
    /// What changed, as `key=value` words; no secret.
    pub detail: String,
}
