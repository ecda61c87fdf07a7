//! The admin's place. Asked of the server every time, never stored here: a code in an answer is shown once and is gone.

mod view;

use super::read;
use crate::desk::Desk;
use crate::dto::{AdminDo, AdminDone, AdminPage, AdminScreen};
use crate::error::AppError;
use crate::line::from_server;
use crate::session::Session;
use crate::words::{self, SHORT_CHARS};
use desk_domain::ids::{DeviceId, OfficeCode, UserId};
use desk_domain::people::{Employer, Role};
use desk_domain::refusal::Code;
use desk_protocol::admin::{ApprovePolicy, DeskAct, InvitePerson, NewDesk, PersonAct, PutOffice};
use desk_protocol::error::Problem;
use desk_protocol::wipe::WipePace;
use desk_sync::{AdminAnswer, AdminAsk, SyncError};
use std::collections::{BTreeMap, BTreeSet};

/// Roles or offices of one person.
const RIGHTS_MAX: usize = 64;

pub fn admin_view(desk: &Desk, args: AdminPage) -> Result<AdminScreen, AppError> {
    let session = admins(desk)?;
    let ask = match args {
        AdminPage::Overview {} => AdminAsk::Overview,
        AdminPage::People {
            find,
            office,
            after,
        } => {
            let find = words::maybe_said(&find, "find", SHORT_CHARS)?;
            AdminAsk::People {
                after: after
                    .map(|login| words::said(&login, "after", SHORT_CHARS))
                    .transpose()?,
                find: (!find.is_empty()).then_some(find),
                office: maybe_office(office)?,
            }
        }
        AdminPage::Desks { office, after } => AdminAsk::Desks {
            after: after.map(|id| device(&id)).transpose()?,
            office: maybe_office(office)?,
        },
        AdminPage::Log { before } => AdminAsk::Log { before },
    };
    view::screen(asked(&session, ask)?, session.identity.device)
}

pub fn admin_act(desk: &Desk, args: AdminDo) -> Result<AdminDone, AppError> {
    let session = admins(desk)?;
    let ask = act(desk, args)?;
    view::done(asked(&session, ask)?, session.identity.device)
}

/// The server checks again; here it spares the question.
fn admins(desk: &Desk) -> Result<std::sync::Arc<Session>, AppError> {
    let session = desk.session()?;
    if session.may(Role::Admin) {
        return Ok(session);
    }
    Err(AppError::Refused {
        code: Code::ActorRole.as_str().to_owned(),
        params: BTreeMap::new(),
    })
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "only a refusal that names a field is told otherwise"
)]
fn asked(session: &Session, ask: AdminAsk) -> Result<AdminAnswer, AppError> {
    let courier = session.courier().ok_or(AppError::NoServer)?;
    courier.admin(ask).map_err(|error| match error {
        SyncError::Refused(Problem {
            code,
            field: Some(field),
            params,
            ..
        }) => AppError::Field {
            field,
            code,
            params,
        },
        other => from_server(other),
    })
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "what is left is about people"
)]
fn act(desk: &Desk, args: AdminDo) -> Result<AdminAsk, AppError> {
    Ok(match args {
        AdminDo::NewDesk { office: code } => AdminAsk::NewDesk(NewDesk {
            office: office(&code)?,
        }),
        AdminDo::Approve { device: id } => AdminAsk::Desk(device(&id)?, DeskAct::Approve),
        AdminDo::Revoke { device: id, reason } => {
            let reason = read::said(desk, &reason, "reason")?;
            AdminAsk::Desk(device(&id)?, DeskAct::Revoke { reason })
        }
        AdminDo::Wipe {
            device: id,
            pace,
            reason,
        } => {
            let pace: WipePace = words::choice(&pace, "pace")?;
            let reason = read::said(desk, &reason, "reason")?;
            AdminAsk::Desk(device(&id)?, DeskAct::Wipe { pace, reason })
        }
        AdminDo::PutOffice { code, name, parent } => AdminAsk::PutOffice(PutOffice {
            code: office(&code)?,
            name: words::said(&name, "name", SHORT_CHARS)?,
            parent: maybe_office(parent)?,
        }),
        AdminDo::ApprovePolicy { version } => AdminAsk::ApprovePolicy(ApprovePolicy { version }),
        person => person_act(person)?,
    })
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "desks, offices and policy are the caller's"
)]
fn person_act(args: AdminDo) -> Result<AdminAsk, AppError> {
    let (who, act) = match args {
        AdminDo::Invite {
            login,
            name,
            roles: names,
            employer,
            offices: codes,
            office: at,
        } => {
            return Ok(AdminAsk::Invite(InvitePerson {
                login: words::said(&login, "login", SHORT_CHARS)?,
                name: words::said(&name, "name", SHORT_CHARS)?,
                roles: roles(&names)?,
                employer: words::choice::<Employer>(&employer, "employer")?,
                offices: offices(&codes)?,
                office: maybe_office(at)?,
            }));
        }
        AdminDo::Rights {
            user,
            roles: names,
            employer,
            offices: codes,
        } => {
            let rights = PersonAct::Rights {
                roles: roles(&names)?,
                employer: words::choice::<Employer>(&employer, "employer")?,
                offices: offices(&codes)?,
            };
            (user, rights)
        }
        AdminDo::Disable { user } => (user, PersonAct::Disable),
        AdminDo::Enable { user } => (user, PersonAct::Enable),
        AdminDo::Leave { user } => (user, PersonAct::Leave),
        AdminDo::Reset { user, office: at } => {
            let office = maybe_office(at)?;
            (user, PersonAct::Reset { office })
        }
        AdminDo::Renew { user, office: at } => {
            let office = maybe_office(at)?;
            (user, PersonAct::Renew { office })
        }
        AdminDo::Uninvite { user } => (user, PersonAct::Uninvite),
        AdminDo::SetFactor { user } => (user, PersonAct::SetFactor),
        AdminDo::RemoveFactor { user } => (user, PersonAct::RemoveFactor),
        _ => return Err(AppError::BadArguments),
    };
    let who = UserId::parse(&who).ok_or(AppError::BadArguments)?;
    Ok(AdminAsk::Person(who, act))
}

fn device(id: &str) -> Result<DeviceId, AppError> {
    DeviceId::parse(id).ok_or(AppError::BadArguments)
}

fn office(code: &str) -> Result<OfficeCode, AppError> {
    OfficeCode::parse(code.trim()).ok_or(AppError::NotAChoice("office"))
}

fn maybe_office(code: Option<String>) -> Result<Option<OfficeCode>, AppError> {
    let code = code.filter(|code| !code.trim().is_empty());
    code.map(|code| office(&code)).transpose()
}

/// At least one. The system's role is nobody's.
fn roles(names: &[String]) -> Result<BTreeSet<Role>, AppError> {
    if names.is_empty() || names.len() > RIGHTS_MAX || names.iter().any(|name| name == "system") {
        return Err(AppError::NotAChoice("roles"));
    }
    names
        .iter()
        .map(|name| words::choice(name, "roles"))
        .collect()
}

fn offices(codes: &[String]) -> Result<BTreeSet<OfficeCode>, AppError> {
    if codes.is_empty() || codes.len() > RIGHTS_MAX {
        return Err(AppError::NotAChoice("offices"));
    }
    codes.iter().map(|code| office(code)).collect()
}
