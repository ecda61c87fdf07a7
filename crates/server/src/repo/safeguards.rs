//! What the office asks of its people beyond a password. Kept in the database: every server and every command of the
//! admin goes by the same.

use super::sql::Connection;
use super::{RepoError, system};
use desk_domain::people::{Role, UserCard};

const SECOND_FACTOR: &str = "safeguard.second_factor";
const TWO_ADMINS: &str = "safeguard.two_admins";
const ON: &str = "on";

/// Both are off until an admin turns them on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Safeguards {
    /// Who decides or administers signs in with a second factor.
    pub second_factor: bool,
    /// A desk is let in by another person than the one who made its code.
    pub two_admins: bool,
}

impl Safeguards {
    /// True when this person does not get in without a second factor.
    pub fn ask_factor_of(&self, card: &UserCard) -> bool {
        let weighty = |role: &Role| match role {
            Role::Reviewer | Role::Operator | Role::Supervisor | Role::Admin => true,
            Role::Agent | Role::Clerk | Role::Auditor | Role::System => false,
        };
        self.second_factor && card.roles.iter().any(weighty)
    }
}

/// Those in force.
pub fn load(conn: &Connection) -> Result<Safeguards, RepoError> {
    let is_on = |key| Ok::<_, RepoError>(system::note(conn, key)?.as_deref() == Some(ON));
    Ok(Safeguards {
        second_factor: is_on(SECOND_FACTOR)?,
        two_admins: is_on(TWO_ADMINS)?,
    })
}

/// Puts others in force.
pub fn put(conn: &Connection, safeguards: Safeguards) -> Result<(), RepoError> {
    let word = |is_on| if is_on { ON } else { "off" };
    system::put_note(conn, SECOND_FACTOR, word(safeguards.second_factor))?;
    system::put_note(conn, TWO_ADMINS, word(safeguards.two_admins))
}
