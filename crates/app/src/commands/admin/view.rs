//! What the server answered, for the screen.

use crate::dto::{
    AdminActView, AdminDeskView, AdminDesksView, AdminDone, AdminEventView, AdminInvitationView,
    AdminLineView, AdminLogView, AdminOfficeView, AdminOverviewView, AdminPeopleView,
    AdminPersonView, AdminScreen, IssuedCodeView, IssuedFactorView, PolicyChangeView, QrView,
    WaitingPolicyView,
};
use crate::error::AppError;
use crate::words::word;
use desk_domain::ids::DeviceId;
use desk_media::{QUIET_MODULES, QrMatrix};
use desk_protocol::admin::{
    AdminDesk, AdminLine, AdminOffice, AdminOverview, AdminPerson, IssuedCode, IssuedFactor,
    WaitingPolicy,
};
use desk_sync::AdminAnswer;

pub(super) fn screen(answer: AdminAnswer, here: DeviceId) -> Result<AdminScreen, AppError> {
    let mut screen = AdminScreen {
        overview: None,
        people: None,
        desks: None,
        log: None,
    };
    match answer {
        AdminAnswer::Overview(told) => screen.overview = Some(overview(told)),
        AdminAnswer::People(told) => {
            screen.people = Some(AdminPeopleView {
                people: told.people.into_iter().map(person).collect(),
                more: told.more,
            });
        }
        AdminAnswer::Desks(told) => {
            screen.desks = Some(AdminDesksView {
                desks: told.desks.into_iter().map(|one| desk(one, here)).collect(),
                more: told.more,
            });
        }
        AdminAnswer::Log(told) => {
            screen.log = Some(AdminLogView {
                lines: told.lines.into_iter().map(line).collect(),
                more: told.more,
            });
        }
        AdminAnswer::Person(_) | AdminAnswer::Code(_) | AdminAnswer::Desk(_) => {
            return Err(AppError::Unexpected("an act's answer to a look"));
        }
    }
    Ok(screen)
}

pub(super) fn done(answer: AdminAnswer, here: DeviceId) -> Result<AdminDone, AppError> {
    let mut done = AdminDone {
        overview: None,
        person: None,
        desk: None,
        code: None,
        factor: None,
        desks: Vec::new(),
    };
    match answer {
        AdminAnswer::Overview(told) => done.overview = Some(overview(told)),
        AdminAnswer::Person(told) => {
            done.person = Some(person(told.person));
            done.code = told.code.map(code);
            done.factor = told.factor.map(factor);
            done.desks = told.desks.into_iter().map(|one| desk(one, here)).collect();
        }
        AdminAnswer::Code(told) => done.code = Some(code(told)),
        AdminAnswer::Desk(told) => done.desk = Some(desk(told, here)),
        AdminAnswer::People(_) | AdminAnswer::Desks(_) | AdminAnswer::Log(_) => {
            return Err(AppError::Unexpected("a look's answer to an act"));
        }
    }
    Ok(done)
}

fn overview(told: AdminOverview) -> AdminOverviewView {
    AdminOverviewView {
        offices: told.offices.into_iter().map(office).collect(),
        second_factor: told.second_factor,
        two_admins: told.two_admins,
        policy_version: told.policy.version,
        policy_since: told.policy.since,
        waiting: told.policy.waiting.map(waiting),
    }
}

fn office(told: AdminOffice) -> AdminOfficeView {
    AdminOfficeView {
        code: told.code.to_string(),
        name: told.name,
        parent: told.parent.map(|code| code.to_string()),
        people: told.people,
        desks: told.desks,
        waiting: told.waiting,
    }
}

fn waiting(told: WaitingPolicy) -> WaitingPolicyView {
    let changes = told.changes.into_iter();
    WaitingPolicyView {
        version: told.version,
        proposed_at: told.proposed_at,
        proposed_by: told.proposed_by,
        changes: changes
            .map(|change| PolicyChangeView {
                key: change.key,
                from: change.from,
                to: change.to,
                eases: change.eases,
            })
            .collect(),
    }
}

fn person(told: AdminPerson) -> AdminPersonView {
    let card = told.card;
    AdminPersonView {
        user: card.user.to_string(),
        login: card.login,
        name: card.name,
        roles: card.roles.iter().map(word).collect(),
        employer: word(&card.employer),
        offices: card.offices.iter().map(ToString::to_string).collect(),
        active: card.active,
        mine: told.mine,
        settled: told.settled,
        second_factor: told.second_factor,
        invitation: told.invitation.map(|invitation| AdminInvitationView {
            is_reset: invitation.is_reset,
            office: invitation.office.to_string(),
            expires_at: invitation.expires_at,
        }),
    }
}

fn code(told: IssuedCode) -> IssuedCodeView {
    IssuedCodeView {
        code: told.code,
        office: told.office.to_string(),
        expires_at: told.expires_at,
    }
}

fn factor(told: IssuedFactor) -> IssuedFactorView {
    IssuedFactorView {
        qr: QrMatrix::of(&told.address).map(|code| QrView {
            side: code.side + 2 * QUIET_MODULES,
            path: code.svg_path(),
        }),
        address: told.address,
        recovery_codes: told.recovery_codes,
    }
}

fn desk(told: AdminDesk, here: DeviceId) -> AdminDeskView {
    AdminDeskView {
        here: told.device == here,
        device: told.device.to_string(),
        office: told.office.to_string(),
        device_code: told.device_code,
        label: told.label,
        status: word(&told.status),
        enrolled_at: told.enrolled_at,
        fingerprint: told.fingerprint,
        approve_barred: told.approve_barred,
        wipe: word(&told.wipe),
        acts: told
            .acts
            .into_iter()
            .map(|act| AdminActView {
                at: act.at,
                what: act.what,
                by: act.by,
                reason: act.reason,
            })
            .collect(),
        events: told
            .events
            .into_iter()
            .map(|event| AdminEventView {
                last_at: event.last_at,
                what: event.what,
                times: event.times,
            })
            .collect(),
    }
}

fn line(told: AdminLine) -> AdminLineView {
    AdminLineView {
        at: told.at,
        by: told.by,
        what: told.what,
        subject: told.subject,
        detail: told.detail,
    }
}
