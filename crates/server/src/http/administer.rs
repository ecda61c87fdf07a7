//! Administration over the line: people, desks and offices of an admin. What may be is judged in [`crate::repo::administer`].

use super::Office;
use super::gate::Caller;
use super::wire::{Context, Json};
use crate::error::ApiError;
use crate::repo::administer::acts::{self, Act};
use crate::repo::administer::people::{self, Made, Wanted};
use crate::repo::administer::steps::{NewFactor, SignedOrder};
use crate::repo::administer::{Refusal, Stop, desks, offices};
use crate::repo::sql::Connection;
use crate::secrets;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use desk_domain::ids::{DeviceId, OfficeCode, UserId};
use desk_domain::people::UserCard;
use desk_domain::time::Millis;
use desk_protocol::admin::{ApprovePolicy, DeskAct, InvitePerson, NewDesk, PersonAct, PutOffice};
use desk_protocol::error;
use serde::Deserialize;
use serde::Serialize;
use std::sync::Arc;

type Asked<T> = Result<Query<T>, QueryRejection>;

/// Which people.
#[derive(Deserialize)]
pub struct PeopleQuery {
    #[serde(default)]
    after: String,
    #[serde(default)]
    find: String,
    #[serde(default)]
    office: Option<OfficeCode>,
}

/// Which desks.
#[derive(Deserialize)]
pub struct DesksQuery {
    #[serde(default)]
    after: Option<DeviceId>,
    #[serde(default)]
    office: Option<OfficeCode>,
}

/// Which part of the log.
#[derive(Deserialize)]
pub struct LogQuery {
    #[serde(default)]
    before: Option<Millis>,
}

pub async fn overview(
    State(office): State<Arc<Office>>,
    context: Context,
    caller: Caller,
) -> Result<Response, ApiError> {
    let rules = office.rules.clone();
    let look = move |conn: &Connection, me: &UserCard| offices::overview(conn, me, &rules);
    read(&office, (&context, &caller), look).await
}

pub async fn put_office(
    State(office): State<Arc<Office>>,
    context: Context,
    caller: Caller,
    Json(request): Json<PutOffice>,
) -> Result<Response, ApiError> {
    let (rules, act) = (office.rules.clone(), begun(&office, &caller));
    let more = Some(request.code.clone());
    write(
        &office,
        (&context, &caller, more),
        move |conn: &Connection, me: &UserCard| offices::put(conn, me, &act, (&request, &rules)),
    )
    .await
}

pub async fn approve_policy(
    State(office): State<Arc<Office>>,
    context: Context,
    caller: Caller,
    Json(request): Json<ApprovePolicy>,
) -> Result<Response, ApiError> {
    let (rules, act) = (office.rules.clone(), begun(&office, &caller));
    write(
        &office,
        (&context, &caller, None),
        move |conn: &Connection, me: &UserCard| {
            offices::approve(conn, me, &act, (request.version, &rules))
        },
    )
    .await
}

pub async fn log(
    State(office): State<Arc<Office>>,
    context: Context,
    caller: Caller,
    query: Asked<LogQuery>,
) -> Result<Response, ApiError> {
    let before = asked(query)?.before.unwrap_or(Millis::MAX);
    let look = move |conn: &Connection, me: &UserCard| acts::log(conn, me, before);
    read(&office, (&context, &caller), look).await
}

pub async fn people(
    State(office): State<Arc<Office>>,
    context: Context,
    caller: Caller,
    query: Asked<PeopleQuery>,
) -> Result<Response, ApiError> {
    let query = asked(query)?;
    let wanted = Wanted {
        after: query.after,
        find: query.find,
        office: query.office,
    };
    let look = move |conn: &Connection, me: &UserCard| people::list(conn, me, &wanted);
    read(&office, (&context, &caller), look).await
}

pub async fn invite(
    State(office): State<Arc<Office>>,
    context: Context,
    caller: Caller,
    Json(request): Json<InvitePerson>,
) -> Result<Response, ApiError> {
    let user = UserId::new(office.now(), office.rules.chance.as_ref());
    let (act, made) = (begun(&office, &caller), made(&office, user, false)?);
    write(
        &office,
        (&context, &caller, None),
        move |conn: &Connection, me: &UserCard| people::invite(conn, me, &act, (&request, &made)),
    )
    .await
}

pub async fn act_on_person(
    State(office): State<Arc<Office>>,
    context: Context,
    caller: Caller,
    Path(user): Path<String>,
    Json(what): Json<PersonAct>,
) -> Result<Response, ApiError> {
    let user = UserId::parse(&user).ok_or_else(|| ApiError::new(error::NOT_FOUND))?;
    let made = made(&office, user, what == PersonAct::SetFactor)?;
    let act = begun(&office, &caller);
    write(
        &office,
        (&context, &caller, None),
        move |conn: &Connection, me: &UserCard| {
            people::act_on(conn, me, &act, (user, &what, &made))
        },
    )
    .await
}

pub async fn desks(
    State(office): State<Arc<Office>>,
    context: Context,
    caller: Caller,
    query: Asked<DesksQuery>,
) -> Result<Response, ApiError> {
    let query = asked(query)?;
    let look = move |conn: &Connection, me: &UserCard| {
        desks::list(conn, me, (query.after, query.office.as_ref()))
    };
    read(&office, (&context, &caller), look).await
}

pub async fn new_desk(
    State(office): State<Arc<Office>>,
    context: Context,
    caller: Caller,
    Json(request): Json<NewDesk>,
) -> Result<Response, ApiError> {
    let (act, code) = (
        begun(&office, &caller),
        secrets::enrol_code(office.rules.chance.as_ref()),
    );
    write(
        &office,
        (&context, &caller, None),
        move |conn: &Connection, me: &UserCard| {
            desks::new_code(conn, me, &act, (&request.office, &code))
        },
    )
    .await
}

pub async fn act_on_desk(
    State(office): State<Arc<Office>>,
    context: Context,
    caller: Caller,
    Path(device): Path<String>,
    Json(what): Json<DeskAct>,
) -> Result<Response, ApiError> {
    let device = DeviceId::parse(&device).ok_or_else(|| ApiError::new(error::NOT_FOUND))?;
    let act = begun(&office, &caller);
    let signed = match &what {
        DeskAct::Wipe { pace, .. } => {
            let (keys, chance) = (&office.bundles.keys, office.rules.chance.as_ref());
            Some(SignedOrder::new(keys, chance, device, (*pace, act.at)))
        }
        DeskAct::Approve | DeskAct::Revoke { .. } => None,
    };
    write(
        &office,
        (&context, &caller, None),
        move |conn: &Connection, me: &UserCard| {
            desks::act_on(conn, me, &act, (device, &what, signed.as_ref()))
        },
    )
    .await
}

fn begun(office: &Office, caller: &Caller) -> Act {
    Act::new(&office.rules, Some(caller.card.user))
}

fn asked<T>(query: Asked<T>) -> Result<T, ApiError> {
    let Query(query) = query.map_err(|_| ApiError::new(error::BAD_JSON).at("query"))?;
    Ok(query)
}

fn made(office: &Office, user: UserId, with_factor: bool) -> Result<Made, ApiError> {
    let chance = office.rules.chance.as_ref();
    let factor = if with_factor {
        let factor = NewFactor::new(&office.factors, user, chance);
        Some(factor.ok_or_else(|| ApiError::new(error::INTERNAL))?)
    } else {
        None
    };
    Ok(Made {
        user,
        code: secrets::enrol_code(chance),
        factor,
    })
}

async fn read<T: Serialize + Send + 'static>(
    office: &Arc<Office>,
    (context, caller): (&Context, &Caller),
    look: impl FnOnce(&Connection, &UserCard) -> Result<T, Stop> + Send + 'static,
) -> Result<Response, ApiError> {
    let found = office.repo.admin_reads(&caller.card, look).await?;
    Ok(context.reply(found.map_err(|refusal| refused(office, refusal))?))
}

async fn write<T: Serialize + Send + 'static>(
    office: &Arc<Office>,
    (context, caller, more): (&Context, &Caller, Option<OfficeCode>),
    act: impl FnMut(&Connection, &UserCard) -> Result<T, Stop> + Send + 'static,
) -> Result<Response, ApiError> {
    let done = office.repo.admin_writes(&caller.card, more, act).await?;
    Ok(context.reply(done.map_err(|refusal| refused(office, refusal))?))
}

fn refused(office: &Office, refusal: Refusal) -> ApiError {
    match refusal {
        Refusal::Forbidden => ApiError::new(error::FORBIDDEN),
        Refusal::Unknown => ApiError::new(error::NOT_FOUND),
        Refusal::Yourself => ApiError::new(error::ADMIN_YOURSELF),
        Refusal::NotYours => ApiError::new(error::ADMIN_NOT_YOURS),
        Refusal::Field(field) => ApiError::new(error::ADMIN_BAD_FIELD).at(field),
        Refusal::LoginTaken => ApiError::new(error::ADMIN_LOGIN_TAKEN).at("login"),
        Refusal::OfficeTaken => ApiError::new(error::ADMIN_OFFICE_TAKEN).at("code"),
        Refusal::NotNow => ApiError::new(error::ADMIN_NOT_NOW),
        Refusal::SecondPerson(why) => ApiError::new(error::ADMIN_SECOND_PERSON).with("why", why),
        Refusal::TooMany { until } => {
            let wait_ms = until.saturating_sub(office.now()).max(0);
            let seconds = u64::try_from(wait_ms / 1000).unwrap_or(0).saturating_add(1);
            ApiError::new(error::ADMIN_TOO_MANY)
                .with("until", until)
                .after(seconds)
        }
    }
}
