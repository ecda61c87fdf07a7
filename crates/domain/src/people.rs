//! Who acts: roles, employer, and the actor as the rules see them.

use crate::ids::{OfficeCode, UserId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use ts_rs::TS;

/// What a person may do; `product.md` section 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Agent,
    Clerk,
    Reviewer,
    Operator,
    Supervisor,
    Admin,
    Auditor,
    /// The server's own device: receipts, uploads, callbacks, clocks.
    System,
}

impl Role {
    /// All roles, for exhaustive tests and menus.
    pub const ALL: [Self; 8] = [
        Self::Agent,
        Self::Clerk,
        Self::Reviewer,
        Self::Operator,
        Self::Supervisor,
        Self::Admin,
        Self::Auditor,
        Self::System,
    ];
}

/// Outsourced users collect; they never decide or execute.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Employer {
    Acquirer,
    Outsourcer,
}

/// The person behind an op, with the rights that hold when it is judged.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Actor {
    pub user: UserId,
    /// The human being: two accounts of one person carry the same value, so the two-person rule sees through them.
    pub person: UserId,
    pub roles: BTreeSet<Role>,
    pub employer: Employer,
    /// The offices whose cases this person may touch.
    pub offices: BTreeSet<OfficeCode>,
    /// False once revoked: facts are then held for a person to look at.
    pub active: bool,
}

/// What a desk knows of a user; also delivered in the feed so that names show offline.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UserCard {
    pub user: UserId,
    pub person: UserId,
    pub login: String,
    pub name: String,
    pub roles: BTreeSet<Role>,
    pub employer: Employer,
    pub offices: BTreeSet<OfficeCode>,
    pub active: bool,
}

impl UserCard {
    /// The actor that the rules judge.
    pub fn actor(&self) -> Actor {
        Actor {
            user: self.user,
            person: self.person,
            roles: self.roles.clone(),
            employer: self.employer,
            offices: self.offices.clone(),
            active: self.active,
        }
    }
}

impl Actor {
    /// Holds the role, and the employer lets it count.
    pub fn may(&self, role: Role) -> bool {
        let decides = matches!(role, Role::Reviewer | Role::Operator | Role::Supervisor);
        self.roles.contains(&role) && !(decides && self.employer == Employer::Outsourcer)
    }
}
