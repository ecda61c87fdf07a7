//! What an admin asks of the server, and what it answers. Nothing of it is stored on the desk.

use desk_domain::ids::{DeviceId, OfficeCode, UserId};
use desk_domain::time::Millis;
use desk_protocol::admin::{
    AdminDesk, AdminDesks, AdminLog, AdminOverview, AdminPeople, ApprovePolicy, DeskAct,
    InvitePerson, IssuedCode, NewDesk, PersonAct, PersonDone, PutOffice,
};

/// One look or one act.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AdminAsk {
    Overview,
    People {
        after: Option<String>,
        find: Option<String>,
        office: Option<OfficeCode>,
    },
    Desks {
        after: Option<DeviceId>,
        office: Option<OfficeCode>,
    },
    Log {
        before: Option<Millis>,
    },
    Invite(InvitePerson),
    Person(UserId, PersonAct),
    NewDesk(NewDesk),
    Desk(DeviceId, DeskAct),
    PutOffice(PutOffice),
    ApprovePolicy(ApprovePolicy),
}

/// Codes in it are shown once: it is never written anywhere.
#[derive(Clone, PartialEq, Eq)]
pub enum AdminAnswer {
    Overview(AdminOverview),
    People(AdminPeople),
    Desks(AdminDesks),
    Log(AdminLog),
    Person(PersonDone),
    Code(IssuedCode),
    Desk(AdminDesk),
}

impl std::fmt::Debug for AdminAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Overview(_) => "Overview",
            Self::People(_) => "People",
            Self::Desks(_) => "Desks",
            Self::Log(_) => "Log",
            Self::Person(_) => "Person",
            Self::Code(_) => "Code",
            Self::Desk(_) => "Desk",
        })
    }
}
