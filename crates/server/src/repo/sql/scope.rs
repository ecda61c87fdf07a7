//! What a transaction may see and change. PostgreSQL enforces it row by row on every table that belongs to offices; an
//! embedded file has no such thing, there the clauses of the statements alone decide. ADR 26.

use desk_domain::ids::OfficeCode;
use std::collections::BTreeSet;

/// The role under which every transaction runs on PostgreSQL: it owns nothing and passes no row-level security.
pub const ROLE: &str = "unbind_desk_rows";

/// How far a transaction reaches.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Scope {
    /// The house: what belongs to no one office, or is looked for in all of them (who knocks, whose token this is, jobs,
    /// the console).
    House,
    /// The rows of these offices, and those that belong to none.
    Offices(BTreeSet<OfficeCode>),
    /// A push: what it reads is the house; what it writes is not known before its ops are judged, and is said before it
    /// writes ([`super::Connection::write_only`]).
    Undecided,
    /// Cases of this office are judged: a rule may look at another office's (the same serial, the same picture), but only
    /// rows of this one are written.
    Judging(OfficeCode),
}

impl Scope {
    /// One office.
    pub fn of(office: &OfficeCode) -> Self {
        Self::Offices(BTreeSet::from([office.clone()]))
    }

    /// What PostgreSQL is told of what may be seen, after a BEGIN or a SAVEPOINT.
    pub(super) fn reads(&self) -> String {
        let word = match self {
            Self::Judging(_) | Self::Undecided => Self::House.word(),
            Self::House | Self::Offices(_) => self.word(),
        };
        format!("SET LOCAL desk.reads = '{word}'")
    }

    /// The same of what may be written.
    pub(super) fn writes(&self) -> String {
        format!("SET LOCAL desk.writes = '{}'", self.word())
    }

    /// As the policies of the tables read it. An office's code is five letters or digits: nothing in it ends a text.
    fn word(&self) -> String {
        match self {
            Self::House => "*".to_owned(),
            Self::Undecided => String::new(),
            Self::Judging(office) => office.to_string(),
            Self::Offices(offices) => {
                let codes: Vec<&str> = offices.iter().map(OfficeCode::as_str).collect();
                codes.join(",")
            }
        }
    }
}
