//! Administration over the line. Who may is judged in the transaction that acts, by the card as it stands then; what lies
//! outside the admin's own offices does not exist.

pub mod acts;
pub mod desks;
pub mod offices;
pub mod people;
pub mod steps;

use super::sql::{Connection, SqlError};
use super::{Repo, RepoError, Scope};
use desk_domain::ids::OfficeCode;
use desk_domain::people::{Role, UserCard};
use desk_domain::time::Millis;
use std::sync::Arc;

/// Why an admin's request is not met.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// Not an admin, or not any more.
    Forbidden,
    Unknown,
    Yourself,
    /// Some of this person's offices are not the admin's.
    NotYours,
    /// This field cannot be so.
    Field(&'static str),
    LoginTaken,
    OfficeTaken,
    /// It no longer stands as the admin saw it.
    NotNow,
    /// Another person has to approve.
    SecondPerson(&'static str),
    TooMany {
        until: Millis,
    },
}

/// What ends a request early. A refusal comes before anything is written.
#[derive(Debug)]
pub enum Stop {
    Refused(Refusal),
    Repo(RepoError),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<RepoError> for Stop {
    fn from(error: RepoError) -> Self {
        Self::Repo(error)
    }
}

impl From<SqlError> for Stop {
    fn from(error: SqlError) -> Self {
        Self::Repo(error.into())
    }
}

impl Repo {
    /// An admin looks.
    pub async fn admin_reads<T: Send + 'static>(
        self: &Arc<Self>,
        me: &UserCard,
        look: impl FnOnce(&Connection, &UserCard) -> Result<T, Stop> + Send + 'static,
    ) -> Result<Result<T, Refusal>, RepoError> {
        let (user, scope) = (me.user, Scope::Offices(me.offices.clone()));
        self.read(scope, move |conn| {
            settle(admin(conn, user).and_then(|me| look(conn, &me)))
        })
        .await
    }

    /// An admin acts; `more` is an office that does not exist yet.
    pub async fn admin_writes<T: Send + 'static>(
        &self,
        me: &UserCard,
        more: Option<OfficeCode>,
        mut act: impl FnMut(&Connection, &UserCard) -> Result<T, Stop> + Send + 'static,
    ) -> Result<Result<T, Refusal>, RepoError> {
        let mut reach = me.offices.clone();
        reach.extend(more);
        let user = me.user;
        self.write(Scope::Offices(reach), move |conn| {
            settle(admin(conn, user).and_then(|me| act(conn, &me)))
        })
        .await
    }
}

fn admin(conn: &Connection, user: desk_domain::ids::UserId) -> Result<UserCard, Stop> {
    let card = super::people::card(conn, user)?;
    let admin = card.filter(|card| card.active && card.roles.contains(&Role::Admin));
    Ok(admin.ok_or(Refusal::Forbidden)?)
}

fn settle<T>(done: Result<T, Stop>) -> Result<Result<T, Refusal>, RepoError> {
    match done {
        Ok(done) => Ok(Ok(done)),
        Err(Stop::Refused(refusal)) => Ok(Err(refusal)),
        Err(Stop::Repo(error)) => Err(error),
    }
}

/// An office that is the admin's; any other does not exist.
fn must_be_mine(me: &UserCard, office: &OfficeCode) -> Result<(), Stop> {
    if me.offices.contains(office) {
        Ok(())
    } else {
        Err(Refusal::Unknown.into())
    }
}

/// Text of a person: something in it, not too long, nothing invisible.
fn typed(text: &str, field: &'static str, most: usize) -> Result<String, Stop> {
    let text = text.trim();
    let holds = !text.is_empty() && text.chars().count() <= most;
    if holds && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err(Refusal::Field(field).into())
    }
}
