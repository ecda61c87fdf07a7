//! The admin's questions as HTTP, and the answers to them.

use super::{Body, Call, Expect, Method, Stamp, call, json, open, post};
use crate::machine::port::{LinkError, ReplyBody};
use crate::machine::{AdminAnswer, AdminAsk, Answer};

/// Which answer a 2xx must be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AdminExpect {
    Overview,
    People,
    Desks,
    Log,
    Person,
    Code,
    Desk,
}

pub(super) fn encode(ask: &AdminAsk) -> Result<Call, LinkError> {
    use AdminExpect as E;
    match ask {
        AdminAsk::Overview => Ok(look("office", Vec::new(), E::Overview)),
        AdminAsk::People {
            after,
            find,
            office,
        } => {
            let asked = [
                ("after", after.clone()),
                ("find", find.clone()),
                ("office", office.as_ref().map(ToString::to_string)),
            ];
            Ok(look("people", given(asked), E::People))
        }
        AdminAsk::Desks { after, office } => {
            let asked = [
                ("after", after.map(|device| device.to_string())),
                ("office", office.as_ref().map(ToString::to_string)),
            ];
            Ok(look("desks", given(asked), E::Desks))
        }
        AdminAsk::Log { before } => {
            let asked = [("before", before.map(|at| at.to_string()))];
            Ok(look("log", given(asked), E::Log))
        }
        AdminAsk::Invite(body) => Ok(act("people", json(body)?, E::Person)),
        AdminAsk::Person(user, body) => Ok(act(&format!("people/{user}"), json(body)?, E::Person)),
        AdminAsk::NewDesk(body) => Ok(act("desks", json(body)?, E::Code)),
        AdminAsk::Desk(device, body) => Ok(act(&format!("desks/{device}"), json(body)?, E::Desk)),
        AdminAsk::PutOffice(body) => Ok(act("office", json(body)?, E::Overview)),
        AdminAsk::ApprovePolicy(body) => Ok(act("policy/approve", json(body)?, E::Overview)),
    }
}

fn given<const N: usize>(
    asked: [(&'static str, Option<String>); N],
) -> Vec<(&'static str, String)> {
    asked
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

fn look(place: &str, query: Vec<(&'static str, String)>, expect: AdminExpect) -> Call {
    let path = format!("/v1/admin/{place}");
    Call {
        query,
        ..call(Method::Get, path, Body::None, Expect::Admin(expect))
    }
}

fn act(place: &str, body: Body, expect: AdminExpect) -> Call {
    let path = format!("/v1/admin/{place}");
    post(&path, body, Expect::Admin(expect))
}

pub(super) fn understand(expect: AdminExpect, bytes: &[u8]) -> (Option<Stamp>, ReplyBody) {
    match expect {
        AdminExpect::Overview => open(bytes, |body| told(AdminAnswer::Overview(body))),
        AdminExpect::People => open(bytes, |body| told(AdminAnswer::People(body))),
        AdminExpect::Desks => open(bytes, |body| told(AdminAnswer::Desks(body))),
        AdminExpect::Log => open(bytes, |body| told(AdminAnswer::Log(body))),
        AdminExpect::Person => open(bytes, |body| told(AdminAnswer::Person(body))),
        AdminExpect::Code => open(bytes, |body| told(AdminAnswer::Code(body))),
        AdminExpect::Desk => open(bytes, |body| told(AdminAnswer::Desk(body))),
    }
}

fn told(answer: AdminAnswer) -> ReplyBody {
    ReplyBody::Answer(Answer::Admin(Box::new(answer)))
}
